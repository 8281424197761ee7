"""A run's inputs besides its source: the file of the job's class, and the files that the job reads.

A run's folder may come from somebody else, so the file that it names is never imported. A run goes on only if
its input files are unchanged; a changed job file is allowed, but reported.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from pathlib import Path

from zmigrate.engine.storage.run_record import RunRecord
from zmigrate.errors import JobError, SourceError
from zmigrate.events import Emit, Log
from zmigrate.job.job import Job
from zmigrate.plain_files import open_regular
from zmigrate.registry import READY_MADE, NotImportable, discover, is_ready_made
from zmigrate.wording import nearby, shell_word


def origin(job: type[Job]) -> str:
    """The file of a job's class; "" if the class was typed in."""
    try:
        return inspect.getfile(job)
    except (OSError, TypeError):
        return ""


def shown_origin(origin: str) -> str:
    """Where a job's code comes from, to be shown: `jobs/import_leads.py`, or `ready-made`."""
    path = Path(origin)
    if not origin:
        return "typed in"
    is_ours = path.resolve().is_relative_to(Path(__file__).resolve().parents[1]) or is_ready_made(path)
    return READY_MADE if is_ours else nearby(origin)


def class_of_run(record: RunRecord, jobs: Path | None, folder: Path) -> type[Job]:
    """The class of a run's job, found by its name. `jobs`: the path given with --jobs; `folder`: the current
    folder. Raises JobError that says where the class was when the run began.
    """
    try:
        return discover(jobs, folder).get(record.job)
    except NotImportable:
        raise
    except JobError as error:
        if not record.origin or is_ready_made(Path(record.origin)):
            raise
        raise JobError(
            f'the job "{record.job}" was not found; the run began with the one in {record.origin}',
            hint=f"If you trust that file: --jobs {shell_word(nearby(record.origin))}",
        ) from error


def code_hash(job: type[Job]) -> str | None:
    """The SHA-256 of the file of a job's class; None if there is no file, or it is zmigrate's own."""
    path = origin(job)
    if job.__module__.startswith("zmigrate.") or not Path(path).is_file():
        return None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def tell_of_changed_code(record: RunRecord, job: type[Job], what_follows: str, emit: Emit) -> None:
    """Warn if the job's code has changed since the run began: later rows are made by different code."""
    here = origin(job)
    if code_hash(job) == record.code:
        return
    what = f"{here or record.origin} has changed since the run began"
    if here and record.origin and Path(here).resolve() != Path(record.origin).resolve():
        what = f"the job is now the one in {here}; the run began with the one in {record.origin}"
    emit(Log("warning", f"{what}: {what_follows} are made by the new code"))


def hashes_of(job: Job) -> dict[str, str]:
    """The job's input files by absolute path, each with its SHA-256. Raises SourceError."""
    return {str(path.absolute()): _hash(path) for path in job.reads}


def refuse_changed(then: Mapping[str, str], job: Job, run_id: str) -> None:
    """Raise SourceError, naming the file, unless the job's input files are unchanged since the run began."""
    now = hashes_of(job)
    for path in dict.fromkeys([*then, *now]):
        if then.get(path) != now.get(path):
            what = "has changed" if path in then and path in now else "is gone" if path in then else "is new"
            raise SourceError(
                f"{path} {what} since run {run_id} began, and the job reads it.",
                hint="Put the file back as it was, or begin a new run with the changed one.",
                code="SOURCE_CHANGED",
            )


def _hash(path: Path) -> str:
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path} can't be read: {error.strerror or error}.") from None
