"""The file of a job's class: where it is, and whether it is what it was when a run began."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path

from zmigrate.engine.run_record import RunRecord
from zmigrate.events import Emit, Log
from zmigrate.job import Job


def origin(job: type[Job]) -> str:
    """The file of a job's class; "" where it was typed in."""
    try:
        return inspect.getfile(job)
    except (OSError, TypeError):
        return ""


def code_hash(job: type[Job]) -> str | None:
    """The SHA-256 of the file of a job's class; None where there is none, or it is zmigrate's own."""
    path = origin(job)
    if job.__module__.startswith("zmigrate.") or not Path(path).is_file():
        return None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def tell_of_changed_code(record: RunRecord, job: type[Job], what_follows: str, emit: Emit) -> None:
    """Warn where the job's code is not what it was when the run began. To mend a transform and go on is one's
    right; not to know that two codes have made the rows is another matter.
    """
    now = code_hash(job)
    if record.code is not None and now != record.code:
        message = f"{origin(job) or record.origin} has changed since the run began"
        emit(Log("warning", f"{message}: {what_follows} are made by the new code"))
