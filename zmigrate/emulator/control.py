"""The control room under `/_emulator`: audit, records behind the rules, users, faults, scripts, counts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from starlette.types import Receive, Scope, Send

from .answers import Answer, Json, Refused, json_answer
from .api import Asked, parsed
from .clock import instant
from .faults import Script
from .fields import Field, picks
from .options import LIVE
from .showing import Showing
from .wire import Exchange
from .world import World

DEFAULT_KEY = "Legacy_ID"


class Control:
    """Everything under `/_emulator`. Not Zoho: no token, no limits, no faults."""

    def __init__(self, world: World, closing: asyncio.Event) -> None:
        self._world = world
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(self._world, self._closing, scope, receive, send)
        asked = await exchange.request()
        if asked is None:
            return
        try:
            answer = self._answer(asked)
        except Refused as refused:
            answer = refused.answer()
        except (KeyError, TypeError, ValueError) as exc:
            answer = json_answer({"error": f"{type(exc).__name__}: {exc}"}, 400)
        await exchange.deliver(answer)

    def _answer(self, asked: Asked) -> Answer:  # noqa: PLR0911  # a table
        segments = asked.path.strip("/").split("/")[1:]
        match asked.method, segments:
            case "GET", ["audit"]:
                return json_answer(self._audit(asked.query))
            case "GET", ["writes"]:
                module = asked.query.get("module")
                writes = self._world.audit.writes
                return json_answer([one.shown() for one in writes if module in (None, one.module)])
            case "GET", ["records", module]:
                return json_answer(self._records(module, asked.query))
            case "POST", ["records", module]:
                return json_answer({"ids": self._seed(module, parsed(asked.body))})
            case "GET", ["users"]:
                return json_answer(
                    [user.metadata(self._world.options) for user in self._world.users.everybody()]
                )
            case "POST", ["users"]:
                return json_answer({"ids": self._users(parsed(b'{"users":' + asked.body + b"}")["users"])})
            case "GET", ["faults"]:
                return json_answer(self._faults())
            case "GET", ["stats"]:
                return json_answer(self._stats())
            case "POST", [action, *rest]:
                self._act(action, rest, asked.body)
                return json_answer({"done": True})
        return json_answer({"error": f"no such thing: {asked.method} {asked.path}"}, 404)

    def _act(self, action: str, rest: list[str], body: bytes) -> None:
        world = self._world
        match action, rest:
            case "faults", []:
                world.change_options(parsed(body))
            case "script", []:
                entries = parsed(b'{"entries":' + body + b"}")["entries"]
                world.faults.scripts += [Script.read(entry) for entry in entries]
            case "script", ["clear"]:
                world.faults.scripts.clear()
            case "expire_tokens", []:
                world.accounts.expire_all()
            case "reset", []:
                world.reset()
            case "fields", [module]:
                world.set_field(module, self._field(module, parsed(body)))
            case "lock", [module]:
                change = parsed(body)
                for record_id in change["ids"]:
                    world.stores[module].records[int(record_id)].locked = change.get("locked", True)
            case _:
                raise ValueError(f"no such action: {action}")

    def _audit(self, query: Mapping[str, str]) -> Json:
        module, key = query["module"], query.get("key", DEFAULT_KEY)
        store, audit = self._world.stores[module], self._world.audit.of(module)
        keys = {str(record.values().get(key)) for record in store.records.values()}
        return {
            "creates": len(audit.created_ids),
            "updates": audit.updates,
            "deletes": audit.deletes,
            "records": len(store.records),
            "distinct_keys": len(keys - {"None"}),
            "created_twice": audit.created_twice(key),
        }

    def _records(self, module: str, query: Mapping[str, str]) -> list[Json]:
        store, showing = self._world.stores[module], Showing(self._world, module)
        names = list(store.spec.fields)
        if "key" in query:
            found = [
                record
                for record in store.records.values()
                if str(showing.value(record, record.values(), query["key"])) == query["value"]
            ]
        else:
            found = list(store.records.values())
        start = int(query.get("offset", 0))
        rows = found[start : start + int(query["limit"])] if "limit" in query else found[start:]
        return [showing.record(record, names) for record in rows]

    def _seed(self, module: str, body: Json) -> list[str]:
        user, moment = body.get("created_by"), body.get("created_time")
        created = instant(moment) if isinstance(moment, str) else moment
        return self._world.seed(module, body["data"], int(user) if user else None, created)

    def _users(self, entries: list[Json]) -> list[str]:
        """Adds users, or changes those of the same e-mail: full_name, email; status, confirm, admin."""
        return [str(self._world.users.put(**entry).id) for entry in entries]

    def _field(self, module: str, change: Json) -> Field:
        """A new field, or a known one with some of its traits changed."""
        traits: dict[str, Any] = dict(change)
        known = self._world.specs[module].fields.get(traits["api_name"])
        allowed = {one.name for one in fields(Field)}
        if set(traits) - allowed:
            raise ValueError(f"unknown trait: {', '.join(sorted(set(traits) - allowed))}")
        if "picks" in traits:
            traits["picks"] = picks(*traits["picks"])
        base = asdict(known) if known else {"custom": True}
        return Field(**{**base, **traits})

    def _faults(self) -> Json:
        options = asdict(self._world.options)
        return {name: options[name] for name in sorted(LIVE)}

    def _stats(self) -> Json:
        world = self._world
        return {
            "token_requests": world.accounts.requests,
            "tokens_refused": world.accounts.refused,
            "tokens": world.accounts.granted,
            "requests": dict(world.audit.requests),
            "in_flight_max": world.concurrency.max_all,
            "heavy_in_flight_max": world.concurrency.max_heavy,
            "throttled": world.concurrency.throttled,
            "credits_used": world.credits.used_in_all,
            "revoked": world.accounts.revoked,
            "key_conflicts": world.audit.key_conflicts,
            "scripts_left": len(world.faults.scripts),
            "broken": world.audit.broken,
        }
