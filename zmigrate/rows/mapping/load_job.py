"""A record job that follows a mapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from zmigrate.job.context import Fill
from zmigrate.job.formats import Formats
from zmigrate.job.hooks import JobHooks
from zmigrate.job.job import RecordJob
from zmigrate.job.references import Users
from zmigrate.job.writes import Write, scopes_for
from zmigrate.rows.mapping.against_org import problems_of
from zmigrate.rows.mapping.load import Load
from zmigrate.rows.sources import Csv, Source
from zmigrate.rows.sources.variables import Variables
from zmigrate.wording import counted

LINES_TOLD = 3


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

    def _read_from(self, copy: Source) -> None:
        vars(self)["load_in_use"] = replace(self.load_in_use, copy=copy)

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
        load = self.load_in_use
        return load.transform(row) if self._adds_to_the_load else load.whole_record(row)

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

    @property
    def _key_column(self) -> str | None:
        return None if self._adds_to_the_load else self.load_in_use.key_column

    @property
    def _adds_to_the_load(self) -> bool:
        """Whether the job has a `transform` of its own."""
        return type(self).transform is not LoadJob.transform

    @property
    def _hooks(self) -> JobHooks:
        load = self.load
        return JobHooks(
            load.where,
            load.where_user,
            load.stops,
            load.inner_fills,
            self._warnings,
            partial(problems_of, load),
            names_finds=True,
        )

    def _warnings(self) -> Iterator[str]:
        """Rows of second files whose parent is not in the source; a mapping that was written for another
        file.
        """
        counts: Counter[str] = Counter()
        lines: dict[str, list[str]] = {}
        for orphan in self.load_in_use.orphans():
            counts[orphan.file] += 1
            if counts[orphan.file] <= LINES_TOLD:
                lines.setdefault(orphan.file, []).append(str(orphan.line))
        for file, count in counts.items():
            first = ", ".join(lines[file]) + (", …" if count > LINES_TOLD else "")
            what = f"rows of {file} that have no parent in {self.source().name}, and are not written"
            yield f"{what}: {count:,} ({'lines' if count > 1 else 'line'} {first})"
        yield from self._deletes_more_than_was_created()
        if self.load.written_for is not None:
            where = self.load.where("file")
            yield f"{where}: the mapping was written for {self.load.written_for}, not for this file"

    def _deletes_more_than_was_created(self) -> Iterator[str]:
        """A delete by a run's success.csv, which has records that the run did not create."""
        source = self.source()
        if self.write.operation != "delete" or not isinstance(source, Csv) or not source.kept:
            return
        column = next(column for column, name in source.kept.items() if name == "action")
        if any(condition.column == column for condition in self.load.words.skip_if):
            return
        actions = Counter(told["action"] for _, told in source.told())
        for action, rows in sorted(actions.items()):
            if action not in {"created", "deleted"}:
                what = f"{counted(rows, 'record')} of {source.name} existed before that run ({action})"
                leave_out = f'--skip-if \'{{ column = "{column}", is = "{action}" }}\''
                yield f"{what}, and would be deleted too. To leave them out: {leave_out}"
