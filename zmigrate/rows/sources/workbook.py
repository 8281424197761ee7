"""A workbook, read by a separate process (`workbook_process`)."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from zmigrate.rows.sources.memory_limits import READER_MEMORY, READER_MEMORY_PER_BYTE

_PROGRAM: Final = Path(__file__).with_name("workbook_process.py")


class SheetName(NamedTuple):
    name: str
    holds_cells: bool  # False for a sheet with a chart or macros
    visible: bool


class WorkbookFailed(Exception):
    """The reader could not go on. `kind`: the name of its error; "" if its process ended."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


class Workbook:
    """An open workbook, which must be closed. Each method raises WorkbookFailed."""

    def __init__(self, path: Path, size: int) -> None:
        memory = READER_MEMORY + READER_MEMORY_PER_BYTE * size
        told = [os.path.abspath(path), str(memory), str(os.getpid()), *sys.path]
        words = [sys.executable, "-I", "-S", str(_PROGRAM), *told]
        try:
            self._process = subprocess.Popen(  # noqa: S603  this Python, and a program of ours
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # for panics of Rust
                start_new_session=True,  # Ctrl-C is for this process
            )
        except OSError as error:
            raise WorkbookFailed("", f"its reader can't be started ({error.strerror})") from None
        self._sheets: list[SheetName] | None = None

    def __enter__(self) -> Workbook:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def sheets(self) -> list[SheetName]:
        if self._sheets is None:
            self._sheets = [SheetName(*each) for each in self._take()]
        return self._sheets

    def is_empty(self, sheet: str) -> bool:
        first, rows = self.cells(sheet)
        for _ in rows:
            pass
        return first is None

    def cells(self, sheet: str) -> tuple[tuple[int, int] | None, Iterator[list[Any]]]:
        """The place of a sheet's first cell, from 0 (None: the sheet is empty), and its rows from there on,
        without the columns before that cell.
        """
        names = [each.name for each in self.sheets()]
        assert self._process.stdin is not None  # noqa: S101  a pipe
        try:
            self._process.stdin.write(b"%d\n" % names.index(sheet))
            self._process.stdin.flush()
        except OSError:
            raise self._ended() from None
        first = self._take()
        return first, self._rows() if first is not None else iter(())

    def _rows(self) -> Iterator[list[Any]]:
        while (block := self._take()) is not None:
            yield from block

    def _take(self) -> Any:
        assert self._process.stdout is not None  # noqa: S101  a pipe
        try:
            taken = pickle.load(self._process.stdout)  # noqa: S301  our own process wrote it
        except (EOFError, pickle.UnpicklingError, OSError):
            raise self._ended() from None
        if isinstance(taken, tuple) and taken[0] == "failed":
            raise WorkbookFailed(*taken[1:])
        return taken

    def _ended(self) -> WorkbookFailed:
        return WorkbookFailed("", "the file is damaged, or needs more memory than there is")
