"""Booleans, pick lists and tags: values from a list of words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import orjson

from zmigrate.job.formats import FALSE_WORDS, TRUE_WORDS
from zmigrate.rows.conversion.json_text import listed
from zmigrate.rows.conversion.refusal import NOTHING, Refused, kind_of, short, take
from zmigrate.rows.conversion.texts import LONGEST_TEXT, fitting, trimmed

if TYPE_CHECKING:
    from zmigrate.job.formats import Formats
    from zmigrate.zoho.metadata import Field, PickListValue

SHOWN_CHOICES: Final = 8
NO_CHOICE: Final = "-None-"
"""The entry of every pick list for "nothing chosen". It leaves the field alone, as empty text does."""
LONGEST_TAG: Final = 25  # characters (zoho-api 9.2)


def boolean_reader(formats: Formats) -> Callable[[Any], Any]:
    """A reader of booleans. Words ignore letter case; if any are declared, no others count."""
    yes, no = formats.true or TRUE_WORDS, formats.false or FALSE_WORDS
    words = {word.strip().casefold(): False for word in no} | {word.strip().casefold(): True for word in yes}
    if formats.true or formats.false:
        wanted = f"write {' or '.join(map(repr, yes))}, or {' or '.join(map(repr, no))}, as declared"
    else:
        wanted = (
            "write true/false, yes/no, on/off or 1/0,"
            " or declare the words in the mapping (true = [..], false = [..])"
        )
    return partial(boolean, words=words, wanted=wanted)


def boolean(value: Any, words: Mapping[str, bool], wanted: str) -> Any:
    value = take(value)
    if value is None or value is NOTHING or isinstance(value, bool):
        return value
    if isinstance(value, str) or (isinstance(value, int) and value in (0, 1)):
        meant = words.get(str(value).casefold())
        if meant is not None:
            return meant
    raise Refused(f"{short(value)} is neither yes nor no; {wanted}")


# ------------------------------------------------------------------------------------------------- pick lists


def used_values(field: Field) -> list[PickListValue]:
    """The values that can be chosen in a pick list, without the entry for nothing."""
    return [each for each in field.pick_list if each.used and each.display != NO_CHOICE]


@dataclass(frozen=True, slots=True)
class Choices:
    """The values of a pick list, and what it stores for each. A value may be shown under one name and stored
    under another, and Zoho takes the stored one (zoho-api 13). Empty: any value.
    """

    stored: Mapping[str, str | None]
    """The stored name by any name. None: the stored name of one value and the shown name of another."""
    shown: tuple[str, ...]

    @classmethod
    def of(cls, field: Field) -> Choices:
        used = used_values(field)
        stored: dict[str, str | None] = {item.actual: item.actual for item in used}
        for item in used:
            if stored.setdefault(item.display, item.actual) != item.actual:
                stored[item.display] = None
        return cls(stored, tuple(item.display for item in used))

    def check(self, chosen: str) -> str:
        """The stored name."""
        if not self.stored:
            return chosen
        if chosen not in self.stored:
            raise Refused(f"{short(chosen)} is not in the pick list; {self._instead(chosen)}")
        stored = self.stored[chosen]
        if stored is None:
            raise Refused(
                f"{short(chosen)} is the stored name of one value of the pick list and the shown name of"
                " another",
                remedy="write the other name of the value that is meant",
                ambiguous=True,
            )
        return stored

    def _instead(self, chosen: str) -> str:
        folded = chosen.casefold()
        near = next((name for name in self.shown if name.casefold() == folded), None)
        if near is None:
            near = next(iter(get_close_matches(chosen, self.shown, n=1)), None)
        if near is not None:
            return f"did you mean {near!r}?"
        more = f" and {len(self.shown) - SHOWN_CHOICES} more" if len(self.shown) > SHOWN_CHOICES else ""
        return f"it has {', '.join(self.shown[:SHOWN_CHOICES])}{more}"


def pick(value: Any, choices: Choices) -> Any:
    chosen = trimmed(value)
    if not isinstance(chosen, str):
        return chosen
    return NOTHING if chosen == NO_CHOICE else choices.check(fitting(chosen, LONGEST_TEXT))


def parted(value: Any) -> Sequence[Any] | None:
    """The items of a list, of a list's JSON, or of a text separated by `;`. None if there is nothing."""
    value = take(value)
    if value is None or value is NOTHING:
        return None
    if isinstance(value, str):
        items = listed(value)
        return items if items is not None else [item for part in value.split(";") if (item := part.strip())]
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise Refused(f"a list is wanted, or text separated by ';', not {kind_of(value)}")
    return list(value)


def picks(value: Any, choices: Choices) -> Any:
    """Choices as a list, from a list or a text separated by `;`."""
    several = parted(value)
    if several is None:
        return take(value)
    try:
        chosen = [pick(item, choices) for item in several]
    except Refused as refused:
        unparted = next((name for name in choices.stored if ";" in name), None)
        if unparted is None or not isinstance(value, str) or ";" not in value or listed(value.strip()):
            raise
        remedy = f'write options that contain ";" as a JSON list: {orjson.dumps([unparted]).decode()}'
        reason = refused.reason
        raise Refused(reason.message, reason.code, remedy=remedy, ambiguous=reason.ambiguous) from None
    return [item for item in chosen if isinstance(item, str)]


def tags(value: Any) -> Any:
    """`[{"name": ...}]`, from such a list, from names, or from a text separated by `;`."""
    several = parted(value)
    if several is None:
        return take(value)
    names = (_tag_name(item) if isinstance(item, Mapping) else trimmed(item) for item in several)
    return [{"name": fitting(name, LONGEST_TAG)} for name in names if isinstance(name, str)]


def _tag_name(item: Mapping[str, Any]) -> str:
    name = trimmed(item.get("name"))
    if not isinstance(name, str):
        raise Refused('a tag needs its name: "VIP", or {"name": "VIP"}')
    return name
