"""A record job that follows a mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from zmigrate.job.context import Fill
from zmigrate.job.formats import Formats
from zmigrate.job.job import RecordJob
from zmigrate.job.references import Users
from zmigrate.job.writes import Write, scopes_for
from zmigrate.rows.mapping.load import Load
from zmigrate.rows.sources import Source
from zmigrate.rows.sources.variables import Variables


class LoadJob(RecordJob, abstract=True):
    """A record job that does what a `Load` says: its author defines `load`, and the rest follows from it.

    class ImportContacts(LoadJob):
        \"\"\"Import the old CRM's contacts.\"\"\"

        file: Path = Argument(help="CSV of contacts.")

        @cached_property
        def load(self):
            return Load.from_options(self.file, "contacts.toml")
    """

    @property
    def load(self) -> Load:
        """The load, made once (`cached_property`)."""
        raise NotImplementedError

    @cached_property
    def load_in_use(self) -> Load:
        """The load with the environment variables that the runner allows."""
        return replace(self.load, variables=self._variables)

    def _allow(self, variables: Variables) -> None:
        super()._allow(variables)
        vars(self).pop("load_in_use", None)

    @property
    def write(self) -> Write:
        return self.load_in_use.write

    @property
    def scopes(self) -> tuple[str, ...]:
        return scopes_for(
            self.write, self.source(), finds=self.load_in_use.finds, refers_to=self.load_in_use.refers_to
        )

    def source(self) -> Source:
        return self.load_in_use.source()

    @property
    def columns(self) -> Mapping[str, str] | None:
        return self.load_in_use.columns

    @property
    def fills(self) -> Sequence[Fill]:
        return self.load_in_use.fills

    def transform(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return self.load_in_use.transform(row)

    @property
    def formats(self) -> Formats:
        return self.load_in_use.formats

    @property
    def users(self) -> Users:
        return self.load_in_use.users

    @property
    def refers_to(self) -> tuple[str, ...]:
        return self.load_in_use.refers_to

    @property
    def reads(self) -> Sequence[Path]:
        return self.load_in_use.reads

    @property
    def _transforms_by_columns(self) -> bool:
        return self.columns is not None
