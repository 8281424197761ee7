"""Records in the way of a row: of another module, several, without an id, and in whatever shape."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from signal import SIGKILL
from typing import Any

import pytest

from tests.engine.victim import Victim, importing
from tests.support import Bench, file_job, leads, read_rows, thorough, write_rows
from zmigrate import Insert, Ref, Upsert
from zmigrate.engine.storage.id_map import IdMap
from zmigrate.engine.storage.ledger import find_run, identity
from zmigrate.engine.storage.run_result import RunResult

LEADS = {"method": "POST", "path": "/crm/v8/Leads"}
KEY, OTHER = "Legacy_ID", "Email"
CONTACT = "5545974000000099001"
CONTACTS = {"api_name": "Contacts", "id": "5545974000000002179"}
OURS = {"created_time": "2099-01-01T00:00:00+00:00"}
"""Seeded so, a record is one that a request of the run may have made."""


@pytest.fixture
def bench(bench: Bench) -> Bench:
    bench.environ["ZMIGRATE_SETTLE_S"] = "0.05"
    return bench


def duplicate(details: Any) -> dict[str, Any]:
    return {"code": "DUPLICATE_DATA", "status": "error", "message": "duplicate data", "details": details}


def with_others(details: Any) -> dict[str, Any]:
    return {**duplicate({}), "code": "MULTIPLE_OR_MULTI_ERRORS", "details": {"errors": [duplicate(details)]}}


def answering(element: dict[str, Any], times: int = 1, path: str = LEADS["path"]) -> dict[str, Any]:
    """A fault: this is said of the only row, and nothing is done."""
    return {
        **LEADS,
        "path": path,
        "fault": "answer",
        "status": 400,
        "body": {"data": [element]},
        "times": times,
    }


def loaded(bench: Bench, write: Insert | Upsert | None = None) -> RunResult:
    path = write_rows(bench.folder / "leads.csv", leads(1))
    return bench.run(file_job(write or Insert("Leads", key=KEY), path))


def told(result: RunResult, file: str = "errors") -> dict[str, str]:
    [row] = read_rows(result.files[file])
    return row


IN_THE_WAY = {
    "text": {"duplicate_record": {"id": "77", "module": {"api_name": "Leads"}}},
    "number": {"duplicate_record": {"id": 77, "module": {"api_name": "Leads"}}},
    "without a module": {"duplicate_record": {"id": " 77 "}},
    "in details": {"id": "77"},
    "a number in details": {"id": 77, "duplicate_record": None},
    "a list": {"duplicate_record": [{"id": 77}]},
    "bare": {"duplicate_record": "77"},
}


@pytest.mark.parametrize("shape", IN_THE_WAY)
@pytest.mark.parametrize("wrapped", thorough([duplicate, with_others]))
def test_the_id_that_zoho_gave_stands_in_the_errors(
    shape: str, wrapped: Callable[..., Any], bench: Bench
) -> None:
    bench.script(answering(wrapped({"api_name": KEY, **IN_THE_WAY[shape]})))
    row = told(loaded(bench))
    assert (row["code"], row["field"]) == ("DUPLICATE_DATA", KEY)
    assert "the record 77 has this value" in row["message"]


ANOTHERS = {
    "of another module": ({"duplicate_record": {"id": CONTACT, "module": CONTACTS}}, "a record of Contacts"),
    "of a module by its name": ({"duplicate_record": {"id": CONTACT, "module": "Contacts"}}, "of Contacts"),
    "in details": ({"id": CONTACT, "duplicate_record": {"module": CONTACTS}}, "a record of Contacts"),
    "one of several": ({"duplicate_record": {"id": CONTACT}, "more_records": True}, "and others"),
    "one of several, as text": ({"duplicate_record": {"id": CONTACT}, "more_records": "true"}, "and others"),
    "a list": ({"duplicate_record": [{"id": CONTACT}, {"id": 78}]}, "and others"),
}


@pytest.mark.parametrize("what", thorough(ANOTHERS, 4))
@pytest.mark.parametrize("on_existing", thorough(["update", "skip", None], 2))
def test_a_record_of_another_module_or_one_of_several_is_never_the_rows(
    what: str, on_existing: Any, bench: Bench
) -> None:
    details, words = ANOTHERS[what]
    bench.script(answering(duplicate({"api_name": KEY, **details})))
    result = loaded(bench, Insert("Leads", key=KEY, on_existing=on_existing))
    row = told(result)
    assert row["code"] == "DUPLICATE_DATA"
    assert CONTACT in row["message"]
    assert words in row["message"]
    assert "PUT /crm/v8/Leads" not in bench.stats()["requests"]
    assert (result.rows.updated, result.rows.skipped, result.rows.failed) == (0, 0, 1)
    org = find_run(bench.folder / ".zmigrate", result.run_id).record.org
    with closing(IdMap.open(bench.folder / ".zmigrate", identity(org))) as ids:
        assert list(ids.entries()) == []


def test_a_row_that_a_contact_keeps_out_is_nothing_that_others_may_refer_to(bench: Bench) -> None:
    """Its id once became the lead's, and the next run's tasks were hung on a contact."""
    details, _ = ANOTHERS["of another module"]
    bench.script(answering(duplicate({"api_name": KEY, **details})))
    loaded(bench, Insert("Leads", key=KEY, on_existing="skip"))
    task = {"Subject": "Call", "Who_Id": "L-000001"}
    job = file_job(Insert("Tasks"), write_rows(bench.folder / "tasks.csv", [task]))
    type(job).transform = lambda self, row: {**row, "Who_Id": Ref("Leads", row["Who_Id"])}  # type: ignore[method-assign]
    assert told(bench.run(job))["code"] == "REFERENCE_OPEN"


def test_a_module_is_ours_in_any_letter_case(bench: Bench) -> None:
    [there] = bench.seed(leads(1))
    record = {"id": int(there), "module": {"api_name": "LEADS"}}
    bench.script(answering(duplicate({"api_name": KEY, "duplicate_record": record})))
    assert loaded(bench, Insert("Leads", key=KEY, on_existing="update")).rows.updated == 1


@pytest.mark.parametrize("on_existing", ["skip", "update"])
@pytest.mark.parametrize("shape", ["record", "number"])
def test_a_contact_that_zoho_holds_leads_against_is_no_lead(
    shape: str, on_existing: Any, bench_with: Callable[..., Bench]
) -> None:
    bench = bench_with(duplicate_check="mapped_module_records", duplicate_shape=shape)
    [contact] = bench.seed([{KEY: "L-000001", "Last_Name": "Li"}], "Contacts")
    row = told(loaded(bench, Insert("Leads", key=KEY, on_existing=on_existing)))
    assert f"a record of Contacts, {contact}, has this value" in row["message"]
    assert bench.records() == []


# -- after a lost answer ------------------------------------------------------------------------------

NAMELESS = {
    "no id": {"api_name": KEY},
    "where, and no field": {"json_path": f"$.data[0].{KEY}"},
    "nothing": {},
    "a list": [],
    "a text": "duplicate",
    "null": None,
    "a record without an id": {"api_name": KEY, "duplicate_record": {"Owner": {"id": "1"}}},
    "a record that is a list": {"api_name": KEY, "duplicate_record": []},
    "an id that is none": {"api_name": KEY, "duplicate_record": {"id": True}},
    "several": {"api_name": KEY, "more_records": True},
    "another field": {"api_name": OTHER},
    "another module": {"api_name": OTHER, "duplicate_record": {"id": CONTACT, "module": CONTACTS}},
    "a record that is gone": {"api_name": KEY, "duplicate_record": {"id": "5545974000000099999"}},
}


@pytest.mark.parametrize("shape", NAMELESS)
@pytest.mark.parametrize("wrapped", thorough([duplicate, with_others]))
def test_what_a_lost_request_created_is_found_by_its_key(
    shape: str, wrapped: Callable[..., Any], bench: Bench
) -> None:
    bench.script({**LEADS, "fault": "lost_answer"}, answering(wrapped(NAMELESS[shape])))
    result = loaded(bench)
    assert (result.rows.created, result.rows.failed) == (1, 0)
    assert told(result, "success")["id"] == bench.records()[0]["id"]
    assert bench.audit()["creates"] == 1


@pytest.mark.parametrize(
    "shape", thorough(["none", "number", "record", "record_without_module", "id", "text", "list"], 2)
)
def test_a_lost_insert_is_created_once_however_zoho_names_the_record(
    shape: str, bench_with: Callable[..., Bench]
) -> None:
    bench = bench_with(duplicate_shape=shape, ids_as="number")
    bench.environ["ZMIGRATE_SETTLE_S"] = "0.05"
    bench.script({**LEADS, "fault": "lost_answer"})
    result = loaded(bench)
    assert (result.rows.created, result.rows.failed, result.rows.in_doubt) == (1, 0, 0)
    assert bench.audit()["creates"] == 1


def test_a_record_that_queries_show_late_is_found_at_the_second_look(
    bench_with: Callable[..., Bench],
) -> None:
    bench = bench_with(duplicate_shape="none", coql_lag_s=0.7)
    bench.script({**LEADS, "fault": "lost_answer"})
    result = loaded(bench)
    assert (result.rows.created, result.rows.in_doubt) == (1, 0)
    assert bench.audit()["creates"] == 1


@pytest.mark.parametrize("shape", thorough(["no id", "several", "nothing", "a record that is gone"], 2))
def test_a_key_that_is_taken_by_a_record_that_nobody_sees_leaves_its_row_in_doubt(
    shape: str, bench: Bench
) -> None:
    """It may be the record that the lost request made."""
    bench.script({**LEADS, "fault": "reset"}, answering(duplicate(NAMELESS[shape]), times=10))
    result = loaded(bench)
    assert (result.rows.in_doubt, result.rows.failed) == (1, 0)
    row = told(result, "in_doubt")
    assert row["code"] == "ANSWER_LOST"
    assert "duplicate data" in row["message"]
    assert bench.stats()["requests"]["POST /crm/v8/Leads"] <= 5


@pytest.mark.parametrize("shape", ["another field", "another module"])
def test_a_row_that_another_value_keeps_out_fails_once_its_key_was_looked_for_twice(
    shape: str, bench: Bench
) -> None:
    bench.script({**LEADS, "fault": "reset"}, answering(duplicate(NAMELESS[shape]), times=10))
    row = told(loaded(bench))
    assert (row["code"], row["field"]) == ("DUPLICATE_DATA", OTHER)
    assert bench.stats()["requests"]["POST /crm/v8/coql"] >= 2


def test_a_key_that_somebody_elses_record_has_fails_its_row_with_the_id(bench: Bench) -> None:
    [there] = bench.seed(leads(1))
    bench.script({**LEADS, "fault": "reset"}, answering(duplicate({"api_name": KEY})))
    row = told(loaded(bench))
    assert row["code"] == "DUPLICATE_DATA"
    assert there in row["message"]


def test_a_refusal_that_is_not_about_the_values_does_not_hide_what_was_created(bench: Bench) -> None:
    element = {"code": "NO_PERMISSION", "status": "error", "message": "permission denied", "details": {}}
    bench.script({**LEADS, "fault": "lost_answer"}, answering(element))
    assert loaded(bench).rows.created == 1


def test_an_upsert_that_is_refused_when_it_is_repeated_has_created_its_record(bench: Bench) -> None:
    path = f"{LEADS['path']}/upsert"
    element = duplicate(NAMELESS["another module"])
    bench.script({**LEADS, "path": path, "fault": "lost_answer"}, answering(element, path=path))
    result = loaded(bench, Upsert("Leads", match_on=KEY))
    assert (result.rows.created, result.rows.failed) == (1, 0)
    assert bench.audit()["creates"] == 1


def test_times_that_cant_be_read_leave_a_row_in_doubt(bench: Bench) -> None:
    [there] = bench.seed(leads(1))
    record = {KEY: "L-000001", "id": there, "Created_Time": "yesterday", "Created_By": None}
    bench.script(
        {**LEADS, "fault": "reset"},
        answering(duplicate({"api_name": KEY, "duplicate_record": {"id": there}})),
        {**LEADS, "method": "GET", "fault": "answer", "status": 200, "body": {"data": [record], "info": {}}},
    )
    assert told(loaded(bench), "in_doubt")["code"] == "ANSWER_LOST"


@pytest.mark.slow
def test_killed_before_the_key_was_looked_up_the_resume_finds_the_record(bench: Bench) -> None:
    path = write_rows(bench.folder / "leads.csv", leads(1))
    bench.script({**LEADS, "fault": "lost_answer"}, answering(duplicate({"api_name": KEY}), times=5))
    victim = Victim(bench, *importing(path, KEY), settle_s=3)
    victim.wait_until(lambda: victim.journal("SELECT 1 FROM batch WHERE doubted") != [])
    victim.kill()
    assert victim.gone() == -SIGKILL
    result = Victim(bench, "resume", "last", settle_s=0.2).result()
    assert (result["rows"]["created"], result["rows"]["failed"]) == (1, 0), result
    assert bench.audit()["creates"] == 1


@pytest.mark.slow
def test_killed_between_two_looks_the_resume_still_knows_that_the_row_is_in_doubt(bench: Bench) -> None:
    """The first look found nothing: the row waits in a batch of its own."""
    path = write_rows(bench.folder / "leads.csv", leads(1))
    bench.script({**LEADS, "fault": "reset"}, answering(duplicate({"api_name": KEY}), times=9))
    victim = Victim(bench, *importing(path, KEY), settle_s=2)
    victim.wait_until(lambda: victim.journal("SELECT 1 FROM batch WHERE parent IS NOT NULL") != [])
    victim.kill()
    assert victim.gone() == -SIGKILL
    [ours] = bench.seed(leads(1), **OURS)
    result = Victim(bench, "resume", "last", settle_s=0.2).result()
    assert (result["rows"]["read"], result["rows"]["created"]) == (1, 1), result
    assert read_rows(result["files"]["success"])[0]["id"] == ours


@pytest.mark.parametrize("on_existing", ["skip", "update"])
@pytest.mark.parametrize("shape", ["record_without_module", "id"])
def test_a_record_whose_module_zoho_does_not_name_is_looked_at_before_it_is_taken(
    shape: str, on_existing: Any, bench_with: Callable[..., Bench]
) -> None:
    bench = bench_with(duplicate_check="mapped_module_records", duplicate_shape=shape)
    bench.seed([{"Last_Name": "A contact", "Legacy_ID": "L-000001"}], module="Contacts")
    [lead] = bench.seed(leads(1, start=2))
    path = write_rows(bench.folder / "two.csv", leads(2))

    result = bench.run(file_job(Insert("Leads", key=KEY, on_existing=on_existing), path))

    assert result.rows.failed == 1, "the contact is nobody's lead"
    assert result.rows.skipped + result.rows.updated == 1
    assert read_rows(result.files["errors"])[0]["line"] == "2"
    org = (str(result.org["id"]), bench.emulator.soid.rpartition(".")[2])
    with closing(IdMap.open(bench.folder / ".zmigrate", org)) as ids:
        assert {entry.id for entry in ids.entries("Leads")} == {lead}
