"""Values become Zoho's JSON by their field's metadata. What can't, is told before it costs a call. Nothing is
guessed: what could be read in two ways is refused, with what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from difflib import get_close_matches
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from zmigrate.formats import Formats
from zmigrate.rows import field_types
from zmigrate.rows.columns import TakeColumn, column_taker
from zmigrate.rows.numbers import refuse_rounded
from zmigrate.rows.refusal import NOTHING, Refused

if TYPE_CHECKING:
    from zmigrate.rows.references import OpenId
    from zmigrate.rows.users import UserDirectory
    from zmigrate.writes import Operation
    from zmigrate.zoho.metadata import Field, ModuleFields

UNKNOWN_FIELD: Final = "UNKNOWN_FIELD"
NOT_WRITABLE: Final = "NOT_WRITABLE"
EMPTY_KEY: Final = "EMPTY_KEY"
NOT_A_RECORD: Final = "NOT_A_RECORD"
LONGEST_SHOWN: Final = 200
_PLAIN: Final = Formats()


class BadValue(Exception):
    """A value that Zoho would refuse or drop: which field, Zoho's code (or ours), why, and the value."""

    def __init__(self, field: str, code: str, message: str, value: object = None) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.code = code
        self.message = message
        self.value = _shown(value)


class Converter:
    """Turns what a job's `transform` gives into records ready for orjson, for one module and operation.

    Empty text is left out, but an empty key fails the row (`EMPTY_KEY`). None is left out of an insert, and
    blanks the field in an update or upsert. For a delete only the key is kept.
    """

    def __init__(
        self,
        fields: ModuleFields,
        operation: Operation,
        key: str | None = None,
        formats: Formats = _PLAIN,
        users: UserDirectory | None = None,
        related: Callable[[str], ModuleFields] | None = None,
    ) -> None:
        """`formats`: how text is read; `users`: whom a user field's text means, without it only ids are
        taken; `related`: the fields of another module, asked for when a subform's first row comes.
        """
        self._fields = fields
        self._operation = operation
        self._key = key
        self._formats = formats
        self._users = users
        self._related = related
        self.open: tuple[OpenId, ...] = ()
        """The references of the record that was converted last, for others to fill in."""
        self._text_lengths: dict[str, int] = {}
        self._converters: dict[str, Callable[[Any], Any]] = {}
        self._column_takers: dict[str, TakeColumn | None] = {}

    def convert(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The record in Zoho's JSON. Raises BadValue, and nothing else."""
        if not isinstance(record, Mapping):
            raise BadValue("", NOT_A_RECORD, f"transform gave {type(record).__name__}, not a record", record)
        if self._operation == "delete":
            record = {name: value for name, value in record.items() if name == self._key}
        lengths, converters = self._text_lengths, self._converters
        converted: dict[str, Any] = {}
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
                raise BadValue(str(name), refused.code, refused.message, value) from None
            if result is not NOTHING:
                converted[name] = result
        if self._key is not None and converted.get(self._key) is None:
            raise BadValue(self._key, EMPTY_KEY, "the key is empty, so its record could not be found again")
        return converted

    def convert_columns(
        self, names: Sequence[str], columns: Sequence[Sequence[Any]]
    ) -> list[dict[str, Any]] | None:
        """The records of rows that stand together, a column at a time: what `convert` gives for each of them,
        at a third of its price. None where a row has to be told apart: a value is refused, or a key empty.
        """
        if self._operation == "delete":
            return None
        converted = []
        try:
            for name, cells in zip(names, columns, strict=True):
                convert = self._converters.get(name) or self._compile(name)
                take = self._column_takers.get(name)
                taken = None if take is None else take(cells)
                converted.append(list(map(convert, cells)) if taken is None else taken)
        except Refused:
            return None
        if self._key is not None:
            keys = converted[names.index(self._key)] if self._key in names else (None,)
            if None in keys or NOTHING in keys:
                return None
        if not any(NOTHING in values for values in converted):
            return list(map(dict, map(zip, repeat(names), zip(*converted, strict=True))))
        return [
            {name: value for name, value in zip(names, row, strict=True) if value is not NOTHING}
            for row in zip(*converted, strict=True)
        ]

    def _compile(self, name: str) -> Callable[[Any], Any]:
        convert = self._converter(name)
        self._converters[name] = convert
        return convert

    def _converter(self, name: str) -> Callable[[Any], Any]:
        if name == "id":
            if self._operation == "insert":
                raise Refused("a new record has no id yet; leave it out", NOT_WRITABLE)
            return field_types.record_id
        if not isinstance(name, str) or not name.startswith("$"):
            problem = field_problem(self._fields, name, self._operation, key=self._key)
            if problem is not None:
                raise Refused(problem[1], problem[0])
        else:
            return field_types.as_is
        field = self._fields.fields[name]
        convert = field_types.converter(field, _zone(self._formats.of(name)))
        self._column_takers[name] = column_taker(field, is_key=name == self._key)
        if name == self._key:
            return _trimmed(convert)
        if self._operation == "insert":
            convert = _none_left_out(convert)
        if field.data_type in field_types.PLAIN_TEXT and field.json_type != "jsonarray":
            self._text_lengths[name] = field_types.text_length(field)
        return convert


def field_problem(
    fields: ModuleFields, name: str, operation: Operation, key: str | None = None
) -> tuple[str, str] | None:
    """Code and message if this field can't be written: unknown, computed, read-only, on no layout."""
    if name == "id" and operation != "insert":
        return None
    field = fields.get(name) if isinstance(name, str) else None
    if field is None:
        return UNKNOWN_FIELD, f"{fields.module} has no field {name!r}{_nearest(fields, name)}"
    if name == key and operation in ("update", "delete"):
        return None  # it only finds the record
    why = _why_not_writable(field, operation)
    return (
        None
        if why is None
        else (NOT_WRITABLE, f"{name} can't be written: {why}; Zoho would drop it silently")
    )


def _why_not_writable(field: Field, operation: Operation) -> str | None:
    if field.data_type in field_types.COMPUTED:
        return f"Zoho computes it ({field.data_type})"
    writable = {
        "insert": field.creatable,
        "update": field.updatable,
        "upsert": field.creatable or field.updatable,
        "delete": True,
    }
    if not writable[operation]:
        return f"it is read-only in an {operation}"
    if not field.on_layout:
        return "it is unused, on no layout"
    return None


def _nearest(fields: ModuleFields, name: object) -> str:
    text = str(name)
    for field in fields.fields.values():
        if field.label.casefold() == text.casefold() or field.api_name.casefold() == text.casefold():
            return f"; did you mean {field.api_name!r}?"
    hits = get_close_matches(text, list(fields.fields), n=1)
    return f"; did you mean {hits[0]!r}?" if hits else ""


def _trimmed(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def trimmed(value: Any) -> Any:
        if isinstance(value, str):
            value = value.strip()
            if "E+" in value:
                refuse_rounded(value)
        return convert(value)

    return trimmed


def _none_left_out(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def left_out(value: Any) -> Any:
        return NOTHING if value is None else convert(value)

    return left_out


def _zone(formats: Formats) -> tzinfo | None:
    return None if formats.timezone is None else ZoneInfo(formats.timezone)


def _shown(value: object) -> str:
    if isinstance(value, str):
        text = value
    else:
        try:
            text = repr(value)
        except Exception as error:
            text = f"<{type(value).__name__} whose repr fails: {type(error).__name__}>"
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
