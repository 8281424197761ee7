"""Dates and date-times: ISO, or in the one declared format. A text with two readings is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from zmigrate.rows.conversion.refusal import NOTHING, Refused, short, take

if TYPE_CHECKING:
    from zmigrate.job.formats import Formats

READ_ONCE: Final = 4096
"""How many different texts of a field are kept with their moments: dates come again and again."""
LONGEST_SUGGESTED: Final = 40
EARLIEST_YEAR: Final = 1000

ReadText = Callable[[str], datetime]

_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_DATETIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d(:\d\d)?)([.,]\d+)? ?(?P<offset>Z|[+-]\d\d:?[0-5]\d)?\Z",
    re.ASCII,
)
_DAY_AND_CLOCK = re.compile(
    r"(?P<day>.*?)((?P<gap>[ T])(?P<hour>\d\d?):\d\d(?P<second>:\d\d(?P<fraction>\.\d{1,6})?)?"
    r"(?P<half> ?[AaPp][Mm])?)?\Z",
    re.ASCII,
)
_MARK = re.compile(r"\d+([/.\- ])")
_ORDERS: Final = (
    "%d{0}%m{0}%Y",
    "%m{0}%d{0}%Y",
    "%Y{0}%m{0}%d",
    "%d{0}%m{0}%y",
    "%m{0}%d{0}%y",
    "%y{0}%m{0}%d",
)
_NAMED: Final = (
    *(f"%d{mark}%{month}{mark}%{year}" for mark in " -" for month in "bB" for year in "Yy"),
    "%d. %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
)


def day_reader(formats: Formats) -> Callable[[Any], Any]:
    """For date fields: an ISO date, or text only in the declared `date_format`. Python's dates always."""
    read = _in_format(formats.date_format) if formats.date_format else _iso_day
    return partial(day, read=read)


def moment_reader(formats: Formats) -> Callable[[Any], Any]:
    """For date-time fields: ISO, or text only in the declared `datetime_format`. Python's own always.

    A moment without an offset is read in the declared time zone, or refused. A time that the clocks skipped,
    or showed twice, is refused.
    """
    read = _in_format(formats.datetime_format) if formats.datetime_format else _iso_moment
    zone = ZoneInfo(formats.timezone) if formats.timezone else None
    return partial(date_time, read=read, zone=zone)


def day(value: Any, read: ReadText) -> Any:
    value = take(value)
    if value is None or value is NOTHING:
        return value
    if isinstance(value, datetime):
        if value.tzinfo is None and value.time() == time.min:  # how spreadsheets and databases give a date
            return value.date().isoformat()
        raise Refused(
            "a date is wanted, not a date-time", remedy='take its day (in a mapping: split = "T", part = 1)'
        )
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str):
        raise Refused(f"{short(value)} is not a date such as 2024-03-31")
    return read(value).date().isoformat()


def date_time(value: Any, read: ReadText, zone: tzinfo | None) -> Any:
    """A date-time as ISO 8601 with an offset, in whole seconds."""
    value = take(value)
    if value is None or value is NOTHING:
        return value
    if isinstance(value, date) and not isinstance(value, datetime):  # how a spreadsheet gives a midnight
        value = datetime.combine(value, time.min)
    if not isinstance(value, (str, datetime)):
        raise Refused(f"{short(value)} is not a date-time such as 2024-03-31T09:30:00+02:00")
    moment = value if isinstance(value, datetime) else read(value)
    try:
        if moment.utcoffset() is None and zone is not None:
            moment = _in_zone(moment, zone)
        offset = moment.utcoffset()
        if offset is None:
            raise Refused(
                "no time zone",
                remedy="add an offset (2024-03-31T09:30:00+02:00, or Z for UTC),"
                " or declare timezone in the mapping (--timezone Europe/Berlin)",
            )
        if offset.total_seconds() % 60:  # an old local time; JSON's offset has no seconds
            moment = moment.astimezone(UTC)
        if moment.year in (date.min.year, date.max.year):
            moment.astimezone(UTC)  # raises if UTC has no such date
        return moment.isoformat(timespec="seconds")
    except (OverflowError, ValueError):
        raise Refused(f"{short(value)} is beyond what a date-time can be") from None


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    local = moment.replace(tzinfo=zone)
    back = local.astimezone(UTC).astimezone(zone)
    if back.replace(tzinfo=None) != moment:
        raise Refused(f"there was no {moment:%H:%M} on {moment:%Y-%m-%d} in {zone}: the clocks skipped it")
    if came_twice(local):
        offsets = " or ".join(f"{local.replace(fold=fold):%z}" for fold in (0, 1))
        raise Refused(
            f"{moment:%H:%M} on {moment:%Y-%m-%d} came twice in {zone}, when the clocks went back",
            remedy=f"add the offset that is meant: {offsets}",
            ambiguous=True,
        )
    return local


