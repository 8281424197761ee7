"""The words of a mapping, the values that each takes, and an example of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, get_args

from zmigrate.job.options import nearest
from zmigrate.job.references import WhenOpen
from zmigrate.job.writes import OnExisting, OnRepeated, Operation
from zmigrate.rows.mapping.places import Places, did_you_mean, wrong
from zmigrate.rows.mapping.toml_lines import KeyPath
from zmigrate.rows.sources.csv_file import delimiter_of
from zmigrate.rows.sources.text import encoding_name

_API_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Word:
    """The values that a word takes."""

    fits: Callable[[Any], bool]
    shape: str  # An example of the word
    choices: tuple[str, ...] = ()
    otherwise: str = "does not fit here"  # what is wrong with any other value


def is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def is_any_text(value: Any) -> bool:
    return isinstance(value, str)


def is_text_unstripped(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(is_text, value))


def is_api_name(value: Any) -> bool:
    return isinstance(value, str) and _API_NAME.match(value) is not None


def is_key(value: Any) -> bool:
    several = isinstance(value, list | tuple) and bool(value)
    return all(map(is_api_name, value)) if several else is_api_name(value)


def is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def is_scalar(value: Any) -> bool:
    """A value that a field can have: text, a number, true or false, a date or a date-time."""
    if isinstance(value, float | Decimal):
        return Decimal(value).is_finite()
    return isinstance(value, str | int | date)  # a date-time is a date, a boolean an int


def is_constant(value: Any) -> bool:
    return is_scalar(value) or (isinstance(value, list | tuple) and all(map(is_scalar, value)))


def is_delimiter(value: Any) -> bool:
    return isinstance(value, str) and delimiter_of(value) is not None


def is_encoding(value: Any) -> bool:
    return isinstance(value, str) and encoding_name(value) is not None


def is_scalars_by_text(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(map(is_scalar, value.values()))


def is_texts_by_text(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(map(is_text, value.values()))


def is_filled_table(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value)


def is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def is_condition(value: Any) -> bool:
    return is_table(value) or (isinstance(value, list | tuple) and all(map(is_table, value)))


def is_text_or_texts(value: Any) -> bool:
    return is_any_text(value) or (isinstance(value, list | tuple) and all(map(is_any_text, value)))


def one_of(name: str, *choices: str) -> Word:
    return Word(
        lambda value: isinstance(value, str) and value in choices, f'{name} = "{choices[0]}"', choices
    )


def api_name(shape: str, what: str = "a field") -> Word:
    return Word(is_api_name, shape, otherwise=f"is not an api name of {what}")


_WHEN_OPEN: Final = one_of("when_open", *get_args(WhenOpen))

READING: Final[Mapping[str, Word]] = {
    "delimiter": Word(
        is_delimiter, 'delimiter = ";", or "tab"', otherwise="is not a delimiter, which is one character"
    ),
    "encoding": Word(is_encoding, 'encoding = "cp1252"', otherwise="is not an encoding"),
    "sheet": Word(lambda value: is_text(value) or is_number(value), 'sheet = "Contacts"'),
    "header": Word(lambda value: is_number(value) and value > 0, "header = 3"),
    "select": Word(is_text, 'select = "select id, name from accounts"'),
    "order_by": Word(is_text, 'order_by = "id"'),
}
"""How to read a source."""

FORMATS: Final[Mapping[str, Word]] = {
    "decimal": one_of("decimal", ",", "."),
    "thousands": one_of("thousands", ".", ",", " ", "'", ""),
    "date_format": Word(is_text, 'date_format = "%d/%m/%Y"'),
    "datetime_format": Word(is_text, 'datetime_format = "%d/%m/%Y %H:%M"'),
    "timezone": Word(is_text, 'timezone = "Europe/Berlin"'),
    "true": Word(is_texts, 'true = ["ja", "wahr"]'),
    "false": Word(is_texts, 'false = ["nein", "falsch"]'),
}

LOAD: Final[Mapping[str, Word]] = {
    "file": Word(is_text, 'file = "deals.csv"'),
    "module": api_name('module = "Deals"', "a module"),
    "operation": one_of("operation", *get_args(Operation)),
    "key": Word(
        is_key,
        'key = "Legacy_ID", or key = ["Last_Name", "Company"]',
        otherwise="is not an api name of a field",
    ),
    "match_on": api_name('match_on = "Legacy_ID"'),
    "ignore_case": Word(is_flag, "ignore_case = true"),
    "on_existing": one_of("on_existing", *get_args(OnExisting)),
    "on_repeated": one_of("on_repeated", *get_args(OnRepeated)),
    **FORMATS,
    **READING,
    "ignore": Word(is_texts, 'ignore = ["internal_note"]'),
    "skip_if": Word(is_condition, 'skip_if = { column = "stage", is = "Deleted" }'),
    "when_open": _WHEN_OPEN,
    "fields": Word(
        is_table, 'a table: [fields] ([load.fields] in a [[load]]), and below it Last_Name = "surname"'
    ),
}

TOP: Final[Mapping[str, Word]] = {
    "default_user": Word(is_text, 'default_user = "boss@example.com"'),
    "users": Word(is_texts_by_text, 'a table: [users], and below it "anna@old.example" = "ben@example.com"'),
}

FOLDER: Final[Mapping[str, Word]] = {**TOP, "ignore_files": Word(is_texts, 'ignore_files = ["notes.csv"]')}
"""The words before the loads of a folder."""

CONDITION: Final[Mapping[str, Word]] = {
    "column": Word(is_text, 'column = "stage"'),
    "is": Word(is_text_or_texts, 'is = "Deleted", or is = ["Deleted", "Test"]'),
    "empty": Word(lambda value: value is True, "empty = true"),
    "not_empty": Word(lambda value: value is True, "not_empty = true"),
    "matches": Word(is_text_unstripped, "matches = '^TEST'"),
}

FIELD: Final[Mapping[str, Word]] = {
    "column": Word(is_text, 'column = "deal_stage"'),
    "columns": Word(is_texts, 'columns = ["first", "last"], join = " "'),
    "join": Word(is_any_text, 'columns = ["first", "last"], join = " "'),
    "template": Word(is_text_unstripped, 'template = "{account} - {product}"'),
    "constant": Word(is_constant, 'constant = "Old CRM"'),
    "values": Word(is_scalars_by_text, 'values = { Won = "Closed Won", Lost = "Closed Lost" }'),
    "otherwise": Word(is_scalar, 'otherwise = "Qualification"'),
    "strict": Word(is_flag, "strict = true"),
    "split": Word(is_text_unstripped, 'split = ","'),
    "part": Word(lambda value: is_number(value) and value != 0, "part = 2 (from 1; -1 is the last)"),
    "trim": Word(is_flag, "trim = true"),
    "case": one_of("case", "lower", "upper", "title"),
    "default": Word(is_constant, 'default = "0"'),
    "empty": one_of("empty", "leave", "blank"),
    "format": Word(is_text, 'format = "%d/%m/%Y"'),
    **{name: FORMATS[name] for name in ("decimal", "thousands", "timezone", "true", "false")},
    "ref": api_name('ref = "Accounts", column = "account_id"', "a module"),
    "find": api_name('find = "Contacts", by = "Email", column = "email"', "a module"),
    "by": Word(
        is_key,
        'by = "Legacy_ID", or by = ["Last_Name", "Company"]',
        otherwise="is not an api name of a field",
    ),
    "when_open": _WHEN_OPEN,
    "ignore_case": Word(is_flag, "ignore_case = true"),
    "rows": Word(is_text, 'rows = "items.csv", match = { quote_id = "id" }, fields = { Quantity = "qty" }'),
    "match": Word(is_texts_by_text, 'match = { quote_id = "id" }'),
    "fields": Word(is_filled_table, 'fields = { Quantity = "qty" }'),
    "ignore": Word(is_texts, 'ignore = ["position"]'),
    **READING,
}


def check_words(
    values: Mapping[str, Any],
    known: Mapping[str, Word],
    places: Places,
    path: KeyPath,
    also: Sequence[str] = (),
) -> None:
    """Raise JobError for an unknown word, or for a value that does not fit its word."""
    for name, value in values.items():
        word = known.get(name)
        here = (*path, name)
        if word is None:
            if name not in also:
                raise wrong(places, here, f'the word "{name}" is not known here.', did_you_mean(name, known))
        elif not word.fits(value):
            shown = value if isinstance(value, Decimal) else repr(value)
            if word.choices:
                choices = ", ".join(f'"{choice}"' for choice in word.choices)
                near = nearest(value, word.choices).strip() if isinstance(value, str) else ""
                raise wrong(places, here, f"it is one of {choices}, not {shown}.", near or None)
            raise wrong(places, here, f"{shown} {word.otherwise}.", f"Write it like this: {word.shape}")
