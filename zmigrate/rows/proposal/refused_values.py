"""Finds the values that a run would refuse, with the run's own messages, which say what to declare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from zmigrate.job.formats import Formats
from zmigrate.reasons import told
from zmigrate.rows.conversion.converter import Converter
from zmigrate.rows.conversion.declared import formats_problem
from zmigrate.rows.proposal.column_sample import Column, shortened
from zmigrate.wording import counted
from zmigrate.zoho.metadata import NUMBERS, Field, ModuleFields

if TYPE_CHECKING:
    from zmigrate.job.writes import Operation

_JUDGED: Final = NUMBERS | {"date", "datetime", "boolean", "email", "phone", "website", "subform"}
"""Types with values that can be judged without the org."""
LONGEST_REASON: Final = 240


class Misfits(NamedTuple):
    """How many values would be refused, and why one of them."""

    said: str  # the message without the value
    why: str  # the message with the value


def refused_values(
    column: Column,
    to: Field,
    settings: Mapping[str, Any],
    fields: ModuleFields,
    operation: Operation,
    key: str | None,
) -> Misfits | None:
    """How many of a column's values the field would refuse with these settings, and why one of them. None if
    it takes all, or if values alone do not decide.
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
    """The values to judge. A workbook's dates are left out: they are text only here, not in a run."""
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
