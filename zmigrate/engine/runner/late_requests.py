"""Waits for late requests of earlier runs: one that was repeated, since its answer was lost, may be
applied late, and overwrite what this run writes. Within a run the fence prevents that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from zmigrate.engine.dispatch.settling import SETTLE_TIMEOUT_S, SettlingTime
from zmigrate.engine.model.target import Target
from zmigrate.engine.preflight.invocation import Invocation
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.ledger import Run, UnreadableRun, all_runs, identity
from zmigrate.errors import ZmigrateError
from zmigrate.events import Waiting


def wait_for_late(
    invocation: Invocation, org: tuple[str, str], target: Target, now: float, own: Path | None
) -> None:
    """Wait until no late request of another run can overwrite what this one writes. `own`: this run's
    folder, or None. Raises StopRequested.
    """
    if target.operation == "insert" and target.on_existing != "update":
        return
    longest = SettlingTime(invocation.settings.settle_s).longest
    others = (
        run.folder
        for run in all_runs(invocation.settings.state_dir)
        if run.folder.path != own and _may_concern(run, org, target.module)
    )
    until = late_until(others, longest, now)
    if until is not None:
        why = "a request of an earlier run may still be applied, and would overwrite newer values"
        invocation.hub.emit(Waiting("late requests", until - now, why))
        invocation.stop.sleep(until - now)


def late_until(folders: Iterable[RunFolder], longest: float, now: float) -> float | None:
    """Until when (our clock, epoch seconds) a late request of these runs may change records; None if none
    can. At most the `longest` settling time from now: a journal's clock may have been ahead.
    """
    ends = (_held_until(folder, longest, now) for folder in folders)
    return max((end for end in ends if end is not None and end > now), default=None)


def _may_concern(run: Run, org: tuple[str, str], module: str) -> bool:
    """Whether a run may have written to this module of this org; True if that is not known."""
    if isinstance(run, UnreadableRun):
        return run.may_have_sent
    where = run.record.write
    return where is not None and where.get("module") == module and identity(run.record.org) == org


def _held_until(folder: RunFolder, longest: float, now: float) -> float | None:
    written = _last_written(folder, now)
    if written is None or written + 2 * max(longest, SETTLE_TIMEOUT_S) <= now:
        return None  # most journals are old, and need not be opened
    try:
        until = Journal.held_until(folder.journal)
        if until == math.inf:
            until = written + longest  # the last request went out before
    except ZmigrateError:
        # An unreadable journal may hold keys, too. Its last request was sent before it was last written.
        until = written + longest
    return None if until is None else min(until, now + longest)


def _last_written(folder: RunFolder, now: float) -> float | None:
    """When the journal was last written, or anything in a folder without one. A future time counts as now."""
    journal = folder.journal
    times = _times([journal, journal.with_name(journal.name + "-wal")])
    if not times:
        with suppress(OSError):
            times = _times([folder.path, *folder.path.iterdir()])
    return min(max(times), now) if times else None


def _times(paths: Iterable[Path]) -> list[float]:
    """The change times of the files that exist. SQLite makes an empty `-wal` even if it only reads."""
    times = []
    for path in paths:
        with suppress(OSError):
            found = path.stat()
            times += [found.st_mtime] if found.st_size else []
    return times
