"""A run whose source is a database: its rows are copied into the run's folder before the first write, and are
read there from then on, also by a resume.
"""

from __future__ import annotations

from dataclasses import replace

from zmigrate.engine.preflight.invocation import Invocation
from zmigrate.engine.runner.session import RecordWork
from zmigrate.engine.storage.folder import WITHOUT_RECORD, RunFolder
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.source_copy import copy_rows
from zmigrate.errors import JournalDamaged, PausedError, SourceError
from zmigrate.job.job import RecordJob, source_of
from zmigrate.rows.sources import Source, Sql
from zmigrate.rows.sources.copied_rows import CopiedRows


def source_in(folder: RunFolder, job: RecordJob) -> Source:
    """What a run that goes on reads: the copy in its folder where all rows are in it, else the job's source.
    Connects to nothing.
    """
    source = source_of(job)
    if not isinstance(source, Sql) or not folder.source_copy.exists():
        return source
    copy = CopiedRows(folder.source_copy, source)
    if not copy.whole:
        return source
    job._read_from(copy)
    return copy


def reads_database(work: RecordWork | None) -> bool:
    """Whether the session begins with copying the rows."""
    return work is not None and isinstance(work.source, Sql)


def copy_database(
    folder: RunFolder, journal: Journal, work: RecordWork, limit: int | None, invocation: Invocation
) -> None:
    """Copy the rows of the source, which is a database, and make the copy the source. `limit`: rows that are
    still to be read; None where all are needed.

    Raises PausedError where they can't be read: a resume tries it again.
    """
    assert isinstance(work.source, Sql)  # noqa: S101  whoever calls has looked
    rows_read = journal.progress().read
    if rows_read and not folder.source_copy.exists():
        raise JournalDamaged(
            f"{folder.source_copy}: the copy of the rows that the run goes by is gone", hint=WITHOUT_RECORD
        )
    try:
        copy = copy_rows(
            work.source,
            folder.source_copy,
            invocation.hub.emit,
            invocation.stop,
            most=None if limit is None else rows_read + limit + 1,  # the one more tells whether there is more
            total=work.fingerprint.rows,
        )
    except SourceError as error:
        raise PausedError(error.message, hint=error.hint, code=error.code) from error
    if copy.whole:
        work.fingerprint = replace(work.fingerprint, rows=copy.count)
    work.source = copy


def keep_places(journal: Journal, work: RecordWork | None) -> None:
    """Where rows are read parents first: the numbers in the journal are their places in that order."""
    if work is not None and work.survey is not None and work.survey.order is not None:
        with journal.transaction():
            journal.put_places(work.survey.order.places())
