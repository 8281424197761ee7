"""The result files over all steps of a flow: what they have in common, without the sources' own columns."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from zmigrate.engine.folder import RunFolder
from zmigrate.engine.results import ALWAYS_WRITTEN, FILE_OF, why_not_written
from zmigrate.private_files import Draft, open_private
from zmigrate.rows.sources.csv_delimiter import strict_reader
from zmigrate.rows.spreadsheet import ERROR_COLUMNS, FILE_COLUMN, SUCCESS_COLUMNS


def write_flow_files(folder: RunFolder) -> dict[str, Path]:
    """Write them from the steps' files, row by row, and give back their paths by name.

    Raises DiskFull, and PausedError where a file can't be written.
    """
    written: dict[str, Path] = {}
    for name in dict.fromkeys(FILE_OF.values()):
        path = folder.result_file(name)
        parts = [part for step in folder.steps() if (part := step.result_file(name)).exists()]
        try:
            if parts or name in ALWAYS_WRITTEN:
                _write(path, SUCCESS_COLUMNS if name == "success" else ERROR_COLUMNS, parts)
                written[name] = path
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise why_not_written(error, path) from error
    return written


def _write(path: Path, ours: tuple[str, ...], parts: Iterable[Path]) -> None:
    """A cell that is escaped in a step's file stays as it is."""
    width = len(ours) + 1
    with Draft(path) as file:
        writer = csv.writer(file)
        writer.writerow((FILE_COLUMN, *ours))
        for part in parts:
            with open(part, encoding="utf-8", newline="", opener=open_private) as rows:
                reader = strict_reader(rows, ",")
                next(reader, None)
                writer.writerows(row[:width] for row in reader)
