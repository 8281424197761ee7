"""The control endpoints: what the audit tells, and what they change without Zoho's rules."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import Any

import httpx
import pytest

from tests.emulator.zoho import Zoho, lead, only


def test_the_audit_counts_what_was_really_done(zoho: Zoho) -> None:
    first, second, third = zoho.created([lead(1), lead(2), lead(3)])
    zoho.update([{"id": first, "City": "Durban"}, {"id": "123"}])
    zoho.upsert([lead(2), lead(4)], duplicate_check_fields=["Legacy_ID"])
    zoho.delete([third])
    zoho.insert([lead(1)])

    assert zoho.control("audit", module="Leads") == {
        "creates": 4,
        "updates": 2,
        "deletes": 1,
        "records": 3,
        "distinct_keys": 3,
        "created_twice": [],
    }
    assert zoho.control("audit", module="Deals")["creates"] == 0
    assert second != first


def test_the_audit_names_what_was_created_more_than_once_even_when_deleted_or_changed(zoho: Zoho) -> None:
    rows = [{"Last_Name": "A", "Old_System_Ref": "x"}, {"Last_Name": "B", "Old_System_Ref": "y"}]
    first = zoho.created(rows)
    second = zoho.created(rows)
    zoho.delete([first[0]])
    zoho.update([{"id": second[1], "Old_System_Ref": "z"}])

    audit = zoho.control("audit", module="Leads", key="Old_System_Ref")

    assert audit["created_twice"] == [["x", [first[0], second[0]]], ["y", [first[1], second[1]]]]
    assert audit["distinct_keys"] == 3


def test_seeded_records_are_there_but_were_not_created_by_a_call(zoho: Zoho) -> None:
    other = zoho.get("/users").json()["users"][1]["id"]
    body = {
        "data": [{"Legacy_ID": "old", "Anything": 1}],
        "created_by": other,
        "created_time": "2001-02-03T04:05:06+00:00",
    }

    (record_id,) = zoho.act("records/Leads", body)["ids"]

    record = zoho.record(record_id)
    audit = zoho.control("audit", module="Leads")
    assert record["Created_By"]["id"] == other
    assert record["Created_Time"] == "2001-02-03T06:05:06+02:00"
    assert (audit["creates"], audit["records"]) == (0, 1)
    assert only(zoho.insert([lead(1, Legacy_ID="OLD")]))["code"] == "DUPLICATE_DATA"


def test_every_write_request_is_listed_with_its_fate(zoho: Zoho) -> None:
    zoho.insert([lead(1), {}], trigger=[], skip_feature_execution=[{"name": "cadences"}])
    zoho.upsert([lead(2)], trigger=["workflow"])
    zoho.delete(["1"], wf_trigger="false")
    zoho.script({"fault": "lost_answer", "method": "PUT"})
    with pytest.raises(httpx.RemoteProtocolError):
        zoho.update([{"id": "1"}], "Deals")

    def told(write: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(write[name] for name in ("method", "path", "rows", "status", "applied"))

    writes = zoho.control("writes")
    assert [told(write) for write in writes] == [
        ("POST", "/crm/v8/Leads", 2, 207, True),
        ("POST", "/crm/v8/Leads/upsert", 1, 200, True),
        ("DELETE", "/crm/v8/Leads", 1, 400, True),
        ("PUT", "/crm/v8/Deals", 1, "lost", True),
    ]
    assert [write["trigger"] for write in writes] == [[], ["workflow"], "absent", "absent"]
    assert writes[0]["skip_feature_execution"] == [{"name": "cadences"}]
    assert (writes[0]["wf_trigger"], writes[2]["wf_trigger"]) == ("absent", "false")
    assert writes[0]["at"] <= writes[1]["at"]
    assert zoho.control("writes", module="Deals") == writes[3:]


def test_records_are_shown_raw_by_value_or_in_pages(zoho: Zoho) -> None:
    ids = zoho.created([lead(number) for number in range(5)])

    (found,) = zoho.control("records/Leads", key="Legacy_ID", value="L-3")
    page = zoho.control("records/Leads", offset=1, limit=2)

    assert found["id"] == ids[3]
    assert [record["id"] for record in page] == ids[1:3]
    assert len(zoho.control("records/Leads")) == 5


def test_stats_count_tokens_requests_and_paths(zoho: Zoho) -> None:
    zoho.ask_token(client_secret="wrong")
    zoho.created([lead(1)])
    zoho.get("/Leads/1")
    zoho.get("/Leads/2")

    stats = zoho.control("stats")

    assert (stats["token_requests"], stats["tokens_refused"]) == (2, 1)
    assert "ZohoCRM.modules.ALL" in stats["tokens"][0]
    assert stats["requests"] == {"POST /crm/v8/Leads": 1, "GET /crm/v8/Leads/{id}": 2}


def test_one_key_in_two_requests_in_flight_is_counted(zoho: Zoho) -> None:
    zoho.set(latency_ms=100.0)
    barrier = Barrier(2)

    def write(row: dict[str, Any]) -> None:
        barrier.wait()
        zoho.insert([row])

    def both(first: dict[str, Any], second: dict[str, Any]) -> int:
        threads = [Thread(target=write, args=(row,)) for row in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return int(zoho.control("stats")["key_conflicts"])

    assert both(lead(1), lead(2)) == 0
    assert both(lead(3), lead(3, Legacy_ID="l-3")) == 1
    zoho.insert([lead(3)])
    assert zoho.control("stats")["key_conflicts"] == 1


def test_options_are_shown_and_changed_while_running(zoho: Zoho) -> None:
    zoho.set(latency_ms=1.5, picklist="drop")

    shown = zoho.control("faults")

    assert (shown["latency_ms"], shown["picklist"]) == (1.5, "drop")
    assert "client_secret" not in shown


@pytest.mark.parametrize(
    "change", [{"port": 1}, {"nothing": 1}, {"rate_5xx": "much"}, {"picklist": "lax"}, {"credits": True}]
)
def test_a_wrong_change_is_refused(zoho: Zoho, change: dict[str, Any]) -> None:
    answer = zoho.http.post("/_emulator/faults", json=change)

    assert answer.status_code == 400
    assert next(iter(change)) in answer.json()["error"]


def test_all_tokens_can_be_ended(zoho: Zoho) -> None:
    zoho.act("expire_tokens")

    assert zoho.get("/org").json()["code"] == "INVALID_TOKEN"


def test_a_reset_empties_everything_but_keeps_client_and_org(zoho: Zoho) -> None:
    zoho.created([lead(1)])
    zoho.set(latency_ms=50.0)
    zoho.script({"fault": "500"})

    zoho.act("reset")
    zoho.login()

    assert zoho.control("faults")["latency_ms"] == 0.0
    assert zoho.control("audit", module="Leads")["records"] == 0
    assert zoho.control("stats")["scripts_left"] == 0
    assert zoho.get("/org").status_code == 200


def test_a_field_can_be_added_or_altered(zoho: Zoho) -> None:
    zoho.created([lead(1, Old_System_Ref="x")])
    zoho.act("fields/Leads", {"api_name": "Colour", "data_type": "picklist", "picks": ["Red"]})
    zoho.act("fields/Leads", {"api_name": "Old_System_Ref", "unique": True, "length": 3})

    assert zoho.insert([lead(2, Colour="Red")]).status_code == 201
    assert only(zoho.insert([lead(3, Colour="Blue")]))["code"] == "INVALID_DATA"
    assert only(zoho.insert([lead(4, Old_System_Ref="X")]))["code"] == "DUPLICATE_DATA"
    assert only(zoho.insert([lead(5, Old_System_Ref="long")]))["details"]["maximum_length"] == 3


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "audit", 400),
        ("GET", "audit?module=Nope", 400),
        ("GET", "nothing", 404),
        ("POST", "nothing", 400),
        ("POST", "fields/Leads", 400),
    ],
)
def test_a_mistake_is_told(zoho: Zoho, method: str, path: str, status: int) -> None:
    answer = zoho.http.request(method, f"/_emulator/{path}", json={"api_name": "X", "colour": 1})

    assert answer.status_code == status
    assert answer.json()["error"]
