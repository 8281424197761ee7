"""A run's folder: its files, its lock, and its record (what the run is, and its state).

The record is `run.json`; a second copy is in the journal (for a flow in `flow.json`), in case `run.json`
can't be read. The folder is 0700, since it holds customer data. A process that works on the run holds
`run.lock`. A flow's folder has one folder for each step that has begun: `steps/02-contacts/`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import time
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from zmigrate.engine.model.outcomes import RunState, may_follow
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.journal_file import (
    RECORD_BYTES,
    RECORD_FILE,
    holds_nothing,
    made_by_another,
    version_in,
)
from zmigrate.engine.storage.lock import Lock, LockHeld
from zmigrate.engine.storage.run_record import (
    RUN_FORMAT,
    STAMP,
    NotReadable,
    RunRecord,
    read_record,
    record_of,
)
from zmigrate.errors import (
    DiskFull,
    InternalError,
    JournalDamaged,
    PausedError,
    RunError,
    ZmigrateError,
    is_full_disk,
)
from zmigrate.file_owner import ANOTHER_PLACE, cant_read, why
from zmigrate.private_files import drop_parts, is_plain_name, make_folder, read_whole, replace_whole
from zmigrate.state_folders import private_folder
from zmigrate.zoho.metadata import Org

STEPS = "steps"

WITHOUT_RECORD = (
    "Restore the folder from a copy, then resume. Without a copy, look in Zoho for what the run has written; "
    "start again with --again only if that would double nothing."
)


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A run's record; if it comes from the second copy, also what is wrong with `run.json`."""

    record: RunRecord
    trouble: str | None = None


