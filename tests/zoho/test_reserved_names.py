"""Queries of ours about names that COQL takes for its own words: quoted, bare, and remembered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import orjson
import pytest

from tests.zoho.fakes import FakeZoho, rig
from zmigrate.errors import Fatal

FOUND = {"id": "7", "Stage_Word": "a"}


def refused(code: str) -> httpx.Response:
    return httpx.Response(400, json={"code": code, "details": {}, "message": "m", "status": "error"})


def queries(zoho: FakeZoho) -> list[str]:
    return [
        orjson.loads(request.content)["select_query"]
        for request in zoho.requests
        if request.url.path.endswith("/coql")
    ]


def org_that(understands: Callable[[str], bool], code: str = "SYNTAX_ERROR") -> FakeZoho:
    def answer(request: httpx.Request) -> httpx.Response:
        if not understands(orjson.loads(request.content)["select_query"]):
            return refused(code)
        return httpx.Response(200, json={"data": [FOUND], "info": {"more_records": False}})

    return FakeZoho([answer] * 6)


def test_a_name_that_only_zoho_takes_for_a_word_is_quoted_at_the_second_try_and_from_then_on(
    tmp_path: Path,
) -> None:
    with rig(tmp_path, org_that(lambda query: "'Stage_Word' in" in query)) as wire:
        first = wire.crm.find("Leads", "Stage_Word", ["a"])
        second = wire.crm.find("Leads", "Stage_Word", ["b"])

    assert (first, second) == ([FOUND], [FOUND])
    assert ["'Stage_Word' in" in query for query in queries(wire.zoho)] == [False, True, True]


@pytest.mark.parametrize("code", ["SYNTAX_ERROR", "INVALID_QUERY"])
def test_a_word_that_zoho_refuses_in_quotes_is_asked_for_without(tmp_path: Path, code: str) -> None:
    with rig(tmp_path, org_that(lambda query: "where Order in" in query, code)) as wire:
        found = wire.crm.find("Leads", "Order", ["a"])

    assert found == [FOUND]
    assert "'Order'" in queries(wire.zoho)[0]
    assert "'" not in queries(wire.zoho)[-1].replace("('a')", "")


def test_a_query_that_is_never_understood_ends_with_the_first_refusal(tmp_path: Path) -> None:
    with rig(tmp_path, org_that(lambda query: False)) as wire, pytest.raises(Fatal) as raised:
        wire.crm.find("Leads", "Order", ["a"])

    assert raised.value.code == "SYNTAX_ERROR"
    assert len(queries(wire.zoho)) == 3


def test_an_invalid_query_without_a_quoted_name_is_not_asked_again(tmp_path: Path) -> None:
    with rig(tmp_path, org_that(lambda query: False, "INVALID_QUERY")) as wire, pytest.raises(Fatal):
        wire.crm.find("Leads", "Secret", ["a"])

    assert len(queries(wire.zoho)) == 1


def test_the_module_is_quoted_in_every_query_of_ours(tmp_path: Path) -> None:
    with rig(tmp_path, org_that(lambda query: " from 'Order' " in query)) as wire:
        assert not wire.crm.is_empty("Order")
        wire.crm.count("Order")
        list(wire.crm.select("Order", ["id", "Group"]))
        list(wire.crm.query("select Amount from Order"))

    assert all(" from 'Order' " in query for query in queries(wire.zoho))
    assert "select id, 'Group' from" in queries(wire.zoho)[2]
