"""How well a field fits a column's values, and what must be declared for that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from rapidfuzz import fuzz, process

from zmigrate.rows.conversion.choices import used_values
from zmigrate.rows.conversion.exported_ids import PREFIX, WITHOUT_PREFIX, is_exported
from zmigrate.rows.conversion.users import by_name, fold_name
from zmigrate.rows.proposal.column_sample import ISO, LONGEST_SHOWN, Column
from zmigrate.zoho.metadata import LOOKUPS, NUMBERS

if TYPE_CHECKING:
    from zmigrate.zoho.metadata import Field

NEAR: Final = 75.0
"""From this score on the nearest value of a pick list is proposed; below, it is only named."""
VALUES_LISTED: Final = 50
USER_TYPES: Final = ("ownerlookup", "userlookup")
ALONE: Final = (*USER_TYPES, "email", "phone", "website", "picklist", "multiselectpicklist")
"""Types with values that can identify the field if the names do not."""
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\W\d_]{2,}\Z")
_PHONE = re.compile(r"(?=(?:\D*\d){6})[+(]?[\d][\d ().,/#+xext-]{4,}\Z", re.I)
_PLAIN_DIGITS = re.compile(r"\d+\Z", re.ASCII)
_WEBSITE = re.compile(r"(https?://|www\.)\S+\Z|[\w-]+(\.[\w-]+)*\.[a-z]{2,}(/\S*)?\Z", re.I)
_ID = re.compile(r"\d{15,20}\Z", re.ASCII)
_TAKE_IDS: Final = frozenset({*USER_TYPES, *LOOKUPS, "id"})
_LISTS: Final = (";", ",", "|")


@dataclass(frozen=True, slots=True)
class NearValue:
    """A value that a pick list lacks, how many rows have it, and the nearest that it has."""

    value: str
    rows: int
    near: str | None
    sure: bool  # it differs only in letter case


@dataclass(frozen=True, slots=True)
class Fit:
    """How a field takes the values of a column."""

    share: float = 1.0
    """The share of filled cells that the field takes, from 0 to 1."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What must be declared, in the mapping's words."""
    why: str = ""
    """What the values show: "e-mail addresses"."""
    telling: bool = False
    """Few other fields would take such values."""
    alone: bool = False
    """The values identify the field even if the names do not."""
    unsure: tuple[str, ...] = ()
    values: tuple[NearValue, ...] = ()
    strangers: tuple[tuple[str, int, str | None], ...] = ()
    """Names of no user: how many rows have each, and the nearest user."""


@dataclass(frozen=True, slots=True)
class UsersByName:
    """The users of the org, by the names that a column may have."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Folded e-mail address, full name or id → the address, or the id if there is none."""

    @classmethod
    def of(cls, users: Iterable[Mapping[str, Any]]) -> UsersByName:
        """The users that a run would find: active ones, by names that no other user has."""
        return cls(
            {
                name: several[0].email or several[0].id
                for name, several in by_name(users).items()
                if len(several) == 1 and several[0].active
            }
        )


def fit(column: Column, to: Field, users: UsersByName, *, named: bool = True) -> Fit:
    """How the field takes the column's values. `named`: the names are alike, so near values are looked
    for.
    """
    if not column.values:
        return Fit(why="all empty")
    if to.data_type in _TAKE_IDS and any(map(is_exported, column.values)):
        values = {value.removeprefix(PREFIX): rows for value, rows in column.values.items()}
        found = fit(replace(column, values=values), to, users, named=named)
        return replace(found, settings={**found.settings, **WITHOUT_PREFIX})
    if to.data_type in USER_TYPES:
        return _people(column, users, named)
    if to.data_type in ("picklist", "multiselectpicklist"):
        return _pick_list(column, to, named)
    return _BY_TYPE.get(to.data_type, _text)(column, to)


def _text(column: Column, to: Field) -> Fit:
    if not to.length or column.longest <= to.length:
        return Fit()
    long = [value for value in column.values if len(value) > to.length] or ["…"]
    return Fit(
        1 - min(column.share(value for value in long if value in column.values), 0.4),
        unsure=(f"values of up to {column.longest:,} characters; the field takes {to.length:,}",),
    )


