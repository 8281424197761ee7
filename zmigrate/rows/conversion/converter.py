"""Turns values into Zoho's JSON by their field's metadata, and refuses what Zoho would refuse, before it
costs a call. Nothing is guessed: a value with two readings is refused, with what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from itertools import repeat
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from zmigrate.errors import Fatal, RefusedError, UsageError
from zmigrate.job.blank import Blank
from zmigrate.job.checks import said_of
from zmigrate.job.formats import Formats
from zmigrate.job.key_text import fields_of_key
from zmigrate.reasons import Reason
from zmigrate.rows.conversion import field_types
from zmigrate.rows.conversion.activities import WHOLE_CHECKS
from zmigrate.rows.conversion.columns import TakeColumn, column_taker
from zmigrate.rows.conversion.declared import formats_problem
from zmigrate.rows.conversion.left_out import LeftOut
from zmigrate.rows.conversion.lookups import Links, record_id
from zmigrate.rows.conversion.numbers import refuse_rounded
from zmigrate.rows.conversion.refusal import (
    MANDATORY_NOT_FOUND,
    NOTHING,
    UNKNOWN_FIELD,
    BadValue,
    Refused,
    shown,
)
from zmigrate.rows.conversion.subforms import Subform, too_many_rows
from zmigrate.zoho.facts.modules import SET_IN_ROWS
from zmigrate.zoho.metadata import COMPUTED, STORED_ELSEWHERE, ModuleFields

__all__ = ["BadValue", "Converter", "field_problem"]

if TYPE_CHECKING:
    from zmigrate.job.writes import Operation
    from zmigrate.rows.conversion.open_id import OpenId
    from zmigrate.rows.conversion.users import UserDirectory
    from zmigrate.zoho.metadata import Field

NOT_WRITABLE: Final = "NOT_WRITABLE"
EMPTY_KEY: Final = "EMPTY_KEY"
NOT_A_RECORD: Final = "NOT_A_RECORD"
RETURNED_NOTHING: Final = "transform returned nothing. Return a dict, or raise Skip to leave the row out."
PARENT: Final = "Parent_Id"  # A subform row's lookup to its record, which Zoho fills in
OTHER_KEY: Final = "; to find records by another field, name that as the key"
_PLAIN: Final = Formats()


class Converter:
    """Turns the results of a job's `transform` into records ready for orjson, for one module and operation.

    None, empty text and empty lists are left out; an empty key fails the row (`EMPTY_KEY`). `Blank` becomes
    what erases the field, and is left out of new records. For a delete only the key is kept.
    """

    def __init__(
        self,
        fields: ModuleFields,
        operation: Operation,
        key: str | None = None,
        formats: Formats = _PLAIN,
        users: UserDirectory | None = None,
        related: Callable[[str], ModuleFields] | None = None,
        *,
        may_update: bool = False,
    ) -> None:
        """`formats`: how to read text. `users`: finds users by the text of a user field (None: it is an id).
        `related`: gives the fields of another module, when the first value of a subform comes. `may_update`:
        what is inserted may turn out to exist, and is then updated.

        Raises UsageError if the formats can't be used.
        """
        problem = formats_problem(formats)
        if problem is not None:
            raise UsageError(f"a declared format is wrong: {problem}", code="FORMATS")
        self._fields = fields
        self._operation = operation
        self._key = key
        self._keys = fields_of_key(key)
        self._formats = formats
        self._users = users
        self._related = related
        self._erases = operation != "insert" or may_update
        self.left_out = LeftOut()
        """What was left out of rows of subforms and links, since Zoho sets it."""
        self._all_new = operation == "insert" and not may_update
        self._links = Links(users, self.left_out, all_new=self._all_new)
        self._whole = WHOLE_CHECKS.get(fields.module)
        self._subforms = frozenset(field.api_name for field in fields if field.data_type == "subform")
        # A record that exists has its mandatory fields, and Zoho refuses a new one without them.
        self._mandatory = frozenset() if may_update else _mandatory(fields, operation, key)
        self._text_lengths: dict[str, int] = {}
        self._converters: dict[str, Callable[[Any], Any]] = {}
        self._column_takers: dict[str, TakeColumn | None] = {}
        self.open: tuple[OpenId, ...] = ()
        """The references in the last record, also if it was refused, for others to fill in."""

    def convert(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The record in Zoho's JSON. Raises BadValue with everything that is wrong with it."""
        if self.open:
            self.open = ()
        if self._operation == "delete" or (type(record) is not dict and not isinstance(record, Mapping)):
            record = self._key_alone(record)
        lengths, converters = self._text_lengths, self._converters
        converted: dict[str, Any] = {}
        reasons: tuple[Reason, ...] = ()
        for name, value in record.items():
            length = lengths.get(name)
            if length is not None and type(value) is str and len(value) <= length and value.isascii():
                if value and not value.isspace():
                    converted[name] = value
                continue
            try:
                convert = converters.get(name) or self._compile(name)
                result = convert(value)
            except Refused as refused:
                reasons += refused.reasons(str(name), value)
                continue
            if result is not NOTHING:
                converted[name] = result
        if self._links.met:
            self.open, misled = self._links.leave(converted)
            reasons += misled
        reasons += self._of_record(converted)
        if None in map(converted.get, self._keys):
            reasons += self._empty_keys(converted, reasons)
        for name in self._mandatory:
            if name not in converted:
                reasons += self._not_found(converted, reasons)
                break
        if reasons:
            raise BadValue(*reasons, record=converted)
        return converted

    def _of_record(self, converted: Mapping[str, Any]) -> tuple[Reason, ...]:
        """What is wrong with a record beside its single values."""
        rows = () if self._subforms.isdisjoint(converted) else too_many_rows(converted, self._subforms)
        return rows if self._whole is None else rows + self._whole(converted, self._operation == "insert")

    def _key_alone(self, record: object) -> dict[str, Any]:
        """The key, which is all that a delete needs."""
        if not isinstance(record, Mapping):
            message = f"transform returned {said_of(record)}, not a record"
            if record is None:
                message = RETURNED_NOTHING
            raise BadValue(Reason(NOT_A_RECORD, None, message, shown(record)))
        return {name: value for name, value in record.items() if name in self._keys}

    def _empty_keys(self, converted: Mapping[str, Any], reasons: Sequence[Reason]) -> tuple[Reason, ...]:
        told = {reason.field for reason in reasons}
        return tuple(
            Reason(EMPTY_KEY, key, f"{key} is empty; it is needed as the key")
            for key in self._keys
            if converted.get(key) is None and key not in told
        )

    def _not_found(self, converted: Mapping[str, Any], reasons: Sequence[Reason]) -> tuple[Reason, ...]:
        """Errors for missing mandatory fields, except those with a bad value of their own."""
        told = {(reason.field or "").partition("[")[0] for reason in reasons}
        missing = sorted(self._mandatory - converted.keys() - told)
        message, remedy = (
            "required field not found: a new record must have it",
            "fill it, or give it a default",
        )
        return tuple(Reason(MANDATORY_NOT_FOUND, name, message, None, remedy) for name in missing)

    def refusals(self, name: str, value: Any) -> tuple[Reason, ...]:
        """What is wrong with one value of a field, outside any record. () if nothing is."""
        try:
            (self._converters.get(name) or self._compile(name))(value)
        except Refused as refused:
            return refused.reasons(name, value)
        finally:
            self._links.forget()
        return ()

    def convert_columns(
        self, names: Sequence[str], columns: Sequence[Sequence[Any]]
    ) -> list[dict[str, Any]] | None:
        """The records of several rows, a column at a time: the same as `convert`, at a third of its price.
        None if a row must be handled alone: a value is refused, or a key is empty.
        """
        if (
            self._operation == "delete"
            or self._whole is not None
            or not self._subforms.isdisjoint(names)
            or not self._mandatory.issubset(names)
        ):
            return None
        converted = self._columns(names, columns)
        if converted is None:
            return None
        for name in self._keys:
            keys = converted[names.index(name)] if name in names else (None,)
            if None in keys or NOTHING in keys:
                return None
        if not any(NOTHING in values for values in converted):
            return list(map(dict, map(zip, repeat(names), zip(*converted, strict=True))))
        if any(NOTHING in converted[names.index(name)] for name in self._mandatory):
            return None
        return [
            {name: value for name, value in zip(names, row, strict=True) if value is not NOTHING}
            for row in zip(*converted, strict=True)
        ]

    def _columns(self, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> list[Sequence[Any]] | None:
        self.open = ()
        converted: list[Sequence[Any]] = []
        try:
            for name, cells in zip(names, columns, strict=True):
                convert = self._converters.get(name) or self._compile(name)
                take = self._column_takers.get(name)
                taken = None if take is None else take(cells)
                converted.append(list(map(convert, cells)) if taken is None else taken)
        except Refused:
            self._links.forget()  # they come again, row by row
            return None
        if self._links.met:
            if self._links.open or self._links.what or self._links.unnamed:  # each belongs to a row
                self._links.forget()
                return None
            self._links.leave({})
        return converted

    def _compile(self, name: str) -> Callable[[Any], Any]:
        convert = self._converter(name)
        self._converters[name] = convert
        return convert

    def _converter(self, name: str) -> Callable[[Any], Any]:
        if name == "id":
            if self._operation == "insert":
                raise Refused("a new record has no id yet", NOT_WRITABLE, remedy="leave it out")
            return partial(record_id, instead=OTHER_KEY if self._key == "id" else "")
        if not isinstance(name, str) or not name.startswith("$"):
            problem = field_problem(self._fields, name, self._operation, key=self._key)
            if problem is not None:
                raise Refused(problem[1], problem[0])
        else:
            return _erasing(field_types.as_is, None)
        field = self._fields.fields[name]
        if field.data_type == "subform" and self._related is not None and field.subform_module:
            convert: Callable[[Any], Any] = Subform(
                name,
                partial(self._of_rows, field),
                self._links.keep,
                self.left_out,
                all_new=self._all_new,
            )
        else:
            convert = field_types.converter(field, self._formats.of(name), self._links)
        self._column_takers[name] = column_taker(field, is_key=name in self._keys)
        if name in self._keys:
            return _trimmed(convert)
        convert = _erasing(convert, _erasure_of(field) if self._erases else NOTHING)
        if self._operation == "insert" and field.data_type in STORED_ELSEWHERE:
            convert = _new_rows(convert)
        if field.data_type in field_types.PLAIN_TEXT and field.json_type != "jsonarray":
            self._text_lengths[name] = field_types.text_length(field)
        return convert

    def set_by_zoho(self, name: str) -> bool:
        """Whether Zoho sets this key of a row, and not the writer."""
        field = self._fields.get(name)
        if field is None:
            return name in SET_IN_ROWS
        return field.data_type in COMPUTED or not _writable(field, self._operation)

    def _of_rows(self, field: Field, new: bool) -> Converter:
        """The converter of a subform's rows, for new or for existing ones."""
        assert self._related is not None and field.subform_module is not None  # noqa: S101, PT018  asked before
        try:
            fields = self._related(field.subform_module)
        except (RefusedError, Fatal) as error:
            raise Refused(f"the fields of {field.subform_module} can't be read: {error.message}") from None
        own = {name: each for name, each in fields.fields.items() if name != PARENT}
        return Converter(
            ModuleFields(fields.module, MappingProxyType(own)),
            "insert" if new else "update",
            None,
            self._formats.within(field.api_name),
            self._users,
            self._related,
        )


def _new_rows(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """For a new record: its rows of subforms, links and files must all be new."""

    def checked(value: Any) -> Any:
        rows = convert(value)
        for number, row in enumerate(rows if isinstance(rows, list) else ()):
            for name in ("id", "_delete"):
                if isinstance(row, Mapping) and name in row:
                    raise Refused(f"[{number}]: a new record has no rows yet", remedy=f"leave `{name}` out")
        return rows

    return checked


def field_problem(
    fields: ModuleFields, name: str, operation: Operation, key: str | None = None
) -> tuple[str, str] | None:
    """Code and message if this field can't be written: unknown, computed, read-only, on no layout."""
    if name == "id" and operation != "insert":
        return None
    field = fields.get(name) if isinstance(name, str) else None
    if field is None:
        return UNKNOWN_FIELD, f"{fields.module} has no field {name!r}{_nearest(fields, name)}"
    if name in fields_of_key(key) and operation in ("update", "delete"):
        return None  # it only finds the record
    why = _why_not_writable(field, operation)
    return (
        None
        if why is None
        else (NOT_WRITABLE, f"{name} can't be written: {why}; Zoho would drop it silently")
    )


def _why_not_writable(field: Field, operation: Operation) -> str | None:
    if field.data_type in COMPUTED:
        return f"Zoho computes it ({field.data_type})"
    if not _writable(field, operation):
        return f"it is read-only in an {operation}"
    if not field.on_layout:
        return "it is unused, on no layout"
    return None


def _writable(field: Field, operation: Operation) -> bool:
    writable = {
        "insert": field.creatable,
        "update": field.updatable,
        "upsert": field.creatable or field.updatable,
        "delete": True,
    }
    return writable[operation]


def _nearest(fields: ModuleFields, name: object) -> str:
    text = str(name)
    for field in fields.fields.values():
        if field.label.casefold() == text.casefold() or field.api_name.casefold() == text.casefold():
            return f"; did you mean {field.api_name!r}?"
    hits = get_close_matches(text, list(fields.fields), n=1)
    return f"; did you mean {hits[0]!r}?" if hits else ""


def _trimmed(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def trimmed(value: Any) -> Any:
        if value is Blank:
            return None
        if isinstance(value, str):
            value = value.strip()
            if "E+" in value:
                refuse_rounded(value)
        return convert(value)

    return trimmed


def _erasing(convert: Callable[[Any], Any], erased: Any) -> Callable[[Any], Any]:
    """`convert`, but `Blank` becomes `erased` or is refused by it. None and a list without items are left
    out."""

    def erasing(value: Any) -> Any:
        if value is Blank:
            if isinstance(erased, Refused):
                raise erased
            return erased
        result = convert(value)
        return NOTHING if result is None or result == [] else result

    return erasing


def _erasure_of(field: Field) -> Any:
    """What erases a field of an existing record, or why nothing does."""
    if field.mandatory:
        return Refused("the field is mandatory and can't be erased", MANDATORY_NOT_FOUND)
    if field.data_type == "ownerlookup":
        return Refused("a record always has an owner, who can't be erased", MANDATORY_NOT_FOUND)
    if field.data_type == "subform":
        return []  # null is not documented for it (zoho-api 9.2)
    if field.data_type in STORED_ELSEWHERE:
        remedy = 'remove each of its rows: {"id": "<id of the row>", "_delete": None}'
        return Refused("its rows can only be removed one by one", remedy=remedy)
    return None


def _mandatory(fields: ModuleFields, operation: Operation, key: str | None) -> frozenset[str]:
    """The fields without which Zoho refuses a new record (zoho-api 9.3), except the key."""
    if operation != "insert":
        return frozenset()
    wanted = (field for field in fields if field.mandatory and field.creatable and field.on_layout)
    return frozenset(field.api_name for field in wanted if field.api_name not in fields_of_key(key))
