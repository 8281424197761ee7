"""Ready-made: load a CSV file into any module."""

from __future__ import annotations

from pathlib import Path

from zmigrate import Argument, ImportJob


class ImportCsv(ImportJob):
    """Load a CSV file into a module of Zoho CRM.

    A column with a field's name goes there; --map sends one elsewhere, --ignore-column leaves one out; a
    column that goes nowhere is refused. --field and --mapping do more: constants, other words for values,
    defaults, references. Delimiter and byte order mark are found. All else has to be declared, and is never
    guessed: UTF-8 unless --encoding says otherwise, plain numbers (1234.50), ISO dates (2024-03-31),
    true/false, yes/no, on/off or 1/0.
    """

    as_csv = True

    file: Path = Argument(help="CSV file to load.")
