"""One function for each of Zoho's data types: it turns a value into JSON, or refuses it (`Refused`).

Types, shapes and limits: zoho.com/crm/developer/docs/api/v8/insert-records.html ("Sample attributes") and
field-meta.html. Only what Zoho is sure to refuse is checked here; Zoho judges the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import orjson

from zmigrate.rows.conversion.activities import INSIDE
from zmigrate.rows.conversion.choices import Choices, boolean_reader, pick, picks, tags
from zmigrate.rows.conversion.dates import day_reader, moment_reader
from zmigrate.rows.conversion.json_text import from_json, whole
from zmigrate.rows.conversion.lookups import lookup
from zmigrate.rows.conversion.numbers import (
    BIGINT_DIGITS,
    DIGITS_BEFORE_POINT,
    INTEGER_DIGITS,
    PERCENT_DIGITS,
    bigint,
    integer,
    number,
)
from zmigrate.rows.conversion.refusal import MANDATORY_NOT_FOUND, NOTHING, Refused, kind_of, take
from zmigrate.rows.conversion.separators import Separators
from zmigrate.rows.conversion.texts import LONGEST_TEXT, email, line, text
from zmigrate.zoho.facts.modules import TAG

if TYPE_CHECKING:
    from zmigrate.job.formats import Formats
    from zmigrate.rows.conversion.lookups import Links
    from zmigrate.zoho.metadata import Field

PLAIN_TEXT: Final = frozenset({"text", "textarea"})
LONGEST_TEXT_AREAS: Final[Mapping[str | None, int]] = {"small": 2_000, "large": 32_000, "rich_text": 50_000}
LONGEST_TEXT_AREA: Final = 50_000
"""The most characters of a text area, by its kind; LONGEST_TEXT_AREA if its kind is not known."""

Convert = Callable[[Any], Any]


def converter(field: Field, formats: Formats, links: Links) -> Convert:
    """The function for a field: it gives JSON or `NOTHING`, or raises Refused. None becomes null."""
    kind = field.data_type
    if kind in _TEXTS and (field.api_name == TAG or field.json_type not in _SHAPES):
        is_tags = field.json_type in _SHAPES  # other lists of this type are given whole: Pricing_Details
        return tags if is_tags else partial(_TEXTS[kind][0], length=text_length(field))
    if kind in _NUMBERS and field.json_type not in _SHAPES:  # the type of Participants is bigint
        read, most = _NUMBERS[kind]
        digits = min(field.length or most, most) if kind in _COUNTED else most
        plain = partial(read, separators=Separators.declared(formats), digits=digits)
        return plain if field.custom or kind != "bigint" else partial(_plain_or_whole, plain)
    if kind in _READERS:
        return _READERS[kind](formats)
    if kind in ("picklist", "multiselectpicklist"):
        choose = partial(pick if kind == "picklist" else picks, choices=Choices.of(field))
        return choose if kind == "picklist" else partial(_plain_or_whole, choose)
    return _linked(field, links) or _by_shape(field)


def formats_read(field: Field) -> frozenset[str]:
    """The declared formats that affect text for a field. Empty if it is taken unchanged."""
    if field.data_type in _NUMBERS and field.json_type not in _SHAPES:
        return frozenset({"decimal", "thousands"})
    return _FORMATS_READ.get(field.data_type, frozenset())


def _by_shape(field: Field) -> Convert:
    """The function for types that are unknown here, or have no form as text."""
    if field.json_type in _SHAPES:
        shaped = partial(structured, shape=_SHAPES[field.json_type])
        inside = files if field.data_type in FILES else INSIDE.get(field.api_name)
        return shaped if inside is None else partial(_looked_into, shaped, inside)
    return partial(text, length=field.length or LONGEST_TEXT) if field.json_type == "string" else as_is


def _linked(field: Field, links: Links) -> Convert | None:
    match field.data_type:
        case "lookup" | "multi_module_lookup":
            return links.lookup(field)
        case "ownerlookup" | "userlookup":
            return links.user
        case "multiselectlookup":
            return links.several(field)
        case "multiuserlookup":
            return links.several_users(field)
        case "layout":
            return lookup
    return None


def text_length(field: Field) -> int:
    """The most characters of a text field."""
    if field.length:
        return field.length
    if field.data_type == "textarea":
        return LONGEST_TEXT_AREAS.get(field.textarea_kind, LONGEST_TEXT_AREA)
    return _TEXTS[field.data_type][1]


def as_is(value: Any) -> Any:
    """The job's value unchanged, if JSON can hold it: for types without a form as text."""
    value = take(value)
    if value is NOTHING:
        return value
    try:
        orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATACLASS)  # a Ref or a Find
    except TypeError as error:
        remedy = "give an id itself; Ref and Find are values of a lookup, Blank of a field"
        raise Refused(f"JSON can't hold it: {error}", remedy=remedy) from None
    return value


