"""A refusal of the whole call, wrapped in `data[]` or bare: no row is blamed for what is not its fault."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.victim import Victim, importing
from tests.support import Bench, file_job, leads, read_rows, thorough, write_rows
from zmigrate import Insert, Upsert

LEADS = {"method": "POST", "path": "/crm/v8/Leads"}


def loading(bench: Bench, rows: int = 250) -> Any:
    return file_job(Insert("Leads", key="Legacy_ID"), write_rows(bench.folder / "leads.csv", leads(rows)))


@pytest.mark.parametrize(
    "refusal",
    [
        {"fault": "wrapped", "code": "AUTHORIZATION_FAILED", "details": {}},
        {"fault": "wrapped", "code": "INVALID_REQUEST_METHOD", "details": {"resource_path_index": 0}},
        {"fault": "wrapped", "code": "FEATURE_NOT_SUPPORTED", "status": 403},
        {"fault": "wrapped", "code": "INVALID_DATA", "details": {"json_path": "$.skip_feature_execution[0]"}},
        {"fault": "400", "code": "AUTHORIZATION_FAILED"},
    ],
    ids=lambda refusal: f"{refusal['fault']} {refusal['code']}",
)
def test_what_refuses_the_call_stops_the_run_with_its_code(refusal: dict[str, Any], bench: Bench) -> None:
    bench.script({**LEADS, **refusal, "times": 100})

    result = bench.run(loading(bench))

    assert (result.state, result.exit_code) == ("refused", 3)
    assert result.error is not None
    assert refusal["code"] in result.error.message
    assert (result.rows.failed, result.rows.in_doubt) == (0, 0)
    assert len(bench.get("writes", module="Leads")) <= 10, "asked once for each batch in flight"

    bench.script_clear()
    assert bench.resume().rows.created == 250


def test_a_service_inside_zoho_that_fails_for_a_while_costs_nothing(bench: Bench) -> None:
    bench.script({**LEADS, "fault": "wrapped", "code": "DEPENDENT_SERVICE_ERROR", "times": 2})

    result = bench.run(loading(bench))

    assert (result.state, result.rows.created) == ("finished", 250)
    assert bench.audit()["creates"] == 250


@pytest.mark.slow
def test_a_service_that_goes_on_failing_pauses_the_run_with_its_code(bench: Bench) -> None:
    bench.script({**LEADS, "fault": "wrapped", "code": "DEPENDENT_SERVICE_ERROR", "times": 500})

    paused = bench.run(loading(bench))

    assert (paused.state, paused.exit_code) == ("paused", 4)
    assert paused.error is not None
    assert paused.error.code == "DEPENDENT_SERVICE_ERROR"
    assert (paused.rows.failed, paused.rows.in_doubt) == (0, 0)
    bench.script_clear()
    assert bench.resume().rows.created == 250


@pytest.mark.parametrize("fault", ["wrapped", "400"])
def test_a_record_that_zoho_names_is_refused_and_the_others_go_in(fault: str, bench: Bench) -> None:
    """Zoho refuses any request with this record: the first time it stands at the 42nd place."""
    details = {"api_name": "Email", "json_path": "$.data[41].Email", "expected_data_type": "email"}
    refusal = {**LEADS, "fault": fault, "code": "INVALID_DATA", "status": 400, "contains": "L-000042"}
    alone = {**refusal, "details": {**details, "json_path": "$.data[0].Email"}}
    bench.script({**refusal, "details": details, "times": 1}, {**alone, "times": 1})

    result = bench.run(loading(bench))

    assert (result.rows.created, result.rows.failed) == (249, 1)
    [failed] = read_rows(result.files["errors"])
    assert (failed["line"], failed["code"], failed["field"]) == ("43", "INVALID_DATA", "Email")
    assert len(bench.get("writes", module="Leads")) == 5, "three batches, the rest of one, and the row alone"


def test_a_refusal_that_names_no_record_is_halved_down_to_the_one_at_fault(bench: Bench) -> None:
    bench.script({**LEADS, "fault": "wrapped", "code": "INVALID_DATA", "contains": "L-000042", "times": 100})

    result = bench.run(loading(bench))

    assert (result.rows.created, result.rows.failed) == (249, 1)
    assert read_rows(result.files["errors"])[0]["line"] == "43"


@pytest.mark.slow
def test_killed_after_a_refusal_of_the_call_a_run_goes_on_where_it_was(bench: Bench) -> None:
    path = write_rows(bench.folder / "leads.csv", leads(500))
    bench.script({**LEADS, "fault": "lost_answer", "skip": 1, "times": 1})
    bench.script({**LEADS, "fault": "wrapped", "code": "AUTHORIZATION_FAILED", "skip": 3, "times": 100})
    victim = Victim(bench, *importing(path, "Legacy_ID"), settle_s=3.0)
    victim.wait_until(lambda: len(bench.get("writes", module="Leads")) >= 4)
    victim.kill()
    victim.gone()

    bench.script_clear()
    result = Victim(bench, "resume", "last").result()

    assert (result["state"], result["rows"]["created"]) == ("finished", 500)
    assert bench.audit()["creates"] == 500


# -- stray 401s ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["INVALID_TOKEN", "AUTHENTICATION_FAILURE"])
def test_stray_refusals_of_a_good_token_cost_no_new_one_and_no_row(code: str, bench: Bench) -> None:
    bench.script({**LEADS, "fault": "401", "code": code, "times": 1})

    result = bench.run(loading(bench))

    assert (result.state, result.rows.created, result.tokens["renewed"]) == ("finished", 250, 0)


def test_a_client_that_was_removed_in_the_middle_stops_the_run_and_its_rows_wait(bench: Bench) -> None:
    bench.script({**LEADS, "fault": "401", "code": "INVALID_TOKEN", "skip": 1, "times": 100})

    result = bench.run(loading(bench, 500))

    assert (result.state, result.exit_code) == ("refused", 3)
    assert result.rows.created == 100
    assert result.error is not None
    assert "fresh token" in result.error.message
    bench.script_clear()
    assert bench.resume().rows.created == 500


# -- after a lost answer ------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [Insert("Leads", key="Legacy_ID"), Upsert("Leads", match_on="Legacy_ID")])
@pytest.mark.parametrize("code", ["DUPLICATE_DATA", "INVALID_DATA"])
def test_a_row_that_a_lost_request_created_is_not_failed_by_a_later_refusal_of_the_call(
    code: str, write: Insert | Upsert, bench: Bench
) -> None:
    path = "/crm/v8/Leads/upsert" if isinstance(write, Upsert) else "/crm/v8/Leads"
    bench.script(
        {"method": "POST", "path": path, "fault": "lost_answer"},
        {"method": "POST", "path": path, "fault": "400", "code": code, "details": {}, "times": 100},
    )

    result = bench.run(file_job(write, write_rows(bench.folder / "leads.csv", leads(1))))

    assert bench.audit()["creates"] == 1
    assert result.rows.failed == 0
    assert result.rows.created + result.rows.in_doubt == 1
    if isinstance(write, Insert):
        assert result.rows.created == 1


def test_rows_of_an_upsert_that_is_halved_after_a_lost_answer_are_told_as_created(bench: Bench) -> None:
    upsert = {"method": "POST", "path": "/crm/v8/Leads/upsert"}
    bench.script({**upsert, "fault": "lost_answer"}, {**upsert, "fault": "400", "code": "INVALID_DATA"})

    job = file_job(Upsert("Leads", match_on="Legacy_ID"), write_rows(bench.folder / "l.csv", leads(3)))
    result = bench.run(job)

    assert (result.rows.created, result.rows.updated) == (3, 0)


@pytest.mark.parametrize("beside", ["MAX_RECORDS_LIMIT_REACHED", "DUPLICATE_DATA"])
@pytest.mark.parametrize("key", ["Legacy_ID", "Old_System_Ref"])
def test_a_row_that_zoho_failed_on_for_several_reasons_is_looked_for(
    key: str, beside: str, bench: Bench
) -> None:
    several = [{"code": one, "details": {}, "status": "error"} for one in ("INTERNAL_ERROR", beside)]
    fault = {"fault": "row_error", "rows_containing": "L-000002", "code": "MULTIPLE_OR_MULTI_ERRORS"}
    bench.script({**LEADS, **fault, "details": {"errors": several}, "applied": True})

    path = write_rows(bench.folder / "leads.csv", leads(3, key=key))
    result = bench.run(file_job(Insert("Leads", key=key), path))

    assert (result.rows.created, result.rows.failed) == (3, 0)
    assert bench.audit(key=key)["creates"] == 3


@pytest.mark.parametrize("status", thorough([203, 206, 226]))
@pytest.mark.parametrize("key", ["Legacy_ID", "Old_System_Ref"])
def test_a_page_in_place_of_an_answer_is_a_doubt_whatever_its_2xx(
    key: str, status: int, bench: Bench
) -> None:
    bench.seed(leads(3, key=key), created_time="2099-01-01T00:00:00+00:00")
    bench.script({**LEADS, "fault": "answer", "status": status, "body": "<html>hello</html>"})

    path = write_rows(bench.folder / "leads.csv", leads(3, key=key))
    result = bench.run(file_job(Insert("Leads", key=key), path))

    assert (result.rows.created, result.rows.failed) == (3, 0)
    assert len(bench.records()) == 3
