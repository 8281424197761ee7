"""Query: Zoho itself as a source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from zmigrate.errors import InternalError, SourceError
from zmigrate.rows.sources import Cursor, Query
from zmigrate.rows.sources.query import record_mark
from zmigrate.zoho.crm import Crm

SELECT = "select id, Billing_Country from Accounts where Region is null"


class Answers:
    """A Crm that knows ids 1 to 5."""

    def query(self, select: str, *, after: str | None = None) -> Iterator[dict[str, Any]]:
        assert select == SELECT
        return ({"id": str(number), "Billing_Country": "x"} for number in range(int(after or 0) + 1, 6))


def test_a_query_knows_its_module_columns_and_scopes() -> None:
    query = Query(SELECT)
    assert (query.module, query.columns, query.stable) == ("Accounts", ("id", "Billing_Country"), False)
    assert set(query.scopes) == {"ZohoCRM.coql.READ", "ZohoCRM.modules.accounts.READ"}
    assert Query("select Last_Name from Leads").columns == ("id", "Last_Name")


def test_rows_go_on_behind_the_last_id_and_are_numbered_on() -> None:
    crm = cast(Crm, Answers())
    query = Query(SELECT)
    rows = list(query.rows(Cursor(2, "3"), crm))
    assert [(row.number, row.values["id"]) for row in rows] == [(3, "4"), (4, "5")]
    assert record_mark(rows[-1]) == "5"
    assert [row.number for row in query.rows(crm=crm)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "tail", ["order by Last_Name", "limit 10", "limit 5 offset 2", "where a is null ORDER BY id"]
)
def test_order_and_limit_are_refused(tail: str) -> None:
    with pytest.raises(SourceError, match="in the order of ids"):
        Query(f"select id from Leads {tail}")


@pytest.mark.parametrize("select", ["", "update Leads", "select from Leads", "select id Leads"])
def test_what_is_no_select_is_refused_with_the_right_shape(select: str) -> None:
    with pytest.raises(SourceError) as error:
        Query(select)
    assert 'Query("select id, Billing_Country from Accounts' in (error.value.hint or "")


def test_an_aggregate_is_no_source_of_records() -> None:
    with pytest.raises(SourceError):
        Query("select count(id) from Leads where id is not null")


def test_words_inside_quotes_are_left_alone() -> None:
    assert Query("select id from Leads where Company = 'order by limit 5'").module == "Leads"


def test_another_query_is_refused_on_resume() -> None:
    then = Query(SELECT).scan()
    Query(SELECT).check(then)
    assert then.rows is None
    with pytest.raises(SourceError, match="the query has changed"):
        Query("select id from Accounts").check(then)


def test_a_query_without_a_connection_is_our_own_fault() -> None:
    with pytest.raises(InternalError):
        next(Query(SELECT).rows())
