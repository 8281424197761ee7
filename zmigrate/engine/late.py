"""What earlier runs may still have under way: a request that was repeated, since its answer was lost, may be
applied late, and would overwrite what this run writes. Within a run the fence sees to that.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from zmigrate.engine.folder import RunFolder
from zmigrate.engine.invocation import Invocation
from zmigrate.engine.journal import Journal
from zmigrate.engine.ledger import identity, list_runs, list_steps
from zmigrate.engine.settle import SETTLE_TIMEOUT_S
from zmigrate.engine.target import Target
from zmigrate.errors import ZmigrateError
from zmigrate.events import Waiting


def wait_for_late(
    invocation: Invocation, org: tuple[str, str], target: Target, now: float, own: Path | None
) -> None:
    """Wait until no late request of another run can overwrite what this one writes; `own`: its folder, where
    it has one. Raises StopRequested.
    """
    if target.operation == "insert" and target.on_existing != "update":
        return
    until = _late_until(invocation.settings.state_dir, org, target.module, now, own)
    if until is not None:
        why = "a request of an earlier run was repeated, and the first one may still be applied"
        invocation.hub.emit(Waiting("late requests", until - now, why))
        invocation.stop.sleep(until - now)


def _late_until(
    state_dir: Path, org: tuple[str, str], module: str, now: float, besides: Path | None
) -> float | None:
    """Until when (our clock, epoch seconds) a late request of another run may change records of this module;
    None if none can.
    """
    found = None
    runs = [each for run in list_runs(state_dir) for each in (run, *list_steps(run.folder))]
    for run in runs:
        where = run.record.write
        if where is None or where.get("module") != module or identity(run.record.org) != org:
            continue
        if run.folder.path == besides or not _written_lately(run.folder, now):
            continue
        try:
            until = Journal.held_until(run.folder.journal)
        except ZmigrateError:
            continue  # a journal that can't be read is told where its run is used
        if until is not None and until > now:
            found = max(until, found or until)
    return found


def _written_lately(folder: RunFolder, now: float) -> bool:
    """Whether the journal is new enough to hold keys still: most are not, and need not be opened."""
    path = folder.journal
    for file in (path, path.with_name(path.name + "-wal")):
        with suppress(OSError):  # the second goes when its run ends
            if file.stat().st_mtime > now - 2 * SETTLE_TIMEOUT_S:
                return True
    return False
