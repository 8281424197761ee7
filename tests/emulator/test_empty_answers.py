"""Answers with status 200 and no body, or one that is not what the call promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.emulator.zoho import Zoho, lead

NULL_LISTS = {
    "/users": {"users": None},
    "/org": {"org": None},
    "/settings/fields": {"fields": None},
    "/settings/modules/Leads": {"modules": None},
    "/Leads": {"data": None},
    "/Leads/1": {"data": None},
    "/Leads/actions/count": {"count": None},
}


def unreadable(answer: httpx.Response) -> bool:
    try:
        answer.json()
    except ValueError:
        return True
    return False


def test_a_read_can_be_answered_200_without_a_body(zoho: Zoho) -> None:
    zoho.created([lead(1)])
    zoho.script({"method": "GET", "path": "/crm/v8/Leads", "fault": "empty_200"})

    answer = zoho.get("/Leads", fields="id")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "0"
    assert "content-type" not in answer.headers
    assert len(zoho.get("/Leads", fields="id").json()["data"]) == 1


def test_a_write_that_is_answered_so_was_done(zoho: Zoho) -> None:
    zoho.script({"method": "POST", "path": "/crm/v8/Leads", "fault": "empty_200"})

    answer = zoho.insert([lead(1)])

    assert (answer.status_code, answer.content) == (200, b"")
    assert zoho.control("audit", module="Leads")["creates"] == 1
    assert zoho.control("writes")[-1]["applied"] is True


@pytest.mark.parametrize(
    ("shape", "value"), [("object", {}), ("null_list", {"data": None}), ("list", []), ("number", 0)]
)
def test_the_body_can_be_json_of_another_kind(zoho: Zoho, shape: str, value: Any) -> None:
    zoho.script({"path": "/crm/v8/coql", "fault": "empty_200", "shape": shape})

    answer = zoho.query("select id from Leads where id is not null")

    assert (answer.status_code, answer.json()) == (200, value)


def test_the_body_can_be_a_text_or_a_page(zoho: Zoho) -> None:
    zoho.script(
        {"path": "/crm/v8/org", "fault": "empty_200", "shape": "text"},
        {"path": "/crm/v8/org", "fault": "empty_200", "shape": "html"},
    )

    assert isinstance(zoho.get("/org").json(), str)
    page = zoho.get("/org")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert unreadable(page)


def test_the_body_can_be_cut_in_the_middle_with_a_length_that_fits(zoho: Zoho) -> None:
    whole = zoho.get("/org")
    zoho.script({"path": "/crm/v8/*", "fault": "empty_200", "shape": "half", "times": 2})

    half, nothing = zoho.get("/org"), zoho.get("/Leads", fields="id")

    assert whole.content.startswith(half.content)
    assert 0 < len(half.content) < len(whole.content)
    assert int(half.headers["content-length"]) == len(half.content)
    assert (unreadable(half), unreadable(nothing)) == (True, True)


@pytest.mark.parametrize("path", NULL_LISTS)
def test_null_stands_where_the_call_promises_a_list(zoho: Zoho, path: str) -> None:
    zoho.script({"path": f"/crm/v8{path}", "fault": "empty_200", "shape": "null_list"})

    assert zoho.get(path).json() == NULL_LISTS[path]


def test_the_token_endpoint_can_answer_so_too(zoho: Zoho) -> None:
    zoho.script({"path": "/oauth/v2/token", "fault": "empty_200", "shape": "half"})

    answer = zoho.ask_token()

    assert answer.status_code == 200
    assert unreadable(answer)


def test_by_rate_reads_alone_are_answered_so_and_coql_is_a_read(zoho: Zoho) -> None:
    zoho.set(rate_empty_200=1.0, empty_200_body="none")

    assert zoho.insert([lead(1)]).status_code == 201
    for answer in (
        zoho.get("/org"),
        zoho.get("/Leads/1"),
        zoho.query("select id from Leads where id is not null"),
    ):
        assert (answer.status_code, answer.content) == (200, b"")


def test_by_rate_every_kind_of_body_comes_and_the_same_seed_gives_the_same(
    zoho_with: Callable[..., Zoho],
) -> None:
    def bodies() -> list[bytes]:
        zoho = zoho_with(seed=2, rate_empty_200=0.9, zgid="20000000001")
        return [zoho.get("/users", type="CurrentUser").content for _ in range(60)]

    first = bodies()

    assert first == bodies()
    assert len(Counter(first)) == 9  # eight kinds, and the honest one


def test_a_shape_that_is_none_is_refused(zoho: Zoho) -> None:
    entry = {"fault": "empty_200", "shape": "round"}

    answer = zoho.http.post("/_emulator/script", json=[entry])

    assert answer.status_code == 400
    assert "null_list" in answer.json()["error"]
