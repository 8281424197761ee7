"""Get one, lists with pages and page tokens, deleted records, count."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.zoho import Zoho, lead


def seeded(zoho: Zoho, count: int) -> list[str]:
    ids: list[str] = zoho.act("records/Leads", {"data": [lead(number) for number in range(count)]})["ids"]
    return ids


def page(zoho: Zoho, **params: Any) -> dict[str, Any]:
    answer = zoho.get("/Leads", **{"fields": "Last_Name", **params})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_record_is_read_with_names_of_what_it_refers_to(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead(1, First_Name="Ada")])

    record = zoho.record(record_id)

    assert record["Full_Name"] == "Ada Name 1"
    assert record["Owner"] == {
        "name": "Mira Berger",
        "id": record["Created_By"]["id"],
        "email": "mira.berger@example.com",
    }
    assert record["Created_Time"].endswith("+02:00")
    assert "Old_Fax_Number" not in record


def test_an_unknown_id_is_invalid_or_no_content_by_switch(zoho: Zoho) -> None:
    answer = zoho.get("/Leads/123")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_DATA")

    zoho.set(unknown_id_status="204")

    assert zoho.get("/Leads/123").status_code == 204
    assert zoho.get("/Leads/abc").status_code == 400


def test_a_list_needs_fields_at_most_50(zoho: Zoho) -> None:
    none = zoho.get("/Leads")
    many = zoho.get("/Leads", fields=",".join(f"f{number}" for number in range(51)))

    assert none.json()["code"] == "REQUIRED_PARAM_MISSING"
    assert none.json()["details"] == {"param_name": "fields"}
    assert many.json()["code"] == "LIMIT_EXCEEDED"
    assert many.json()["details"] == {"limit": 50, "param_name": "fields"}


def test_an_empty_module_has_no_content(zoho: Zoho) -> None:
    answer = zoho.get("/Leads", fields="id")

    assert (answer.status_code, answer.content) == (204, b"")


def test_page_tokens_lead_through_all_records_newest_first(zoho: Zoho) -> None:
    ids = seeded(zoho, 450)

    seen, token, numbers = [], None, []
    while True:
        body = page(zoho, **({"page_token": token} if token else {}))
        seen += [row["id"] for row in body["data"]]
        numbers.append((body["info"]["page"], body["info"]["count"], body["info"]["more_records"]))
        token = body["info"]["next_page_token"]
        if token is None:
            break

    assert seen == ids[::-1]
    assert numbers == [(1, 200, True), (2, 200, True), (3, 50, False)]


def test_a_list_sorts_by_id_or_time_either_way(zoho: Zoho) -> None:
    ids = seeded(zoho, 3)
    zoho.act("records/Leads", {"data": [lead(9)], "created_time": "2001-01-01T00:00:00+00:00"})

    ascending = page(zoho, sort_by="id", sort_order="asc", per_page=2)
    following = page(
        zoho, sort_by="id", sort_order="asc", per_page=2, page_token=ascending["info"]["next_page_token"]
    )
    oldest = page(zoho, sort_by="Created_Time", sort_order="asc", per_page=1)

    assert [row["id"] for row in ascending["data"]] == ids[:2]
    assert following["data"][0]["id"] == ids[2]
    assert oldest["data"][0]["Last_Name"] == "Name 9"
    rest = page(
        zoho,
        sort_by="Created_Time",
        sort_order="asc",
        per_page=1,
        page_token=oldest["info"]["next_page_token"],
    )
    assert rest["data"][0]["id"] == ids[0]


def test_pages_by_number_end_at_2000_records(zoho: Zoho) -> None:
    seeded(zoho, 3)
    assert page(zoho, page=2, per_page=2)["info"]["count"] == 1

    answer = zoho.get("/Leads", fields="id", page=11)

    assert answer.json()["code"] == "DISCRETE_PAGINATION_LIMIT_EXCEEDED"


def test_a_page_token_is_bound_to_the_other_parameters(zoho: Zoho) -> None:
    seeded(zoho, 3)
    token = page(zoho, per_page=1)["info"]["next_page_token"]

    altered = zoho.get("/Leads", fields="Last_Name,City", per_page=1, page_token=token)
    invented = zoho.get("/Leads", fields="Last_Name", page_token="abc")
    both = zoho.get("/Leads", fields="Last_Name", per_page=1, page=1, page_token=token)

    assert altered.json()["code"] == "TOKEN_BOUND_DATA_MISMATCH"
    assert invented.json()["code"] == "TOKEN_BOUND_DATA_MISMATCH"
    assert both.json()["code"] == "AMBIGUITY_DURING_PROCESSING"
    assert page(zoho, per_page=1, page_token=token)["info"]["page"] == 2


def test_a_page_token_ends_after_a_day(zoho: Zoho) -> None:
    seeded(zoho, 2)
    token = page(zoho, per_page=1)["info"]["next_page_token"]
    zoho.set(clock_skew_s=90_000.0)

    assert zoho.get("/Leads", fields="Last_Name", per_page=1, page_token=token).json()["code"] == (
        "EXPIRED_VALUE"
    )


def test_page_tokens_end_at_the_cap(zoho: Zoho) -> None:
    zoho.set(page_cap=4)
    seeded(zoho, 6)
    first = page(zoho, per_page=2)
    second = page(zoho, per_page=2, page_token=first["info"]["next_page_token"])

    answer = zoho.get("/Leads", fields="Last_Name", per_page=2, page_token=second["info"]["next_page_token"])

    assert answer.json()["code"] == "PAGINATION_LIMIT_EXCEEDED"


def test_a_list_may_say_that_there_is_more_and_give_no_page_token(zoho: Zoho) -> None:
    ids = seeded(zoho, 5)
    zoho.set(page_tokens="withheld")

    pages = [page(zoho, sort_by="id", sort_order="asc", per_page=2, page=number) for number in (1, 2, 3)]

    assert [one["info"]["more_records"] for one in pages] == [True, True, False]
    for name in ("next_page_token", "page_token_expiry"):
        assert [one["info"][name] for one in pages] == [None, None, None]
    assert [row["id"] for one in pages for row in one["data"]] == ids
    assert zoho.get("/Leads", fields="id", page=11).json()["code"] == "DISCRETE_PAGINATION_LIMIT_EXCEEDED"


def test_ids_pick_records(zoho: Zoho) -> None:
    ids = seeded(zoho, 5)

    assert {row["id"] for row in page(zoho, ids=f"{ids[1]},{ids[3]}")["data"]} == {ids[1], ids[3]}


@pytest.mark.parametrize(
    ("params", "name"),
    [({"per_page": 201}, "per_page"), ({"sort_by": "City"}, "sort_by"), ({"cvid": "1"}, "cvid")],
)
def test_a_bad_parameter_is_named(zoho: Zoho, params: dict[str, Any], name: str) -> None:
    answer = zoho.get("/Leads", fields="id", **params)

    assert answer.json()["code"] == "INVALID_DATA"
    assert answer.json()["details"]["param_name"] == name


def test_only_what_was_modified_since_is_listed_else_304(zoho: Zoho) -> None:
    zoho.act("records/Leads", {"data": [lead(1)], "created_time": "2001-01-01T00:00:00+00:00"})

    old = zoho.get("/Leads", fields="id", headers={"If-Modified-Since": "2000-01-01T00:00:00+00:00"})
    new = zoho.get("/Leads", fields="id", headers={"If-Modified-Since": "2002-01-01T00:00:00+00:00"})

    assert len(old.json()["data"]) == 1
    assert (new.status_code, new.content) == (304, b"")


def test_deleted_records_are_listed(zoho: Zoho) -> None:
    assert zoho.get("/Leads/deleted").status_code == 204
    (record_id,) = zoho.created([lead(1)])
    zoho.delete([record_id])

    (gone,) = zoho.get("/Leads/deleted", type="recycle").json()["data"]

    assert (gone["id"], gone["display_name"], gone["type"]) == (record_id, "Name 1", "recycle")
    assert zoho.get("/Leads/deleted", type="permanent").status_code == 204


def test_records_are_counted(zoho: Zoho) -> None:
    seeded(zoho, 7)

    assert zoho.get("/Leads/actions/count").json() == {"count": 7}
