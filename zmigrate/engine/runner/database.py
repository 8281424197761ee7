"""The copy of the rows of a database, or of a job's own: made in the run's folder before the first write, and
read from then on.
"""

from __future__ import annotations

from dataclasses import replace

from zmigrate.engine.pipeline.survey import Survey
from zmigrate.engine.preflight.invocation import Invocation
from zmigrate.engine.preflight.record_work import RecordWork
from zmigrate.engine.preflight.steps import ReadStep
from zmigrate.engine.runner.beginning import Opened
from zmigrate.engine.storage.folder import WITHOUT_RECORD, RunFolder
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.source_copy import copy_rows
from zmigrate.errors import JournalDamaged, PausedError, SourceError
from zmigrate.rows.sources.copied_rows import Original
from zmigrate.rows.sources.text import file_hash

COPY = "source_copy"
"""The fact that holds size and hash of a whole copy."""


def reads_database(opened: Opened) -> bool:
    """Whether the session begins by copying the rows."""
    return any(isinstance(work.read.step.source, Original) for work in opened.works)


def copy_database(
    folder: RunFolder, journal: Journal, work: RecordWork, limit: int | None, invocation: Invocation
) -> RecordWork:
    """Copy the rows of the source; return the work with the copy as its source. `limit`: rows
    still to be read (None: all). Raises PausedError if the rows can't be read: a resume tries again.
    """
    (step, fingerprint, _), source = work.read, work.read.step.source
    assert isinstance(source, Original)  # noqa: S101  the caller has looked
    rows_read, recorded = journal.progress().read, journal.last_recorded()
    if rows_read and not folder.source_copy.exists():
        raise JournalDamaged(f"{folder.source_copy}: the run's copy of the rows is gone", hint=WITHOUT_RECORD)
    try:
        copy = copy_rows(
            source,
            folder.source_copy,
            invocation.hub.emit,
            invocation.stop,
            # One row more than the limit shows whether there is more.
            most=None if limit is None else max(rows_read + limit, recorded) + 1,
            compared=recorded,
            total=fingerprint.rows,
        )
    except SourceError as error:
        raise PausedError(error.message, hint=error.hint, code=error.code) from error
    if copy.whole:
        fingerprint = replace(fingerprint, rows=copy.count)
        with journal.transaction():
            journal.put_fact(COPY, file_hash(folder.source_copy))
    return replace(work, read=ReadStep(replace(step, source=copy), fingerprint))


def refuse_changed_copy(folder: RunFolder, journal: Journal) -> None:
    """Raise JournalDamaged if the copy of a database's rows is not the one that the run made."""
    made = journal.fact(COPY)
    if not journal.last_recorded():
        return  # nothing was written by it: a crash may have come between the copy and the fact
    if made is not None and folder.source_copy.exists() and list(file_hash(folder.source_copy)) != made:
        raise JournalDamaged(
            f"{folder.source_copy}: the copy of the rows has changed since the run made it",
            hint=WITHOUT_RECORD,
        )


def keep_places(journal: Journal, survey: Survey) -> None:
    """Keep the order of rows that are read parents first: the journal's numbers are places in that order."""
    if survey.order is not None:
        with journal.transaction():
            journal.put_places(survey.order.places())
