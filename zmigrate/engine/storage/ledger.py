"""The ledger: all runs of a state folder, including unreadable ones; a run is found by a short name."""

from __future__ import annotations

import difflib
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zmigrate.engine.model.outcomes import RowCounts, RunState
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.run_record import RunRecord, began_at
from zmigrate.engine.storage.run_result import RunResult, flow_result
from zmigrate.errors import RunError, ZmigrateError
from zmigrate.file_owner import cant_read
from zmigrate.private_files import is_plain_name
from zmigrate.state_folders import refuse_foreign

LAST = "last"

RUN_NAME = re.compile(r"\d{8}-\d{6}-(?P<job>.+)-[0-9a-f]{4}")
"""The name of a run's folder."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run as the ledger lists it."""

    folder: RunFolder
    record: RunRecord
    running: bool
    """A process works on the run now."""
    counted_only: bool = False
    """The run has not ended, so only its rows are known, from the journal."""
    trouble: str | None = None
    """What is wrong with `run.json`, if the record comes from its second copy."""
    uncounted: str | None = None
    """Why the rows can't be counted; the run then has no result."""

    @property
    def run_id(self) -> str:
        return self.folder.run_id

    @property
    def stands(self) -> dict[str, Any]:
        """The run's state as the JSON object of a run."""
        fresh = _fresh(self.record, self.record.state, RowCounts())
        return {**(self.record.result or fresh.to_json()), "state": self.record.state}

    @property
    def rows(self) -> RowCounts:
        return RowCounts(**self.stands["rows"])

    @property
    def began(self) -> float:
        return self.record.began(time.time())


@dataclass(frozen=True, slots=True)
class UnreadableRun:
    """A folder whose run is unknown: neither the record nor the journal can be read."""

    folder: RunFolder
    error: ZmigrateError
    """What is wrong, and what to do."""
    may_have_sent: bool
    """False if the run never began."""
    running: bool
    step: Mapping[str, Any] | None = None
    """For a step of a flow: what the flow's record says of it."""

    @property
    def run_id(self) -> str:
        return self.folder.run_id

    @property
    def job(self) -> str | None:
        """The job by the flow's record or the folder's name; None if neither names one."""
        if self.step is not None:
            return str(self.step["job"])
        named = RUN_NAME.fullmatch(self.folder.path.name)
        return None if named is None else named["job"]

    @property
    def began(self) -> float:
        """The time in the run's id. It has whole seconds: the run counts as the last of its second, so that
        "last" does not pass it over.
        """
        return began_at("", self.run_id, time.time()) + 0.999

    @property
    def refusal(self) -> ZmigrateError:
        """The error for somebody who wants to see or resume this run."""
        if self.may_have_sent:
            return self.error
        return RunError(
            f"run {self.run_id} never began: nothing was sent from it ({self.folder.path})",
            hint="Repeat the command that was to start it. The folder can be deleted.",
        )


Run = RunInfo | UnreadableRun


