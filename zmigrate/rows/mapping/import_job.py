"""A record job whose mapping is said by options, by a file, or by both."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import ClassVar

from zmigrate.job.options import Option
from zmigrate.job.references import WhenOpen
from zmigrate.job.writes import OnExisting, OnRepeated, Operation
from zmigrate.rows.mapping.load import Load
from zmigrate.rows.mapping.load_job import LoadJob
from zmigrate.rows.mapping.words import LOAD, TOP

FIELD_SHAPE = 'FIELD={column="COLUMN",...}'


class ImportJob(LoadJob, abstract=True):
    """A load with the words of a mapping as options. A subclass adds its argument `file`, and options of
    `Load`'s other words where it takes them: `delimiter`, `sheet`.
    """

    as_csv: ClassVar[bool] = False
    """The file is CSV, whatever it is called."""

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
        help="Field to find a row's record by (update and delete: id, unless named).",
    )
    match_on: str | None = Option(
        default=None, metavar="FIELD", help="Field that tells whether a record is there; for upsert."
    )
    on_existing: OnExisting | None = Option(
        default=None, help="Of an insert: what becomes of a row whose key a record has already."
    )
    on_repeated: OnRepeated | None = Option(default=None, help="Which rows of one key are written.")
    mapping: Path | None = Option(
        default=None, metavar="FILE.toml", help="Mapping file: all of these words, and more of fields."
    )
    load_of: str | None = Option(
        default=None,
        metavar="FILE",
        help="Of a mapping of several loads: take that of this file (for an errors.csv).",
    )
    map: list[str] = Option(default=(), metavar="COLUMN=FIELD", help="Send a column to a field; repeatable.")
    field: list[str] = Option(
        default=(), metavar=FIELD_SHAPE, help="Fill a field by a rule, as in a mapping file; repeatable."
    )
    ignore_column: list[str] = Option(default=(), metavar="COLUMN", help="Leave a column out; repeatable.")
    skip_if: list[str] = Option(
        default=(),
        metavar='{column="COLUMN",is="TEXT"}',
        help="Leave rows out; also empty=true, not_empty=true, matches='REGEX'; repeatable.",
    )
    when_open: WhenOpen | None = Option(default=None, help="What a reference does that points at nothing.")
    decimal: str | None = Option(default=None, metavar="C", help='Decimal mark of numbers: "." or ",".')
    thousands: str | None = Option(default=None, metavar="C", help="What parts thousands.")
    date_format: str | None = Option(default=None, metavar="FORMAT", help="Format of dates: %d/%m/%Y.")
    datetime_format: str | None = Option(
        default=None, metavar="FORMAT", help="Format of date-times: %d/%m/%Y %H:%M."
    )
    timezone: str | None = Option(
        default=None, metavar="ZONE", help="Where date-times without an offset are: Europe/Berlin."
    )
    true: list[str] = Option(default=(), metavar="WORD", help="Word for yes; repeatable.")
    false: list[str] = Option(default=(), metavar="WORD", help="Word for no; repeatable.")
    user: list[str] = Option(
        default=(), metavar="OLD=NEW", help="A user who left, and the successor; repeatable."
    )
    default_user: str | None = Option(
        default=None, metavar="USER", help="Who stands in for users that are unknown or inactive."
    )
    delimiter: str | None = Option(
        default=None, metavar="C", help='What parts the columns: one character, or "tab".'
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
        """What the rows come from: the argument `file`."""
        location: str | Path = vars(self)["file"]
        return location

    def check(self) -> None:
        self.load  # noqa: B018 - made here, so that what does not fit is told when the job is built


_SAID_BY_WORDS = (LOAD.keys() | TOP.keys()) - {"file", "fields", "ignore", "skip_if", "users"}
"""Words that are options of their own name; the others come by options of their own."""