def _plain_or_whole(plain: Convert, value: Any) -> Any:
    """An object, or a list of objects, unchanged, as a dump has them: a `Wizard` is a bigint, the `Tax` of a
    product a pick list, and neither type says what is in them (zoho-api 14.18). Anything else by its type.
    """
    given = whole(value)
    items = given if isinstance(given, list | tuple) else [given]
    objects = bool(items) and all(isinstance(item, Mapping) for item in items)
    return as_is(given) if objects else plain(value)


def _looked_into(shaped: Convert, inside: Convert, value: Any) -> Any:
    value = shaped(value)
    return value if value is None or value is NOTHING else inside(value)


def files(value: list[Any]) -> list[Any]:
    """`[{"File_Id__s": "<id of an uploaded file>"}]`; an existing row has an `id`."""
    for place, item in enumerate(value):
        told = f'[{place}]: {{"File_Id__s": "<id of an uploaded file>"}} is wanted'
        if not isinstance(item, dict) or not isinstance(item.get("File_Id__s", ""), str):
            raise Refused(told)
        if not item.get("id") and not item.get("File_Id__s"):
            raise Refused(told, MANDATORY_NOT_FOUND)
    return value


def structured(value: Any, shape: type[list[Any]] | type[dict[str, Any]]) -> Any:
    """A list or an object as Zoho's pages show it, or JSON of one."""
    value = as_is(from_json(value))
    if value is None or value is NOTHING:
        return value
    if isinstance(value, tuple):
        value = list(value)
    if not isinstance(value, shape):
        wanted = "a list" if shape is list else "an object"
        raise Refused(f"{wanted} is wanted, as Zoho's pages show it, not {kind_of(value)}")
    return value


_TEXTS: Final[dict[str, tuple[Callable[..., Any], int]]] = {
    "text": (text, LONGEST_TEXT),
    "textarea": (text, LONGEST_TEXT_AREA),
    "email": (email, 100),
    "phone": (line, 30),
    "website": (line, 450),
}
"""With the default length of such a field."""

_NUMBERS: Final[dict[str, tuple[Callable[..., Any], int]]] = {
    "integer": (integer, INTEGER_DIGITS),
    "bigint": (bigint, BIGINT_DIGITS),
    "double": (number, DIGITS_BEFORE_POINT),
    "currency": (number, DIGITS_BEFORE_POINT),
    "percent": (number, PERCENT_DIGITS),
}
"""With the most digits of the type."""
_COUNTED: Final = frozenset({"integer", "bigint", "percent"})
"""Types with fields that may have fewer digits: their `length` counts digits."""
_READERS: Final[dict[str, Callable[[Formats], Convert]]] = {
    "date": day_reader,
    "datetime": moment_reader,
    "boolean": boolean_reader,
}
_FORMATS_READ: Final = {
    "date": frozenset({"date_format"}),
    "datetime": frozenset({"datetime_format", "timezone"}),
    "boolean": frozenset({"true", "false"}),
}
FILES: Final = frozenset({"fileupload", "imageupload"})
_SHAPES: Final[dict[str, Any]] = {"jsonarray": list, "jsonobject": dict}
