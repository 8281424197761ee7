"""A 2xx without the list that a read promises is no answer; only 204 means that there is nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.zoho.fakes import FakeZoho, Reply, refused, rig
from zmigrate.errors import Fatal, InDoubt, Outage, ReadFailed
from zmigrate.zoho.answers import Call, decode, judge
from zmigrate.zoho.crm import Crm
from zmigrate.zoho.facts.promises import promised_list, promises_count
from zmigrate.zoho.redaction import Redactor

PATHS = {
    "/crm/v8/coql": "data",
    "/crm/v8/Leads": "data",
    "/crm/v8/Leads/5545974000000001": "data",
    "/crm/v8/Leads/deleted": "data",
    "/crm/v8/Leads/search": "data",
    "/crm/v8/Deals/5545974000000001/Notes": "data",
    "/crm/v8/users": "users",
    "/crm/v8/org": "org",
    "/crm/v8/settings/fields": "fields",
    "/crm/v8/settings/layouts": "layouts",
    "/crm/v8/settings/modules": "modules",
    "/crm/v8/settings/modules/Leads": "modules",
}
NO_ANSWERS: dict[str, bytes] = {
    "nothing": b"",
    "an empty object": b"{}",
    "null for the list": b'{"data":null,"users":null,"org":null,"fields":null,"layouts":null,"modules":null}',
    "null": b"null",
    "a list": b"[]",
    "a text": b'"ok"',
    "a number": b"1",
    "HTML": b"<html><body>Please wait</body></html>",
    "half a body": b'{"data":[{"id":"1"},{"i',
    "a list of no records": b'{"data":[null],"users":[1],"org":[2],"fields":[[]],"layouts":[3],"modules":[""]}',  # noqa: E501  one body
    "an object for the list": b'{"data":{},"users":{},"org":{},"fields":{},"layouts":{},"modules":{}}',
}


def read(path: str) -> Call:
    return Call("POST" if path.endswith("/coql") else "GET", path, repeatable=True)


@pytest.mark.parametrize("path", PATHS)
def test_what_a_path_promises_is_known(path: str) -> None:
    assert promised_list(path) == PATHS[path]


def test_of_a_path_that_is_not_known_an_object_is_enough() -> None:
    call = read("/crm/v8/settings/variables")

    assert promised_list(call.path) is None
    assert judge(call, 200, {"variables": []}) == {"variables": []}
    with pytest.raises(InDoubt):
        judge(call, 200, None)


def test_a_count_is_a_number() -> None:
    call = read("/crm/v8/Leads/actions/count")

    assert promises_count(call.path)
    assert judge(call, 200, {"count": 0}) == {"count": 0}
    with pytest.raises(InDoubt, match="has no count"):
        judge(call, 200, {})


@pytest.mark.parametrize("what", NO_ANSWERS)
@pytest.mark.parametrize("path", PATHS)
def test_a_2xx_without_the_promised_list_is_no_answer(path: str, what: str) -> None:
    for status in (200, 201, 207):
        with pytest.raises(InDoubt):
            judge(read(path), status, decode(NO_ANSWERS[what], Redactor()))


@pytest.mark.parametrize("path", PATHS)
def test_204_and_an_empty_list_mean_that_there_is_nothing(path: str) -> None:
    assert judge(read(path), 204, None) is None
    assert judge(read(path), 200, {PATHS[path]: []}) == {PATHS[path]: []}


def test_records_that_a_reading_goes_on_behind_must_have_ids() -> None:
    call = Call("POST", "/crm/v8/coql", by_id=True)

    for record_id in ("1", 5545974000000001, " 7 "):
        judge(call, 200, {"data": [{"id": record_id}]})
    for record_id in (None, "", "x1", True, 1.5, ["1"]):
        with pytest.raises(InDoubt, match="without an id"):
            judge(call, 200, {"data": [{"id": "1"}, {"id": record_id}]})


READS: dict[str, Callable[[Crm], Any]] = {
    "query": lambda crm: list(crm.query("select id from Leads where Email is null")),
    "query with a limit": lambda crm: list(crm.query("select id from Leads where Email is null limit 5")),
    "find": lambda crm: crm.find("Leads", "Legacy_ID", ["a"]),
    "is_empty": lambda crm: crm.is_empty("Leads"),
    "records_by_id": lambda crm: crm.records_by_id("Leads", ["1"], ["id"]),
    "record": lambda crm: crm.record("Leads", "1"),
    "records": lambda crm: list(crm.records("Leads", ["id"])),
    "users": lambda crm: list(crm.users()),
    "current_user": lambda crm: crm.current_user(),
    "fields": lambda crm: crm.fields("Leads"),
    "layouts": lambda crm: crm.layouts("Leads"),
    "modules": lambda crm: crm.modules(),
    "org": lambda crm: crm.org(),
}


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("what", ["nothing", "an empty object", "null for the list", "HTML"])
def test_a_read_that_gets_no_answer_is_repeated_until_it_gets_one(
    tmp_path: Path, name: str, what: str
) -> None:
    no_answer = httpx.Response(200, content=NO_ANSWERS[what])
    lists = {"data": [], "users": [], "fields": [], "layouts": [], "modules": []}
    good = httpx.Response(200, json={**lists, "org": [{"id": "1", "zgid": "7"}], "info": {}})
    answered: list[Any] = []

    with rig(tmp_path, FakeZoho([no_answer, no_answer, good])) as wire:
        answered.append(READS[name](wire.crm))

    assert answered
    assert wire.transport.retried == 2


def fails_here_only(path: str, reply: Reply) -> FakeZoho:
    """Answers this path so for ever, and GET /org as it should be."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/crm/v8/org":
            return httpx.Response(200, json={"org": [{"id": "1"}]})
        assert isinstance(reply, httpx.Response)
        assert request.url.path == path
        return httpx.Response(reply.status_code, content=reply.content)

    return FakeZoho([answer])