class RunFolder:
    """`<state dir>/runs/<time>-<job>-<4 hex>/`; for a step of a flow `steps/02-contacts/` below that."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock(path / "run.lock")

    @property
    def run_id(self) -> str:
        """The folder's name; for a step of a flow `<flow's id>/02-contacts`."""
        home = self.path.parent
        return f"{home.parent.name}/{self.path.name}" if home.name == STEPS else self.path.name

    @property
    def journal(self) -> Path:
        return self.path / "journal.db"

    @property
    def log(self) -> Path:
        return self.path / "run.log"

    @property
    def source_copy(self) -> Path:
        """The rows, if the run's source is a database."""
        return self.path / "source.jsonl"

    @property
    def record_file(self) -> Path:
        return self.path / RECORD_FILE

    @property
    def flow_file(self) -> Path:
        """A flow's second copy of the record; a flow has no journal."""
        return self.path / "flow.json"

    def result_file(self, name: str) -> Path:
        return self.path / f"{name}.csv"

    @classmethod
    def create(cls, state_dir: Path, job: str) -> RunFolder:
        """Create and lock a new folder. Raises RunError if it can't be written."""
        runs = make_private(state_dir / "runs", state_dir)
        stamp = time.strftime(STAMP)
        folder = cls(runs / f"{stamp}-{job}-{secrets.token_hex(2)}")
        folder._make()
        return folder

    def step(self, name: str) -> RunFolder:
        """The folder of one step of this flow, whether or not it exists yet."""
        if not is_plain_name(name):
            raise RunError(f"run {self.run_id} can't have a step {name!r}: that is not a folder name")
        return RunFolder(self.path / STEPS / name)

    def create_step(self, name: str) -> RunFolder:
        """Create and lock a step's folder. Raises RunError if it can't be written.

        What a crash left before the step began is deleted. If something may have been sent, nothing is
        deleted and JournalDamaged is raised.
        """
        self.refuse_replaced()
        folder = self.step(name)
        make_private(folder.path.parent, self.path)
        if folder.path.exists():
            if not folder.untouched:
                raise folder._unknown("something may have been sent from it already, so it can't start again")
            try:
                shutil.rmtree(folder.path)
            except OSError as error:
                raise cannot_write(folder.path, error) from error
        folder._make()
        return folder

    def note_begun(self, step: str) -> None:
        """Note in this flow's record that a step has begun."""
        record = self.read()
        self.write(replace(record, begun=list(dict.fromkeys([*record.begun, step]))))

    def steps(self) -> list[RunFolder]:
        """The folders of the steps that have begun, in order."""
        found = (RunFolder(path) for path in sorted(self.path.glob(f"{STEPS}/*/")))
        return [step for step in found if step.begun]

    @property
    def begun(self) -> bool:
        """Whether a run has begun here: its record can be read, or something may have been sent."""
        if not os.path.lexists(self.path):
            return False
        try:
            self.find_record()
        except ZmigrateError:
            return not self.untouched
        return True

    @property
    def untouched(self) -> bool:
        """Whether certainly nothing was sent from here. False if that can't be known."""
        try:
            if self.path.is_symlink():
                return False
            steps = [RunFolder(path) for path in self.path.glob(f"{STEPS}/*/")]
            if self.log.exists() or any(self.path.glob("*.csv")) or not all(step.untouched for step in steps):
                return False
            if self.journal.exists() and self.journal.stat().st_size:
                return holds_nothing(self.journal)
            # The journal is made before the record: if there is a journal, the record was lost.
            return not (self.record_file.exists() or self.flow_file.exists())
        except OSError:
            return False

    def _make(self) -> None:
        try:
            make_folder(self.path)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self.lock()

    def lock(self) -> None:
        """Lock the run for this process. Raises RunError with the other process's pid if it is locked."""
        self._refuse_link()
        try:
            self._lock.take()
            drop_parts(self.path)
        except LockHeld as held:
            raise RunError(
                f"run {self.run_id} is running in another process (pid {held.holder})",
                hint="Wait for it, or stop it with Ctrl-C (or SIGTERM); then resume.",
            ) from None
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def unlock(self) -> None:
        self._lock.release()

    def refuse_replaced(self) -> None:
        """Raise PausedError if this folder was moved or replaced since this process opened it."""
        if self._lock.displaced:
            raise PausedError(
                f"the folder of run {self.run_id} was moved or replaced during the run: {self.path}",
                hint="Nothing more was written there. Put the run's own folder back, then resume. If none "
                "of you moved it, find out who else can.",
                code="FOLDER_REPLACED",
            )

    @property
    def locked_elsewhere(self) -> bool:
        """Whether another process works on the run now (or this one, through another object)."""
        return self._lock.held_elsewhere

    def read(self) -> RunRecord:
        """The run's record. Raises what `find_record` raises."""
        return self.find_record().record

    def repair(self) -> RunRecord:
        """The record of a run that this process has locked. Rewrites `run.json` if it can't be read."""
        found = self.find_record()
        if found.trouble is not None:
            write_whole(self.record_file, _content(found.record))
        return found.record

    def find_record(self) -> FoundRecord:
        """The record from `run.json`, else from its second copy. Raises JournalDamaged if neither can be
        read, ConfigError if this user may not read them.
        """
        self._refuse_link()
        try:
            record = self._in_file(self.record_file)
        except NotReadable as first:
            return FoundRecord(self._in_second_place(first), first.why)
        try:
            second = self._second()
        except (NotReadable, ZmigrateError):
            return FoundRecord(record)
        if second.run_id != record.run_id:
            return FoundRecord(second, f"{RECORD_FILE} belongs to another run, {record.run_id}")
        if _known_by(second) != _known_by(record):
            return FoundRecord(second, f"{RECORD_FILE} and its second copy disagree")
        return FoundRecord(record)

    def _in_second_place(self, first: NotReadable) -> RunRecord:
        """The record from its second copy. `first` says what is wrong with `run.json`; errors name both."""
        try:
            return self._second()
        except JournalDamaged as error:
            raise self._unknown(f"{first.why}; {error.message}", error.hint) from error
        except NotReadable as second:
            for each in (first, second):
                if each.other is not None:
                    form = each.other.get("format")
                    newer = isinstance(form, int) and form > RUN_FORMAT
                    raise made_by_another(each.why, self.path, version_in(each.other), newer=newer) from each
            raise self._unknown(f"{first.why}, and {second.why}") from second

    def _second(self) -> RunRecord:
        """The record from its second copy. Raises NotReadable, or JournalDamaged from a journal."""
        if self.flow_file.exists():
            return self._in_file(self.flow_file)
        if not self.journal.exists():
            raise NotReadable("there is no journal")
        kept = Journal.kept_run(self.journal)
        if kept is None:
            raise NotReadable("its journal has no record of the run")
        return record_of(kept, "the record in its journal")

    def _in_file(self, path: Path) -> RunRecord:
        try:
            content = read_whole(path, RECORD_BYTES)
        except FileNotFoundError:
            raise NotReadable(f"{path.name} is missing") from None
        except PermissionError as error:
            raise cant_read(path, error) from error
        except OSError as error:
            raise NotReadable(f"{path.name} can't be read: {error.strerror}") from error
        return read_record(content, path.name)

    def _refuse_link(self) -> None:
        """A link may lead to another run, or to somebody else's folder."""
        if self.path.is_symlink():
            raise self._unknown("its folder is a link", "Replace the link with the folder itself.")

    def _unknown(self, why: str, hint: str | None = None) -> JournalDamaged:
        """The error for a folder whose run is unknown."""
        return JournalDamaged(
            f"run {self.run_id} can't be read: {why} ({self.path})", hint=hint or WITHOUT_RECORD
        )

    def write(self, record: RunRecord, journal: Journal | None = None) -> None:
        """Write `run.json` in one step, and its second copy. Raises DiskFull, or PausedError."""
        self.refuse_replaced()
        now = replace(record, updated_at=timestamp())
        write_whole(self.record_file, _content(now))
        if journal is not None:
            journal.keep_run(now.to_json())
        elif record.steps is not None:
            write_whole(self.flow_file, _content(now))

    def turn_to(
        self, state: RunState, record: RunRecord, journal: Journal | None = None, **changes: Any
    ) -> RunRecord:
        """Change the run's state. Raises InternalError if the transition is not allowed."""
        if not may_follow(record.state, state):
            raise InternalError(f"a run that is {record.state} can't become {state}")
        changed = replace(record, state=state, **changes)
        self.write(changed, journal)
        return changed


def _known_by(record: RunRecord) -> list[Any]:
    """The facts by which a run is recognised; they never change."""
    return [
        record.job,
        record.org.get("id"),
        record.write,
        (record.source or {}).get("sha256"),
        record.practice,
    ]


def _content(record: RunRecord) -> bytes:
    return orjson.dumps(record.to_json(), option=orjson.OPT_INDENT_2, default=str)


def make_private(path: Path, root: Path) -> Path:
    """Make a private folder below `root`. Raises RunError, or ConfigError if others can write to it."""
    try:
        return private_folder(path, root)
    except OSError as error:
        raise cannot_write(path, error) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a crash leaves the old or the new content, never half. Raises DiskFull, or
    PausedError.
    """
    try:
        replace_whole(path, content)
    except OSError as error:
        what = f"{path}: can't be written: {why(path, error)}"
        if is_full_disk(error):
            raise DiskFull(what, hint="Make room, then resume the run.") from error
        raise PausedError(
            what,
            hint="Make it writable, and close it if a program has it open; then resume.",
            code="FILE_NOT_WRITTEN",
        ) from error


def timestamp() -> str:
    """Now, ISO 8601 with the local offset; in milliseconds, so that two runs can be put in order."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


def cannot_write(path: Path, error: OSError) -> RunError | DiskFull:
    """The error for something in the state folder that can't be written."""
    if is_full_disk(error):
        return DiskFull(
            f"{path}: the disk is full", hint=f"Make room, then give the command again. {ANOTHER_PLACE}"
        )
    return RunError(f"{path}: can't be written: {why(path, error)}", hint=ANOTHER_PLACE)


def versions() -> dict[str, str]:
    """The versions that a run was made with."""
    return {"zmigrate": version("zmigrate"), "python": sys.version.split()[0]}


def org_json(org: Org) -> dict[str, Any]:
    """The org as run.json keeps it."""
    return {
        "id": org.id,
        "name": org.name,
        "zgid": org.zgid,
        "type": org.type or "production",
        "sandbox": org.sandbox,
    }
