from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmigrate.errors import UsageError
from zmigrate.zoho.coql import can_query, in_query, parse, quote, ways_to_write, written


def test_a_quote_inside_a_text_is_doubled() -> None:
    assert quote("O'Brien") == "'O''Brien'"


@given(st.text())
def test_a_quoted_text_never_ends_before_its_end(text: str) -> None:
    quoted = quote(text)

    assert quoted[0] == quoted[-1] == "'"
    assert quoted[1:-1].replace("''", "").count("'") == 0


@pytest.mark.parametrize("value", ["a\\b", "two\nlines", "", "  ", "nul\x00", "del\x7f", "sep\u2028arator"])
def test_what_must_not_stand_in_a_query(value: str) -> None:
    assert not can_query(value)


@pytest.mark.parametrize("value", ["plain", "O'Brien", 'say "hi"', "Ærøskøbing 漢字", "100%", "a_b", 17])
def test_what_may_stand_in_a_query(value: str | int) -> None:
    assert can_query(value)


def test_a_look_up_names_id_key_and_extras_once_each() -> None:
    query = in_query(("Legacy_ID", "Created_Time", "Legacy_ID"), "Leads", "Legacy_ID", ["a", "O'B", 7])

    assert query == "select id, Legacy_ID, Created_Time from Leads where Legacy_ID in ('a', 'O''B', 7)"


def test_a_look_up_takes_fifty_values_at_most_and_none_that_is_not_understood() -> None:
    in_query((), "Leads", "K", [str(number) for number in range(50)])
    for values in ([], [str(number) for number in range(51)], ["a\\b"]):
        with pytest.raises(ValueError, match="value"):
            in_query((), "Leads", "K", values)
    with pytest.raises(UsageError):
        in_query((), "Leads; drop", "K", ["a"])


def test_a_query_without_order_and_limit_goes_on_by_id() -> None:
    select = parse("select Last_Name from Leads where (A = 1 and B = 'x') and C is null")

    assert select.pages_by_id
    assert select.page(None) == (
        "select id, Last_Name from Leads where (A = 1 and B = 'x') and C is null order by id asc limit 2000"
    )
    assert select.page("99", 10) == (
        "select id, Last_Name from Leads where ((A = 1 and B = 'x') and C is null) and id > '99'"
        " order by id asc limit 10"
    )


def test_a_query_without_a_condition_gets_the_one_that_zoho_demands() -> None:
    assert parse("select id from Leads").page(None) == (
        "select id from Leads where id is not null order by id asc limit 2000"
    )


def test_words_inside_quotes_and_brackets_are_no_clauses() -> None:
    select = parse(
        "SELECT id FROM Leads WHERE City = 'limit 5 order by' and (X in ('where', 'it''s limit 3'));"
    )

    assert select.tail == ""
    assert select.where == "City = 'limit 5 order by' and (X in ('where', 'it''s limit 3'))"


@pytest.mark.parametrize(
    ("query", "bounds", "window"),
    [
        (
            "select A from Leads where B > 1 order by A desc limit 5000",
            (0, 5000),
            "select id, A from Leads where B > 1 order by A desc limit 2000 offset 4000",
        ),
        (
            "select A from Leads where B > 1 limit 10, 30",
            (10, 30),
            "select id, A from Leads where B > 1 limit 2000 offset 4000",
        ),
        (
            "select A from Leads where B > 1 limit 30 offset 10",
            (10, 30),
            "select id, A from Leads where B > 1 limit 2000 offset 4000",
        ),
        (
            "select count(id) from Leads where B > 1",
            (0, None),
            "select count(id) from Leads where B > 1 limit 2000 offset 4000",
        ),
        (
            "select City, count(id) from Leads where B > 1 group by City",
            (0, None),
            "select City, count(id) from Leads where B > 1 group by City limit 2000 offset 4000",
        ),
    ],
)
def test_a_query_with_its_own_order_or_limit_is_cut_by_offset(
    query: str, bounds: tuple[int, int | None], window: str
) -> None:
    select = parse(query)

    assert not select.pages_by_id
    assert select.bounds() == bounds
    assert select.window(4000, 2000) == window


@pytest.mark.parametrize(
    "query",
    ["", "delete from Leads", "select from Leads", "select id from", "select id from Leads as l", "hello"],
)
def test_what_is_no_query_is_refused_with_the_right_shape(query: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(query)

    assert "select id" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["External", "Order", "GROUP", "from", "Limit", "Desc"])
def test_a_name_that_is_a_reserved_word_stands_in_quotes(name: str) -> None:
    assert written(name) == f"'{name}'"


@pytest.mark.parametrize("name", ["Last_Name", "Name", "Email", "Orders", "Account_Name.Parent_Account.id"])
def test_any_other_name_stands_as_it_is(name: str) -> None:
    assert written(name) == name


def test_a_look_up_quotes_the_reserved_words_among_its_names() -> None:
    assert in_query(("External", "Stage"), "Order", "External", ["a"]) == (
        "select id, 'External', Stage from 'Order' where 'External' in ('a')"
    )


def test_names_are_written_as_the_table_says_then_quoted_then_bare() -> None:
    def written_as(*names: str) -> list[list[str]]:
        return [[write(name) for name in names] for write in ways_to_write(names)]

    assert written_as("Leads", "Email", "id") == [["Leads", "Email", "id"], ["'Leads'", "'Email'", "id"]]
    assert written_as("Order", "Email") == [["'Order'", "Email"], ["'Order'", "'Email'"], ["Order", "Email"]]
    assert written_as("Order") == [["'Order'"], ["Order"]]


@pytest.mark.parametrize(
    ("written_by", "source"), [("Order", "'Order'"), ("'Leads'", "'Leads'"), ('"Order"', '"Order"')]
)
def test_an_authors_query_keeps_its_quotes_and_gets_those_that_its_module_lacks(
    written_by: str, source: str
) -> None:
    select = parse(f"select 'External', Stage from {written_by} where 'External' is not null")

    assert select.names == ("External", "Stage")
    assert select.page(None, 10) == (
        f"select id, 'External', Stage from {source} where 'External' is not null order by id asc limit 10"
    )
