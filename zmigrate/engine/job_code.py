"""The file of a job's class: where it is, and whether it is what it was when a run began.

A run's folder may be somebody else's, so the file that it names is never imported.
"""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from shlex import quote

from zmigrate.engine.run_record import RunRecord
from zmigrate.errors import JobError
from zmigrate.events import Emit, Log
from zmigrate.job import Job
from zmigrate.registry import READY_MADE, NotImportable, discover, is_ready_made
from zmigrate.wording import nearby


def origin(job: type[Job]) -> str:
    """The file of a job's class; "" where it was typed in."""
    try:
        return inspect.getfile(job)
    except (OSError, TypeError):
        return ""


def shown_origin(origin: str) -> str:
    """Whose code a job is, for the person who lets it run: `jobs/import_leads.py`, or `ready-made`."""
    path = Path(origin)
    if not origin:
        return "typed in"
    is_ours = path.resolve().is_relative_to(Path(__file__).resolve().parents[1]) or is_ready_made(path)
    return READY_MADE if is_ours else nearby(origin)


def class_of_run(record: RunRecord, jobs: Path | None, folder: Path) -> type[Job]:
    """The class of a run's job, from where the person would find it now. `jobs`: the path that was named;
    `folder`: the current one.

    Raises JobError that says where it was when the run began.
    """
    try:
        return discover(jobs, folder).get(record.job)
    except NotImportable:
        raise
    except JobError as error:
        if not record.origin or is_ready_made(Path(record.origin)):
            raise
        raise JobError(
            f'the job "{record.job}" is not found from here; the run began with that of {record.origin}',
            hint=f"If you trust that file: --jobs {quote(nearby(record.origin))}",
        ) from error


def code_hash(job: type[Job]) -> str | None:
    """The SHA-256 of the file of a job's class; None where there is none, or it is zmigrate's own."""
    path = origin(job)
    if job.__module__.startswith("zmigrate.") or not Path(path).is_file():
        return None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def tell_of_changed_code(record: RunRecord, job: type[Job], what_follows: str, emit: Emit) -> None:
    """Warn where the job's code is not what it was when the run began. Changing the code between sessions is
    allowed, and reported, since two codes have then made the rows.
    """
    here = origin(job)
    if code_hash(job) == record.code:
        return
    what = f"{here or record.origin} has changed since the run began"
    if here and record.origin and Path(here).resolve() != Path(record.origin).resolve():
        what = f"the job is that of {here}, and the run began with that of {record.origin}"
    emit(Log("warning", f"{what}: {what_follows} are made by the new code"))
