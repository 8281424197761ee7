"""The control endpoints under `/_emulator`: audit, records, users, fields, faults, scripts and counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from . import control_checks
from .answers import Answer, Json, json_answer
from .exchange import Exchange
from .faults import Script
from .fields import Field, picks
from .ids import id_number
from .options import LIVE, BadValue, shown
from .record_view import RecordView
from .request import Request, json_of, parsed
from .world import World

DEFAULT_KEY = "Legacy_ID"
MAX_DIGITS = 12


class ControlApp:
    """Everything under `/_emulator`. It is not Zoho's: no token, no limits, no faults."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, exchange: Exchange, request: Request) -> None:
        try:
            answer = self._answer(request)
        except ValueError as wrong:
            answer = json_answer({"error": str(wrong)}, 400)
        await exchange.deliver(answer)

    def _answer(self, request: Request) -> Answer:  # noqa: PLR0911  # a table
        world, segments = self._world, request.path.strip("/").split("/")[1:]
        match request.method, segments:
            case "GET", ["audit"]:
                return json_answer(self._audit(request.query))
            case "GET", ["writes"]:
                module = request.query.get("module")
                return json_answer(
                    [one.shown() for one in world.audit.writes if module in (None, one.module)]
                )
            case "GET", ["records", module]:
                return json_answer(self._records(module, request.query))
            case "POST", ["records", module]:
                return json_answer({"ids": self._seed(module, parsed(request.body))})
            case "GET", ["users"]:
                return json_answer([user.metadata(world.options) for user in world.users.everybody()])
            case "POST", ["users"]:
                return json_answer({"ids": self._users(json_of(request.body))})
            case "GET", ["faults"]:
                return json_answer({name: getattr(world.options, name) for name in sorted(LIVE)})
            case "GET", ["stats"]:
                return json_answer(self._stats())
            case "POST", [action, *rest]:
                self._act(action, rest, request.body)
                return json_answer({"done": True})
        return json_answer({"error": f"no such endpoint: {request.method} {shown(request.path)}"}, 404)

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
                self._fields(module, parsed(body))
            case "lock" | "convert", [module]:
                self._mark(f"{action}ed", self._module(module), parsed(body))
            case _:
                raise ValueError(f"no such action: {shown(action)}")

    def _module(self, name: str | None) -> str:
        """The name of a module with records. Raises ValueError for any other name."""
        if name not in self._world.stores:
            raise ValueError("there is no module " + ("without a name" if name is None else shown(name)))
        return name

    def _mark(self, mark: str, module: str, change: Json) -> None:
        """Marks records as `locked` or `converted`, or takes the mark away."""
        records, value = self._world.stores[module].records, change.get(mark, True)
        if not isinstance(value, bool):
            raise BadValue(mark, f"must be true or false, not {shown(value)}")
        ids = control_checks.ids(change.get("ids"))
        if not records.keys() >= set(ids):
            raise BadValue("ids", "must be ids of existing records")
        for record_id in ids:
            setattr(records[record_id], mark, value)

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
        found = list(store.records.values())
        if "key" in query:
            key, value = query["key"], query.get("value")
            found = [record for record in found if str(view.value(record, record.values(), key)) == value]
        start = whole(query, "offset", 0)
        rows = found[start : start + whole(query, "limit", len(found))]
        return [view.record(record, list(store.spec.fields)) for record in rows]

    def _seed(self, module: str, body: Json) -> list[str]:
        world, user = self._world, body.get("created_by")
        creator = id_number(user) if user is not None else None
        if user is not None and creator is None:
            raise BadValue("created_by", f"must be the id of a user, not {shown(user)}")
        all_fields = {name: spec.fields for name, spec in world.all_specs.items()}
        rows = control_checks.rows(body.get("data"), all_fields[self._module(module)], all_fields)
        return world.seed(module, rows, creator, control_checks.moment(body.get("created_time")))

    def _users(self, entries: Any) -> list[str]:
        """Adds users, or changes the users with the same email address. Returns their ids."""
        users = self._world.users
        checked = control_checks.users(entries, len(users.everybody()))
        return [str(users.put(**entry).id) for entry in checked]

    def _fields(self, module: str, change: Json) -> None:
        """Gives a module all its fields, as `GET /settings/fields` answers them, or sets one field."""
        if "fields" in change:
            self._world.give_fields(control_checks.module_name(module), change)
        else:
            self._world.set_field(module, self._field(self._module(module), change))

    def _field(self, module: str, change: Json) -> Field:
        """A new field, or an existing field with some properties changed."""
        world = self._world
        fields = world.specs[module].fields
        name = change.get("api_name")
        known = fields.get(name) if isinstance(name, str) else None
        if known is None and len(fields) >= control_checks.FIELDS_LIMIT:
            raise ValueError(f"{module} has {control_checks.FIELDS_LIMIT} fields, and can have no more")
        properties = control_checks.field_properties(
            change,
            known,
            used=bool(world.stores[module].records),
            modules=list(world.specs),
            hidden=[each for each in world.all_specs if each not in world.specs],
        )
        if "picks" in properties:
            properties["picks"] = picks(*properties["picks"])
        tuples = {key: tuple(value) for key, value in properties.items() if isinstance(value, list)}
        return Field(
            **{**(asdict(known) if known else {"custom": True}), **properties, **tuples, "given": None}
        )

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
