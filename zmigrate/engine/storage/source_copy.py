"""The copy of the rows of a database, or of a job's own, that a run reads: made once, in the run's folder,
before the first write.

It is put in place as a whole, so a crash leaves no copy, or the earlier one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import orjson

from zmigrate.engine.storage.folder import RunFolder
from zmigrate.errors import SourceError
from zmigrate.events import Emit, RowsCopied
from zmigrate.job.job import RecordJob
from zmigrate.private_files import Draft
from zmigrate.rows.sources import Source
from zmigrate.rows.sources.copied_rows import CopiedRows, Original, last_line
from zmigrate.rows.sources.of_job import source_of
from zmigrate.rows.sources.row_lines import line_of, line_of_whole, values_of
from zmigrate.stopping import StopSignal

TOLD_EVERY_S = 0.1


def copy_rows(
    source: Original,
    path: Path,
    emit: Emit,
    stop: StopSignal,
    *,
    most: int | None = None,
    compared: int = 0,
    total: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> CopiedRows:
    """Read the rows, or the first `most`, into a file. Rows that are in the file already, from a run with a
    limit, are compared.

    Raises SourceError if these rows or their order have changed, what reading raises, and OSError. `total`:
    the expected number of rows, for the progress.
    """
    before = CopiedRows(path, source).lines() if compared and path.exists() else iter(())
    rows, told = 0, clock()
    with Draft(path) as file:
        for number, line in enumerate(islice(_lines(source), None if most is None else most + 1)):
            stop.check()
            was = next(before, line.encode()) if number <= compared else line.encode()
            if was != line.encode():
                raise _changed(source, number, was, line.encode())
            file.write(line)
            rows = number
            if clock() - told >= TOLD_EVERY_S:
                told = clock()
                emit(RowsCopied(rows, total))
        if rows < compared:
            raise _changed(source, rows + 1)
        file.write(last_line(rows, whole=most is None or rows < most))
    emit(RowsCopied(rows, total))
    return CopiedRows(path, source)


def _lines(source: Original) -> Iterator[str]:
    line = line_of_whole if source.columns is None else line_of
    yield orjson.dumps(source.columns or ()).decode() + "\n"
    for row in source.rows():
        yield line(row.number, row.values) + "\n"


def _changed(source: Original, number: int, was: bytes = b"", line: bytes = b"") -> SourceError:
    what = f"row {number:,} is" if number else "the columns are"
    differ = ""
    if number and was and line:
        values = zip(source.columns or ["values"], values_of(was), values_of(line), strict=False)
        differ = f": {', '.join(name for name, then, now in values if then != now)} differ"
    return SourceError(
        f"{source.name}: {what} not the same as when the run began with a limit{differ}.",
        hint="Each time they are read, there must be the same rows first, in the same order. If not, "
        "start again without --limit: the command that began this run, with --again. That reads all rows at "
        "the beginning.",
        code="SOURCE_CHANGED",
    )


def source_in(folder: RunFolder, job: RecordJob) -> Source:
    """The source of a resume: the copy in the folder if it is whole, else the job's. Connects to nothing."""
    source = source_of(job)
    if not isinstance(source, Original) or not folder.source_copy.exists():
        return source
    copy = CopiedRows(folder.source_copy, source)
    if not copy.whole:
        return source
    job._read_from(copy)
    return copy
