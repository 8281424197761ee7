"""Mappings for tests: written, read, and put to rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from zmigrate.errors import JobError
from zmigrate.rows.mapping import Load, read_mapping

HEAD = '[[load]]\nfile = "old.csv"\nmodule = "Deals"\noperation = "insert"\n'


def put(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def csv_of(folder: Path, columns: Sequence[str], *rows: Sequence[str], name: str = "old.csv") -> Path:
    lines = [",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in (columns, *rows)]
    return put(folder / name, "\n".join(lines) + "\n")


def load_of(folder: Path, fields: str, more: str = "", columns: Sequence[str] = ("a", "b")) -> Load:
    """A load of `old.csv`, which has these columns; those that no field uses are ignored."""
    csv_of(folder, columns, ["x"] * len(columns))
    unused = [column for column in columns if f'"{column}"' not in fields and f"{{{column}}}" not in fields]
    ignore = f"ignore = {unused!r}\n" if unused and "ignore" not in more else ""
    (load,) = read_mapping(put(folder / "old.toml", f"{HEAD}{more}\n{ignore}[load.fields]\n{fields}\n"))
    return load


def value(folder: Path, rule: str, row: Mapping[str, Any], more: str = "") -> Any:
    """What a field's rule makes of a row."""
    return load_of(folder, f"F = {rule}", more, columns=tuple(row)).transform(row)["F"]


def refused(folder: Path, text: str) -> JobError:
    """The error of a mapping that is read and put to its file."""
    path = put(folder / "old.toml", text)
    with pytest.raises(JobError) as error:
        print([load.fills for load in read_mapping(path)])  # the columns are looked at
    found = error.value
    found.message = found.message.replace(f"{folder}/", "").replace(f"{folder}\\", "")
    return found
