"""The rows that everybody inserts: seven short fields. zmigrate reads a file, rivals make them in memory."""

from __future__ import annotations

import csv
from pathlib import Path

MODULE = "Leads"
KEY = "Legacy_ID"
COLUMNS = (KEY, "Last_Name", "First_Name", "Company", "Email", "Phone", "City")
BATCH_ROWS = 100


def values(number: int) -> tuple[str, ...]:
    return (
        f"L-{number:07}",
        f"Miller {number}",
        "Anna",
        f"Company {number % 1000}",
        f"lead{number}@example.com",
        f"030 {number:07}",
        "Berlin",
    )


def record(number: int) -> dict[str, str]:
    return dict(zip(COLUMNS, values(number), strict=True))


def batches(rows: int) -> list[range]:
    """The row numbers of each request, from 1."""
    return [range(start, min(start + BATCH_ROWS, rows + 1)) for start in range(1, rows + 1, BATCH_ROWS)]


def write_csv(folder: Path, rows: int) -> Path:
    """The file of that many rows; made once."""
    path = folder / f"leads-{rows}.csv"
    if not path.exists():
        with path.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(COLUMNS)
            writer.writerows(values(number) for number in range(1, rows + 1))
    return path
