"""Writes whose answers are wanted in brief: who gets `done`, and who the whole answer."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.zoho.fakes import FakeZoho, Reply, created, records_answer, refused, rig
from zmigrate.errors import Fatal, InDoubt, RefusedError, ZmigrateError
from zmigrate.zoho.answers import Answer

REFUSED_ROW = {"code": "INVALID_DATA", "details": {"api_name": "Email"}, "message": "no", "status": "error"}
GOOD = records_answer(created(1), created(2))


def write(folder: Path, *replies: Reply, rows: int = 2, brief: bool = True) -> Answer:
    with rig(folder, FakeZoho(list(replies))) as wire:
        return wire.crm.write("Leads", "upsert", b"{}", rows=rows, repeatable=True, brief=brief)


def ids(answer: Answer) -> list[str] | None:
    return None if answer.done is None else [one.details.id for one in answer.done]


@pytest.mark.parametrize("status", [200, 201])
def test_a_plain_success_has_what_was_done_and_no_body(tmp_path: Path, status: int) -> None:
    answer = write(tmp_path, records_answer(created(1), created(2), status=status))

    assert (answer.status, answer.body, ids(answer)) == (status, None, ["1", "2"])


def test_an_upsert_says_of_each_record_what_it_did(tmp_path: Path) -> None:
    rows = [{**created(1), "action": "insert"}, {**created(2), "action": "update"}]
    answer = write(tmp_path, records_answer(*rows, status=200))

    assert [one.action for one in answer.done or ()] == ["insert", "update"]


def test_a_compressed_answer_is_read_like_any_other(tmp_path: Path) -> None:
    def packed(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-encoding": "gzip"}, content=gzip.compress(GOOD.content))

    assert ids(write(tmp_path, packed)) == ["1", "2"]


def test_who_does_not_ask_for_it_in_brief_gets_the_whole_answer(tmp_path: Path) -> None:
    answer = write(tmp_path, GOOD, brief=False)

    assert (len(answer.body["data"]), answer.done) == (2, None)


@pytest.mark.parametrize(("status", "good"), [(207, 99), (400, 0), (200, 99)])
def test_refused_records_are_told_in_the_whole_answer(tmp_path: Path, status: int, good: int) -> None:
    data: list[dict[str, Any]] = [created(number) for number in range(good)]
    data += [REFUSED_ROW] * (100 - good)
    answer = write(tmp_path, records_answer(*data, status=status), rows=100)

    assert (answer.body, answer.done) == ({"data": data}, None)


def test_an_id_that_is_a_number_is_handed_on_as_it_is(tmp_path: Path) -> None:
    row = {"code": "SUCCESS", "details": {"id": 7}}

    assert write(tmp_path, records_answer(row), rows=1).body == {"data": [row]}


@pytest.mark.parametrize(
    "trouble", [httpx.ReadError("reset"), httpx.Response(500), httpx.Response(200, text="?")]
)
def test_an_answer_after_a_doubt_is_whole(tmp_path: Path, trouble: Reply) -> None:
    """What the lost request did shows in times and users."""
    answer = write(tmp_path, trouble, GOOD)

    assert (len(answer.body["data"]), answer.done) == (2, None)
    assert answer.doubted_at is not None


@pytest.mark.parametrize("refusal", [refused("TOO_MANY_REQUESTS", 429), httpx.ConnectError("no")])
def test_an_attempt_that_was_not_applied_leaves_no_doubt(tmp_path: Path, refusal: Reply) -> None:
    answer = write(tmp_path, refusal, GOOD)

    assert (ids(answer), answer.attempts) == (["1", "2"], 2)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refused("INVALID_DATA", 200), Fatal),
        (refused("NO_PERMISSION", 403), RefusedError),
        (records_answer(created(1), created(2), status=403), RefusedError),
    ],
)
def test_a_refusal_of_the_whole_is_one_whatever_the_status(
    tmp_path: Path, reply: Reply, kind: type[ZmigrateError]
) -> None:
    with pytest.raises(kind):
        write(tmp_path, reply)


@pytest.mark.parametrize("status", [429, 500])
def test_a_status_that_is_no_success_outweighs_a_body_that_is_one(tmp_path: Path, status: int) -> None:
    answer = write(tmp_path, records_answer(created(1), created(2), status=status), GOOD)

    assert answer.attempts == 2


@pytest.mark.parametrize(
    "reply",
    [records_answer(created(1)), records_answer(*[created(1)] * 3), httpx.Response(201, text="<html>")],
)
def test_an_answer_that_does_not_fit_leaves_a_doubt(tmp_path: Path, reply: Reply) -> None:
    with rig(tmp_path, FakeZoho([reply])) as wire, pytest.raises(InDoubt):
        wire.crm.write("Leads", "insert", b"{}", rows=2, repeatable=False, brief=True)
