"""The control room under `/_emulator`: audit, records behind the rules, users, faults, scripts, counts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from starlette.types import Receive, Scope, Send

from . import control_checks
from .answers import Answer, Json, Refused, json_answer
from .faults import Script
from .fields import Field, picks
from .ids import id_number
from .options import LIVE, BadValue, shown
from .record_view import RecordView
from .request import Request, json_of, parsed
from .wire import Exchange
from .world import World

DEFAULT_KEY = "Legacy_ID"
MAX_DIGITS = 12


class Control:
    """Everything under `/_emulator`. Not Zoho: no token, no limits, no faults."""

    def __init__(self, world: World, closing: asyncio.Event) -> None:
        self._world = world
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(self._world, self._closing, scope, receive, send)
        request = await exchange.read()
        if request is None:
            return
        try:
            answer = self._answer(request)
        except Refused as refused:
            answer = refused.answer()
        except ValueError as wrong:
            answer = json_answer({"error": str(wrong)}, 400)
        await exchange.deliver(answer)

    def _answer(self, request: Request) -> Answer:  # noqa: PLR0911  # a table
        segments = request.path.strip("/").split("/")[1:]
        match request.method, segments:
            case "GET", ["audit"]:
                return json_answer(self._audit(request.query))
            case "GET", ["writes"]:
                module = request.query.get("module")
                writes = self._world.audit.writes
                return json_answer([one.shown() for one in writes if module in (None, one.module)])
            case "GET", ["records", module]:
                return json_answer(self._records(module, request.query))
            case "POST", ["records", module]:
                return json_answer({"ids": self._seed(module, parsed(request.body))})
            case "GET", ["users"]:
                return json_answer(
                    [user.metadata(self._world.options) for user in self._world.users.everybody()]
                )
            case "POST", ["users"]:
                return json_answer({"ids": self._users(json_of(request.body))})
            case "GET", ["faults"]:
                return json_answer(self._faults())
            case "GET", ["stats"]:
                return json_answer(self._stats())
            case "POST", [action, *rest]:
                self._act(action, rest, request.body)
                return json_answer({"done": True})
        return json_answer({"error": f"no such thing: {request.method} {shown(request.path)}"}, 404)

    def _act(self, action: str, rest: list[str], body: bytes) -> None:
        world = self._world
        match action, rest:
            case "faults", []:
                world.change_options(parsed(body))
            case "script", []:
                entries = control_checks.script(json_of(body), len(world.faults.scripts))
                world.faults.scripts += [Script.read(entry) for entry in entries]
            case "script", ["clear"]:
                world.faults.scripts.clear()
            case "expire_tokens", []:
                world.accounts.expire_all()
            case "reset", []:
                world.reset()
            case "fields", [module]:
                world.set_field(module, self._field(self._module(module), parsed(body)))
            case "lock", [module]:
                self._lock(self._module(module), parsed(body))
            case _:
                raise ValueError(f"no such action: {shown(action)}")

    def _module(self, name: str | None) -> str:
        """The name of a module with records; raises ValueError for any other."""
        if name not in self._world.stores:
            raise ValueError("there is no module " + ("without a name" if name is None else shown(name)))
        return name

    def _lock(self, module: str, change: Json) -> None:
        records, locked = self._world.stores[module].records, change.get("locked", True)
        if not isinstance(locked, bool):
            raise BadValue("locked", f"must be true or false, not {shown(locked)}")
        ids = control_checks.ids(change.get("ids"))
        if not records.keys() >= set(ids):
            raise BadValue("ids", "must be those of records that are there")
        for record_id in ids:
            records[record_id].locked = locked

    def _audit(self, query: Mapping[str, str]) -> Json:
        module, key = self._module(query.get("module")), query.get("key", DEFAULT_KEY)
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
        store, view = self._world.stores[self._module(module)], RecordView(self._world, module)
        names = list(store.spec.fields)
        if "key" in query:
            found = [
                record
                for record in store.records.values()
                if str(view.value(record, record.values(), query["key"])) == query.get("value")
            ]
        else:
            found = list(store.records.values())
        start = whole(query, "offset", 0)
        rows = found[start : start + whole(query, "limit", len(found))]
        return [view.record(record, names) for record in rows]

    def _seed(self, module: str, body: Json) -> list[str]:
        world, user = self._world, body.get("created_by")
        creator = id_number(user) if user is not None else None
        if user is not None and creator is None:
            raise BadValue("created_by", f"must be the id of a user, not {shown(user)}")
        described = {name: spec.fields for name, spec in world.described.items()}
        rows = control_checks.rows(body.get("data"), described[self._module(module)], described)
        return world.seed(module, rows, creator, control_checks.moment(body.get("created_time")))

    def _users(self, entries: Any) -> list[str]:
        """Adds users, or changes those of the same e-mail: full_name, email; status, confirm, admin."""
        users = self._world.users
        return [str(users.put(**entry).id) for entry in control_checks.users(entries, len(users.everybody()))]

    def _field(self, module: str, change: Json) -> Field:
        """A new field, or a known one with some of its traits changed."""
        world = self._world
        spec = world.specs[module].fields
        name = change.get("api_name")
        known = spec.get(name) if isinstance(name, str) else None
        if known is None and len(spec) >= control_checks.FIELDS_LIMIT:
            raise ValueError(f"{module} has {control_checks.FIELDS_LIMIT} fields, and can have no more")
        traits = control_checks.traits(
            change,
            known,
            used=bool(world.stores[module].records),
            modules=list(world.specs),
            hidden=[each for each in world.described if each not in world.specs],
        )
        if "picks" in traits:
            traits["picks"] = picks(*traits["picks"])
        base = asdict(known) if known else {"custom": True}
        return Field(**{**base, **{key: tupled(value) for key, value in traits.items()}})

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


def whole(query: Mapping[str, str], name: str, default: int) -> int:
    """A whole number of the query, 0 or more."""
    text = query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > MAX_DIGITS:
        raise BadValue(name, f"must be a whole number of up to {MAX_DIGITS} digits, not {shown(text)}")
    return int(text)


def tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