def came_twice(local: datetime) -> bool:
    """Whether the clocks of the zone showed this local time twice."""
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def _in_format(declared: str) -> ReadText:
    @lru_cache(READ_ONCE)
    def read(text: str) -> datetime:
        try:
            return datetime.strptime(text, declared)
        except ValueError:
            raise Refused(f"{short(text)} does not fit the declared format {declared}") from None

    return read


def _iso_day(text: str) -> datetime:
    if not _DATE.match(text):
        raise _undeclared(text, "a date such as 2024-03-31", "date_format")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"there is no day {text}") from None


def _iso_moment(text: str) -> datetime:
    match = _DATETIME.match(text)
    if match is None:
        raise _undeclared(text, "a date-time such as 2024-03-31T09:30:00+02:00", "datetime_format")
    try:
        return datetime.fromisoformat(f"{match['day']}T{match['time']}{match['offset'] or ''}")
    except ValueError:
        raise Refused(f"there is no time {text}") from None


def _undeclared(text: str, what: str, declare: str) -> Refused:
    """The refusal of a text that is not ISO: it names the formats that would read it, and what each means."""
    fits = _fitting(text) if len(text) <= LONGEST_SUGGESTED else {}
    wrong = f"{short(text)} is not {what}"
    option = f"--{declare.replace('_', '-')}"
    if not fits:
        return Refused(wrong)
    if len(fits) == 1:
        (fit,) = fits
        return Refused(wrong, remedy=f"it fits {fit}: declare that as {declare} in the mapping, or {option}")
    readings = " or ".join(f"{moment.day} {moment:%B %Y} ({fit})" for fit, moment in fits.items())
    return Refused(
        f"{wrong}; it could be {readings}",
        remedy=f"declare which as {declare} in the mapping, or {option}",
        ambiguous=len(set(fits.values())) > 1,
    )


def _fitting(text: str) -> dict[str, datetime]:
    """The formats that would read this text, to suggest what to declare. Nothing is read by them."""
    match = _DAY_AND_CLOCK.match(text)
    if match is None:
        return {}
    clock = ""
    if match["hour"]:
        hour = "%I" if match["half"] else "%H"
        seconds = (":%S" if match["second"] else "") + (".%f" if match["fraction"] else "")
        half = (match["half"] or "")[:-2] + "%p" if match["half"] else ""
        clock = f"{match['gap']}{hour}:%M{seconds}{half}"
    fits: dict[str, datetime] = {}
    for each in _days_like(match["day"]):
        try:
            moment = datetime.strptime(text, each + clock)
        except ValueError:
            continue
        if moment.year >= EARLIEST_YEAR:
            fits[each + clock] = moment
        if any(letter.isalpha() for letter in match["day"]):
            break  # Mar and March are told apart, May is not
    return fits


def _days_like(day: str) -> tuple[str, ...]:
    if any(letter.isalpha() for letter in day):
        return _NAMED
    if len(day) == 8 and day.isdigit():
        return ("%Y%m%d",)
    mark = _MARK.match(day)
    return () if mark is None else tuple(order.format(mark[1]) for order in _ORDERS)
