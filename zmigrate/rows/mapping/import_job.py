"""A record job with a mapping by options, by a file, or by both."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import ClassVar

from zmigrate.job.key_text import PLUS
from zmigrate.job.options import Option
from zmigrate.job.references import WhenOpen
from zmigrate.job.writes import OnExisting, OnRepeated, Operation
from zmigrate.rows.mapping.load import Load
from zmigrate.rows.mapping.load_job import LoadJob
from zmigrate.rows.mapping.words import LOAD, TOP
from zmigrate.state_folders import from_home, place_from_home

FIELD_SHAPE = 'FIELD={column="COLUMN",...}'


class ImportJob(LoadJob, abstract=True):
    """A load with the words of a mapping as options. A subclass adds its argument `file`, and options for
    `Load`'s other words if it takes them: `delimiter`, `sheet`.
    """

    as_csv: ClassVar[bool] = False  # the file is CSV, whatever its name

    module: str | None = Option(
        default=None,
        usual=True,
        metavar="MODULE",
        help="Module to write to, by its api name: Leads, Contacts, ...",
    )
    operation: Operation | None = Option(default=None, usual=True, help="What to do with each row.")
    key: str | None = Option(
        default=None,
        metavar="FIELD",
        help="Field to find a row's record by (update and delete: id, unless named). Repeatable: a key of "
        "several fields.",
        joined_by=PLUS,
    )
    match_on: str | None = Option(
        default=None, metavar="FIELD", help="Field that shows whether a record exists; for upsert."
    )
    ignore_case: bool | None = Option(
        default=None, help="Take a record whose key differs only in letter case, if none has the same key."
    )
    on_existing: OnExisting | None = Option(
        default=None, help="For insert: what to do with a row if a record has its key already."
    )
    on_repeated: OnRepeated | None = Option(
        default=None,
        help="Which rows with the same key are written; unless named, the first that Zoho accepts, "
        "and later ones fail. last: the last one that can be converted; if Zoho refuses it, none is "
        "written.",
    )
    mapping: Path | None = Option(
        default=None, metavar="FILE.toml", help="Mapping file: the same words, and more for fields."
    )
    load_of: str | None = Option(
        default=None,
        metavar="FILE|N",
        help="If a mapping has several loads: use the one for this file (for an errors.csv), or the Nth.",
    )
    map: list[str] = Option(default=(), metavar="COLUMN=FIELD", help="Send a column to a field; repeatable.")
    field: list[str] = Option(
        default=(), metavar=FIELD_SHAPE, help="Fill a field by a rule, as in a mapping file; repeatable."
    )
    ignore_column: list[str] = Option(
        default=(),
        metavar="COLUMN",
        help="Leave a column out; '$*': all that begin with $. Repeatable.",
    )
    skip_if: list[str] = Option(
        default=(),
        metavar='{column="COLUMN",is="TEXT"}',
        help="Leave rows out; also empty=true, not_empty=true, matches='REGEX'; repeatable.",
    )
    when_open: WhenOpen | None = Option(default=None, help="What to do if a reference is not found.")
    decimal: str | None = Option(default=None, metavar="C", help='Decimal mark of numbers: "." or ",".')
    thousands: str | None = Option(default=None, metavar="C", help="Thousands separator.")
    date_format: str | None = Option(default=None, metavar="FORMAT", help="Format of dates: %d/%m/%Y.")
    datetime_format: str | None = Option(
        default=None, metavar="FORMAT", help="Format of date-times: %d/%m/%Y %H:%M."
    )
    timezone: str | None = Option(
        default=None, metavar="ZONE", help="Time zone of date-times without an offset: Europe/Berlin."
    )
    true: list[str] = Option(default=(), metavar="WORD", help="Word for yes; repeatable.")
    false: list[str] = Option(default=(), metavar="WORD", help="Word for no; repeatable.")
    user: list[str] = Option(
        default=(), metavar="OLD=NEW", help="A user who left, and the successor; repeatable."
    )
    default_user: str | None = Option(
        default=None, metavar="USER", help="User who replaces unknown and inactive users."
    )
    delimiter: str | None = Option(
        default=None, metavar="C", help='Separator of the columns: one character, or "tab".'
    )
    encoding: str | None = Option(default=None, metavar="E", help="The file's encoding, for example cp1252.")

    @cached_property
    def load(self) -> Load:
        return Load.from_options(
            self.location,
            self.mapping,
            as_csv=self.as_csv,
            load_of=self.load_of,
            field=self.field,
            map=self.map,
            ignore_column=self.ignore_column,
            skip_if=self.skip_if,
            user=self.user,
            **{word: value for word, value in vars(self).items() if word in _SAID_BY_WORDS},
        )

    @property
    def location(self) -> str | Path:
        """The source of the rows: the argument `file`."""
        location: str | Path = vars(self)["file"]
        return place_from_home(location) if isinstance(location, str) else from_home(location)

    def check(self) -> None:
        self.load  # noqa: B018 - made here, so that the errors come when the job is built


_SAID_BY_WORDS = (LOAD.keys() | TOP.keys()) - {"file", "fields", "ignore", "skip_if", "users"}
"""Words that are options with the same name; the others have options of their own."""
