"""Users are found by e-mail, name or id; leavers by their successors; nobody is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from tests.rows.assets import USERS, converter, directory
from tests.rows.conversion.value_table import ANA, LENA, MIRA, NOBODY, TOM
from zmigrate.errors import Fatal, Outage
from zmigrate.job.references import Users
from zmigrate.rows.conversion.refusal import BadValue, Refused
from zmigrate.rows.conversion.users import UserDirectory

YUSUF = "yusuf.demir@example.com"


def refusal(text: str, users: Users = Users()) -> Refused:  # noqa: B008  frozen
    with pytest.raises(Refused) as refused:
        directory(users).resolve(text)
    return refused.value


@pytest.mark.parametrize("text", [TOM, "tom.okafor@example.com", "Tom.Okafor@Example.com", "TOM  OKAFOR"])
def test_a_user_is_found_by_id_e_mail_and_name(text: str) -> None:
    assert directory().resolve(text) == TOM


@pytest.mark.parametrize("leaver", ["Lena Former", "lena.former@example.com", LENA])
@pytest.mark.parametrize("named", ["lena  FORMER", "Lena.Former@example.com", LENA])
@pytest.mark.parametrize("successor", ["Tom Okafor", "tom.okafor@example.com", TOM])
def test_a_leaver_is_found_as_the_successor_however_both_are_named(
    leaver: str, named: str, successor: str
) -> None:
    assert directory(Users({leaver: successor})).resolve(named) == TOM


def test_successors_are_followed_and_may_stand_for_whom_the_org_never_knew() -> None:
    users = Users({"old@example.com": "Lena Former", "Lena Former": "ana.silva@example.com"})
    assert directory(users).resolve("OLD@example.com") == ANA
    assert "round in a circle" in str(refusal("a", Users({"a": "b", "b": "a"})))


def test_a_successor_may_be_another_name_of_the_same_user() -> None:
    assert directory(Users({"Tom Okafor": "tom.okafor@example.com"})).resolve("tom okafor") == TOM


def test_the_default_takes_the_place_of_the_unknown_and_the_inactive_only() -> None:
    users = Users(default="mira.berger@example.com")
    found = directory(users)
    assert [found.resolve(text) for text in ("nobody", LENA, YUSUF, NOBODY, TOM)] == [MIRA] * 4 + [TOM]
    assert refusal("Ana Silva", users).reason.ambiguous


@pytest.mark.parametrize(
    ("default", "why"), [("nobody", "is not a user"), ("Lena Former", "not active"), ("Ana Silva", "several")]
)
def test_a_default_that_is_nobody_is_told(default: str, why: str) -> None:
    assert f"the default user {default!r} " in (said := str(refusal("x", Users(default=default))))
    assert why in said


def test_whoever_is_not_found_is_told_with_what_to_do() -> None:
    assert str(refusal("tom.okafer@example.com")) == (
        "the org has no user 'tom.okafer@example.com'; did you mean 'tom.okafor@example.com'?; "
        "declare a successor or a default user"
    )
    assert str(refusal(LENA)) == (
        "Lena Former (lena.former@example.com) is not active; declare a successor or a default user"
    )
    several = refusal("ana silva")
    assert several.reason.ambiguous
    assert "ana.silva@example.com and ana.silva.lisbon@example.com" in str(several)


def test_the_org_is_asked_once_and_only_if_somebody_is_named() -> None:
    asked = []

    def load() -> Iterable[Mapping[str, Any]]:
        asked.append(1)
        return USERS

    found = UserDirectory(Users({"x": "Tom Okafor"}), load)
    assert asked == []
    assert {found.resolve("x"), found.resolve("Tom Okafor"), found.resolve(TOM)} == {TOM}
    assert asked == [1]


def test_where_users_may_not_be_read_ids_go_unchecked() -> None:
    def load() -> Iterable[Mapping[str, Any]]:
        raise Fatal("permission denied", code="NO_PERMISSION")

    found = UserDirectory(Users(), load)
    assert found.resolve(NOBODY) == NOBODY
    with pytest.raises(Refused, match=r"can't be read \(permission denied\); give the user's id"):
        found.resolve("Tom Okafor")


def test_an_outage_is_no_fault_of_the_row() -> None:
    def load() -> Iterable[Mapping[str, Any]]:
        raise Outage("Zoho is away")

    with pytest.raises(Outage):
        converter(users=UserDirectory(Users(), load)).convert({"Owner": "Tom Okafor"})


def test_what_was_asked_for_is_kept_for_the_plan() -> None:
    found = directory(Users({"Anna Old": "Tom Okafor"}))
    assets = converter(users=found)
    assets.convert({"Owner": "Anna Old", "Caretaker": TOM})
    for _ in range(2):
        with pytest.raises(Exception, match="no user"):
            assets.convert({"Owner": "Ghost"})
    columns = [("Anna Old", "Ana.Silva@example.com"), ("x", "y")]
    assert assets.convert_columns(("Owner", "City"), columns) is None
    assert assets.convert_columns(("Owner", "Name"), columns) is not None
    assert found.used == {"Anna Old": 2, TOM: 1, "Ghost": 2, "Ana.Silva@example.com": 1}
    assert {text: user.email for text, user in found.found.items()} == {
        "Anna Old": "tom.okafor@example.com",
        TOM: "tom.okafor@example.com",
        "Ana.Silva@example.com": "ana.silva@example.com",
    }
    assert list(found.missing) == ["Ghost"]


def test_a_million_different_names_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zmigrate.rows.conversion.users.MOST_KEPT", 3)
    found = directory(Users(default=MIRA))
    for number in range(9):
        assert found.resolve(f"name {number}") == MIRA
        found.count([f"name {number}"])
    assert (len(found.found), len(found.used)) == (3, 3)


# -- one address of several users, and users of another org ----------------------------------------

GONE, BACK, OTHER = "111", "222", "999"
AGAIN = [
    {"id": GONE, "full_name": "Kim Roe", "email": "kim@example.com", "status": "deleted"},
    {"id": BACK, "full_name": "Kim Roe", "email": "Kim@Example.com", "status": "active"},
    {"id": "333", "full_name": "Sam Poe", "email": "sam@example.com", "status": "deleted"},
    {"id": "444", "full_name": "Sam Poe", "email": "sam@example.com", "status": "disabled"},
]


def again(users: Users = Users()) -> UserDirectory:  # noqa: B008  frozen
    return UserDirectory(users, lambda: AGAIN)


@pytest.mark.parametrize("text", ["kim@example.com", "Kim Roe", BACK])
def test_a_user_who_was_deleted_and_invited_again_is_the_active_one(text: str) -> None:
    assert again().resolve(text) == BACK


def test_the_id_of_the_deleted_one_is_still_that_of_a_leaver() -> None:
    with pytest.raises(Refused, match="not active"):
        again().resolve(GONE)


def test_an_address_of_leavers_alone_is_refused_as_theirs_or_goes_to_the_default() -> None:
    with pytest.raises(Refused, match="not active"):
        again().resolve("sam@example.com")
    assert again(Users(default=BACK)).resolve("sam@example.com") == BACK


@pytest.mark.parametrize("field", ["Owner", "Technician"])
@pytest.mark.parametrize(
    "given",
    [
        {"id": OTHER, "name": "T. Okafor", "email": "tom.okafor@example.com"},
        {"id": LENA, "email": "tom.okafor@example.com"},
        {"id": OTHER, "name": "Tom Okafor"},
        {"id": TOM, "name": "Somebody", "email": "mira.berger@example.com"},
    ],
)
def test_a_user_of_another_orgs_dump_is_found_by_the_address_if_the_id_is_not_known_here(
    field: str, given: Any
) -> None:
    module = "Service_Log" if field == "Technician" else "Legacy_Assets"
    assert converter(module).convert({field: given})[field] == {"id": TOM}


def test_a_declared_successor_counts_for_the_address_of_an_object() -> None:
    users = directory(Users({"old@example.com": "ana.silva@example.com"}))
    given = {"id": OTHER, "email": "old@example.com"}
    assert converter(users=users).convert({"Owner": given}) == {"Owner": {"id": ANA}}


def test_an_object_that_names_nobody_is_refused_by_its_address() -> None:
    with pytest.raises(BadValue, match=r"has no user 'who@example\.com'"):
        converter().convert({"Owner": {"id": OTHER, "email": "who@example.com"}})
    users = directory(Users(default="mira.berger@example.com"))
    given = {"id": OTHER, "email": "who@example.com"}
    assert converter(users=users).convert({"Owner": given}) == {"Owner": {"id": MIRA}}


def test_a_user_by_an_id_of_zohos_own_export_is_refused_with_how_to_write_it() -> None:
    with pytest.raises(Refused, match=r"no user 'zcrm_\d+'; leave `zcrm_` away"):
        directory().resolve("zcrm_4876876000000225013")


def test_a_name_that_a_deleted_user_has_too_is_the_active_ones() -> None:
    users = [
        {"id": GONE, "full_name": "Kim Roe", "email": "old@example.com", "status": "deleted"},
        {"id": BACK, "full_name": "Kim Roe", "email": "kim@example.com", "status": "active"},
    ]
    found = UserDirectory(Users(), lambda: users)
    assert found.resolve("kim roe") == BACK
    with pytest.raises(Refused, match="not active"):
        found.resolve("old@example.com")
