"""Finds the call that a request asks for: what runs, the scopes and credits it needs, whether it is heavy.

Facts: docs v7 and v8 of each call; scopes as in docs "scopes" and OAS; credits, heavy calls: "API limits".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import coql, metadata, permissions, reads
from .answers import (
    Answer,
    Json,
    Refused,
    documented,
    invalid_data,
    invalid_module,
    missing_param,
    no_such_url,
)
from .audit import ABSENT, Write
from .catalogue import ModuleSpec
from .links import LinkWriter
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
"""The names that `apply_feature_execution` takes (OAS)."""
ACTION_SCOPES = {"insert": "create", "upsert": "create", "update": "update", "delete": "delete"}
Run = Callable[[], Answer]


@dataclass(slots=True)
class PlannedCall:
    """A call before it runs. `run` raises Refused where Zoho refuses; the token needs all `scopes`, its user
    all `permissions`.

    `rows`: the list that `run` inserts, updates or upserts.
    """

    label: str
    run: Run
    scopes: tuple[str, ...] = ()
    heavy: bool = False
    credits: int = 1
    write: Write | None = None
    rows: list[Any] = field(default_factory=list)
    permissions: tuple[str, ...] = ()


def refusing(label: str, refusal: Refused) -> PlannedCall:
    def run() -> Answer:
        raise refusal

    return PlannedCall(label, run)


def plan(world: World, request: Request) -> PlannedCall:
    """The call that a request under `/crm` asks for."""
    segments = [segment for segment in request.path.split("/") if segment][1:]
    try:
        if not segments or not segments[0].startswith("v"):
            raise no_such_url()
        if segments[0] != VERSION:
            text = "the api version is not supported"
            raise Refused("API_NOT_SUPPORTED", text, {"supported_version": 8})
        return route(world, request, segments[1:])
    except Refused as refusal:
        return refusing(label_of(request), refusal)


def label_of(request: Request) -> str:
    return f"{request.method} {request.path}"


def wrong_method() -> Refused:
    return documented("INVALID_REQUEST_METHOD", details={})


def route(world: World, request: Request, segments: list[str]) -> PlannedCall:
    """Raises Refused for a call that does not exist."""
    if request.method == "GET":
        found = _metadata_call(world, request, segments)
        if found is not None:
            scope, run = found
            needed = permissions.of_metadata(segments, request.query)
            return PlannedCall(label_of(request), run, (f"zohocrm.{scope}.read",), permissions=needed)
    match request.method, segments:
        case "POST", ["coql"]:
            return _coql(world, request)
        case _, ["org" | "users" | "coql", *_] | ["settings", "fields" | "modules" | "layouts", *_]:
            raise wrong_method()
        case _, ["settings", "duplicate_check_preference"]:
            raise wrong_method()
        case _, [module, *rest] if module != "settings":
            return _records(world, request, module, rest)
    raise no_such_url()


def _metadata_call(  # noqa: PLR0911  # a table
    world: World, request: Request, segments: list[str]
) -> tuple[str, Run] | None:
    """Scope and call of a GET for metadata."""
    query = request.query
    match segments:
        case ["org"]:
            return "org", lambda: metadata.org(world)
        case ["users"]:
            return "users", lambda: metadata.users(world, query)
        case ["users", user_id]:
            return "users", lambda: metadata.user(world, user_id)
        case ["settings", "fields"]:
            return "settings.fields", lambda: metadata.fields(world, query)
        case ["settings", "fields", field_id]:
            return "settings.fields", lambda: metadata.fields(world, query, field_id)
        case ["settings", "modules"]:
            return "settings.modules", lambda: metadata.modules(world, query)
        case ["settings", "modules", name]:
            return "settings.modules", lambda: metadata.module(world, name)
        case ["settings", "layouts"]:
            return "settings.layouts", lambda: metadata.layouts(world, query)
        case ["settings", "layouts", layout_id]:
            return "settings.layouts", lambda: metadata.layouts(world, query, layout_id)
        case ["settings", "duplicate_check_preference" as name]:
            return f"settings.{name}", lambda: metadata.duplicate_check_preference(world, query)
    return None


def _coql(world: World, request: Request) -> PlannedCall:
    try:
        body = parsed(request.body)
        query = coql.prepare(world, body)
    except Refused as refusal:
        call = refusing(label_of(request), refusal)
        call.scopes, call.heavy = ("zohocrm.coql.read",), True
        return call
    meta = body.get("include_meta")
    with_fields = isinstance(meta, list) and "fields" in meta
    modules = coql.modules_of(world, query)
    read = dict.fromkeys(f"zohocrm.modules.{world.specs[module].scope}.read" for module in modules)
    scopes = ("zohocrm.coql.read", *read)
    return PlannedCall(
        label_of(request),
        lambda: coql.QueryRunner(world, query).answer(with_fields),
        (*scopes, "zohocrm.settings.fields.read") if with_fields else scopes,
        heavy=True,
        credits=next(cost for most, cost in COQL_STEPS if query.limit <= most),
        permissions=permissions.view(*modules),
    )


def _records(  # noqa: PLR0911, PLR0912  # a table
    world: World, request: Request, module: str, rest: list[str]
) -> PlannedCall:
    """The call on records of a module.

    Zoho does not document the letter case of modules in a path. Here a write takes any letter case, so that
    the audit sees each write that would start workflows.
    """
    spec = world.specs.get(module)
    method, query, label = request.method, request.query, label_of(request)
    if spec is None and method != "GET":
        specs = world.specs | world.linking if (method, rest) == ("POST", []) else world.specs
        spec = next((one for name, one in specs.items() if name.lower() == module.lower()), None)
    if spec is None:
        raise invalid_module(wrapped=method in ("POST", "PUT"))
    scope = f"zohocrm.modules.{spec.scope}.read"
    since = request.header(b"if-modified-since")

    def get(run: Run, credits: int = 1, label: str = label) -> PlannedCall:
        return PlannedCall(label, run, (scope,), credits=credits, permissions=permissions.view(module))

    match method, rest:
        case "GET", []:
            call = get(lambda: reads.Listing(world, module, query, since).answer())
            call.heavy, call.credits = "sort_by" in query or "cvid" in query, 3 if "cvid" in query else 1
            return call
        case "GET", ["deleted"]:
            return get(lambda: reads.deleted(world, module, query, since), world.options.deleted_credits)
        case "GET", ["actions", "count"]:
            call = get(lambda: reads.count(world, module), world.options.count_credits)
            call.scopes += ("zohosearch.securesearch.read", "zohocrm.settings.layouts.read")
            return call
        case "GET", [record_id] if record_id != "upsert":
            label = f"GET /crm/{VERSION}/{module}/{{id}}"
            return get(lambda: reads.get_one(world, module, record_id, query), label=label)
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
            raise documented("INVALID_REQUEST_METHOD", wrapped=True)
        case _, [] | [_] | ["actions", "count"]:
            raise wrong_method()
    raise no_such_url()


def _write(
    world: World, request: Request, spec: ModuleSpec, action: str, record_id: str | None = None
) -> PlannedCall:
    label = f"{request.method} /crm/{VERSION}/{spec.api_name}"
    label += "/{id}" if record_id else "/upsert" if action == "upsert" else ""
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
        if spec.api_name in world.linking:
            write.applied = True
            return LinkWriter(world, spec).insert(rows)
        writer = Writer(world, spec.api_name)
        since = request.header(b"if-unmodified-since")
        if action == "insert":
            answer = writer.insert(rows)
        elif action == "upsert":
            answer = writer.upsert(rows, check_fields_of(body), unmodified_since=since)
        else:
            answer = writer.update(rows, unmodified_since=since)
        write.applied = True
        return answer

    scopes = (f"zohocrm.modules.{spec.scope}.{ACTION_SCOPES[action]}",)
    cost = max(1, -(-len(rows) // ROWS_PER_CREDIT))
    needed = permissions.of_write(action, spec.api_name)
    return PlannedCall(label, run, scopes, len(rows) > HEAVY_ABOVE_ROWS, cost, write, rows, needed)


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
    needed = permissions.of_write("delete", spec.api_name)
    scopes = (f"zohocrm.modules.{spec.scope}.delete",)
    return PlannedCall(label, run, scopes, write=write, permissions=needed)


def rows_of(body: Json) -> list[Any]:
    """The rows of a write. Raises Refused for a body that Zoho refuses as a whole."""
    rows = body.get("data")
    if rows is None:
        where = {"api_name": "data", "json_path": "$.data"}
        raise Refused("MANDATORY_NOT_FOUND", "required field not found", where)
    if not isinstance(rows, list) or not rows:
        raise not_a_list("data")
    if len(rows) > MAX_ROWS:
        raise too_many_rows("data", wrapped=True)
    if not isinstance(body.get("trigger"), list | None):
        raise not_a_list("trigger")
    check_features(body.get("apply_feature_execution"))
    return rows


def not_a_list(name: str, *, wrapped: bool = False) -> Refused:
    return invalid_data(expected_data_type="jsonarray", api_name=name, json_path=f"$.{name}", wrapped=wrapped)


def check_features(features: Any) -> None:
    """`apply_feature_execution`: `[{"name"}]`. UNCONFIRMED: how Zoho refuses another value."""
    if not isinstance(features, list | None):
        raise not_a_list("apply_feature_execution", wrapped=True)
    for position, feature in enumerate(features or ()):
        if not isinstance(feature, dict) or feature.get("name") not in FEATURES:
            path = f"$.apply_feature_execution[{position}].name"
            raise invalid_data(api_name="name", json_path=path, supported_values=FEATURES, wrapped=True)


def check_fields_of(body: Json) -> list[str]:
    """`duplicate_check_fields` of an upsert; empty when not given."""
    names = body.get("duplicate_check_fields")
    if names is None:
        return []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise not_a_list("duplicate_check_fields")
    return names


def too_many_rows(name: str, *, wrapped: bool = False) -> Refused:
    text = "count of records in your request exceeds the limit"
    details = {"maximum_length": MAX_ROWS, "api_name": name}
    return Refused("LIMIT_EXCEEDED", text, details, wrapped=wrapped)


def keys_of(rows: list[Any]) -> tuple[str, ...]:
    """The records that a write touches: the Legacy_ID of each row, else its id."""
    keys = [row.get("Legacy_ID") or row.get("id") for row in rows if isinstance(row, dict)]
    return tuple(dict.fromkeys(str(key).casefold() for key in keys if key is not None))
