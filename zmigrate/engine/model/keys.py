"""Fields by whose values records are found, and which values the org can be asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, Final, NamedTuple
from unicodedata import normalize

from zmigrate.job.key_text import fields_of_key, key_name, key_text, values_of_key
from zmigrate.rows.conversion.keys import fold_key, fold_number, whole_number
from zmigrate.zoho.coql import can_query, is_reserved
from zmigrate.zoho.facts.limits import COQL_IN_VALUES
from zmigrate.zoho.metadata import WHOLE_NUMBERS, Field, ModuleFields

KEY_TYPES: Final = WHOLE_NUMBERS | {"text", "email", "phone", "website", "autonumber"}
"""Data types that can be unique (zoho-api 5.4: Kaizen #56), and auto-numbers, which can be looked up. Values
of other types come back in another form than they were sent (date-times in the org's zone), or COQL can't
look for them.
"""


def why_no_key(field: Field) -> str | None:
    """Why records can't be found by a field's values; None if they can."""
    if field.encrypted:
        return "it is encrypted, and Zoho does not look for the values of encrypted fields"
    if field.data_type not in KEY_TYPES:
        return f"values of a {field.data_type} field can't be looked up reliably"
    return None


def is_tried_first(module: str, field: str) -> bool:
    """Whether a run first asks for one record by this field, since the query must quote a name."""
    return field != "id" and (is_reserved(module) or is_reserved(field))


EXACT: Final[Callable[[str], str]] = partial(fold_key, case_sensitive=True)
"""Compares keys letter by letter."""

CASE_INSENSITIVE: Final[Callable[[str], str]] = fold_key


def match_of(field: Field | None) -> Callable[[str], str]:
    """How values of a field are matched: exactly, except for numbers and e-mail addresses. None: `id`."""
    if field is None or field.whole_number:
        return fold_number
    return _lower if field.data_type == "email" else EXACT


def _lower(text: str) -> str:
    """An e-mail address for comparison. Unlike `fold_key` it keeps `straße` and `strasse` apart: they are two
    addresses."""
    return normalize("NFC", EXACT(text).lower())


TAKE_KEY: Final = (
    "write ignore_case = true beside the key to take it (in a job: ignore_case=True; as an option: "
    "--ignore-case)"
)
"""What to do about a record whose key differs in letter case."""


class Matches(NamedTuple):
    """The records that have a key."""

    ids: list[str]
    spelling: str | None = None
    """If there are none: the key in another letter case, as a record has it."""


NO_MATCH: Final = Matches([])


def choose(
    key: str, known: Iterable[tuple[str, str]], match: Callable[[str], str], *, ignore_case: bool
) -> Matches:
    """Which of `known` have the key: spellings that differ in letter case at most, with their ids.
    `ignore_case`: other spellings count if none is the same.
    """
    alike = list(known)
    same = [pair for pair in alike if match(pair[0]) == match(key)]
    if ignore_case:
        same = [pair for pair in alike if EXACT(pair[0]) == EXACT(key)] or alike
    ids = list(dict.fromkeys(record_id for _, record_id in same))
    return Matches(ids, None if ids or not alike else alike[0][0])


@dataclass(frozen=True, slots=True)
class KeyField:
    """A field by whose values records are found."""

    name: str
    fold: Callable[[str], str]
    number: bool = False
    match: Callable[[str], str] = EXACT
    parts: tuple[KeyField, ...] = ()
    """The fields of a key of several fields; `name`, `fold` and `match` are then about all of them."""

    @classmethod
    def of_several(cls, fields: Sequence[Field]) -> KeyField:
        """A key of several fields. Only records that agree in all of them have the same."""
        parts = tuple(map(cls.of, fields))
        name = key_name([part.name for part in parts])
        fold = partial(_each_part, functions=[part.alike for part in parts])
        match = partial(_each_part, functions=[part.match for part in parts])
        return cls(name, fold, match=match, parts=parts)

    @property
    def names(self) -> tuple[str, ...]:
        """The api names of its fields."""
        return fields_of_key(self.name)

    def alike(self, text: str) -> str:
        """A value without letter case."""
        if self.parts:
            return self.fold(text)
        return fold_number(text) if self.number else fold_key(text)

    @classmethod
    def of(cls, field: Field) -> KeyField:
        if field.whole_number:
            return cls(field.api_name, fold_number, number=True, match=fold_number)
        fold = partial(fold_key, case_sensitive=field.case_sensitive)
        return cls(field.api_name, fold, match=match_of(field))

    def text_of(self, record: Mapping[str, Any]) -> str | None:
        """Its value in a record as text; None if there is none, or a part of it is missing."""
        if self.parts:
            texts = [text for part in self.parts if (text := part.text_of(record)) is not None]
            return key_text(texts) if len(texts) == len(self.parts) else None
        value = record.get(self.name)
        return None if value is None or value == "" else str(value)


def unique_fields(fields: ModuleFields, besides: str | None) -> tuple[KeyField, ...]:
    """The module's unique fields except `besides`. Zoho itself refuses duplicates in them."""
    return tuple(
        KeyField.of(field)
        for field in fields
        if field.unique and field.api_name != besides and field.data_type in KEY_TYPES and field.on_layout
    )


UNASKABLE = "a value with a backslash or a line break can't be looked up"


def askable(values: Iterable[str], *, number: bool) -> list[str | int]:
    """The values as a query can hold them, each once. Values that no query can hold are left out: no record
    has them. `number`: the field holds whole numbers.
    """
    if not number:
        # How Zoho compares Unicode forms is not documented: ask for both the composed and the given form.
        spellings = (form for value in values for form in (value, normalize("NFC", value)))
        return [value for value in dict.fromkeys(spellings) if can_query(value)]
    numbers = map(whole_number, values)
    return list(dict.fromkeys(value for value in numbers if value is not None))


def _each_part(text: str, functions: Sequence[Callable[[str], str]]) -> str:
    """The text of a key of several fields, with each value passed through its function."""
    values = values_of_key(text)
    if len(values) != len(functions):
        return fold_key(text)
    return key_text([function(value) for function, value in zip(functions, values, strict=True)])


Values = tuple[str | int, ...]
"""The values of a key of several fields, as a query can hold them."""


def askable_together(texts: Iterable[str], key: KeyField) -> Iterator[list[Values]]:
    """The values of keys of several fields, parted so that a query can hold those of each part: of each
    field at most 50 different ones. What no query can hold is left out.
    """
    group: list[Values] = []
    seen: list[set[str | int]] = [set() for _ in key.parts]
    for text in dict.fromkeys(texts):
        pairs = zip(values_of_key(text), key.parts, strict=True)
        forms = [askable([value], number=part.number) for value, part in pairs]
        for values in product(*forms):
            if any(len(known | {value}) > COQL_IN_VALUES for known, value in zip(seen, values, strict=True)):
                yield group
                group, seen = [], [set() for _ in key.parts]
            group.append(values)
            for known, value in zip(seen, values, strict=True):
                known.add(value)
    if group:
        yield group
