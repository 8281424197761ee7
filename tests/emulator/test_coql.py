"""COQL: what it finds, in which order, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.zoho import Zoho

PEOPLE: list[dict[str, Any]] = [
    {
        "Last_Name": "Adams",
        "City": "Cape Town",
        "Legacy_ID": "p1",
        "No_of_Employees": 5,
        "Email": "adams@example.com",
        "Email_Opt_Out": True,
        "First_Contact": "2020-01-01",
    },
    {"Last_Name": "Baker", "City": "Durban", "Legacy_ID": "p2", "No_of_Employees": 50, "Annual_Revenue": 1.5},
    {"Last_Name": "Clark", "City": "durban", "Legacy_ID": "p3", "No_of_Employees": 500},
    {"Last_Name": "O'Neil", "Legacy_ID": "p4", "Interests": ["Hardware", "Software"]},
    {"Last_Name": 'A "quoted" name', "Legacy_ID": "p5", "Old_System_Ref": "back\\slash"},
]


@pytest.fixture
def people(zoho: Zoho) -> Zoho:
    zoho.created(PEOPLE)
    return zoho


def names(zoho: Zoho, condition: str, rest: str = "") -> list[str]:
    answer = zoho.query(f"select Last_Name from Leads where {condition} {rest}")
    assert answer.status_code in (200, 204), answer.text
    return [row["Last_Name"] for row in answer.json()["data"]] if answer.status_code == 200 else []


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("Legacy_ID = 'p2'", ["Baker"]),
        ("Legacy_ID = 'P2'", ["Baker"]),
        ("Legacy_ID in ('p3', 'p1', 'none')", ["Adams", "Clark"]),
        ("City = 'Durban'", ["Baker", "Clark"]),
        ("City != 'Durban'", ["Adams"]),
        ("City not in ('Durban')", ["Adams"]),
        ("City is null", ["O'Neil", 'A "quoted" name']),
        ("City is not null", ["Adams", "Baker", "Clark"]),
        ("Last_Name like '%a%'", ["Adams", "Baker", "Clark", 'A "quoted" name']),
        ("Last_Name like 'a%'", ["Adams", 'A "quoted" name']),
        ("Last_Name not like '%a%'", ["O'Neil"]),
        ("Last_Name = 'O''Neil'", ["O'Neil"]),
        ('Last_Name = "O\'Neil"', ["O'Neil"]),
        ("Last_Name = 'A \"quoted\" name'", ['A "quoted" name']),
        ("No_of_Employees > 5", ["Baker", "Clark"]),
        ("No_of_Employees >= 5 and No_of_Employees < 500", ["Adams", "Baker"]),
        ("No_of_Employees between 5 and 50", ["Adams", "Baker"]),
        ("No_of_Employees not between 5 and 50", ["Clark"]),
        ("Annual_Revenue <= 1.5", ["Baker"]),
        ("Email_Opt_Out = true", ["Adams"]),
        ("First_Contact >= '2019-12-31'", ["Adams"]),
        ("Interests = 'Hardware;Software'", ["O'Neil"]),
        ("Created_Time > '2020-01-01T00:00:00Z' and City is null", ["O'Neil", 'A "quoted" name']),
        ("Created_Time < '2020-01-01T00:00:00+00:00'", []),
        ("((City = 'Durban' and No_of_Employees = 50) or Legacy_ID = 'p1')", ["Adams", "Baker"]),
        ("(City = 'Durban' or City = 'Cape Town') and No_of_Employees = 5", ["Adams"]),
        (
            "((City = 'Durban' or City is null) and Legacy_ID != 'p2') and id is not null",
            ["Clark", "O'Neil", 'A "quoted" name'],
        ),
        ("Old_System_Ref = 'back\\slash'", ['A "quoted" name']),
        ("Full_Name = 'Adams'", ["Adams"]),
    ],
)
def test_conditions(people: Zoho, condition: str, found: list[str]) -> None:
    assert names(people, condition) == found


def test_letter_case_counts_by_switch(people: Zoho) -> None:
    people.set(coql_case_sensitive=True)

    assert names(people, "City = 'Durban'") == ["Baker"]
    assert names(people, "Legacy_ID in ('P1', 'p2')") == ["Baker"]


def test_a_backslash_escapes_by_switch(people: Zoho) -> None:
    people.set(coql_backslash="escape")

    assert names(people, "Last_Name = 'O\\'Neil'") == ["O'Neil"]
    assert names(people, "Old_System_Ref = 'back\\slash'") == []


def test_a_write_may_be_seen_only_later_by_switch(people: Zoho) -> None:
    people.set(coql_lag_s=3600.0)

    assert names(people, "id is not null") == []


def test_rows_come_by_id_unless_ordered(people: Zoho) -> None:
    assert names(people, "City is not null") == ["Adams", "Baker", "Clark"]
    assert names(people, "City is not null", "order by City asc, No_of_Employees desc") == [
        "Adams",
        "Clark",
        "Baker",
    ]
    assert names(people, "City is not null", "order by Last_Name desc") == ["Clark", "Baker", "Adams"]


def test_limit_and_offset_in_both_forms(people: Zoho) -> None:
    assert names(people, "id is not null", "limit 2") == ["Adams", "Baker"]
    assert names(people, "id is not null", "limit 2 offset 1") == ["Baker", "Clark"]
    assert names(people, "id is not null", "limit 1, 2") == ["Baker", "Clark"]
    assert names(people, "id is not null", "order by id desc limit 1") == ['A "quoted" name']


def test_info_tells_whether_there_is_more(people: Zoho) -> None:
    query = "select Last_Name from Leads where id is not null limit"

    assert people.query(f"{query} 2").json()["info"] == {"count": 2, "more_records": True}
    assert people.query(f"{query} 5").json()["info"] == {"count": 5, "more_records": False}


def test_paging_by_id_gives_every_record_once(zoho: Zoho) -> None:
    ids = zoho.act("records/Leads", {"data": [{"Last_Name": str(n)} for n in range(450)]})["ids"]

    seen, last = [], "0"
    while (
        answer := zoho.query(f"select Last_Name from Leads where id > {last} limit 200")
    ).status_code == 200:
        seen += [row["id"] for row in answer.json()["data"]]
        last = seen[-1]

    assert seen == ids


def test_the_id_is_always_in_the_answer_and_lookups_are_ids_only(zoho: Zoho) -> None:
    (account,) = zoho.created([{"Account_Name": "Firm"}], "Accounts")
    (contact,) = zoho.created([{"Last_Name": "A", "Account_Name": {"id": account}}], "Contacts")

    (row,) = zoho.query(
        "select Account_Name, Account_Name.id, Account_Name.Account_Name, Owner, Phone from Contacts"
        f" where Account_Name.id = '{account}'"
    ).json()["data"]

    assert row == {
        "id": contact,
        "Account_Name": {"id": account},
        "Account_Name.id": account,
        "Account_Name.Account_Name": "Firm",
        "Owner": {"id": row["Owner"]["id"]},
        "Phone": None,
    }


def test_conditions_reach_through_lookups_and_owners(zoho: Zoho) -> None:
    (account,) = zoho.created([{"Account_Name": "Firm"}], "Accounts")
    zoho.created([{"Last_Name": "A", "Account_Name": {"id": account}}, {"Last_Name": "B"}], "Contacts")
    user = zoho.get("/users", type="CurrentUser").json()["users"][0]["id"]

    def count(condition: str) -> int:
        answer = zoho.query(f"select count(id) from Contacts where {condition}")
        return int(answer.json()["data"][0]["count(id)"])

    assert count("Account_Name.Account_Name = 'firm'") == 1
    assert count(f"Account_Name = {account}") == 1
    assert count("Account_Name is null") == 1
    assert count(f"Owner.id = '{user}'") == 2
    assert count(f"Created_By = '{user}'") == 2


def test_records_are_found_by_what_they_point_at(zoho: Zoho) -> None:
    firm, other, gone = zoho.created(
        [{"Account_Name": name} for name in ("Firm", "Other", "Gone")], "Accounts"
    )
    first, second, third, _ = zoho.created(
        [{"Last_Name": "A", "Account_Name": {"id": one}} for one in (firm, firm, other, gone)], "Contacts"
    )
    zoho.delete([gone], "Accounts")

    def found(condition: str) -> list[str]:
        answer = zoho.query(f"select Account_Name from Contacts where {condition}")
        return [row["id"] for row in answer.json()["data"]] if answer.status_code == 200 else []

    assert found(f"Account_Name = {firm}") == [first, second]
    assert found(f"Account_Name.id in ('{firm}', '{other}')") == [first, second, third]
    assert found("Account_Name.Account_Name = 'FIRM'") == [first, second]
    assert found("Account_Name.Account_Name in ('Other', 'Gone', 'Nobody')") == [third]
    zoho.update(
        [{"id": first, "Account_Name": {"id": other}}, {"id": third, "Account_Name": None}], "Contacts"
    )
    assert found("Account_Name.Account_Name = 'Other'") == [first]
    assert found(f"(Account_Name = {firm} or Account_Name = {other})") == [first, second]


def test_records_are_counted_also_under_another_name(people: Zoho) -> None:
    plain = people.query("select count(id) from Leads where City is not null").json()
    named = people.query("select COUNT(id) as total from Leads where City is not null").json()

    assert plain["data"] == [{"count(id)": 3}]
    assert named["data"] == [{"total": 3}]


def test_nothing_found_has_no_content(zoho: Zoho) -> None:
    answer = zoho.query("select id from Leads where id is not null")

    assert (answer.status_code, answer.content) == (204, b"")


def test_changed_and_deleted_records_are_found_as_they_are_now(people: Zoho) -> None:
    assert names(people, "Old_System_Ref = 'new'") == []
    first = people.query("select id from Leads where Legacy_ID = 'p1'").json()["data"][0]["id"]
    second = people.query("select id from Leads where Legacy_ID = 'p2'").json()["data"][0]["id"]

    people.update([{"id": first, "Old_System_Ref": "new"}])
    people.delete([second])

    assert names(people, "Old_System_Ref = 'new'") == ["Adams"]
    assert names(people, "Legacy_ID = 'p2'") == []


def test_field_types_come_along_when_asked(people: Zoho) -> None:
    answer = people.query("select Email from Leads where Email is not null", include_meta=["fields"])

    assert answer.json()["fields"]["Email"]["data_type"] == "email"


IN_51 = ", ".join(f"'{number}'" for number in range(51))
LIMITS = "where id is not null limit"
REFUSED = [
    ("select id from Leads", "SYNTAX_ERROR", {"clause": "where"}),
    ("select id Leads where id is not null", "SYNTAX_ERROR", {"clause": "from"}),
    ("id from Leads where id is not null", "SYNTAX_ERROR", {"clause": "select"}),
    ("select id from Leads where id = 1 or id = 2 or id = 3", "SYNTAX_ERROR", {"near": "or"}),
    ("select id from Leads where (id = 1 and id = 2 and id = 3)", "SYNTAX_ERROR", {"near": "and"}),
    ("select id from Leads where (id = 1", "SYNTAX_ERROR", {"near": ""}),
    ("select id from Leads where City = 'open", "SYNTAX_ERROR", {"near": "'open"}),
    ("select id from Leads where City = Durban", "SYNTAX_ERROR", {"near": "Durban"}),
    ("select sum(id) from Leads where id is not null", "SYNTAX_ERROR", {"near": "sum"}),
    ("select Nope from Leads where id is not null", "INVALID_QUERY", {"column_name": "Nope"}),
    (
        "select Old_Fax_Number from Leads where id is not null",
        "INVALID_QUERY",
        {"column_name": "Old_Fax_Number"},
    ),
    ("select id from Leads where Nope = 'x'", "INVALID_QUERY", {"column_name": "Nope"}),
    ("select id from Leads where Description = 'x'", "INVALID_QUERY", {"column_name": "Description"}),
    (
        "select id from Leads where Email_Opt_Out > true",
        "INVALID_QUERY",
        {"reason": "invalid operator found"},
    ),
    ("select id from Nope where id is not null", "INVALID_MODULE", {}),
    ("select id, id from Leads where id is not null", "DUPLICATE_DATA", {"column_name": "id"}),
    ("select id from Leads where No_of_Employees = 'x'", "INVALID_DATA", {"expected_data_type": "double"}),
    ("select id from Leads where Created_Time = 'x'", "INVALID_DATA", {"expected_data_type": "datetime"}),
    ("select id from Leads where City = 5", "INVALID_DATA", {"expected_data_type": "string"}),
    ("select id from Leads where id = 'x'", "INVALID_DATA", {"expected_data_type": "bigint"}),
    (f"select id from Leads where City in ({IN_51})", "LIMIT_EXCEEDED", {"limit": 50}),
    (f"select id from Leads {LIMITS} 0", "INVALID_DATA", {}),
    (f"select id from Leads {LIMITS} 2001", "LIMIT_EXCEEDED", {"limit": 2000}),
    (f"select id from Leads {LIMITS} 2000 offset 99000", "LIMIT_EXCEEDED", {"limit": 100000}),
    (f"select id from Leads {LIMITS} 1.5", "INVALID_QUERY", {"limit": "1.5"}),
]


@pytest.mark.parametrize(("text", "code", "details"), REFUSED)
def test_a_query_that_zoho_does_not_take_is_refused(
    people: Zoho, text: str, code: str, details: dict[str, Any]
) -> None:
    answer = people.query(text)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert details.items() <= answer.json()["details"].items()


def test_a_body_without_a_query_is_refused(zoho: Zoho) -> None:
    answer = zoho.http.post("/crm/v8/coql", json={})

    assert (answer.status_code, answer.json()["code"]) == (400, "MANDATORY_NOT_FOUND")
