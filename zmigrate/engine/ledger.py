"""The ledger: the runs of a state folder, finding one by a short name, and the guard against doing work
twice.
"""

from __future__ import annotations

import contextlib
import difflib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from zmigrate.engine.again import insert_once_more, touched, what_anew_does
from zmigrate.engine.flow_result import flow_result
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
    counted_only: bool = False
    """It has not come to an end, so that its rows are known from the journal, and no other figures."""

    @property
    def run_id(self) -> str:
        return self.folder.run_id

    @property
    def stands(self) -> dict[str, Any]:
        """How it stands, as the JSON object of a run."""
        fresh = _fresh(self.record, self.record.state, Rows())
        return {**(self.record.result or fresh.to_json()), "state": self.record.state}

    @property
    def rows(self) -> Rows:
        return Rows(**self.stands["rows"])


def list_runs(state_dir: Path) -> list[RunInfo]:
    """All readable runs, oldest first; a flow is one. A run whose process died counts as interrupted."""
    folders = sorted(state_dir.glob("runs/*/run.json")) if state_dir.is_dir() else []
    return _readable(RunFolder(record_file.parent) for record_file in folders)


def list_steps(folder: RunFolder) -> list[RunInfo]:
    """The steps of a flow that have begun, in order; none where it is no flow."""
    return _readable(folder.steps())


def _readable(folders: Iterable[RunFolder]) -> list[RunInfo]:
    runs = []
    for folder in folders:
        with contextlib.suppress(ZmigrateError):
            record = folder.read()
            running = folder.locked_elsewhere
            open_ended = record.state == "running" or running
            if open_ended:
                record = _as_it_stands(folder, record, running)
            runs.append(RunInfo(folder, record, running, open_ended))
    return sorted(runs, key=lambda run: datetime.fromisoformat(run.record.started_at))


def _fresh(record: RunRecord, state: RunState, rows: Rows) -> RunResult:
    return RunResult(record.run_id, record.job, state, record.org, record.api_domain, rows)


def _as_it_stands(folder: RunFolder, record: RunRecord, running: bool) -> RunRecord:
    """A run at work, or whose process died: run.json has no figures of this session, the journal has; of a
    flow the steps' journals."""
    state: RunState = "running" if running else "interrupted"
    if record.steps is not None:
        steps = [step.stands for step in list_steps(folder)]
        return replace(record, state=state, result=flow_result(record, folder, steps, state).to_json())
    rows = Rows(**Journal.peek(folder.journal))
    fresh = _fresh(record, state, rows)
    result = {**(record.result or fresh.to_json()), "rows": rows.to_json(), "error": None}
    return replace(record, state=state, result={**result, "state": state})


def find_run(state_dir: Path, reference: str) -> RunInfo:
    """The run with this id, unique prefix, or "last"; and of a flow a step: "last/02-contacts".

    Raises RunError with the nearest ids otherwise.
    """
    flow, slash, step = reference.partition("/")
    if slash:
        info = find_run(state_dir, flow)
        return _find(list_steps(info.folder), f"{info.run_id}/{step}", f"run {info.run_id}")
    runs = list_runs(state_dir)
    if not runs:
        raise RunError(f"there are no runs in {state_dir}", hint="Name another folder with --state-dir.")
    return runs[-1] if reference == LAST else _find(runs, reference, str(state_dir))


def _find(runs: Sequence[RunInfo], reference: str, where: str) -> RunInfo:
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
    near = difflib.get_close_matches(reference, ids, n=3, cutoff=0.3) or ids[-3:]
    raise RunError(
        f"there is no run {reference!r} in {where}",
        hint=f"Nearest: {', '.join(near)}." if near else "It is no flow, or none of its steps has begun.",
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
    insert which has written something, has to be resumed (or overridden with `again`); a job that runs once
    does not run again. The steps of flows count, too. Raises RunError naming the run.
    """
    runs = [each for run in list_runs(state_dir) for each in (run, *list_steps(run.folder))]
    for run in reversed(runs):
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
                hint=f"Go on with: zmigrate resume {run.run_id.partition('/')[0]}   "
                f"(or begin anew with --again: {beside(run)})",
            )
        inserted = (record.write or {}).get("operation") == "insert" and touched(run.rows)
        if inserted and not (write or {}).get("on_existing"):
            raise RunError(
                f"the same file was inserted already: {run.run_id}",
                hint=insert_once_more(record.write or {}, options),
            )


def beside(run: RunInfo) -> str:
    """What beginning anew comes to where this run stands, for a hint."""
    writes = [each.record.write or {} for each in (list_steps(run.folder) or [run])]
    return what_anew_does(run.rows, writes, run.record.options)


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
    if _where(record.write) != _where(write):
        return False
    if (record.source or {}).get("sha256") != (source or {}).get("sha256"):
        return False
    inserts = write is not None and write.get("operation") == "insert" and source is not None
    return inserts or record.options == options


def _where(write: Mapping[str, Any] | None) -> list[Any]:
    return [(write or {}).get(name) for name in ("module", "operation", "key")]


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
