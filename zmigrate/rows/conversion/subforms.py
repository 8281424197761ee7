"""Subforms: rows of another module inside a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from zmigrate.reasons import Reason
from zmigrate.rows.conversion.json_text import from_json
from zmigrate.rows.conversion.left_out import LeftOut, without
from zmigrate.rows.conversion.refusal import LIMIT_EXCEEDED, NOTHING, BadValue, Refused, kind_of
from zmigrate.zoho.facts.limits import SUBFORM_ROWS

if TYPE_CHECKING:
    from zmigrate.rows.conversion.open_id import OpenId


def too_many_rows(record: Mapping[str, Any], subforms: Iterable[str]) -> tuple[Reason, ...]:
    """The reason if these subforms of a record have more rows than Zoho takes in all."""
    names = [name for name in sorted(subforms) if isinstance(record.get(name), list)]
    rows = sum(len(record[name]) for name in names)
    if rows <= SUBFORM_ROWS:
        return ()
    where = f" in {' and '.join(names)}" if len(names) > 1 else ""
    message = f"{rows} rows{where}, {SUBFORM_ROWS} is the most in one record"
    return (Reason(LIMIT_EXCEEDED, names[0], message),)


class RowConverter(Protocol):
    """Converts one row of a subform, and keeps its references."""

    @property
    def left_out(self) -> LeftOut: ...

    @property
    def open(self) -> tuple[OpenId, ...]: ...

    def set_by_zoho(self, name: str) -> bool: ...

    def convert(self, record: Mapping[str, Any]) -> dict[str, Any]: ...


class Subform:
    """The converter of one subform: a list of objects, or JSON of one.

    A row with an `id` exists and is changed; one without is appended (zoho-api 9.2). What Zoho sets itself
    is left out.
    """

    def __init__(
        self,
        field: str,
        make: Callable[[bool], RowConverter],
        keep: Callable[[list[OpenId]], None],
        left_out: LeftOut,
        *,
        all_new: bool,
    ) -> None:
        """`make` gives the converter of new rows (True) or of existing ones; `keep` gets the rows'
        references. `all_new`: the record is new, and an `id` is that of another record's row.
        """
        self._field = field
        self._make = make
        self._keep = keep
        self._left_out = left_out
        self._all_new = all_new
        self._made: dict[bool, RowConverter] = {}

    def __call__(self, value: Any) -> Any:
        value = from_json(value)
        if value is None or value is NOTHING:
            return value
        if not isinstance(value, list | tuple):
            raise Refused(f"a list of rows is wanted, as objects or JSON, not {kind_of(value)}")
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
        new = self._all_new or not row.get("id")
        if new not in self._made:
            self._made[new] = self._make(new)
        converter = self._made[new]
        kept = without(row, new=new, set_by_zoho=converter.set_by_zoho)
        self._left_out.note(self._field, row, kept)
        converted = converter.convert(kept)
        self._left_out.take_over(self._field, converter.left_out)
        for open_id in converter.open:
            open_id.field = self._field
            found.append(open_id)
        return converted
