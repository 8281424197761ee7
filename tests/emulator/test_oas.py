"""Real answers of the emulator held against Zoho's OpenAPI files, and a list of where those files are wrong.

The files are not part of this repository: ZMIGRATE_OAS names their folder; else they are sought beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import NamedTuple

import httpx
import pytest

from tests.emulator import oas
from tests.emulator.zoho import MODULES, Zoho, lead, whole_asset

pytestmark = pytest.mark.skipif(
    oas.folder() is None, reason="Zoho's OpenAPI files are not here: set ZMIGRATE_OAS to their folder"
)

MODULE = "/crm/v8/{module_api_name}"
QUERY = "select Last_Name from Leads where"


class Case(NamedTuple):
    """One call, and where the files describe its answer. They put every status of record calls under 200."""

    name: str
    file: str
    method: str
    path: str
    status: str
    call: Callable[[Zoho, str], httpx.Response]


def coql(name: str, text: str) -> Case:
    return Case(name, "coql", "post", "/crm/v8/coql", "400", lambda zoho, _: zoho.query(text))


def fields_case(module: str) -> Case:
    return Case(
        f"fields of {module}",
        "fields",
        "get",
        "/crm/v8/settings/fields",
        "200",
        lambda zoho, _: zoho.get("/settings/fields", module=module, type="all"),
    )


ROWS = [
    {"Last_Name": "A", "Legacy_ID": "new", "Email": "a@example.com"},
    {"Last_Name": "A", "Legacy_ID": "L-1"},
    {"Last_Name": "x" * 100},
    {"Last_Name": "A", "Lead_Source": "nowhere"},
    {"Last_Name": "A", "Owner": {"id": "1"}},
    {"Email": "bad"},
    {"City": "no name"},
]
BAD_ASSETS = [
    {"Name": "A", "Used_By": [{"id": "12"}], "Service_Log": [{"Work": "x"}]},
    {"Name": "A", "Service_Log": [{"Service_Date": "2024-01-01"}] * 101},
    {"Name": "A", "Tag": [{"name": "x" * 26}], "Layout": {"id": "1"}},
]


def insert_asset(zoho: Zoho) -> httpx.Response:
    return zoho.insert([whole_asset(zoho)], "Legacy_Assets")


def get_asset(zoho: Zoho) -> httpx.Response:
    (record_id,) = zoho.created([whole_asset(zoho)], "Legacy_Assets")
    return zoho.get(f"/Legacy_Assets/{record_id}")


def preference(zoho: Zoho, kind: str) -> httpx.Response:
    zoho.set(duplicate_check=kind)
    return zoho.get("/settings/duplicate_check_preference", module="Leads")


def wrong_path(zoho: Zoho) -> httpx.Response:
    return zoho.http.put("/crm/v8/Leads/upsert", json={"data": [lead(1)]})


CASES = [
    Case("org", "org", "get", "/crm/v8/org", "200", lambda zoho, _: zoho.get("/org")),
    *map(fields_case, MODULES),
    Case(
        "fields refused",
        "fields",
        "get",
        "/crm/v8/settings/fields",
        "400",
        lambda zoho, _: zoho.get("/settings/fields", module="Nope"),
    ),
    Case(
        "modules",
        "modules",
        "get",
        "/crm/v8/settings/modules",
        "200",
        lambda zoho, _: zoho.get("/settings/modules"),
    ),
    Case(
        "module refused",
        "modules",
        "get",
        "/crm/v8/settings/modules/{api_name}",
        "400",
        lambda zoho, _: zoho.get("/settings/modules/Nope"),
    ),
    Case(
        "layouts",
        "layouts",
        "get",
        "/crm/v8/settings/layouts",
        "200",
        lambda zoho, _: zoho.get("/settings/layouts", module="Deals"),
    ),
    Case(
        "layouts refused",
        "layouts",
        "get",
        "/crm/v8/settings/layouts",
        "400",
        lambda zoho, _: zoho.get("/settings/layouts", module="Nope"),
    ),
    Case(
        "layouts with a subform",
        "layouts",
        "get",
        "/crm/v8/settings/layouts",
        "200",
        lambda zoho, _: zoho.get("/settings/layouts", module="Legacy_Assets"),
    ),
    Case(
        "one module",
        "modules",
        "get",
        "/crm/v8/settings/modules/{api_name}",
        "200",
        lambda zoho, _: zoho.get("/settings/modules/Legacy_Assets"),
    ),
    Case("users", "users", "get", "/crm/v8/users", "200", lambda zoho, _: zoho.get("/users")),
    Case(
        "users refused", "users", "get", "/crm/v8/users", "400", lambda zoho, _: zoho.get("/users", type="No")
    ),
    Case("insert", "record", "post", MODULE, "200", lambda zoho, _: zoho.insert(ROWS)),
    Case("insert of every type", "record", "post", MODULE, "200", lambda zoho, _: insert_asset(zoho)),
    Case(
        "insert of every type refused",
        "record",
        "post",
        MODULE,
        "200",
        lambda zoho, _: zoho.insert(BAD_ASSETS, "Legacy_Assets"),
    ),
    Case("get every type", "record", "get", f"{MODULE}/{{id}}", "200", lambda zoho, _: get_asset(zoho)),
    Case("insert refused", "record", "post", MODULE, "200", lambda zoho, _: zoho.insert([])),
    Case(
        "insert refused in data[]",
        "record",
        "post",
        MODULE,
        "200",
        lambda zoho, _: zoho.insert([lead(2)], apply_feature_execution=[{"name": "all"}]),
    ),
    Case("insert of too many", "record", "post", MODULE, "200", lambda zoho, _: zoho.insert([lead(2)] * 101)),
    Case("update by a wrong path", "record", "put", MODULE, "200", lambda zoho, _: wrong_path(zoho)),
    Case(
        "update",
        "record",
        "put",
        MODULE,
        "200",
        lambda zoho, known: zoho.update([{"id": known, "City": "B"}, {"id": "12"}, {}]),
    ),
    Case(
        "upsert",
        "record",
        "post",
        f"{MODULE}/upsert",
        "200",
        lambda zoho, _: zoho.upsert([lead(1), lead(2), {}], duplicate_check_fields=["Legacy_ID"]),
    ),
    Case("delete", "record", "delete", MODULE, "200", lambda zoho, known: zoho.delete([known, "12"])),
    Case(
        "list",
        "record",
        "get",
        MODULE,
        "200",
        lambda zoho, _: zoho.get("/Leads", fields="Last_Name,Owner,Created_Time", per_page=1),
    ),
    Case("list refused", "record", "get", MODULE, "200", lambda zoho, _: zoho.get("/Leads")),
    Case("get", "record", "get", f"{MODULE}/{{id}}", "200", lambda zoho, known: zoho.get(f"/Leads/{known}")),
    Case("get refused", "record", "get", f"{MODULE}/{{id}}", "200", lambda zoho, _: zoho.get("/Leads/1")),
    Case("deleted", "record", "get", f"{MODULE}/deleted", "200", lambda zoho, _: zoho.get("/Leads/deleted")),
    Case(
        "count",
        "record",
        "get",
        f"{MODULE}/actions/count",
        "200",
        lambda zoho, _: zoho.get("/Leads/actions/count"),
    ),
    Case(
        "no token",
        "record",
        "get",
        MODULE,
        "200",
        lambda zoho, _: zoho.get("/Leads", headers={"Authorization": "Zoho-oauthtoken dead"}),
    ),
    Case(
        "coql",
        "coql",
        "post",
        "/crm/v8/coql",
        "200",
        lambda zoho, _: zoho.query(f"{QUERY} id is not null", include_meta=["fields"]),
    ),
    *(
        Case(
            f"duplicate check: {kind}",
            "duplicate_check_preference",
            "get",
            "/crm/v8/settings/duplicate_check_preference",
            "200",
            lambda zoho, _, kind=kind: preference(zoho, kind),  # type: ignore[misc]  # a default that binds
        )
        for kind in ("converted_records", "mapped_module_records")
    ),
    coql("coql without a clause", "select id from Leads"),
    coql("coql that does not parse", f"{QUERY} (City = 'x'"),
    coql("coql with too many criteria", f"{QUERY} id = 1 or id = 2 or id = 3"),
    coql("coql on an unknown column", f"{QUERY} Nope = 'x'"),
    coql("coql on an unknown module", "select id from Nope where id is not null"),
    coql("coql with a column twice", "select id, id from Leads where id is not null"),
    coql("coql beyond a limit", f"{QUERY} id is not null limit 2001"),
    coql("coql with limit 0", f"{QUERY} id is not null limit 0"),
]

FILES_WRONG = [
    # (file, mismatch, reason)
    ("fields", "$.fields[].*: null", "official samples show null where a field has no such trait"),
    ("fields", "$.fields[].textarea: missing", "only text areas have it"),
    ("fields", "$.fields[].autonumber: missing", "the docs' name is auto_number, which is there"),
    (
        "fields",
        "$.fields[].common.picklist: missing",
        "a slip of the generator: the docs say global_picklist",
    ),
    ("fields", "$.fields[]._update_existing_records: missing", "a key of requests, not of answers"),
    (
        "fields",
        "$.fields[].multiuserlookup.*: missing",
        "empty ({}) for a field of another type, as lookup is",
    ),
    ("fields", "$.details.*: missing", "docs v7 show empty details for INVALID_MODULE"),
    ("layouts", "$.layouts[].sections[].fields[].*: null", "as in fields"),
    ("layouts", "$.layouts[].sections[].fields[].*: missing", "as in fields"),
    ("layouts", "$.layouts[].sections[].fields[].*.*: missing", "as in fields"),
    ("layouts", "$.layouts[].sections[]._delete: missing", "a key of requests, not of answers"),
    ("layouts", "$.layouts[].sections[].properties: null", "null but for subforms"),
    ("layouts", "$.layouts[].*: null", "null where nothing is mapped, or the layout is for everybody"),
    ("layouts", "$.layouts[].show_business_card: missing", "not in the docs' answer"),
    ("layouts", "$.layouts[].subform_properties: missing", "only modules that are subforms have it"),
    ("layouts", "$.code: *", "spelled InvalidModule here, INVALID_MODULE in the docs and other files"),
    (
        "modules",
        "$.modules[].*: missing",
        "asks every answer for keys that only the call for one module gives",
    ),
    (
        "modules",
        "$.modules[].generated_type: 'subform' not among the values",
        "docs v7 name the kind for subforms' modules",
    ),
    ("modules", "$.modules[].modified_by: null", "null for a module that nobody changed"),
    ("users", "$.users[].time_zone: str for object", "the docs' sample is a text: Asia/Kolkata"),
    ("users", "$.users[].Modified_By.*: missing", "the docs' sample has name and id, as everywhere else"),
    ("org", "$.org[].type: 'sandbox' not among the values", "capitals here, small letters in the docs"),
    ("org", "$.org[].license_details.trial_action: null", "null outside a trial"),
    ("org", "$.org[].zia_zgid: null", "null without Zia"),
    ("org", "$.org[].checkin_preferences: missing", "only where check-in is set up"),
    (
        "record",
        "$.data[].code: 'MULTIPLE_OR_MULTI_ERRORS' not among the values",
        "in the newer files' samples",
    ),
    ("record", "$.data[].message: 'Multiple errors in the request' *", "in the newer files' samples"),
    ("record", "$.data[].message: 'count of records in your request *", "in the newer files' samples"),
    ("record", "$.data[].duplicate_field: null", "null on insert in docs v7"),
    ("record", "$.info.*: null", "null where there is no such page"),
    ("record", "$.count: int for string", "record_count.json, docs v7: a number"),
    ("record", "$.data[].details.maximum_length: int for string", "a number in the newer files' samples"),
    ("coql", "$.code: 'INVALID_MODULE' not among the values", "in the newer files' samples of 400"),
    ("coql", "$.code: 'INVALID_DATA' not among the values", "in the newer files' samples of 400"),
]


def found_in(zoho: Zoho, case: Case) -> list[str]:
    """Makes the call and returns where its answer is not as the file has it."""
    known, gone = zoho.created([lead(1), lead(9)])
    zoho.delete([gone])
    answer = case.call(zoho, known)
    schema = oas.response_schema(case.file, case.method, case.path, case.status)
    return sorted(set(oas.mismatches(answer.json(), schema, case.file)))


def explained(case: Case, mismatch: str) -> bool:
    return any(
        file == case.file and fnmatchcase(mismatch, literal(pattern)) for file, pattern, _ in FILES_WRONG
    )


def literal(pattern: str) -> str:
    """The pattern with brackets taken as they are; only `*` stands for anything."""
    return pattern.replace("[", "[[]")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_answer_is_as_zohos_file_describes_it(zoho: Zoho, case: Case) -> None:
    assert [one for one in found_in(zoho, case) if not explained(case, one)] == []


def test_every_listed_error_of_the_files_still_shows(zoho: Zoho) -> None:
    seen: set[tuple[str, str]] = set()
    for case in CASES:
        zoho.act("reset")
        zoho.login()
        seen |= {(case.file, one) for one in found_in(zoho, case)}

    stale = [
        (file, pattern)
        for file, pattern, _ in FILES_WRONG
        if not any(name == file and fnmatchcase(one, literal(pattern)) for name, one in seen)
    ]
    assert stale == []


def test_an_answer_that_is_wrong_is_noticed() -> None:
    schema = oas.response_schema("record", "post", MODULE, "200")
    good = {"data": [{"status": "success", "code": "SUCCESS", "message": "record added", "details": {}}]}
    bad = {"data": [{"status": "success", "code": "FINE", "message": "record added", "details": {"id": 7}}]}

    assert oas.mismatches(good, schema, "record") == []
    assert oas.mismatches(bad, schema, "record") == [
        "$.data[].code: 'FINE' not among the values",
        "$.data[].details.id: int for string",
    ]
