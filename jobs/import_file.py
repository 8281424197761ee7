"""Ready-made: load whatever zmigrate can read into any module."""

from __future__ import annotations

from zmigrate import Argument, ImportJob, Option


class ImportFile(ImportJob):
    """Load a file or a database's rows into a module of Zoho CRM.

    The file's name shows its kind: .csv, .jsonl, .xlsx, .parquet, ..., also gzipped or zipped; a database's
    URL needs --select. All else is as for import-csv: nothing is guessed.
    """

    file: str = Argument(metavar="FILE|URL", help="What to load.")
    sheet: str | None = Option(
        default=None, metavar="NAME", help="Sheet of a workbook (the first, unless named)."
    )
    header: int | None = Option(default=None, metavar="N", help="Row of a sheet that names the columns (1).")
    select: str | None = Option(default=None, metavar="SQL", help="What to select from a database.")
    order_by: str | None = Option(default=None, metavar="COLUMN", help="Column to order a database by.")
