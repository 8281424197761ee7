"""From a request to a planned call: which operation, the scopes it needs, what it costs, whether it is heavy.

Facts: docs v7 and v8 of each call; scopes as in docs "scopes" and OAS; credits, heavy calls: "API limits".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import coql, metadata, reads
from .answers import Answer, Json, Refused, invalid_module, missing_param, named
from .audit import ABSENT, Write
from .catalogue import ModuleSpec
from .request import Request, parsed
from .world import World
from .writes import Writer

VERSION = "v8"
MAX_ROWS = 100
HEAVY_ABOVE_ROWS = 10
ROWS_PER_CREDIT = 10
COQL_STEPS = ((200, 1), (1000, 2), (2000, 3))
FEATURES = (
    "layout_rules",
    "range_validation",
    "assignment_rules",
    "function_validation_rule",
    "criteria_validation_rule",
    "global_map_dependency",
    "territory_subordinates",
)
"""What `apply_feature_execution` may name (OAS)."""
ACTION_SCOPES = {"insert": "create", "upsert": "create", "update": "update", "delete": "delete"}
Run = Callable[[], Answer]


@dataclass(slots=True)
class PlannedCall:
    """What will be done. `run` raises Refused where Zoho refuses; `scopes` must all be covered.

    `rows`: the very list of which `run` makes an insert, update or upsert.
    """

    label: str
    run: Run
    scopes: tuple[str, ...] = ()
    heavy: bool = False
    credits: int = 1
    write: Write | None = None
    rows: list[Any] = field(default_factory=list)


def refusing(label: str, refusal: Refused) -> PlannedCall:
    def run() -> Answer:
        raise refusal

    return PlannedCall(label, run)


def plan(world: World, request: Request) -> PlannedCall:
    """The call that a request under `/crm` asks for."""
    segments = [segment for segment in request.path.split("/") if segment][1:]
    if not segments or segments[0] != VERSION:
        refusal = Refused("API_NOT_SUPPORTED", "the api version is not supported", {"supported_version": 8})
        if not segments or not segments[0].startswith("v"):
            refusal = no_such_url()
        return refusing(f"{request.method} {request.path}", refusal)
    try:
        return route(world, request, segments[1:])
    except Refused as refusal:
        return refusing(f"{request.method} {request.path}", refusal)


def no_such_url() -> Refused:
    return Refused(
        "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one", status=404
    )


def wrong_method() -> Refused:
    return named("INVALID_REQUEST_METHOD", details={})


def route(  # noqa: PLR0911, PLR0912  # a table
    world: World, request: Request, segments: list[str]
) -> PlannedCall:
    """Raises Refused where there is no such call."""
    query = request.query
    match request.method, segments:
        case "GET", ["org"]:
            return _meta(request, "zohocrm.org.read", lambda: metadata.org(world))
        case "GET", ["users"]:
            return _meta(request, "zohocrm.users.read", lambda: metadata.users(world, query))
        case "GET", ["users", user_id]:
            return _meta(request, "zohocrm.users.read", lambda: metadata.user(world, user_id))
        case "GET", ["settings", "fields"]:
            return _meta(request, "zohocrm.settings.fields.read", lambda: metadata.fields(world, query))
        case "GET", ["settings", "fields", field_id]:
            run = lambda: metadata.fields(world, query, field_id)  # noqa: E731  # one of a table of lambdas
            return _meta(request, "zohocrm.settings.fields.read", run)
        case "GET", ["settings", "modules"]:
            return _meta(request, "zohocrm.settings.modules.read", lambda: metadata.modules(world, query))
        case "GET", ["settings", "modules", name]:
            return _meta(request, "zohocrm.settings.modules.read", lambda: metadata.module(world, name))
        case "GET", ["settings", "layouts"]:
            return _meta(request, "zohocrm.settings.layouts.read", lambda: metadata.layouts(world, query))
        case "GET", ["settings", "layouts", layout_id]:
            run = lambda: metadata.layouts(world, query, layout_id)  # noqa: E731  # as above
            return _meta(request, "zohocrm.settings.layouts.read", run)
        case "GET", ["settings", "duplicate_check_preference"]:
            run = lambda: metadata.duplicate_check_preference(world, query)  # noqa: E731  # as above
            return _meta(request, "zohocrm.settings.duplicate_check_preference.read", run)
        case "POST", ["coql"]:
            return _coql(world, request)
        case _, ["org" | "users" | "coql", *_] | ["settings", "fields" | "modules" | "layouts", *_]:
            raise wrong_method()
        case _, ["settings", "duplicate_check_preference"]:
            raise wrong_method()
        case _, [module, *rest] if module != "settings":
            return _records(world, request, module, rest)
    raise no_such_url()


def _meta(request: Request, scope: str, run: Run) -> PlannedCall:
    return PlannedCall(f"{request.method} {request.path}", run, (scope,))


def _coql(world: World, request: Request) -> PlannedCall:
    label = f"{request.method} {request.path}"
    try:
        body = parsed(request.body)
        query = coql.prepare(world, body)
    except Refused as refusal:
        planned = refusing(label, refusal)
        planned.scopes, planned.heavy = ("zohocrm.coql.read",), True
        return planned
    meta = body.get("include_meta")
    with_fields = isinstance(meta, list) and "fields" in meta
    scopes = ("zohocrm.coql.read", f"zohocrm.modules.{world.specs[query.module].scope}.read")
    return PlannedCall(
        label,
        lambda: coql.Runner(world, query).answer(with_fields),
        (*scopes, "zohocrm.settings.fields.read") if with_fields else scopes,
        heavy=True,
        credits=next(cost for most, cost in COQL_STEPS if query.limit <= most),
    )


def _records(  # noqa: PLR0911, PLR0912  # a table
    world: World, request: Request, module: str, rest: list[str]
) -> PlannedCall:
    """Zoho's letter case for modules in a path is not documented. A write is taken in any, so that one which
    sets off workflows is seen as such.
    """
    spec = world.specs.get(module)
    method, query = request.method, request.query
    if spec is None and method != "GET":
        spec = next((one for name, one in world.specs.items() if name.lower() == module.lower()), None)
    if spec is None:
        if method in ("POST", "PUT"):
            return refusing(f"{method} {request.path}", invalid_module(wrapped=True))
        raise invalid_module()
    read = f"zohocrm.modules.{spec.scope}.read"
    since = request.header(b"if-modified-since")
    match method, rest:
        case "GET", []:
            run = lambda: reads.Listing(world, module, query, since).answer()  # noqa: E731  # a table of lambdas
            heavy = "sort_by" in query or "cvid" in query
            return PlannedCall(f"GET {request.path}", run, (read,), heavy, 3 if "cvid" in query else 1)
        case "GET", ["deleted"]:
            run = lambda: reads.deleted(world, module, query, since)  # noqa: E731  # as above
            return PlannedCall(f"GET {request.path}", run, (read,), credits=world.options.deleted_credits)
        case "GET", ["actions", "count"]:
            scopes = (read, "zohosearch.securesearch.read", "zohocrm.settings.layouts.read")
            return PlannedCall(
                f"GET {request.path}",
                lambda: reads.count(world, module),
                scopes,
                credits=world.options.count_credits,
            )
        case "GET", [record_id] if record_id != "upsert":
            run = lambda: reads.get_one(world, module, record_id, query)  # noqa: E731  # as above
            return PlannedCall(f"GET /crm/{VERSION}/{module}/{{id}}", run, (read,))
        case "POST", []:
            return _write(world, request, spec, "insert")
        case "POST", ["upsert"]:
            return _write(world, request, spec, "upsert")
        case "PUT", []:
            return _write(world, request, spec, "update")
        case "PUT", [record_id] if record_id.isdecimal():
            return _write(world, request, spec, "update", record_id)
        case "DELETE", []:
            return _delete(world, request, spec, query.get("ids"))
        case "DELETE", [record_id] if record_id.isdecimal():
            return _delete(world, request, spec, record_id)
        case "POST" | "PUT", [_]:
            raise named("INVALID_REQUEST_METHOD", wrapped=True)
        case _, [] | [_] | ["actions", "count"]:
            raise wrong_method()
    raise no_such_url()


def _write(
    world: World, request: Request, spec: ModuleSpec, action: str, record_id: str | None = None
) -> PlannedCall:
    label = f"{request.method} /crm/{VERSION}/{spec.api_name}"
    label += "/{id}" if record_id else "/upsert" if action == "upsert" else ""
    scopes = (f"zohocrm.modules.{spec.scope}.{ACTION_SCOPES[action]}",)
    body: Json = {}
    rows: list[Any] = []
    refusal: Refused | None = None
    try:
        body = parsed(request.body)
        rows = rows_of(body)
        if action == "upsert" and not spec.upsertable:
            text = "the given module is not supported in API"
            refusal = Refused("INVALID_MODULE", text, {"resource_path_index": 0}, wrapped=True)
    except Refused as refused:
        refusal = refused
    if record_id and len(rows) == 1 and isinstance(rows[0], dict):
        rows = [{**rows[0], "id": record_id}]
    write = Write(
        method=request.method,
        path=request.path,
        module=spec.api_name,
        rows=len(rows),
        at=world.clock.now(),
        trigger=body.get("trigger", ABSENT),
        skip_feature_execution=body.get("skip_feature_execution", ABSENT),
        keys=keys_of(rows),
    )

    def run() -> Answer:
        if refusal is not None:
            raise refusal
        writer = Writer(world, spec.api_name)
        if action == "insert":
            answer = writer.insert(rows)
        elif action == "upsert":
            answer = writer.upsert(rows, check_fields_of(body))
        else:
            answer = writer.update(rows, unmodified_since=request.header(b"if-unmodified-since"))
        write.applied = True
        return answer

    cost = max(1, -(-len(rows) // ROWS_PER_CREDIT))
    return PlannedCall(label, run, scopes, len(rows) > HEAVY_ABOVE_ROWS, cost, write, rows)


def _delete(world: World, request: Request, spec: ModuleSpec, raw_ids: str | None) -> PlannedCall:
    ids = [one for one in (raw_ids or "").split(",") if one]
    write = Write(
        method="DELETE",
        path=request.path,
        module=spec.api_name,
        rows=len(ids),
        at=world.clock.now(),
        wf_trigger=request.query.get("wf_trigger", ABSENT),
        keys=tuple(dict.fromkeys(ids)),
    )

    def run() -> Answer:
        if not ids:
            raise missing_param("ids")
        if len(ids) > MAX_ROWS:
            raise too_many_rows("ids")
        write.applied = True
        return Writer(world, spec.api_name).delete(ids)

    label = f"DELETE /crm/{VERSION}/{spec.api_name}" + ("" if "ids" in request.query else "/{id}")
    return PlannedCall(label, run, (f"zohocrm.modules.{spec.scope}.delete",), write=write)


def rows_of(body: Json) -> list[Any]:
    rows = body.get("data")
    where: Json = {"api_name": "data", "json_path": "$.data"}
    if rows is None:
        raise Refused("MANDATORY_NOT_FOUND", "required field not found", where)
    if not isinstance(rows, list) or not rows:
        raise Refused("INVALID_DATA", "invalid data", {"expected_data_type": "jsonarray", **where})
    if len(rows) > MAX_ROWS:
        raise too_many_rows("data", wrapped=True)
    trigger = body.get("trigger")
    if trigger is not None and not isinstance(trigger, list):
        expected = {"expected_data_type": "jsonarray", "api_name": "trigger", "json_path": "$.trigger"}
        raise Refused("INVALID_DATA", "invalid data", expected)
    check_features(body.get("apply_feature_execution"))
    return rows


def check_features(features: Any) -> None:
    """`apply_feature_execution`: `[{"name"}]`. That what is no such list is refused so is UNCONFIRMED."""
    where = "$.apply_feature_execution"
    if features is not None and not isinstance(features, list):
        expected = {"expected_data_type": "jsonarray", "api_name": where[2:], "json_path": where}
        raise Refused("INVALID_DATA", "invalid data", expected, wrapped=True)
    for position, feature in enumerate(features or ()):
        if not isinstance(feature, dict) or feature.get("name") not in FEATURES:
            path = f"{where}[{position}].name"
            details = {"api_name": "name", "json_path": path, "supported_values": list(FEATURES)}
            raise Refused("INVALID_DATA", "invalid data", details, wrapped=True)


def check_fields_of(body: Json) -> list[str]:
    """`duplicate_check_fields` of an upsert; empty when not given."""
    names = body.get("duplicate_check_fields")
    if names is None:
        return []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        where = {"api_name": "duplicate_check_fields", "json_path": "$.duplicate_check_fields"}
        raise Refused("INVALID_DATA", "invalid data", {"expected_data_type": "jsonarray", **where})
    return names


def too_many_rows(name: str, *, wrapped: bool = False) -> Refused:
    text = "count of records in your request exceeds the limit"
    details = {"maximum_length": MAX_ROWS, "api_name": name}
    return Refused("LIMIT_EXCEEDED", text, details, wrapped=wrapped)


def keys_of(rows: list[Any]) -> tuple[str, ...]:
    """What a write touches: the Legacy_ID of each row, else its id."""
    keys: dict[str, None] = {}
    for row in rows:
        if isinstance(row, dict):
            key = row.get("Legacy_ID") or row.get("id")
            if key is not None:
                keys[str(key).casefold()] = None
    return tuple(keys)
