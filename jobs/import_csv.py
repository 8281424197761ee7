"""Ready-made: load a CSV file into any module."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from zmigrate import Argument, Csv, Delete, Insert, Option, RecordJob, Update, Upsert, scopes_for


class ImportCsv(RecordJob):
    """Load a CSV file into a module of Zoho CRM.

    A column that is named as a field goes there by itself; --map sends one elsewhere, --ignore-column leaves
    one out; a column that goes nowhere is refused. Delimiter and byte order mark are found. The rest is taken
    as it is declared, never guessed: UTF-8 unless --encoding says otherwise, plain numbers (1234.50), ISO
    dates (2024-03-31), true/false, yes/no, on/off or 1/0.
    """

    file: Path = Argument(help="CSV file to load.")
    module: str = Option(metavar="MODULE", help="Module to write to, by its api name: Leads, Contacts, ...")
    operation: Literal["insert", "update", "upsert", "delete"] = Option(help="What to do with each row.")
    key: str | None = Option(
        default=None,
        metavar="FIELD",
        help="Field to find a row's record by (update and delete: id, unless named).",
    )
    match_on: str | None = Option(
        default=None, metavar="FIELD", help="Field that tells whether a record is there; for upsert."
    )
    map: list[str] = Option(default=(), metavar="COLUMN=FIELD", help="Send a column to a field; repeatable.")
    ignore_column: list[str] = Option(default=(), metavar="COLUMN", help="Leave a column out; repeatable.")
    delimiter: str | None = Option(
        default=None, metavar="C", help='What parts the columns: one character, or "tab".'
    )
    encoding: str | None = Option(default=None, metavar="E", help="The file's encoding, for example cp1252.")

    @property
    def write(self) -> Insert | Update | Upsert | Delete:
        if self.operation == "insert":
            return Insert(self.module, key=self.key)
        if self.operation == "upsert":
            return Upsert(self.module, match_on=self.match_on or "")
        if self.operation == "update":
            return Update(self.module, key=self.key or "id")
        return Delete(self.module, key=self.key or "id")

    @property
    def scopes(self) -> tuple[str, ...]:
        return scopes_for(self.write)

    def check(self) -> None:
        if self.operation != "upsert" and self.match_on:
            raise ValueError(f"--match-on is for upsert; {self.operation} finds a row's record by --key.")
        if self.operation == "upsert" and not self.match_on:
            raise ValueError(
                "an upsert needs --match-on FIELD, the field that tells whether a record is there."
            )
        if self.match_on and self.key not in (None, self.match_on):
            raise ValueError("an upsert finds its records by --match-on; leave --key out.")
        for mapping in self.map:
            column, equals, field = mapping.rpartition("=")
            if not (column.strip() and equals and field.strip()):
                raise ValueError(f"--map wants COLUMN=FIELD, not {mapping!r}.")

    def source(self) -> Csv:
        return Csv(self.file, delimiter=self.delimiter, encoding=self.encoding)

    @property
    def columns(self) -> dict[str, str]:
        header = self.source().columns
        mapped = {
            column.strip(): field.strip() for column, _, field in (item.rpartition("=") for item in self.map)
        }
        for option, named in (("--map", mapped), ("--ignore-column", self.ignore_column)):
            for column in named:
                if column not in header:
                    raise ValueError(
                        f"{option}: {self.file} has no column {column!r}.{_nearest(column, header)}"
                    )
        fields = {column: mapped.get(column, column) for column in header if column not in self.ignore_column}
        key = self.write.key
        if key is not None and key not in fields.values():
            raise ValueError(self._no_key_column(key, fields))
        if self.operation == "delete":  # nothing but the key is sent
            fields = {column: field for column, field in fields.items() if field == key}
        _check_each_field_once(fields)
        return fields

    def _no_key_column(self, key: str, fields: dict[str, str]) -> str:
        what = f"no column of {self.file} goes to {key}, the field by which records are found."
        near = {_plain(column): column for column in fields}
        hits = get_close_matches(_plain(key), near, n=1)
        said = f"{what} It has: {', '.join(fields)}."
        if hits:
            column = near[hits[0]]
            said += f' Did you mean "{column}"? --map "{column}={key}"'
        elif self.key is None and key == "id":
            said += " To find records by another field, name it: --key FIELD."
        return said


def _plain(name: str) -> str:
    """A name as it compares: `Legacy ID` is `Legacy_ID` is `legacy-id`."""
    return name.lower().replace(" ", "_").replace("-", "_")


def _check_each_field_once(fields: dict[str, str]) -> None:
    taken: dict[str, str] = {}
    for column, field in fields.items():
        if field in taken:
            raise ValueError(
                f"columns {taken[field]!r} and {column!r} both go to {field}; ignore one of them."
            )
        taken[field] = column


def _nearest(column: str, header: tuple[str, ...]) -> str:
    hits = get_close_matches(column, header, n=1)
    return f" Did you mean {hits[0]!r}?" if hits else f" It has: {', '.join(header)}."
