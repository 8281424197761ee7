"""Checks declared formats before the first row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from zmigrate.job.formats import FALSE_WORDS, TRUE_WORDS, Formats
from zmigrate.rows.conversion.separators import DECIMAL_MARKS, THOUSANDS_MARKS

_PROBE = datetime(2024, 12, 31, 23, 59, 58, tzinfo=UTC)


def formats_problem(formats: Formats) -> str | None:
    """What is wrong with these formats, or with those of a single field. None if nothing is."""
    problem = next(_problems(formats), None)
    if problem is not None:
        return problem
    for name, own in formats.fields.items():
        problem = next(_problems(own), None)
        if problem is not None:
            return f"{name}: {problem}"
    return None


def _problems(formats: Formats) -> Iterator[str]:
    if formats.decimal not in DECIMAL_MARKS:
        yield f'decimal = {formats.decimal!r}: it is "." or ","'
    if formats.thousands not in THOUSANDS_MARKS:
        yield f"thousands = {formats.thousands!r}: it is one of {', '.join(map(repr, THOUSANDS_MARKS))}"
    if formats.thousands == formats.decimal:
        yield f"decimal and thousands are both {formats.decimal!r}"
    yield from _format_problems("date_format", formats.date_format)
    yield from _format_problems("datetime_format", formats.datetime_format)
    if formats.timezone is not None:
        try:
            ZoneInfo(formats.timezone)
        except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
            yield f"timezone = {formats.timezone!r} is not the name of a time zone such as Europe/Berlin"
        except KeyError:
            yield f"timezone = {formats.timezone!r} is not a known time zone; write it as Europe/Berlin"
    yes, no = formats.true or TRUE_WORDS, formats.false or FALSE_WORDS
    both = {word.strip().casefold() for word in yes} & {word.strip().casefold() for word in no}
    if both:
        yield f"{', '.join(map(repr, sorted(both)))} would mean both true and false"


def _format_problems(key: str, declared: str | None) -> Iterator[str]:
    """Check that a format of `strptime` reads back the day that it writes."""
    if declared is None:
        return
    wrong = f"{key} = {declared!r} is not a date format such as %d/%m/%Y (day, month, year; %y: 2 digits)"
    try:
        read = datetime.strptime(_PROBE.strftime(declared), declared)
    except ValueError:
        yield wrong
        return
    if read.date() != _PROBE.date():
        yield wrong
    elif read.hour not in (0, _PROBE.hour):
        yield f"{key} = {declared!r} does not say morning or evening: write %H, or %p beside %I"
    elif "%Z" in declared.replace("%%", ""):
        yield f"{key} = {declared!r}: names of time zones (%Z) are not kept; read %z, or declare timezone"
