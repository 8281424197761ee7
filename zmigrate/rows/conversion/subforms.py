"""Subforms: rows of another module inside a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from zmigrate.reasons import Reason
from zmigrate.rows.conversion.refusal import LIMIT_EXCEEDED, NOTHING, BadValue, Refused, kind_of, take

if TYPE_CHECKING:
    from zmigrate.rows.conversion.open_id import OpenId

MOST_ROWS: Final = 100  # rows of one subform in one record (zoho-api 9.2)


class RowConverter(Protocol):
    """Converts one row of a subform, and keeps its references."""

    @property
    def open(self) -> tuple[OpenId, ...]: ...

    def convert(self, record: Mapping[str, Any]) -> dict[str, Any]: ...


class Subform:
    """The converter of one subform: a list of objects, or JSON of one.

    A row with an `id` exists and is changed; one without is appended (zoho-api 9.2).
    """

    def __init__(
        self, field: str, make: Callable[[bool], RowConverter], keep: Callable[[list[OpenId]], None]
    ) -> None:
        """`make` gives the converter of new rows (True) or of existing ones; `keep` gets the rows'
        references.
        """
        self._field = field
        self._make = make
        self._keep = keep
        self._made: dict[bool, RowConverter] = {}

    def __call__(self, value: Any) -> Any:
        value = from_json(value)
        if value is None or value is NOTHING:
            return value
        if not isinstance(value, list | tuple):
            raise Refused(f"a list of rows is wanted, as objects or JSON, not {kind_of(value)}")
        if len(value) > MOST_ROWS:
            raise Refused(f"{len(value)} rows, {MOST_ROWS} is the most in one record", LIMIT_EXCEEDED)
        rows: list[dict[str, Any]] = []
        reasons: list[Reason] = []
        found: list[OpenId] = []
        for number, row in enumerate(value):
            try:
                rows.append(self._row(row, found))
            except BadValue as bad:
                reasons += (reason._replace(field=f"[{number}].{reason.field}") for reason in bad.reasons)
            except Refused as refused:
                reasons += refused.reasons(f"[{number}]", row)
        if reasons:
            raise Refused(reasons[0].message, reasons[0].code, within=tuple(reasons))
        if found:
            self._keep(found)
        return rows

    def _row(self, row: Any, found: list[OpenId]) -> dict[str, Any]:
        if not isinstance(row, Mapping):
            raise Refused(f"a row of a subform is an object, not {kind_of(row)}")
        if "_delete" in row:
            return dict(row)
        new = not row.get("id")
        if new not in self._made:
            self._made[new] = self._make(new)
        converter = self._made[new]
        converted = converter.convert({name: cell for name, cell in row.items() if name != "id" or not new})
        for open_id in converter.open:
            open_id.field = self._field
            found.append(open_id)
        return converted


def from_json(value: Any) -> Any:
    """The value of a JSON text; any other value unchanged."""
    value = take(value)
    if not isinstance(value, str):
        return value
    if value[0] not in "[{":
        raise Refused("a list or an object is wanted, or JSON of one, not text")
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Refused(f"not JSON that can be read: {error}") from None
