"""Calls as their authors make them, against the emulator where it matters and a fake where shapes do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import orjson
import pytest

from tests.zoho.conftest import LocalZohoFactory
from tests.zoho.fakes import FakeZoho, created, records_answer, rig
from zmigrate.errors import Fatal, InDoubt, RefusedError, UsageError
from zmigrate.zoho.crm import Crm
from zmigrate.zoho.record_calls import write_body

EMPTY = httpx.Response(204)


def test_an_empty_trigger_is_sent_and_cadences_are_skipped() -> None:
    assert orjson.loads(write_body([{"Last_Name": "a"}], "insert")) == {
        "data": [{"Last_Name": "a"}],
        "trigger": [],
        "skip_feature_execution": [{"name": "cadences"}],
    }


def test_an_upsert_names_its_key_and_skips_cadences_for_both_actions() -> None:
    assert orjson.loads(write_body([{}], "upsert", ("workflow",), "Legacy_ID")) == {
        "data": [{}],
        "trigger": ["workflow"],
        "skip_feature_execution": [
            {"name": "cadences", "action": "insert"},
            {"name": "cadences", "action": "update"},
        ],
        "duplicate_check_fields": ["Legacy_ID"],
    }


def test_a_body_takes_records_that_are_already_encoded() -> None:
    body = write_body([orjson.Fragment(b'{"Last_Name":"a"}')], "update")

    assert orjson.loads(body)["data"] == [{"Last_Name": "a"}]


@pytest.mark.parametrize(("trigger", "wf_trigger"), [((), "false"), (("workflow",), "true")])
def test_a_delete_says_whether_workflows_run(
    tmp_path: Path, trigger: tuple[str, ...], wf_trigger: str
) -> None:
    with rig(tmp_path, FakeZoho([records_answer(created(1), created(2), status=200)])) as wire:
        wire.crm.write("Leads", "delete", None, ids=["1", "2"], rows=2, repeatable=True, trigger=trigger)

    [request] = wire.zoho.requests
    assert (request.method, request.url.path) == ("DELETE", "/crm/v8/Leads")
    assert dict(request.url.params) == {"ids": "1,2", "wf_trigger": wf_trigger}


@pytest.mark.parametrize(
    ("operation", "method", "path"),
    [
        ("insert", "POST", "/crm/v8/Leads"),
        ("update", "PUT", "/crm/v8/Leads"),
        ("upsert", "POST", "/crm/v8/Leads/upsert"),
    ],
)
def test_where_each_write_goes(tmp_path: Path, operation: str, method: str, path: str) -> None:
    with rig(tmp_path) as wire:
        wire.crm.write("Leads", operation, b"{}", rows=1, repeatable=False)  # type: ignore[arg-type]

    [request] = wire.zoho.requests
    assert (request.method, request.url.path, request.content) == (method, path, b"{}")
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "path", ["/crm/v8/Leads", "/crm/v8/Leads/123", "/crm/v8/Leads/upsert", "/crm/v7/Deals"]
)
def test_records_written_by_hand_fire_no_trigger_unless_told(tmp_path: Path, path: str) -> None:
    with rig(tmp_path) as wire:
        wire.crm.post(path, json={"data": [{}]})
        wire.crm.put(path, json={"data": [{}], "trigger": ["workflow"]})
        wire.crm.delete("/crm/v8/Leads/123")
        wire.crm.delete("/crm/v8/Leads", {"ids": ["1"], "wf_trigger": True})
        wire.crm.post(path, json={"data": ({},)})

    silent, loud, deleted, deleted_loud, tuple_of_records = wire.zoho.requests
    assert orjson.loads(silent.content)["trigger"] == []
    assert orjson.loads(tuple_of_records.content) == orjson.loads(silent.content)
    assert orjson.loads(loud.content)["trigger"] == ["workflow"]
    assert deleted.url.params["wf_trigger"] == "false"
    assert deleted_loud.url.params["wf_trigger"] == "true"


@pytest.mark.parametrize(
    "write",
    [
        lambda crm: crm.post("/crm/v8/Leads", json={"data": [{}, {}]}),
        lambda crm: crm.post("/crm/v8/Leads/upsert", json={"data": [{}, {}]}),
        lambda crm: crm.put("/crm/v8/Leads", json={"data": [{}, {}]}, repeat=False),
        lambda crm: crm.delete("/crm/v8/Leads", {"ids": ["1", "2"]}, repeat=False),
    ],
)
@pytest.mark.parametrize("answer", [EMPTY, records_answer(created())])
def test_a_write_by_hand_is_in_doubt_unless_each_of_its_records_is_answered(
    tmp_path: Path, write: Callable[[Crm], object], answer: httpx.Response
) -> None:
    with rig(tmp_path, FakeZoho([answer])) as wire, pytest.raises(InDoubt):
        write(wire.crm)


def test_a_body_that_is_no_record_is_sent_as_it_is(tmp_path: Path) -> None:
    with rig(tmp_path) as wire:
        wire.crm.post("/crm/v8/settings/fields", {"module": "Leads"}, {"fields": [{}]})

    assert wire.zoho.bodies == [b'{"fields":[{}]}']


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example/x", "crm/v8/org", "@evil.example"])
def test_a_path_never_leads_to_another_host(tmp_path: Path, path: str) -> None:
    with rig(tmp_path) as wire, pytest.raises(UsageError):
        wire.crm.get(path)

    assert wire.zoho.requests == []


REPEATED: dict[str, Callable[[Crm], object]] = {
    "get": lambda crm: crm.get("/crm/v8/org"),
    "put": lambda crm: crm.put("/crm/v8/Leads/1", json={}),
    "delete": lambda crm: crm.delete("/crm/v8/Leads/1"),
    "coql": lambda crm: crm.post("/crm/v8/coql", json={}),
    "post that may be": lambda crm: crm.post("/crm/v8/Leads", json={}, repeat=True),
}
SENT_ONCE: dict[str, Callable[[Crm], object]] = {
    "post": lambda crm: crm.post("/crm/v8/Leads", json={}),
    "patch": lambda crm: crm.patch("/crm/v8/x", json={}),
    "put that must not be": lambda crm: crm.put("/crm/v8/Leads/1", json={}, repeat=False),
}


@pytest.mark.parametrize("what", REPEATED)
def test_a_call_by_hand_is_repeated_where_that_is_safe(tmp_path: Path, what: str) -> None:
    answer = records_answer(created()) if what == "delete" else EMPTY
    with rig(tmp_path, FakeZoho([httpx.ReadError("reset"), answer])) as wire:
        REPEATED[what](wire.crm)

    assert len(wire.zoho.requests) == 2


@pytest.mark.parametrize("what", SENT_ONCE)
def test_a_call_by_hand_is_sent_once_where_a_repeat_could_double(tmp_path: Path, what: str) -> None:
    with rig(tmp_path, FakeZoho([httpx.ReadError("reset"), EMPTY])) as wire, pytest.raises(InDoubt):
        SENT_ONCE[what](wire.crm)

    assert len(wire.zoho.requests) == 1


def test_an_answer_without_a_body_is_empty(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho([EMPTY])) as wire:
        assert wire.crm.get("/crm/v8/Leads", {"fields": ["id"]}) == {}
        assert list(wire.crm.records("Leads", ["id"])) == []
        assert list(wire.crm.query("select id from Leads")) == []
        assert wire.crm.find("Leads", "Legacy_ID", ["a"]) == []
        assert wire.crm.record("Leads", "1") is None
        assert wire.crm.current_user() == {}
        assert wire.crm.modules() == []


def test_a_list_follows_page_tokens(tmp_path: Path) -> None:
    pages = [
        httpx.Response(
            200, json={"data": [{"id": "1"}], "info": {"more_records": True, "next_page_token": "t"}}
        ),
        httpx.Response(200, json={"data": [{"id": "2"}], "info": {"more_records": False}}),
    ]

    with rig(tmp_path, FakeZoho([*pages])) as wire:
        ids = [record["id"] for record in wire.crm.records("Leads", ["id", "Email"], converted="both")]

    assert ids == ["1", "2"]
    first, second = (parse_qs(request.url.query.decode()) for request in wire.zoho.requests)
    assert first == {"fields": ["id,Email"], "per_page": ["200"], "converted": ["both"]}
    assert second == {**first, "page_token": ["t"]}


def test_an_org_that_says_nothing_is_refused(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho([EMPTY])) as wire, pytest.raises(RefusedError):
        wire.crm.org()


def test_org_fields_users_and_modules_of_the_emulator(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho(org_type="absent")
    crm = zoho.connect().crm

    org = crm.org()
    assert (org.answers_to(zoho.emulator.soid), org.production) == (True, True)
    assert zoho.connect().credits.left() is None, "before the org is read nothing is known"

    leads = crm.fields("Leads")
    legacy, created_time, last_name = (
        leads.get("Legacy_ID"),
        leads.get("Created_Time"),
        leads.get("Last_Name"),
    )
    assert legacy is not None
    assert created_time is not None
    assert last_name is not None
    assert (legacy.unique, legacy.external, legacy.creatable) == (True, "org", True)
    assert not created_time.creatable
    assert last_name.mandatory
    assert any(not field.on_layout for field in leads)
    assert crm.fields("Leads") is leads
    (layout,) = crm.layouts("Leads")
    assert layout.required == ("Last_Name", "Company")
    assert crm.layouts("Leads")[0] is layout
    assert crm.current_user()["id"]
    assert {"Leads", "Deals"} <= {module["api_name"] for module in crm.modules()}


def test_the_credits_of_the_org_are_counted_in_the_state_folder(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho(edition="free")

    with zoho.connect() as connection:
        connection.crm.org()
        connection.crm.fields("Leads")
        assert connection.credits.left() == 4_997

    assert len(list((zoho.folder / "orgs").glob("*/credits.json"))) == 1
    again = zoho.connect()
    again.crm.org()
    assert again.credits.left() == 4_996


def test_a_query_reads_everything_by_id_and_goes_on_behind_one(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho()
    seeded = [{"Last_Name": f"n{number}", "Legacy_ID": str(number)} for number in range(4_500)]
    zoho.order("records/Leads", {"data": seeded})
    crm = zoho.connect().crm

    rows = list(crm.query("select Legacy_ID from Leads where Last_Name is not null"))

    assert len({row["Legacy_ID"] for row in rows}) == len(rows) == 4_500
    ids = [row["id"] for row in rows]
    rest = [row["id"] for row in crm.query("select Legacy_ID from Leads", after=ids[2_999])]
    assert rest == ids[3_000:]
    assert (
        len(list(crm.query("select id from Leads where id is not null order by id desc limit 2500"))) == 2_500
    )
    assert len(list(crm.records("Leads", ["id"]))) == 4_500


def test_a_query_with_its_own_limit_can_not_go_on_behind_an_id(tmp_path: Path) -> None:
    with rig(tmp_path) as wire, pytest.raises(UsageError):
        list(wire.crm.query("select id from Leads limit 3", after="1"))


def test_records_are_found_by_key_and_by_id(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho()
    names = ["O'Brien", "Ærø", 'say "hi"', "plain"]
    zoho.order("records/Leads", {"data": [{"Last_Name": name, "Legacy_ID": name} for name in names]})
    crm = zoho.connect().crm

    found = crm.find("Leads", "Legacy_ID", [*names, "absent"], ("Created_Time",))

    assert {row["Legacy_ID"] for row in found} == set(names)
    assert all(row["Created_Time"] for row in found)
    ids = [row["id"] for row in found]
    by_id = crm.records_by_id("Leads", [*ids, "1"], ["Legacy_ID"])
    assert {record["Legacy_ID"] for record in by_id.values()} == set(names)
    whole = crm.record("Leads", ids[0])
    assert whole is not None
    assert whole["id"] == ids[0]


@pytest.mark.parametrize("unknown_id_status", ["400", "204"])
def test_a_record_that_is_not_there_is_none_however_zoho_says_it(
    local_zoho: LocalZohoFactory, unknown_id_status: str
) -> None:
    crm = local_zoho(unknown_id_status=unknown_id_status).connect().crm

    assert crm.record("Leads", "700000000000000001") is None
    assert crm.record("Leads", "700000000000000001", ["Email"]) is None
    assert crm.records_by_id("Leads", [], ["Email"]) == {}


def test_only_so_many_ids_go_into_one_call_and_an_id_is_digits(tmp_path: Path) -> None:
    with rig(tmp_path) as wire:
        with pytest.raises(ValueError, match="100 ids"):
            wire.crm.records_by_id("Leads", [str(number) for number in range(101)], None)
        with pytest.raises(UsageError):
            wire.crm.record("Leads", "1/actions")

    assert wire.zoho.requests == []


def test_users_are_read_page_by_page(tmp_path: Path) -> None:
    pages = [
        httpx.Response(200, json={"users": [{"id": "1"}], "info": {"more_records": True}}),
        httpx.Response(200, json={"users": [{"id": "2"}], "info": {"more_records": False}}),
    ]

    with rig(tmp_path, FakeZoho([*pages])) as wire:
        assert [user["id"] for user in wire.crm.users()] == ["1", "2"]

    assert [request.url.params["page"] for request in wire.zoho.requests] == ["1", "2"]


def test_a_module_that_does_not_exist_is_fatal_with_its_code(local_zoho: LocalZohoFactory) -> None:
    crm = local_zoho().connect().crm

    for call in (
        lambda: crm.fields("Nonsense"),
        lambda: list(crm.records("Nonsense", ["id"])),
        lambda: crm.write("Nonsense", "insert", write_body([{}], "insert"), rows=1, repeatable=False),
        lambda: crm.write("Nonsense", "insert", write_body([{}, {}], "insert"), rows=2, repeatable=True),
        lambda: crm.write("Nonsense", "delete", None, ids=["1"], rows=1, repeatable=True),
    ):
        with pytest.raises((Fatal, RefusedError)) as caught:
            call()
        assert caught.value.code in {"INVALID_MODULE", "OAUTH_SCOPE_MISMATCH"}


def test_a_module_is_an_api_name_and_nothing_else(tmp_path: Path) -> None:
    with rig(tmp_path) as wire:
        for module in ("Leads/1", "../x", "", "Le ads", "Leads?x"):
            with pytest.raises(UsageError):
                wire.crm.write(module, "insert", b"{}", rows=1, repeatable=False)