def test_a_read_that_never_gets_an_answer_while_others_do_fails_and_says_what_came(tmp_path: Path) -> None:
    zoho = fails_here_only("/crm/v8/coql", httpx.Response(200))

    with rig(tmp_path, zoho) as wire, pytest.raises(ReadFailed, match="/coql is empty") as caught:
        wire.crm.is_empty("Leads")

    assert caught.value.exit_code == 4
    assert len([request for request in zoho.requests if request.url.path == "/crm/v8/coql"]) == 8


def test_a_server_that_answers_everything_with_an_empty_200_is_an_outage(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho([httpx.Response(200)])) as wire, pytest.raises(Outage, match="is empty"):
        wire.crm.is_empty("Leads")


def test_an_unusable_answer_to_one_write_again_and_again_is_handed_back_as_a_doubt(tmp_path: Path) -> None:
    zoho = fails_here_only("/crm/v8/Leads/upsert", httpx.Response(200, json={}))
    upsert = Call("POST", "/crm/v8/Leads/upsert", content=b"{}", expect=2, repeatable=True)

    with rig(tmp_path, zoho) as wire, pytest.raises(InDoubt) as caught:
        wire.transport.send(upsert)

    assert (caught.value.by_zoho, caught.value.others_answered) == (True, True)


# -- more_records that is not kept ---------------------------------------------------------------------


def page(*ids: object, **info: Any) -> httpx.Response:
    return httpx.Response(200, json={"data": [{"id": one} for one in ids], "info": info})


def ids_of(rows: Any) -> list[str]:
    return [str(row["id"]) for row in rows]


def test_a_list_that_goes_on_without_a_page_token_stops_loudly(tmp_path: Path) -> None:
    """By page number, records that are deleted meanwhile would move others to pages that were read."""
    for token in ({"next_page_token": None}, {}):
        first = page(*range(400, 200, -1), more_records=True, **token)
        found: list[str] = []
        with rig(tmp_path, FakeZoho([first])) as wire, pytest.raises(ReadFailed, match="has more than"):
            found.extend(row["id"] for row in wire.crm.records("Leads", ["id"]))
        assert len(wire.zoho.requests) == 1


@pytest.mark.parametrize(
    "endless",
    [page(more_records=True), page(1, 2, more_records=True), page(more_records=True, next_page_token="t")],
    ids=["empty pages", "the same page", "empty pages with a token"],
)
def test_pages_that_bring_nothing_new_stop_loudly(tmp_path: Path, endless: httpx.Response) -> None:
    for read_all in (
        lambda crm: list(crm.records("Leads", ["id"])),
        lambda crm: list(crm.query("select id from Leads where id is not null")),
    ):
        with rig(tmp_path, FakeZoho([endless])) as wire, pytest.raises(ReadFailed):
            read_all(wire.crm)
        assert len(wire.zoho.requests) <= 3


def test_users_go_on_as_long_as_there_are_more_and_stop_loudly_where_they_do_not_come(tmp_path: Path) -> None:
    first = httpx.Response(200, json={"users": [{"id": "1"}], "info": {"more_records": True}})
    none = httpx.Response(204)

    with rig(tmp_path, FakeZoho([first, none])) as wire:
        assert ids_of(wire.crm.users()) == ["1"]
    with rig(tmp_path, FakeZoho([first, first])) as wire, pytest.raises(ReadFailed):
        list(wire.crm.users())


def test_a_query_whose_answer_does_not_say_whether_there_is_more_goes_on_to_the_end(tmp_path: Path) -> None:
    silent: list[Reply] = [
        httpx.Response(200, json={"data": [{"id": str(number)} for number in range(1, 201)]}),
        httpx.Response(200, json={"data": [{"id": 201}], "info": None}),
        httpx.Response(204),
    ]

    with rig(tmp_path, FakeZoho(silent)) as wire:
        assert len(ids_of(wire.crm.query("select id from Leads where id is not null"))) == 201


def test_ids_that_come_as_numbers_are_texts(tmp_path: Path) -> None:
    numbers = page(5545974000000000001, 5545974000000000003, more_records=False)

    with rig(tmp_path, FakeZoho([numbers])) as wire:
        found = wire.crm.records_by_id("Leads", ["5545974000000000001"], ["id"])
    assert list(found) == ["5545974000000000001", "5545974000000000003"]


def test_a_record_that_is_not_there_is_none_and_another_refusal_is_not(tmp_path: Path) -> None:
    gone = refused("INVALID_DATA", 400, id="1")

    with rig(tmp_path, FakeZoho([gone])) as wire:
        assert wire.crm.record("Leads", "1") is None
    with rig(tmp_path, FakeZoho([refused("INVALID_QUERY", 400)])) as wire, pytest.raises(Fatal):
        wire.crm.record("Leads", "1")
