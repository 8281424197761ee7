"""Insert, update, upsert, delete: answers, statuses, matching, what is changed."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.emulator.zoho import JsonObject, Zoho, lead, only

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")


def test_an_insert_answers_201_with_ids_that_grow_and_stamps(zoho: Zoho) -> None:
    answer = zoho.insert([lead(1), lead(2)])

    first, second = answer.json()["data"]
    assert answer.status_code == 201
    assert (first["code"], first["message"], first["status"]) == ("SUCCESS", "record added", "success")
    assert set(first["details"]) == {
        "id",
        "Created_Time",
        "Modified_Time",
        "Created_By",
        "Modified_By",
        "$approval_state",
    }
    assert re.fullmatch(r"\d{18,19}", first["details"]["id"])
    assert first["details"]["id"] < second["details"]["id"]
    assert ISO.fullmatch(first["details"]["Created_Time"])


def test_results_stand_in_the_order_of_the_rows_and_a_mixed_call_is_207(zoho: Zoho) -> None:
    answer = zoho.insert([lead(1), {"Company": "no name"}, lead(3), "no record"])

    assert answer.status_code == 207
    assert [one["status"] for one in answer.json()["data"]] == ["success", "error", "success", "error"]
    assert answer.json()["data"][1]["details"]["json_path"] == "$.data[1].Last_Name"


def test_a_call_whose_rows_are_all_refused_is_400_with_data(zoho: Zoho) -> None:
    answer = zoho.insert([{}, {}])

    assert answer.status_code == 400
    assert len(answer.json()["data"]) == 2


def test_more_than_100_records_are_refused_as_a_whole(zoho: Zoho) -> None:
    answer = zoho.insert([lead(number) for number in range(101)])

    assert answer.status_code == 400
    assert only(answer) == {
        "code": "LIMIT_EXCEEDED",
        "details": {"maximum_length": 100, "api_name": "data"},
        "message": "count of records in your request exceeds the limit",
        "status": "error",
    }
    assert zoho.control("audit", module="Leads")["creates"] == 0


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "INVALID_DATA"),
        (b"[]", "INVALID_DATA"),
        (b"{}", "MANDATORY_NOT_FOUND"),
        (b'{"data":{}}', "INVALID_DATA"),
        (b'{"data":[]}', "INVALID_DATA"),
        (b'{"data":[{"Last_Name":"A"}],"trigger":"workflow"}', "INVALID_DATA"),
    ],
)
def test_a_body_that_is_not_as_it_should_be_is_refused_as_a_whole(
    zoho: Zoho, content: bytes, code: str
) -> None:
    answer = zoho.http.post("/crm/v8/Leads", content=content)

    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_an_unknown_module_in_a_write_is_told_inside_data(zoho: Zoho) -> None:
    answer = zoho.insert([lead()], "Nope")

    assert answer.status_code == 400
    assert only(answer)["code"] == "INVALID_MODULE"


def test_an_update_changes_what_it_names_and_keeps_the_rest(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead(1, City="Cape Town", Phone="123")])

    answer = zoho.update([{"id": record_id, "City": "Durban", "Phone": None}])

    record = zoho.record(record_id)
    assert answer.status_code == 200
    assert only(answer)["message"] == "record updated"
    assert (record["City"], record["Phone"], record["Company"]) == ("Durban", None, "Firm")


def test_one_record_is_updated_by_its_path(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead(1)])

    answer = zoho.http.put(f"/crm/v8/Leads/{record_id}", json={"data": [{"City": "Durban"}]})

    assert answer.status_code == 200
    assert zoho.record(record_id)["City"] == "Durban"


@pytest.mark.parametrize(("there", "key"), [("ab-1", " AB-1 "), ("Zo\u00eb", "zoe\u0308")])
def test_an_upsert_finds_a_record_by_a_key_written_otherwise(zoho: Zoho, there: str, key: str) -> None:
    (record_id,) = zoho.created([lead(1, Legacy_ID=there)])

    result = only(zoho.upsert([lead(1, Legacy_ID=key)], duplicate_check_fields=["Legacy_ID"]))

    assert (result["action"], result["details"]["id"]) == ("update", record_id)


def test_an_upsert_finds_nothing_by_blanks(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead(1, Legacy_ID=" ")])

    result = only(zoho.upsert([lead(1, Legacy_ID=" ")], duplicate_check_fields=["Legacy_ID"]))

    assert (result["action"], result["details"]["id"] == record_id) == ("insert", False)


def test_an_id_with_a_zero_before_it_is_no_record_s(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead()])
    wrong = f"0{record_id}"

    assert only(zoho.update([{"id": wrong, "City": "Durban"}]))["code"] == "INVALID_DATA"
    assert only(zoho.upsert([{"id": wrong, "City": "Durban"}]))["code"] == "INVALID_DATA"
    assert only(zoho.delete([wrong]))["code"] == "INVALID_DATA"
    assert zoho.get(f"/Leads/{wrong}").status_code == 400
    assert zoho.record(record_id)["City"] is None


def test_updates_are_refused_row_by_row(zoho: Zoho) -> None:
    first, second = zoho.created([lead(1), lead(2)])

    answer = zoho.update(
        [
            {"City": "no id"},
            {"id": "123", "City": "unknown"},
            {"id": first, "Last_Name": None},
            {"id": first, "Legacy_ID": "L-2"},
            {"id": second, "Legacy_ID": "l-2"},
        ]
    )

    errors = answer.json()["data"]
    assert answer.status_code == 207
    assert [one["code"] for one in errors] == [
        "MANDATORY_NOT_FOUND",
        "INVALID_DATA",
        "MANDATORY_NOT_FOUND",
        "DUPLICATE_DATA",
        "SUCCESS",
    ]
    assert errors[1]["message"] == "the id given seems to be invalid"
    assert errors[2]["details"]["id"] == first


def test_an_update_gives_the_old_unique_value_free(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead(1)])
    zoho.update([{"id": record_id, "Legacy_ID": "other"}])

    assert zoho.insert([lead(1)]).status_code == 201


def test_a_multi_select_is_replaced_or_appended(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead(1, Interests=["Software"])])

    zoho.update([{"id": record_id, "Interests": ["Hardware"], "$append_values": {"Interests": True}}])
    assert zoho.record(record_id)["Interests"] == ["Software", "Hardware"]

    zoho.update([{"id": record_id, "Interests": ["Training"]}])
    assert zoho.record(record_id)["Interests"] == ["Training"]


def test_a_record_modified_since_is_not_updated(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead(1)])
    row = [{"id": record_id, "City": "Durban"}]

    stale = zoho.update(row, headers={"If-Unmodified-Since": "2020-01-01T00:00:00+00:00"})
    fresh = zoho.update(row, headers={"If-Unmodified-Since": "2099-01-01T00:00:00+00:00"})

    assert (stale.status_code, only(stale)["code"]) == (412, "ALREADY_MODIFIED")
    assert fresh.status_code == 200


def test_an_upsert_too_can_be_refused_for_records_changed_since(zoho: Zoho) -> None:
    zoho.created([lead(1)])

    def upsert(*rows: JsonObject) -> httpx.Response:
        body = {"data": list(rows), "duplicate_check_fields": ["Legacy_ID"]}
        headers = {"If-Unmodified-Since": "2020-01-01T00:00:00+00:00"}
        return zoho.http.post("/crm/v8/Leads/upsert", json=body, headers=headers)

    both = upsert(lead(1, City="Durban"), lead(2))
    one = upsert(lead(1, City="Durban"))

    assert [row["code"] for row in both.json()["data"]] == ["ALREADY_MODIFIED", "SUCCESS"]
    assert (both.status_code, one.status_code) == (207, 412)


def test_an_upsert_inserts_or_updates_by_the_named_unique_field(zoho: Zoho) -> None:
    (known,) = zoho.created([lead(1)])

    answer = zoho.upsert(
        [lead(1, Legacy_ID="l-1", City="Durban"), lead(2)], duplicate_check_fields=["Legacy_ID"]
    )

    updated, inserted = answer.json()["data"]
    assert answer.status_code == 200
    assert (updated["action"], updated["duplicate_field"], updated["details"]["id"]) == (
        "update",
        "Legacy_ID",
        known,
    )
    assert (inserted["action"], inserted["duplicate_field"]) == ("insert", None)
    assert zoho.record(known)["City"] == "Durban"


def test_an_upsert_without_a_field_merges_by_the_systems_field(zoho: Zoho) -> None:
    deal = {"Deal_Name": "Same", "Stage": "Closed Won"}
    (known,) = zoho.created([{**deal, "Legacy_ID": "a"}], "Deals")

    answer = zoho.upsert([{**deal, "Legacy_ID": "b"}], "Deals")

    assert only(answer)["details"]["id"] == known
    assert only(answer)["duplicate_field"] == "Deal_Name"


def test_an_upsert_by_a_unique_field_does_not_use_the_systems_field(zoho: Zoho) -> None:
    deal = {"Deal_Name": "Same", "Stage": "Closed Won"}
    zoho.created([{**deal, "Legacy_ID": "a"}], "Deals")

    answer = zoho.upsert([{**deal, "Legacy_ID": "b"}], "Deals", duplicate_check_fields=["Legacy_ID"])

    assert only(answer)["action"] == "insert"


def test_an_upsert_tries_the_other_unique_fields_after_the_named_one(zoho: Zoho) -> None:
    asset = {"Name": "Van", "Legacy_ID": "a", "Serial_Number": "S1"}
    (known,) = zoho.created([asset], "Legacy_Assets")

    answer = zoho.upsert(
        [{"Name": "Van", "Legacy_ID": "b", "Serial_Number": "S1"}],
        "Legacy_Assets",
        duplicate_check_fields=["Legacy_ID"],
    )

    assert only(answer)["duplicate_field"] == "Serial_Number"
    assert only(answer)["details"]["id"] == known


def test_an_upsert_by_a_field_that_is_neither_is_refused(zoho: Zoho) -> None:
    answer = zoho.upsert([lead(1)], duplicate_check_fields=["Old_System_Ref"])

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_DATA")
    assert answer.json()["details"]["json_path"] == "$.duplicate_check_fields[0]"


def test_the_second_of_two_upserts_of_one_key_updates_unless_switched(zoho: Zoho) -> None:
    rows = [lead(1), lead(1, City="Durban")]
    answer = zoho.upsert(rows, duplicate_check_fields=["Legacy_ID"])
    assert [one["action"] for one in answer.json()["data"]] == ["insert", "update"]

    zoho.set(batch_twins="refuse")
    answer = zoho.upsert([lead(2), lead(2)], duplicate_check_fields=["Legacy_ID"])
    assert [one["code"] for one in answer.json()["data"]] == ["SUCCESS", "DUPLICATE_DATA"]


def test_an_upsert_by_id_updates_that_record(zoho: Zoho) -> None:
    (known,) = zoho.created([lead(1)])

    assert only(zoho.upsert([{"id": known, "City": "Durban"}]))["action"] == "update"
    assert only(zoho.upsert([{"id": "123", "City": "Durban"}]))["code"] == "INVALID_DATA"


def test_tasks_can_not_be_upserted(zoho: Zoho) -> None:
    answer = zoho.upsert([{"Subject": "Call"}], "Tasks")

    assert (answer.status_code, only(answer)["code"]) == (400, "INVALID_MODULE")
    assert zoho.insert([{"Subject": "Call"}], "Tasks").status_code == 201


def test_deleting_answers_for_each_id(zoho: Zoho) -> None:
    first, second = zoho.created([lead(1), lead(2)])

    mixed = zoho.delete([first, "123"], wf_trigger="false")
    again = zoho.delete([first])
    by_path = zoho.http.delete(f"/crm/v8/Leads/{second}")

    assert mixed.status_code == 207
    assert mixed.json()["data"][0] == {
        "code": "SUCCESS",
        "details": {"id": first},
        "message": "record deleted",
        "status": "success",
    }
    assert mixed.json()["data"][1]["details"] == {"id": "123"}
    assert (again.status_code, only(again)["code"], only(again)["message"]) == (
        400,
        "INVALID_DATA",
        "record not deleted",
    )
    assert by_path.status_code == 200


def test_deleting_needs_ids_and_takes_at_most_100(zoho: Zoho) -> None:
    none = zoho.http.delete("/crm/v8/Leads")
    many = zoho.delete([str(number) for number in range(101)])

    assert none.json()["details"] == {"param_name": "ids"}
    assert many.json()["code"] == "LIMIT_EXCEEDED"


def test_a_locked_record_is_neither_changed_nor_deleted(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead(1)])
    zoho.act("lock/Leads", {"ids": [record_id]})

    assert only(zoho.update([{"id": record_id, "City": "X"}]))["code"] == "RECORD_LOCKED"
    assert only(zoho.delete([record_id]))["code"] == "RECORD_LOCKED"

    zoho.act("lock/Leads", {"ids": [record_id], "locked": False})
    assert zoho.delete([record_id]).status_code == 200
