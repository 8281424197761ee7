"""What a run would refuse of the values that were looked at, in its own words: they say what to declare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from zmigrate.job.formats import Formats
from zmigrate.reasons import told
from zmigrate.rows.conversion.converter import Converter
from zmigrate.rows.conversion.declared import formats_problem
from zmigrate.rows.proposal.looks import Column, shortened
from zmigrate.wording import counted
from zmigrate.zoho.metadata import NUMBERS, Field, ModuleFields

if TYPE_CHECKING:
    from zmigrate.job.writes import Operation

_JUDGED: Final = NUMBERS | {"date", "datetime", "boolean", "email", "phone", "website", "subform"}
"""Types whose values are taken or refused by their look alone."""
LONGEST_REASON: Final = 240


class Misfits(NamedTuple):
    """How many values would be refused, and why one of them."""

    said: str
    """Without the value."""
    why: str
    """With it."""


def refused_values(
    column: Column,
    to: Field,
    settings: Mapping[str, Any],
    fields: ModuleFields,
    operation: Operation,
    key: str | None,
) -> Misfits | None:
    """How many of a column's values the field would refuse, read by these settings, and why one of them;
    None where it takes them all, or where that can't be told from values alone.
    """
    formats = _formats(settings)
    if to.data_type not in _JUDGED or formats_problem(formats) is not None:
        return None
    converter = Converter(fields, operation, key, formats)
    reasons = {
        value: told(found[0])
        for value in _to_judge(column, to)
        if (found := converter.refusals(to.api_name, value))
    }
    if not reasons:
        return None
    rows = sum(column.values[value] for value in reasons)
    said = f"{rows:,} of {counted(column.filled, 'value')} would be refused"
    value, why = next(iter(reasons.items()))
    without = why.replace(repr(value), "one")
    plain = said if value in without else f"{said}: {shortened(without, LONGEST_REASON)}"
    return Misfits(plain, plain if column.secret else f"{said}: {shortened(why, LONGEST_REASON)}")


def _to_judge(column: Column, to: Field) -> Iterable[str]:
    """Dates of a workbook are no text, and look another way here than a run sees them."""
    known = column.dates if to.data_type in ("date", "datetime") else None
    dates = frozenset(known.fitting if known is not None else ())
    return (value for value in column.values if value not in dates)


def _formats(settings: Mapping[str, Any]) -> Formats:
    """The settings of a field's rule as formats."""
    form = settings.get("format")
    return Formats(
        decimal=settings.get("decimal", "."),
        thousands=settings.get("thousands", ""),
        date_format=form,
        datetime_format=form,
        timezone=settings.get("timezone"),
        true=tuple(settings.get("true", ())),
        false=tuple(settings.get("false", ())),
    )
