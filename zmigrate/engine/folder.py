"""A run's folder: its files, its lock, and `run.json`, which says what the run is and how it stands.

The folder is 0700, since it holds customer data. `run.lock` is held for as long as a process works on the
run. A flow's folder has one for each of its steps that has begun: `steps/02-contacts/`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from zmigrate.engine.lock import Lock, LockHeld
from zmigrate.engine.outcomes import UNFINISHED, RunState, may_follow
from zmigrate.errors import DiskFull, InternalError, JournalDamaged, RunError
from zmigrate.zoho.metadata import Org

RUN_FORMAT = 1
STEPS = "steps"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What `run.json` holds. No secrets: `options` comes without them."""

    run_id: str
    job: str
    state: RunState
    started_at: str
    options: Mapping[str, Any]
    origin: str
    """Where the job class was found: a file, or a module."""
    settings: Mapping[str, Any]
    """The runner's options that a resume takes over: profile, trigger, limit …"""
    org: Mapping[str, Any]
    api_domain: str
    place: str
    """Where the credentials came from."""
    write: Mapping[str, Any] | None
    source: Mapping[str, Any] | None
    versions: Mapping[str, str]
    code: str | None = None
    """The SHA-256 of the file of the job's class; None where it was typed in, or is zmigrate's own."""
    reads: Mapping[str, str] = field(default_factory=dict)
    """The files that the job goes by, and the SHA-256 of each."""
    steps: Sequence[Mapping[str, Any]] | None = None
    """The jobs of a flow, in the order in which they run; None where it is no flow."""
    practice: bool = False
    updated_at: str = ""
    result: Mapping[str, Any] | None = None
    """The last result object of the run, as `--json` prints it."""
    format: int = field(default=RUN_FORMAT)

    @property
    def unfinished(self) -> bool:
        return self.state in UNFINISHED


class RunFolder:
    """`<state dir>/runs/<time>-<job>-<4 hex>/`; of a flow's step `steps/02-contacts/` below that."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock(path / "run.lock")

    @property
    def run_id(self) -> str:
        """The folder's name; of a flow's step `<the flow's>/02-contacts`."""
        home = self.path.parent
        return f"{home.parent.name}/{self.path.name}" if home.name == STEPS else self.path.name

    @property
    def journal(self) -> Path:
        return self.path / "journal.db"

    @property
    def log(self) -> Path:
        return self.path / "run.log"

    @property
    def record_file(self) -> Path:
        return self.path / "run.json"

    def result_file(self, name: str) -> Path:
        return self.path / f"{name}.csv"

    @classmethod
    def create(cls, state_dir: Path, job: str) -> RunFolder:
        """Make a fresh folder and lock it. Raises RunError if it can't be written."""
        runs = make_private(state_dir / "runs")
        stamp = time.strftime("%Y%m%d-%H%M%S")
        folder = cls(runs / f"{stamp}-{job}-{secrets.token_hex(2)}")
        folder._make()
        return folder

    def step(self, name: str) -> RunFolder:
        """The folder of a step of this flow; it need not be there yet."""
        return RunFolder(self.path / STEPS / name)

    def create_step(self, name: str) -> RunFolder:
        """Make the folder of a step afresh and lock it. Raises RunError if it can't be written.

        What a crash left there before `run.json` was written goes: nothing had been sent by then.
        """
        folder = self.step(name)
        make_private(folder.path.parent)
        if not folder.record_file.exists():
            shutil.rmtree(folder.path, ignore_errors=True)
        folder._make()
        return folder

    def steps(self) -> list[RunFolder]:
        """The folders of the steps that have begun, in order."""
        return [RunFolder(found.parent) for found in sorted(self.path.glob(f"{STEPS}/*/run.json"))]

    def _make(self) -> None:
        try:
            self.path.mkdir(mode=0o700)
        except OSError as error:
            raise _cannot_write(self.path, error) from error
        self.lock()

    def lock(self) -> None:
        """Hold the run for this process. Raises RunError, with the holder's pid, if another one holds it."""
        try:
            self._lock.take()
        except LockHeld as held:
            raise RunError(
                f"run {self.run_id} is at work in another process (pid {held.holder})",
                hint="Wait for it, or stop it with Ctrl-C (or SIGTERM); then resume.",
            ) from None
        except OSError as error:
            raise _cannot_write(self.path, error) from error

    def unlock(self) -> None:
        self._lock.release()

    @property
    def locked_elsewhere(self) -> bool:
        """Whether a process (other than through this object) works on the run now."""
        return self._lock.held_elsewhere

    def read(self) -> RunRecord:
        """Raises JournalDamaged if `run.json` is missing or no longer readable."""
        try:
            stored = orjson.loads(self.record_file.read_bytes())
            known = {f.name for f in fields(RunRecord)}
            return RunRecord(**{name: value for name, value in stored.items() if name in known})
        except (OSError, orjson.JSONDecodeError, TypeError, AttributeError) as error:
            raise JournalDamaged(f"{self.record_file}: can't be read: {error}") from error

    def write(self, record: RunRecord) -> None:
        """Replace `run.json` in one step."""
        content = {f.name: getattr(record, f.name) for f in fields(record)}
        content["updated_at"] = timestamp()
        write_whole(self.record_file, orjson.dumps(content, option=orjson.OPT_INDENT_2, default=str))

    def turn_to(self, state: RunState, record: RunRecord, **changes: Any) -> RunRecord:
        """Go over to another state. Raises InternalError if a run can't go from the one to the other."""
        if not may_follow(record.state, state):
            raise InternalError(f"a run that is {record.state} can't become {state}")
        changed = replace(record, state=state, **changes)
        self.write(changed)
        return changed


def make_private(path: Path) -> Path:
    """Make a folder that only its owner may enter, with its parents. Raises RunError if it can't be made."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise _cannot_write(path, error) from error
    return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a crash leaves the old content or the new, never half of it."""
    temporary = path.with_name(path.name + ".part")
    try:
        with temporary.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise DiskFull(
            f"{path}: can't be written: {error.strerror}", hint="Make room, then resume the run."
        ) from error


def timestamp() -> str:
    """Now, ISO 8601 with the local offset; in milliseconds, so that it tells which of two runs came first."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


def _cannot_write(path: Path, error: OSError) -> RunError:
    return RunError(
        f"{path}: can't be written: {error.strerror}",
        hint="Choose another place with --state-dir or ZMIGRATE_STATE_DIR.",
    )


def versions() -> dict[str, str]:
    """What a run was made with."""
    return {"zmigrate": version("zmigrate"), "python": sys.version.split()[0]}


def org_json(org: Org) -> dict[str, Any]:
    """The org as run.json has it."""
    return {
        "id": org.id,
        "name": org.name,
        "zgid": org.zgid,
        "type": org.type or "production",
        "sandbox": org.sandbox,
    }