def _alike(pattern: re.Pattern[str], what: str, telling: Callable[[str], bool]) -> Callable[..., Fit]:
    def found(column: Column, _to: Field) -> Fit:
        if not any(map(pattern.match, islice(column.values, 50))):
            return Fit(0.0)
        hits = [value for value in column.values if pattern.match(value)]
        clear = bool(hits) and column.share(value for value in hits if telling(value)) >= 0.5
        other = column.dates is not None or column.numbers is not None
        return Fit(column.share(hits), why=what, telling=clear, alone=clear and not other)

    return found


def _number(column: Column, to: Field) -> Fit:
    numbers = column.numbers
    if numbers is None:
        return Fit(0.0)
    share = column.share(numbers.fitting)
    if to.whole_number:
        most = 9 if to.data_type == "integer" else 18
        whole = [value for value in numbers.fitting if len(re.sub(r"\D", "", value)) <= most]
        share = column.share(whole) if numbers.whole else min(share, 0.3)
    settings = {}
    if (numbers.decimal, numbers.thousands) != (".", ""):
        settings = {"decimal": numbers.decimal}
        settings |= {"thousands": numbers.thousands} if numbers.thousands else {}
    unsure: tuple[str, ...] = ()
    if numbers.unsure:
        example = next(value for value in numbers.fitting if not value.lstrip("+-").isdigit())
        shape = re.sub(r"\d", "9", example)  # not the number itself: the mapping may be shared
        unsure = (f"{shape} may have a thousands separator or a decimal mark; the former is assumed",)
    return Fit(share, settings, "numbers", telling=not numbers.whole, unsure=unsure)


def _date(column: Column, to: Field) -> Fit:
    dates = column.dates
    if dates is None:
        return Fit(0.0)
    moment = to.data_type == "datetime"
    share = column.share(dates.fitting) * (1.0 if dates.time == moment else 0.6)
    unsure: list[str] = []
    if dates.time != moment:
        unsure.append("the values have a time of day, the field has none" if dates.time else "no time of day")
    form = dates.formats[0]
    if len(dates.formats) > 1:
        unsure.append(f"{' and '.join(dates.formats[:3])} fit all values that were read; {form} is used")
    if "%y" in form:
        unsure.append("years of two digits")
    settings = {} if form == ISO else {"format": form}
    why = "dates" if form == ISO else f"dates as {form}"
    return Fit(share, settings, why, telling=form != "%Y%m%d", unsure=tuple(unsure))


def _boolean(column: Column, _to: Field) -> Fit:
    words = column.words
    if words is None:
        few = len(column.values) == 2
        return Fit(0.5 if few else 0.0, unsure=("which value is yes, and which is no?",) if few else ())
    settings = {"true": words.true, "false": words.false} if words.declare else {}
    return Fit(1.0, settings, "yes and no", telling=True)


def _pick_list(column: Column, to: Field, named: bool) -> Fit:
    if not to.pick_list:
        return Fit()
    if column.items and to.data_type == "multiselectpicklist":
        return _chosen(replace(column, values=column.items), to, named)
    single = _chosen(column, to, named)
    if to.data_type != "multiselectpicklist" or single.share == 1:
        return single
    parted = [(_chosen(_parted(column, mark), to, named), mark) for mark in _LISTS]
    best, mark = max(parted, key=lambda each: each[0].share)
    if best.share <= single.share:
        return single
    return replace(best, settings={"split": mark} if mark != ";" else {})


def _parted(column: Column, mark: str) -> Column:
    values: dict[str, int] = {}
    for text, rows in column.values.items():
        for part in text.split(mark):
            if part.strip():
                values[part.strip()] = values.get(part.strip(), 0) + rows
    return replace(column, values=values)


