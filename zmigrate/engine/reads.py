"""The files that a job goes by beside its source, such as a mapping: a run goes on only while they are the
same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from zmigrate.errors import SourceError
from zmigrate.job import Job


def hashes_of(job: Job) -> dict[str, str]:
    """The job's files by absolute path, with the SHA-256 of each. Raises SourceError if one can't be read."""
    return {str(path.absolute()): _hash(path) for path in job.reads}


def refuse_changed(then: Mapping[str, str], job: Job, run_id: str) -> None:
    """Raise SourceError, naming the file, unless the job goes by what it went by when the run began."""
    now = hashes_of(job)
    for path in dict.fromkeys([*then, *now]):
        if then.get(path) != now.get(path):
            what = "has changed" if path in then and path in now else "is gone" if path in then else "is new"
            raise SourceError(
                f"{path} {what} since run {run_id} began, and says what the run does.",
                hint="Put the file back as it was, or begin a new run with the changed one.",
                code="SOURCE_CHANGED",
            )


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path} can't be read: {error.strerror or error}.") from None
