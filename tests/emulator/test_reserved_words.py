"""Names in queries that are reserved words: they are names only in quotes."""

from __future__ import annotations

import pytest

from tests.emulator.zoho import Zoho

WORDS = ["External", "Order", "Group", "From", "Limit", "Value", "Desc"]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_reserved_word_is_a_column_in_quotes(zoho: Zoho, word: str, quote: str) -> None:
    zoho.act("fields/Leads", {"api_name": word})
    zoho.created([{"Last_Name": name, word: name} for name in ("B", "A")])
    name = f"{quote}{word}{quote}"

    found = zoho.query(f"select {name} from Leads where {name} in ('A', 'B') order by {name}").json()["data"]

    assert [row[word] for row in found] == ["A", "B"]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    "query",
    [
        "select {} from Leads where id is not null",
        "select id from Leads where {} = 'A'",
        "select id from Leads where id is not null order by {}",
        "select Account_Name.{} from Contacts where id is not null",
    ],
)
def test_a_reserved_word_is_no_column_without_quotes(zoho: Zoho, word: str, query: str) -> None:
    for module in ("Leads", "Accounts"):
        zoho.act(f"fields/{module}", {"api_name": word})

    answer = zoho.query(query.format(word))

    assert (answer.status_code, answer.json()["code"]) == (400, "SYNTAX_ERROR")


def test_other_names_may_stand_in_quotes_too(zoho: Zoho) -> None:
    (firm,) = zoho.created([{"Account_Name": "Firm"}], "Accounts")
    zoho.created([{"Last_Name": "A", "Account_Name": {"id": firm}}], "Contacts")

    query = "select 'Last_Name', 'Account_Name.Account_Name' from 'Contacts' where 'Last_Name' = 'A'"
    (row,) = zoho.query(query).json()["data"]

    assert (row["Last_Name"], row["Account_Name.Account_Name"]) == ("A", "Firm")


@pytest.mark.parametrize("name", ["''", "'Last Name'", "'Last_Name or id'", "'1'"])
def test_what_is_no_name_is_none_in_quotes_either(zoho: Zoho, name: str) -> None:
    assert zoho.query(f"select id from Leads where {name} = 'A'").json()["code"] == "SYNTAX_ERROR"


@pytest.mark.parametrize("module", ["Order", "Group"])
def test_a_module_whose_name_is_reserved_is_read_in_quotes(zoho: Zoho, module: str) -> None:
    zoho.act(f"fields/{module}", {"fields": [{"api_name": "Name", "data_type": "text"}]})
    zoho.created([{"Name": "A"}], module)

    (row,) = zoho.query(f"select Name from '{module}' where Name = 'A'").json()["data"]

    assert row["Name"] == "A"
    assert zoho.query(f"select Name from {module} where Name = 'A'").json()["code"] == "SYNTAX_ERROR"


@pytest.mark.parametrize("query", ["select", "select count", "select count(", "select 'Last_Name"])
def test_a_query_that_ends_too_early_is_a_syntax_error(zoho: Zoho, query: str) -> None:
    assert zoho.query(query).json()["code"] == "SYNTAX_ERROR"


def test_a_count_stays_a_count(zoho: Zoho) -> None:
    zoho.created([{"Last_Name": "A"}])

    assert zoho.query("select count(id) from Leads where id is not null").json()["data"] == [{"count(id)": 1}]
