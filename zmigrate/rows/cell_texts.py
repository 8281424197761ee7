"""Values of any type as cells of a result file, in the job's declared formats: loaded again, they mean the
same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from zmigrate.job.context import Fill
from zmigrate.job.formats import Formats
from zmigrate.rows.conversion.dates import came_twice
from zmigrate.rows.mapping.cells import as_text
from zmigrate.zoho.metadata import NUMBERS, ModuleFields

CellText = Callable[[Any], str]


class CellTexts:
    """The text of a value, by its column.

    `fills` names the field of each column, and so whether a number is read as one. If they are not known
    (None, as for a `transform`), numbers and dates are written in the formats of the whole job.
    """

    def __init__(self, formats: Formats, fills: Iterable[Fill] | None, fields: ModuleFields) -> None:
        self._unknown = None if fills is not None else _in_formats(formats, None)
        self._texts: dict[str, CellText] = {}
        for fill in fills or ():
            field = fields.get(fill.field)
            kind = None if field is None else field.data_type
            if kind in NUMBERS or kind in ("date", "datetime", "boolean"):
                text = _in_formats(formats.of(fill.field), kind)
                self._texts |= {column: self._texts.get(column, text) for column in fill.columns}

    def row(self, row: Mapping[str, Any], columns: Iterable[str]) -> list[str]:
        """The cells of a row."""
        values = ((name, row.get(name)) for name in columns)
        return [value if type(value) is str else self._text(name, value) for name, value in values]

    def _text(self, column: str, value: Any) -> str:
        return self._texts.get(column, self._unknown or plain_text)(value)


def plain_text(value: Any) -> str:
    """Plain numbers, ISO dates, lists and objects as JSON. Bytes are UTF-8 text, or else digits after 0x."""
    if isinstance(value, (dict, list)):
        return _json_text(value)
    if isinstance(value, bytes):
        with suppress(UnicodeDecodeError):
            return value.decode()
        return f"0x{value.hex()}"
    try:
        return as_text(value)
    except ValueError:
        return str(value)


def _json_text(value: Any) -> str:
    """JSON with all digits of its numbers."""
    if isinstance(value, dict):
        pairs = (f"{_json_text(str(name))}:{_json_text(each)}" for name, each in value.items())
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_json_text, value))}]"
    if type(value) is int or (isinstance(value, Decimal) and value.is_finite()):
        return str(value)
    return orjson.dumps(value, default=str).decode()


def _in_formats(formats: Formats, data_type: str | None) -> CellText:
    """A function that writes values as the reader of such a field reads them."""

    def text(value: Any) -> str:
        if isinstance(value, (float, Decimal)):
            return plain_text(value).replace(".", formats.decimal)
        if isinstance(value, bool):
            words = formats.true if value else formats.false
            return words[0] if words and data_type in (None, "boolean") else plain_text(value)
        if isinstance(value, date):
            return _moment_text(value, formats, data_type)
        return plain_text(value)

    return text


def _moment_text(value: date, formats: Formats, data_type: str | None) -> str:
    if (
        data_type == "date"
        and isinstance(value, datetime)
        and value.tzinfo is None
        and value.time() == time.min
    ):
        value = value.date()
    if data_type == "datetime" and not isinstance(value, datetime):
        value = datetime.combine(value, time.min)
    if not isinstance(value, datetime):
        return _written(datetime.combine(value, time.min), formats.date_format) or value.isoformat()
    if value.tzinfo is not None and formats.timezone:
        value = value.astimezone(ZoneInfo(formats.timezone))
    written = formats.datetime_format
    if written is None:
        return value.isoformat()
    told = value.tzinfo is None or "%z" in written or (formats.timezone and not came_twice(value))
    return (_written(value, written) if told else None) or value.isoformat()


def _written(moment: datetime, declared: str | None) -> str | None:
    """The moment in a declared format. None if that would lose a part: `%y` has no century."""
    if declared is None:
        return None
    text = moment.strftime(declared)
    try:
        read = datetime.strptime(text, declared)
    except ValueError:
        return None
    return text if read.replace(tzinfo=None) == moment.replace(tzinfo=None, fold=0) else None
