"""A row of a database, or of a job's own, as a line of JSON, and back: every value keeps its type.

`[7, "Doe", null, {"Decimal": "1.50"}, {"date": "2024-03-31"}]`: what JSON has no form for stands as an object
with the name of its type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson

from zmigrate.errors import SourceError
from zmigrate.job.blank import Blank, Erasure
from zmigrate.job.checks import said_of
from zmigrate.job.references import Find, Ref, Reference
from zmigrate.printable import is_unicode

_AS_THEY_ARE: Final = frozenset({str, bool, type(None)})
_LARGEST_INTEGER: Final = 2**63
"""JSON has no larger ones here: beyond it they are Decimals."""

_NOT_WRITTEN: Final = (TypeError, RecursionError)
"""What a type that is not known raises, a text that is no Unicode, a list too deep in others."""

_HALF: Final = "half of a character (a lone surrogate)"
_HINT_FOR_HALF: Final = (
    "Python makes such texts of bytes in another encoding, and of broken JSON. Repair it in the job:"
    " os.fsencode(text).decode('cp1252'), or leave the character out."
)

_WRITTEN: Final[Mapping[type, Callable[[Any], Any]]] = {
    bool: lambda value: value,
    str: str,
    int: lambda value: int(value) if _fits(value) else {"Decimal": str(value)},
    float: lambda value: float(value) if math.isfinite(value) else {"float": str(value)},
    Decimal: lambda value: {"Decimal": str(value)},
    datetime: lambda value: {"datetime": value.isoformat()},
    date: lambda value: {"date": value.isoformat()},
    time: lambda value: {"time": value.isoformat()},
    timedelta: lambda value: {"timedelta": [value.days, value.seconds, value.microseconds]},
    UUID: lambda value: {"UUID": str(value)},
    bytes: lambda value: {"bytes": value.hex()},
    bytearray: lambda value: {"bytes": value.hex()},
    memoryview: lambda value: {"bytes": value.hex()},
    list: lambda value: list(map(_packed, value)),
    tuple: lambda value: list(map(_packed, value)),
    Erasure: lambda value: {"Blank": None},
    Ref: lambda value: {"Ref": _parts_of(value)},
    Find: lambda value: {"Find": _parts_of(value)},
    dict: lambda value: {"dict": [[_packed(key), _packed(each)] for key, each in value.items()]},
}
_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "float": float,
    "Decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda parts: timedelta(*parts),
    "UUID": UUID,
    "bytes": bytes.fromhex,
    "Blank": lambda _: Blank,
    "Ref": lambda parts: Ref(*map(_unpacked, parts)),
    "Find": lambda parts: Find(*map(_unpacked, parts)),
    "dict": lambda pairs: {_unpacked(key): _unpacked(value) for key, value in pairs},
}


def line_of(number: int, row: Mapping[str, Any]) -> str:
    """The values of a row. Raises SourceError for one that can't be kept; `number` is for its message."""
    try:
        values = [value if type(value) in _AS_THEY_ARE else _packed(value) for value in row.values()]
        return orjson.dumps(values).decode()
    except _NOT_WRITTEN:
        raise _not_kept(number, row) from None


def line_of_whole(number: int, row: Mapping[str, Any]) -> str:
    """A row with columns of its own as one value. Raises SourceError as `line_of`."""
    try:
        return orjson.dumps([_packed(dict(row))]).decode()
    except _NOT_WRITTEN:
        raise _not_kept(number, row) from None


def _not_kept(number: int, row: Mapping[str, Any]) -> SourceError:
    at = f"row {number:,}"
    for column, value in row.items():
        if not is_unicode(column):
            return SourceError(f"{at}: the column {column!r} has {_HALF} in its name.", hint=_HINT_FOR_HALF)
        error = _error_of(value)
        if error is not None and "surrogate" in str(error):
            return SourceError(f"{at}: a value of column {column} has {_HALF}.", hint=_HINT_FOR_HALF)
        if error is not None:
            return SourceError(
                f"{at}: a value of column {column} can't be kept; its type is {said_of(value)}.",
                hint=f"Make a text of it; in a select: cast({column} as varchar(255)).",
            )
    raise AssertionError("each value can be kept")


def values_of(line: bytes) -> Sequence[Any]:
    """The values that `line_of` wrote. Raises ValueError for anything else."""
    values = orjson.loads(line)
    if not isinstance(values, list):
        raise ValueError("it is no list")
    try:
        return [value if type(value) not in (dict, list) else _unpacked(value) for value in values]
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError) as error:
        raise ValueError(str(error)) from None


def _packed(value: Any) -> Any:
    if value is None:
        return None
    kind = next((kind for kind in type(value).__mro__ if kind in _WRITTEN), None)
    if kind is not None:
        return _WRITTEN[kind](value)
    if vars(object)["__str__"] is getattr(type(value), "__str__", None):
        raise TypeError
    return str(value)  # a driver's own type that has a text, such as an IP address or a range


def _parts_of(reference: Reference) -> list[Any]:
    return [_packed(getattr(reference, each.name)) for each in fields(reference)]


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return list(map(_unpacked, value))
    if isinstance(value, dict):
        [(kind, written)] = value.items()
        return _READ[kind](written)
    return value


def _error_of(value: Any) -> Exception | None:
    """The error of writing a value; None if it can be kept."""
    try:
        orjson.dumps([_packed({"": value})])  # as deep as in a whole row
    except _NOT_WRITTEN as error:
        return error
    return None


def _fits(value: int) -> bool:
    return -_LARGEST_INTEGER <= value < _LARGEST_INTEGER
