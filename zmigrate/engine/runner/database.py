"""A run whose source is a database: its rows are copied into the run's folder before the first write, and are
read there from then on, also by a resume.
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
from zmigrate.rows.sources import Sql


def reads_database(opened: Opened) -> bool:
    """Whether the session begins with copying the rows."""
    return any(isinstance(work.read.step.source, Sql) for work in opened.works)


def copy_database(
    folder: RunFolder, journal: Journal, work: RecordWork, limit: int | None, invocation: Invocation
) -> RecordWork:
    """Copy the rows of the source, which is a database. Returns the work with the copy as its source.
    `limit`: rows still to be read; None if all are needed.

    Raises PausedError where they can't be read: a resume tries it again.
    """
    (step, fingerprint), source = work.read, work.read.step.source
    assert isinstance(source, Sql)  # noqa: S101  the caller has looked
    rows_read = journal.progress().read
    if rows_read and not folder.source_copy.exists():
        raise JournalDamaged(
            f"{folder.source_copy}: the copy of the rows that the run goes by is gone", hint=WITHOUT_RECORD
        )
    try:
        copy = copy_rows(
            source,
            folder.source_copy,
            invocation.hub.emit,
            invocation.stop,
            most=None if limit is None else rows_read + limit + 1,  # the one more tells whether there is more
            total=fingerprint.rows,
        )
    except SourceError as error:
        raise PausedError(error.message, hint=error.hint, code=error.code) from error
    if copy.whole:
        fingerprint = replace(fingerprint, rows=copy.count)
    return replace(work, read=ReadStep(replace(step, source=copy), fingerprint))


def keep_places(journal: Journal, survey: Survey) -> None:
    """Where rows are read parents first: the numbers in the journal are their places in that order."""
    if survey.order is not None:
        with journal.transaction():
            journal.put_places(survey.order.places())