def list_runs(state_dir: Path) -> list[Run]:
    """All runs, oldest first; a flow is one run. A run whose process died counts as interrupted. Raises
    ConfigError if others own the folder or can write to it: a record says which code a run resumes with.
    """
    runs = state_dir / "runs"
    refuse_foreign(runs, state_dir)
    try:
        with os.scandir(runs) as entries:
            folders = [RunFolder(runs / each.name) for each in entries if each.is_symlink() or each.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise cant_read(runs, error) from error
    found = (_look_at(folder, None) for folder in folders if _is_runs(folder))
    return sorted(found, key=lambda run: (run.began, run.run_id))


def list_steps(folder: RunFolder) -> list[Run]:
    """The steps of a flow that have begun, in order; none if the run is no flow."""
    try:
        known = {str(step["name"]): step for step in folder.read().steps or ()}
    except ZmigrateError:
        known = {}  # the flow is reported as unreadable, so its steps are unknown
    return [_look_at(step, known.get(step.path.name)) for step in folder.steps()]


def all_runs(state_dir: Path) -> Iterator[Run]:
    """Every run; each flow is followed by its steps."""
    return with_steps(list_runs(state_dir))


def with_steps(runs: Iterable[Run]) -> Iterator[Run]:
    """These runs; each flow is followed by its steps."""
    for run in runs:
        yield run
        if isinstance(run, UnreadableRun) or run.record.steps is not None:
            yield from list_steps(run.folder)


def readable(runs: Iterable[Run]) -> list[RunInfo]:
    """Only the runs that can be read."""
    return [run for run in runs if isinstance(run, RunInfo)]


def _is_runs(folder: RunFolder) -> bool:
    """Whether a folder is a run's, by its name or its content."""
    parts = (folder.record_file, folder.flow_file, folder.journal)
    return RUN_NAME.fullmatch(folder.path.name) is not None or any(map(os.path.exists, parts))


def _look_at(folder: RunFolder, step: Mapping[str, Any] | None) -> Run:
    running = folder.locked_elsewhere
    try:
        found = folder.find_record()
    except ZmigrateError as error:
        return UnreadableRun(folder, error, not folder.untouched, running, step)
    record = replace(found.record, result=_at_home(found.record.result, folder))
    if record.state == "running" or running:
        return _as_it_stands(RunInfo(folder, record, running, True, found.trouble))
    run = RunInfo(folder, record, running, False, found.trouble)
    return _without_its_journal(run) if record.unfinished and record.steps is None else run


def _at_home(result: Mapping[str, Any] | None, folder: RunFolder) -> Mapping[str, Any] | None:
    """The result with its files in the run's folder: it may have moved, and no path may lead elsewhere."""
    if result is None:
        return None
    steps = result.get("steps")
    every = {"success": None, "errors": None, **result["files"]}
    moved = {name: _file_at_home(said, folder) for name, said in every.items()}
    if steps is None:
        return {**result, "files": moved}
    names = [step["run_id"].rpartition("/")[2] for step in steps]
    inside = [_at_home(step, folder.step(name)) for step, name in zip(steps, names, strict=True)]
    return {**result, "files": moved, "steps": inside}


def _file_at_home(said: object, folder: RunFolder) -> str | None:
    name = Path(said).name if isinstance(said, str) else ""
    return str(folder.path / name) if is_plain_name(name) else None


def _without_its_journal(run: RunInfo) -> RunInfo:
    """An unfinished run whose journal can't be read: it can't be resumed, and its record is not certain."""
    try:
        Journal.peek(run.folder.journal)
    except ZmigrateError as error:
        return replace(run, record=replace(run.record, result=None), uncounted=error.message)
    return run


def _fresh(record: RunRecord, state: RunState, rows: RowCounts) -> RunResult:
    return RunResult(record.run_id, record.job, state, record.org, record.api_domain, rows)


def _as_it_stands(run: RunInfo) -> RunInfo:
    """A run at work, or one whose process died: its counts come from the journals."""
    state: RunState = "running" if run.running else "interrupted"
    record = replace(run.record, state=state)
    if record.steps is not None:
        steps = list_steps(run.folder)
        uncounted = next(filter(None, map(_why_uncounted, steps)), None)
        result = flow_result(record, run.folder, [step.stands for step in readable(steps)], state).to_json()
    else:
        uncounted, rows = None, RowCounts()
        try:
            rows = Journal.peek(run.folder.journal)
        except ZmigrateError as error:
            uncounted = error.message
        fresh = _fresh(record, state, rows).to_json()
        result = {**(record.result or fresh), "rows": rows.to_json(), "error": None, "state": state}
    if uncounted is not None:
        return replace(run, record=replace(record, result=None), uncounted=uncounted)
    return replace(run, record=replace(record, result=result))


def _why_uncounted(step: Run) -> str | None:
    if isinstance(step, UnreadableRun):
        return step.error.message
    return step.uncounted


def find_run(state_dir: Path, reference: str) -> RunInfo:
    """Find a run by id, unique prefix or "last"; a step of a flow by "last/02-contacts". Raises RunError with
    the nearest ids if there is none; if the run can't be read, what is wrong with it.
    """
    flow, slash, step = reference.partition("/")
    found = _find_any(state_dir, flow)
    if slash:
        found = _find(list_steps(found.folder), f"{found.run_id}/{step}", f"run {found.run_id}")
    if isinstance(found, UnreadableRun):
        raise found.refusal
    return found


def _find_any(state_dir: Path, reference: str) -> Run:
    runs = list_runs(state_dir)
    if not runs:
        raise RunError(f"there are no runs in {state_dir}", hint="Name another folder with --state-dir.")
    return runs[-1] if reference == LAST else _find(runs, reference, str(state_dir))


def _find(runs: Sequence[Run], reference: str, where: str) -> Run:
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
    told = f"Nearest: {', '.join(near)}." if near else f"The latest runs: {', '.join(ids[-3:])}."
    raise RunError(
        f"there is no run {reference!r} in {where}",
        hint=told if ids else "It is no flow, or none of its steps has begun.",
    )


def identity(org: Mapping[str, Any]) -> tuple[str, str]:
    """What identifies an org: its record id and its zgid, which is empty if unknown."""
    return str(org.get("id")), str(org.get("zgid") or "")


WriteFacts = Mapping[str, Any]
"""A write as run.json keeps it, see `Target.to_json`; empty for a hand-written job, which declares none."""

CREATED_BY_HAND = "What it created would be there TWICE. To run it anyway: --again."
"""The hint when a hand-written job that created records would run again."""


def touched(rows: RowCounts) -> int:
    """How many rows of a run changed the org, or may have changed it."""
    return rows.created + rows.updated + rows.deleted + rows.in_doubt + rows.pending


def doubles(write: WriteFacts) -> bool:
    """Whether the same write, run again, creates the same records a second time."""
    return write.get("operation") == "insert" and not write.get("unique") and not write.get("on_existing")


def what_again_does(rows: RowCounts, writes: Sequence[WriteFacts], options: Mapping[str, Any]) -> str:
    """What `--again` would do, as a clause: `it has written nothing so far, so nothing is doubled`. `writes`:
    the writes of the steps that have begun.
    """
    if not all(writes):
        return _by_hand_again(rows)
    if not touched(rows):
        return "it has written nothing so far, so nothing is doubled"
    doubling = [write for write in writes if doubles(write)]
    if not doubling:
        refused = any(write.get("operation") == "insert" and not write.get("on_existing") for write in writes)
        leaves_out = f"; skip existing records with {leave_out(options)}, or Zoho refuses them"
        return "what it has written is not doubled, since it is found by its key" + leaves_out * refused
    keyed = all(write.get("key") for write in doubling)
    unless = f", unless existing records are skipped with {leave_out(options)}" if keyed else ""
    return f"what it has inserted would be there TWICE{unless}"


def _by_hand_again(rows: RowCounts) -> str:
    """For a hand-written job, whose key is unknown: even a failed item may have written some records."""
    if touched(rows) or rows.failed:
        return "what it has written would be there TWICE, since zmigrate knows no key to find it by"
    return "it seems to have written nothing; anything it did write would be there TWICE"


def insert_once_more(write: WriteFacts, options: Mapping[str, Any]) -> str:
    """The hint when an inserted file would be inserted again."""
    twice = "To insert them anyway: --again."
    if not write.get("key"):
        return f"A second insert would double the records: without a key, they can't be found. {twice}"
    only_new = f"To load only new records: {leave_out(options)}."
    if write.get("unique"):
        return f"Zoho would refuse the records that exist. {only_new} To send all rows anyway: --again."
    return f"A second insert would double the records. {only_new} {twice}"


def leave_out(options: Mapping[str, Any]) -> str:
    """The setting that makes a job with these options skip existing records."""
    said = 'on_existing = "skip"'
    return f"--on-existing skip (in a mapping: {said})" if "on_existing" in options else said
