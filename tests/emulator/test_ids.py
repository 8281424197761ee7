"""Ids in answers: texts, or JSON numbers beyond what a double holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

from tests.emulator.zoho import Zoho, lead, whole_asset


def ids_in(value: Any) -> Iterator[Any]:
    """Every value of a key `id`, however deep."""
    if isinstance(value, list):
        for item in value:
            yield from ids_in(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from [item] if name == "id" else ids_in(item)


def kinds(answer: httpx.Response) -> set[type]:
    return {type(one) for one in ids_in(answer.json())}


def test_ids_are_texts_by_default(zoho: Zoho) -> None:
    assert kinds(zoho.insert([lead(1)])) == {str}
    assert kinds(zoho.get("/Leads", fields="Owner")) == {str}


def test_ids_may_be_numbers_in_every_answer(zoho: Zoho) -> None:
    (asset,) = zoho.created([whole_asset(zoho)], "Legacy_Assets")
    (record_id,) = zoho.created([lead(1)])
    zoho.set(ids_as="number")

    answers = [
        zoho.insert([lead(2), lead(1)]),
        zoho.update([{"id": record_id, "City": "Durban"}]),
        zoho.upsert([lead(1)]),
        zoho.get("/Leads", fields="Last_Name,Owner"),
        zoho.get(f"/Legacy_Assets/{asset}"),
        zoho.query("select id, Owner from Leads where id is not null"),
        zoho.get("/users"),
        zoho.get("/org"),
        zoho.get("/settings/fields", module="Leads"),
        zoho.delete([record_id]),
    ]

    assert [kinds(answer) for answer in answers] == [{int}] * len(answers)
    assert answers[1].json()["data"][0]["details"]["id"] == int(record_id) > 2**53


def test_ids_that_are_numbers_are_taken_back_as_such(zoho: Zoho) -> None:
    zoho.set(ids_as="number")
    record_id = zoho.insert([lead(1)]).json()["data"][0]["details"]["id"]
    user = zoho.get("/users").json()["users"][1]["id"]

    answer = zoho.update([{"id": record_id, "Owner": {"id": user}}])

    assert answer.status_code == 200
    assert zoho.record(str(record_id))["Owner"]["id"] == user


def test_what_is_no_id_stays_a_text(zoho: Zoho) -> None:
    zoho.set(ids_as="number")

    for wrong in ("abc", "9" * 24, ""):
        (element,) = zoho.update([{"id": wrong, "City": "A"}]).json()["data"]
        assert element["details"]["id"] == wrong
    assert zoho.control("stats")["broken"] == []
