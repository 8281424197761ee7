"""Links, subform rows, files and tags: what a write adds, changes, removes and refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.emulator.zoho import JsonObject, Zoho, only

VISIT = {"Service_Date": "2024-01-01", "Work": "Oil"}


def asset(zoho: Zoho, **values: Any) -> str:
    return zoho.created([{"Name": "A", **values}], "Legacy_Assets")[0]


def shown(zoho: Zoho, record_id: str, field: str) -> list[JsonObject]:
    value: list[JsonObject] = zoho.record(record_id, "Legacy_Assets")[field]
    return value


def change(zoho: Zoho, record_id: str, **values: Any) -> JsonObject:
    return only(zoho.update([{"id": record_id, **values}], "Legacy_Assets"))


def people(zoho: Zoho, count: int) -> list[str]:
    return zoho.created([{"Last_Name": f"Person {n}"} for n in range(count)], "Contacts")


def wrapped(ids: Sequence[str], key: str = "Used_By") -> list[JsonObject]:
    return [{key: {"id": one}} for one in ids]


def test_links_are_read_with_an_id_of_their_own_and_the_others_name(zoho: Zoho) -> None:
    first, second = people(zoho, 2)

    links = shown(zoho, asset(zoho, Used_By=wrapped([first, second])), "Used_By")

    assert [link["Used_By"] for link in links] == [
        {"name": "Person 0", "id": first},
        {"name": "Person 1", "id": second},
    ]
    assert len({link["id"] for link in links} - {first, second}) == 2


def test_the_key_of_a_link_is_the_linking_modules_lookup_to_the_other_record(zoho: Zoho) -> None:
    (product,) = zoho.created([{"Product_Name": "P"}], "Products")
    deal = {"Deal_Name": "D", "Stage": "Qualification"}

    def code(links: list[JsonObject]) -> str:
        return str(only(zoho.insert([{**deal, "Related_Products": links}], "Deals"))["code"])

    assert code(wrapped([product], "Related_Product")) == "SUCCESS"
    assert code(wrapped([product], "Related_Products")) == "INVALID_DATA"
    assert code(wrapped([product], "Related_Deals")) == "INVALID_DATA"
    assert code([{"id": product}]) == "INVALID_DATA"


def test_a_bare_id_is_not_a_link(zoho: Zoho) -> None:
    (person,) = people(zoho, 1)

    error = only(zoho.insert([{"Name": "A", "Used_By": [{"id": person}]}], "Legacy_Assets"))

    assert error["code"] == "INVALID_DATA"
    assert error["details"]["json_path"] == "$.data[0].Used_By[0].id"


def test_a_link_to_nothing_names_its_place(zoho: Zoho) -> None:
    good = people(zoho, 1)

    error = only(zoho.insert([{"Name": "A", "Used_By": wrapped([*good, "12"])}], "Legacy_Assets"))

    assert (error["code"], error["message"]) == ("INVALID_DATA", "the id given seems to be invalid")
    assert error["details"] == {
        "id": "12",
        "api_name": "Used_By",
        "parent_api_name": "Used_By",
        "json_path": "$.data[0].Used_By[1].Used_By.id",
    }


def test_an_update_adds_links_and_removes_those_marked(zoho: Zoho) -> None:
    first, second, third = people(zoho, 3)
    record_id = asset(zoho, Used_By=wrapped([first, second]))
    gone = shown(zoho, record_id, "Used_By")[0]["id"]

    change(zoho, record_id, Used_By=[{"id": gone, "_delete": None}, *wrapped([third, second])])

    assert [link["Used_By"]["id"] for link in shown(zoho, record_id, "Used_By")] == [second, third]
    change(zoho, record_id, Used_By=[])
    assert shown(zoho, record_id, "Used_By") == []


def test_reviewers_are_active_users(zoho: Zoho) -> None:
    users = {user["email"]: user["id"] for user in zoho.get("/users").json()["users"]}
    tom, lena = users["tom.okafor@example.com"], users["lena.former@example.com"]

    links = shown(zoho, asset(zoho, Reviewers=wrapped([tom], "Reviewers")), "Reviewers")

    assert links[0]["Reviewers"] == {"name": "Tom Okafor", "id": tom}
    row = {"Name": "A", "Reviewers": wrapped([lena], "Reviewers")}
    assert only(zoho.insert([row], "Legacy_Assets"))["code"] == "INVALID_DATA"
    zoho.set(inactive_owner="accept")
    assert only(zoho.insert([row], "Legacy_Assets"))["code"] == "SUCCESS"


def test_subform_rows_are_read_with_all_columns(zoho: Zoho) -> None:
    (part,) = zoho.created([{"Product_Name": "Belt"}], "Products")
    record_id = asset(zoho, Service_Log=[{**VISIT, "Part": {"id": part}, "Cost_per_Hour": "x"}])

    (row,) = shown(zoho, record_id, "Service_Log")

    assert (row["Work"], row["Part"]) == ("Oil", {"name": "Belt", "id": part})
    assert row["Parent_Id"] == {"name": "A", "id": record_id}
    assert (row["Hours"], row["Cost_per_Hour"]) == (None, None)
    assert zoho.record(record_id, "Legacy_Assets")["$has_more"]["Service_Log"] is False


BAD_ROWS: list[tuple[JsonObject, str, str, JsonObject]] = [
    ({**VISIT, "Hours": "2"}, "INVALID_DATA", "Hours", {"expected_data_type": "double"}),
    ({**VISIT, "Work": "x" * 101}, "INVALID_DATA", "Work", {"maximum_length": 100}),
    ({**VISIT, "Service_Date": "1.1.2024"}, "INVALID_DATA", "Service_Date", {"expected_data_type": "date"}),
    ({"Work": "Oil"}, "MANDATORY_NOT_FOUND", "Service_Date", {}),
]


@pytest.mark.parametrize(("row", "code", "column", "details"), BAD_ROWS)
def test_a_subforms_row_is_checked_by_the_subforms_own_fields(
    zoho: Zoho, row: JsonObject, code: str, column: str, details: JsonObject
) -> None:
    good = {"Name": "A"}

    answer = zoho.insert([good, {"Name": "B", "Service_Log": [VISIT, row]}], "Legacy_Assets")

    error = answer.json()["data"][1]
    assert (answer.status_code, error["code"]) == (207, code)
    assert error["details"] == {
        **details,
        "api_name": column,
        "parent_api_name": "Service_Log",
        "json_path": f"$.data[1].Service_Log[1].{column}",
    }


def test_several_bad_cells_of_a_subform_are_folded(zoho: Zoho) -> None:
    rows = [{**VISIT, "Hours": "2"}, {"Work": 5}]

    error = only(zoho.insert([{"Name": "A", "Service_Log": rows}], "Legacy_Assets"))

    assert error["code"] == "MULTIPLE_OR_MULTI_ERRORS"
    assert [one["details"]["json_path"] for one in error["details"]["errors"]] == [
        "$.data[0].Service_Log[0].Hours",
        "$.data[0].Service_Log[1].Work",
        "$.data[0].Service_Log[1].Service_Date",
    ]


def test_a_subform_has_at_most_a_hundred_rows(zoho: Zoho) -> None:
    record_id = asset(zoho, Service_Log=[VISIT] * 100)

    error = change(zoho, record_id, Service_Log=[VISIT])

    assert error["code"] == "LIMIT_EXCEEDED"
    assert error["details"] == {
        "limit": 100,
        "api_name": "Service_Log",
        "json_path": "$.data[0].Service_Log",
    }
    assert only(zoho.insert([{"Name": "B", "Service_Log": [VISIT] * 101}], "Legacy_Assets")) == error
    assert len(shown(zoho, record_id, "Service_Log")) == 100


def test_an_update_adds_changes_and_removes_rows_and_leaves_the_others(zoho: Zoho) -> None:
    record_id = asset(zoho, Service_Log=[{**VISIT, "Work": word} for word in ("a", "b", "c")])
    first, second, third = (row["id"] for row in shown(zoho, record_id, "Service_Log"))

    change(
        zoho,
        record_id,
        Service_Log=[
            {"id": first, "Work": "changed"},
            {"id": second, "_delete": None},
            {**VISIT, "Work": "d"},
        ],
    )

    rows = shown(zoho, record_id, "Service_Log")
    assert [row["Work"] for row in rows] == ["changed", "c", "d"]
    assert [row["id"] for row in rows][:2] == [first, third]
    change(zoho, record_id, Service_Log=[])
    assert shown(zoho, record_id, "Service_Log") == []


def test_an_update_may_replace_all_rows_by_a_switch(zoho: Zoho) -> None:
    zoho.set(subform_update="replace")
    record_id = asset(zoho, Service_Log=[{**VISIT, "Work": word} for word in ("a", "b")])
    first, _ = (row["id"] for row in shown(zoho, record_id, "Service_Log"))

    change(zoho, record_id, Service_Log=[{"id": first}, {**VISIT, "Work": "c"}])

    assert [row["Work"] for row in shown(zoho, record_id, "Service_Log")] == ["a", "c"]


@pytest.mark.parametrize(
    ("rows", "code", "place"),
    [
        ([{"id": "12", "Work": "x"}], "INVALID_DATA", "[0].id"),
        ([{"id": "12", "_delete": None}], "INVALID_DATA", "[0].id"),
        ([{"_delete": None}], "MANDATORY_NOT_FOUND", "[0].id"),
        (["text"], "INVALID_DATA", "[0]"),
    ],
)
def test_a_row_that_is_not_there_can_t_be_changed(zoho: Zoho, rows: list[Any], code: str, place: str) -> None:
    record_id = asset(zoho, Service_Log=[VISIT])

    error = change(zoho, record_id, Service_Log=rows)

    assert (error["code"], error["details"]["json_path"]) == (code, f"$.data[0].Service_Log{place}")
    assert len(shown(zoho, record_id, "Service_Log")) == 1


def test_a_mandatory_cell_can_t_be_blanked(zoho: Zoho) -> None:
    record_id = asset(zoho, Service_Log=[VISIT])
    (row,) = shown(zoho, record_id, "Service_Log")

    error = change(zoho, record_id, Service_Log=[{"id": row["id"], "Service_Date": None}])

    assert (error["code"], error["details"]["api_name"]) == ("MANDATORY_NOT_FOUND", "Service_Date")


def test_files_are_named_by_the_id_of_the_file_store(zoho: Zoho) -> None:
    record_id = asset(zoho, Documents=[{"File_Id__s": "ab12"}], Photos=[{"File_Id__s": "cd34"}])

    assert [file["File_Id__s"] for file in shown(zoho, record_id, "Documents")] == ["ab12"]
    assert [file["File_Id__s"] for file in shown(zoho, record_id, "Photos")] == ["cd34"]
    refused = only(zoho.insert([{"Name": "A", "Documents": [{"name": "x.pdf"}]}], "Legacy_Assets"))
    assert (refused["code"], refused["details"]["api_name"]) == ("MANDATORY_NOT_FOUND", "File_Id__s")


def test_tags_are_one_by_name_whatever_the_letter_case(zoho: Zoho) -> None:
    first = asset(zoho, Tag=[{"name": "Old"}, {"name": "old"}, {"name": "Big"}])
    second = asset(zoho, Tag=[{"name": "OLD"}])

    assert [tag["name"] for tag in shown(zoho, first, "Tag")] == ["Old", "Big"]
    assert shown(zoho, first, "Tag")[0]["id"] == shown(zoho, second, "Tag")[0]["id"]


@pytest.mark.parametrize(
    ("tag", "code", "details"),
    [
        ({"name": ""}, "INVALID_DATA", {"expected_data_type": "string"}),
        ({"name": " "}, "INVALID_DATA", {"expected_data_type": "string"}),
        ({"name": "x" * 26}, "INVALID_DATA", {"maximum_length": 25}),
        ({"name": 7}, "INVALID_DATA", {"expected_data_type": "string"}),
        ({"label": "x"}, "MANDATORY_NOT_FOUND", {}),
    ],
)
def test_a_tag_has_a_short_name(zoho: Zoho, tag: JsonObject, code: str, details: JsonObject) -> None:
    error = only(zoho.insert([{"Name": "A", "Tag": [tag]}], "Legacy_Assets"))

    where = {"api_name": "name", "parent_api_name": "Tag", "json_path": "$.data[0].Tag[0].name"}
    assert (error["code"], error["details"]) == (code, {**details, **where})


def test_rows_and_tags_can_be_seeded_and_are_shown_by_the_control_room(zoho: Zoho) -> None:
    (person,) = people(zoho, 1)
    row = {"Name": "A", "Service_Log": [VISIT], "Used_By": wrapped([person]), "Tag": [{"name": "old"}]}

    (record_id,) = zoho.act("records/Legacy_Assets", {"data": [row]})["ids"]

    (stored,) = zoho.control("records/Legacy_Assets", key="Name", value="A")
    assert stored["Service_Log"][0]["Work"] == "Oil"
    assert stored["Used_By"][0]["Used_By"] == {"name": "Person 0", "id": person}
    assert shown(zoho, record_id, "Tag")[0]["name"] == "old"
    assert (
        change(zoho, record_id, Service_Log=[{"id": stored["Service_Log"][0]["id"], "Work": "x"}])["code"]
        == "SUCCESS"
    )


def test_rows_can_t_be_asked_for_by_a_query(zoho: Zoho) -> None:
    for field in ("Service_Log", "Used_By", "Reviewers", "Documents", "Tag"):
        answer = zoho.query(f"select {field} from Legacy_Assets where id is not null")
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_QUERY"), field


def test_an_upsert_puts_rows_together_too(zoho: Zoho) -> None:
    row = {"Name": "A", "Legacy_ID": "1", "Service_Log": [VISIT]}

    answers = [
        only(zoho.upsert([row], "Legacy_Assets", duplicate_check_fields=["Legacy_ID"])) for _ in range(2)
    ]

    assert [answer["action"] for answer in answers] == ["insert", "update"]
    assert len(shown(zoho, answers[0]["details"]["id"], "Service_Log")) == 2


STRANGE: list[Any] = [
    *(0, 1.5, True, "", "text", [], {}, [[]], [None], [{}], [1], {"id": None}, {"id": {}}, {"id": []}),
    *(
        [{"id": {}}],
        [{"id": None}],
        [{"_delete": None}],
        [{"Used_By": None}],
        [{"Used_By": {"id": "9" * 5000}}],
    ),
    *(
        [{"type": []}],
        [{"type": "contact", "participant": "9" * 5000}],
        [{"type": "user", "participant": {}}],
    ),
    *([{"name": {}}], [{"File_Id__s": []}], {"RRULE": None}, {"ALARM": []}, [{"unit": None, "period": {}}]),
    *([{"Service_Date": {}}], [{"Reviewers": []}], {"id": "9" * 5000}, [{"Service_Log": [{}]}]),
]


@pytest.mark.parametrize(
    ("module", "fields"),
    [
        (
            "Legacy_Assets",
            [
                "Used_By",
                "Reviewers",
                "Service_Log",
                "Documents",
                "Photos",
                "Tag",
                "Layout",
                "Account",
                "Owner",
            ],
        ),
        ("Events", ["Participants", "Recurring_Activity", "Remind_At", "What_Id", "Who_Id", "$se_module"]),
        ("Tasks", ["Recurring_Activity", "Remind_At", "What_Id"]),
        ("Calls", ["Call_Duration", "Call_Type", "Outbound_Call_Status"]),
    ],
)
def test_whatever_comes_is_answered_row_by_row(zoho: Zoho, module: str, fields: list[str]) -> None:
    for field in fields:
        rows = [{field: value, "$se_module": value} for value in STRANGE]
        answer = zoho.insert(rows, module)
        assert answer.status_code in (201, 207, 400), field
        assert len(answer.json()["data"]) == len(rows)


def test_a_test_can_add_a_subform_only_of_a_module_that_is_there(zoho: Zoho) -> None:
    field = {"api_name": "More", "data_type": "subform", "subform": "Nowhere"}

    assert zoho.http.post("/_emulator/fields/Accounts", json=field).status_code == 400
    zoho.act("fields/Accounts", {**field, "subform": "Service_Log"})
    (account,) = zoho.created([{"Account_Name": "A", "More": [VISIT]}], "Accounts")
    assert zoho.record(account, "Accounts")["More"][0]["Work"] == "Oil"