def _chosen(column: Column, to: Field, named: bool) -> Fit:
    """The values that the list has, and those that it lacks with the nearest that it has."""
    shown = [each.display for each in used_values(to)]
    known = set(shown) | {each.actual for each in to.pick_list if each.used}
    folded = {name.casefold(): name for name in (*known, *shown)}
    hits = [value for value in column.values if value in known]
    alike = [value for value in column.values if value not in known and value.casefold() in folded]
    missing = [value for value in column.values if value.casefold() not in folded and len(value) <= 255]
    values = [NearValue(value, column.values[value], folded[value.casefold()], True) for value in alike]
    if named or hits or alike:
        values += [_nearest(value, column.values[value], shown) for value in missing[:VALUES_LISTED]]
    near = column.share(each.value for each in values if each.near and not each.sure)
    share = column.share(hits) + column.share(alike) + 0.8 * near
    unsure: tuple[str, ...] = ()
    if len(missing) > VALUES_LISTED:
        unsure = (f"{len(missing) - VALUES_LISTED:,} more values that the pick list lacks",)
    clear = len(hits) + len(alike) >= 2 and share >= 0.6
    why = "values of the pick list" if hits or alike else ""
    return Fit(share, why=why, telling=clear, alone=clear, unsure=unsure, values=tuple(values))


def is_word(value: str, column: Column) -> bool:
    """Whether a value that a pick list lacks is an ordinary word, and not personal: a name, an address, a
    number, free text. Words are short and repeated.
    """
    personal = column.secret or column.unique or len(value) > LONGEST_SHOWN
    return not (personal or _EMAIL.match(value) or _PHONE.match(value))


def _nearest(value: str, rows: int, shown: Sequence[str]) -> NearValue:
    hit = process.extractOne(
        value[:200], shown, scorer=fuzz.WRatio, processor=str.casefold, score_cutoff=NEAR
    )
    return NearValue(value, rows, hit[0] if hit else None, False)


def _lookup(column: Column, _to: Field) -> Fit:
    ids = [value for value in column.values if _ID.match(value)]
    if column.share(ids) == 1:
        return Fit(why="ids of twenty digits at most", unsure=("only ids of this org will do",))
    return Fit()


def _record_id(column: Column, _to: Field) -> Fit:
    return Fit(column.share(value for value in column.values if _ID.match(value)), why="ids of records")


def _structure(column: Column, _to: Field) -> Fit:
    lists = [value for value in column.values if value[:1] in "[{"]
    return Fit(column.share(lists), why="JSON" if lists else "", telling=bool(lists))


def _people(column: Column, users: UsersByName, named: bool) -> Fit:
    """The values that name users by e-mail address, full name or id; the others with the nearest user."""
    hits = [value for value in column.values if fold_name(value) in users.names]
    share = column.share(hits)
    if not hits and not named:
        return Fit(0.0)
    if not users.names:
        return Fit(why="", unsure=("the users of the org were not read",))
    others = [value for value in column.values if fold_name(value) not in users.names]
    near = {value: _near_user(value, users) for value in others[:VALUES_LISTED]}
    strangers = tuple((value, column.values[value], near[value]) for value in near)
    unsure: tuple[str, ...] = ()
    if others:
        are = "is not an active user" if len(others) == 1 else "are not active users"
        unsure = (f"{len(others):,} of {len(column.values):,} names {are}: see [users]",)
    return Fit(
        max(share, 0.6) if len(column.values) <= 200 else share,
        why="users of the org" if hits else "",
        telling=share >= 0.5,
        alone=share >= 0.5,
        unsure=unsure,
        strangers=strangers,
    )


def _near_user(value: str, users: UsersByName) -> str | None:
    hit = process.extractOne(fold_name(value[:200]), list(users.names), scorer=fuzz.ratio, score_cutoff=80)
    return users.names[hit[0]] if hit else None


_is_phone = _alike(_PHONE, "phone numbers", lambda value: not _PLAIN_DIGITS.match(value))
_BY_TYPE: Final[dict[str, Callable[[Column, Field], Fit]]] = {
    "email": _alike(_EMAIL, "e-mail addresses", lambda _: True),
    "phone": _is_phone,
    "website": _alike(_WEBSITE, "web addresses", lambda _: True),
    **dict.fromkeys(NUMBERS, _number),
    **dict.fromkeys(("date", "datetime"), _date),
    "boolean": _boolean,
    **dict.fromkeys(LOOKUPS, _lookup),
    "subform": _structure,
    "id": _record_id,
}
