"""The org's users: by type, by page, by id, and those that a test adds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.zoho import Zoho, lead, only

PRESENT = [
    "mira.berger",
    "tom.okafor",
    "lena.former",
    "ana.silva",
    "ana.silva.lisbon",
    "pieter.dewet",
    "yusuf.demir",
    "ingrid.holm",
    "kofi.mensah",
]
EVERYBODY = [*PRESENT[:7], "grace.nkosi", "ingrid.holm", "kofi.mensah", "kofi.mensah"]
"""Also those who are deleted, one of whom was invited again."""


def listed(zoho: Zoho, kind: str, **params: Any) -> list[str]:
    answer = zoho.get("/users", type=kind, **params)
    if answer.status_code == 204:
        return []
    return [user["email"].removesuffix("@example.com") for user in answer.json()["users"]]


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("ActiveUsers", {"lena.former", "yusuf.demir"}),
        ("ConfirmedUsers", {"pieter.dewet"}),
        ("ActiveConfirmedUsers", {"lena.former", "yusuf.demir", "pieter.dewet"}),
    ],
)
def test_large_groups_of_users_leave_out_the_others(zoho: Zoho, kind: str, missing: set[str]) -> None:
    assert listed(zoho, kind) == [name for name in PRESENT if name not in missing]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("DeactiveUsers", ["lena.former", "yusuf.demir"]),
        ("NotConfirmedUsers", ["pieter.dewet"]),
        ("AllUsers", EVERYBODY),
        ("DeletedUsers", ["grace.nkosi", "kofi.mensah"]),
        ("AdminUsers", ["mira.berger", "ingrid.holm"]),
        ("ActiveConfirmedAdmins", ["mira.berger", "ingrid.holm"]),
        ("CurrentUser", ["mira.berger"]),
    ],
)
def test_users_are_listed_by_type(zoho: Zoho, kind: str, names: list[str]) -> None:
    assert listed(zoho, kind) == names


def test_a_type_that_zoho_does_not_know_is_refused(zoho: Zoho) -> None:
    answer = zoho.get("/users", type="Nobody")

    assert (answer.status_code, answer.json()["code"]) == (400, "PATTERN_NOT_MATCHED")


def test_users_come_in_pages(zoho: Zoho) -> None:
    first = zoho.get("/users", type="ActiveUsers", per_page=4).json()
    second = zoho.get("/users", type="ActiveUsers", per_page=4, page=2).json()

    assert first["info"] == {"per_page": 4, "count": 4, "page": 1, "more_records": True}
    assert second["info"] == {"per_page": 4, "count": 3, "page": 2, "more_records": False}
    assert zoho.get("/users", type="ActiveUsers", per_page=4, page=3).status_code == 204


def test_one_user_is_found_by_id(zoho: Zoho) -> None:
    (user,) = zoho.get("/users", type="CurrentUser").json()["users"]

    assert zoho.get(f"/users/{user['id']}").json()["users"] == [user]
    assert zoho.get("/users/1").status_code == 400
    assert zoho.get(f"/users/0{user['id']}").status_code == 400


def test_users_can_be_added_by_name_and_own_records(zoho: Zoho) -> None:
    agents = [{"full_name": f"Agent {n}", "email": f"agent{n}@example.com"} for n in range(35)]
    ids = zoho.act("users", agents)["ids"]

    (record_id,) = zoho.created([lead(1, Owner={"id": ids[34]})])

    assert listed(zoho, "ActiveUsers")[-35:] == [f"agent{n}" for n in range(35)]
    assert zoho.record(record_id)["Owner"] == {
        "name": "Agent 34",
        "id": ids[34],
        "email": "agent34@example.com",
    }


def test_a_user_of_a_known_e_mail_is_changed_and_keeps_the_id(zoho: Zoho) -> None:
    (first,) = zoho.act("users", [{"full_name": "Ada", "email": "ada@example.com"}])["ids"]
    (again,) = zoho.act(
        "users", [{"full_name": "Ada Young", "email": "ADA@example.com", "status": "inactive"}]
    )["ids"]

    error = only(zoho.insert([lead(1, Owner={"id": first})]))

    assert again == first
    assert error["code"] == "INVALID_DATA"
    assert error["message"] == "the id given seems to be invalid"
    assert [user["full_name"] for user in zoho.control("users") if user["id"] == first] == ["Ada Young"]


def test_a_user_who_was_deleted_and_invited_again_is_two_users_with_one_e_mail(zoho: Zoho) -> None:
    entry = {"full_name": "Ada Young", "email": "ada@example.com"}
    (former,) = zoho.act("users", [entry])["ids"]
    (present,) = zoho.act("users", [{**entry, "invited_again": True}])["ids"]

    users = zoho.get("/users", type="AllUsers").json()["users"]
    found = [(user["id"], user["status"]) for user in users if user["email"] == "ada@example.com"]
    owned = zoho.insert([lead(1, Owner={"id": former}), lead(2, Owner={"id": present})]).json()["data"]

    assert found == [(former, "deleted"), (present, "active")]
    assert [one["code"] for one in owned] == ["INVALID_DATA", "SUCCESS"]


def test_added_users_get_the_same_ids_after_a_reset(zoho: Zoho) -> None:
    entry = [{"full_name": "Ada Young", "email": "ada@example.com"}]
    before = zoho.act("users", entry)["ids"]
    zoho.act("reset")

    assert zoho.act("users", entry)["ids"] == before
    zoho.act("reset")
    zoho.login()
    assert listed(zoho, "AllUsers") == EVERYBODY


@pytest.mark.parametrize("status", ["inactive", "disabled", "deleted"])
def test_only_an_active_user_may_own(zoho: Zoho, status: str) -> None:
    (user_id,) = zoho.act("users", [{"full_name": "A B", "email": "ab@example.com", "status": status}])["ids"]

    assert zoho.insert([lead(1, Owner={"id": user_id})]).status_code == 400
    zoho.set(inactive_owner="accept")
    assert zoho.insert([lead(1, Owner={"id": user_id})]).status_code == 201


def test_a_user_is_refused_by_the_control_room_with_a_status_that_zoho_does_not_have(zoho: Zoho) -> None:
    body = [{"full_name": "A B", "email": "ab@example.com", "status": "asleep"}]

    assert zoho.http.post("/_emulator/users", json=body).status_code == 400
