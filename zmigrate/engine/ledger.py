"""The ledger: the runs of a state folder, finding one by a short name, and the guard against doing work
twice.
"""

from __future__ import annotations

import contextlib
import difflib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from zmigrate.engine.folder import RunFolder, RunRecord, make_private
from zmigrate.engine.journal import Journal
from zmigrate.engine.lock import Lock, LockHeld
from zmigrate.engine.outcomes import Rows, RunState
from zmigrate.engine.result import RunResult
from zmigrate.errors import RunError, ZmigrateError

LAST = "last"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run as the ledger lists it."""

    folder: RunFolder
    record: RunRecord
    running: bool
    """A process works on it now."""

    @property
    def run_id(self) -> str:
        return self.folder.run_id


def list_runs(state_dir: Path) -> list[RunInfo]:
    """All readable runs, oldest first. A run whose process died counts as interrupted."""
    runs = []
    folders = sorted(state_dir.glob("runs/*/run.json")) if state_dir.is_dir() else []
    for record_file in folders:
        folder = RunFolder(record_file.parent)
        with contextlib.suppress(ZmigrateError):
            record = folder.read()
            running = folder.locked_elsewhere
            if record.state == "running" or running:
                record = _as_it_stands(folder, record, running)
            runs.append(RunInfo(folder, record, running))
    return sorted(runs, key=lambda run: datetime.fromisoformat(run.record.started_at))


def _as_it_stands(folder: RunFolder, record: RunRecord, running: bool) -> RunRecord:
    """A run at work, or whose process died: run.json has no figures of this session, the journal has."""
    state: RunState = "running" if running else "interrupted"
    rows = Rows(**Journal.peek(folder.journal))
    fresh = RunResult(record.run_id, record.job, state, record.org, record.api_domain, rows)
    result = {**(record.result or fresh.to_json()), "rows": rows.to_json(), "error": None}
    return replace(record, state=state, result={**result, "state": state})


def find_run(state_dir: Path, reference: str) -> RunInfo:
    """The run with this id, unique prefix, or "last". Raises RunError with the nearest ids otherwise."""
    runs = list_runs(state_dir)
    if not runs:
        raise RunError(f"there are no runs in {state_dir}", hint="Name another folder with --state-dir.")
    if reference == LAST:
        return runs[-1]
    exact = [run for run in runs if run.run_id == reference]
    found = exact or [run for run in runs if run.run_id.startswith(reference)]
    if len(found) == 1:
        return found[0]
    ids = [run.run_id for run in runs]
    if found:
        raise RunError(
            f"{reference!r} is the beginning of {len(found)} runs",
            hint=", ".join(run.run_id for run in found),
        )
    near = difflib.get_close_matches(reference, ids, n=3, cutoff=0.3)
    raise RunError(
        f"there is no run {reference!r} in {state_dir}", hint=f"Nearest: {', '.join(near or ids[-3:])}."
    )


def refuse_repetition(
    state_dir: Path,
    job: str,
    options: Mapping[str, Any],
    write: Mapping[str, Any] | None,
    source: Mapping[str, Any] | None,
    org: tuple[str, str],
    *,
    once: bool,
    again: bool,
) -> None:
    """Refuse work that is under way or done already.

    A run of the same job, options, write, source content and org that is unfinished, or that is a finished
    insert, has to be resumed (or overridden with `again`); a job that runs once does not run again. Raises
    RunError naming the run.
    """
    for run in reversed(list_runs(state_dir)):
        record = run.record
        if record.practice or record.job != job or identity(record.org) != org:
            continue
        if once and record.state == "finished":
            raise RunError(
                f"{job} runs once in an org, and has finished here: {run.run_id}",
                hint="To run it again all the same, set `once = False` in the job.",
            )
        if again or not _same_work(record, options, write, source):
            continue
        if run.running:
            raise RunError(f"the same job is running now: {run.run_id}", hint="Wait for it to end.")
        if record.unfinished:
            raise RunError(
                f"the same job with the same file is unfinished ({record.state}): {run.run_id}",
                hint=f"Go on with: zmigrate resume {run.run_id}   (or start anew with --again)",
            )
        if (record.write or {}).get("operation") == "insert":
            raise RunError(
                f"the same file was inserted already: {run.run_id}",
                hint="A second insert would double the records. If you want that, add --again.",
            )


def identity(org: Mapping[str, Any]) -> tuple[str, str]:
    """What tells one org from another: its record's id and its zgid."""
    return str(org.get("id")), str(org.get("zgid"))


def _same_work(
    record: RunRecord,
    options: Mapping[str, Any],
    write: Mapping[str, Any] | None,
    source: Mapping[str, Any] | None,
) -> bool:
    """The same content going the same way. For an insert the options don't count: twice is twice."""
    if record.write != write or (record.source or {}).get("sha256") != (source or {}).get("sha256"):
        return False
    inserts = write is not None and write.get("operation") == "insert" and source is not None
    return inserts or record.options == options


START_WAIT_S = 10.0


@contextlib.contextmanager
def starting(state_dir: Path) -> Iterator[None]:
    """Only one process at a time opens a run, so that two can't start the same work.

    Waits for the other one; it takes a moment. Raises RunError if it takes longer than that.
    """
    gate = Lock(make_private(state_dir) / "start.lock")
    end = time.monotonic() + START_WAIT_S
    while True:
        try:
            gate.take()
            break
        except LockHeld as held:
            if time.monotonic() >= end:
                raise RunError(f"another process (pid {held.holder}) is starting a run") from None
            time.sleep(0.05)
    try:
        yield
    finally:
        gate.release()
