"""Reads a workbook in a separate process: python-calamine is native code, and ends its process if memory runs
out, or if a damaged file confuses it.

A program: its arguments are the path, a memory limit, the process that reads, and the places of modules. It
reads the number of a sheet from each line, and writes pickles: the sheets, then for each number the place of
the first cell, and the rows. It imports nothing else of zmigrate, so that it starts quickly.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Any, Final

LOOK_EVERY_S: Final = 0.5
CELLS_AT_ONCE: Final = 20_000  # how many cells are sent together, in whole rows


def main(path: str, memory: int, reader: int, *places: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that reads the rows
    if sys.platform != "win32":  # there the closed pipe ends it; its parent is a launcher, in a venv
        threading.Thread(target=end_with, args=(reader,), daemon=True).start()
    sys.path[:] = places
    with suppress(ImportError, OSError, ValueError):  # not on Windows; a lower limit may be set already
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    out = sys.stdout.buffer

    def send(what: Any) -> None:
        pickle.dump(what, out, pickle.HIGHEST_PROTOCOL)
        out.flush()

    try:
        serve(path, send)
    except BaseException as error:  # a panic of Rust is one
        with suppress(OSError):  # nobody reads any more
            send(("failed", type(error).__name__, str(error)))


def end_with(reader: int) -> None:
    """End this process soon after the one that reads, even while native code unpacks a sheet for minutes."""
    while os.getppid() == reader:
        time.sleep(LOOK_EVERY_S)
    os._exit(1)


def serve(path: str, send: Callable[[Any], None]) -> None:
    from python_calamine import SheetTypeEnum, SheetVisibleEnum, load_workbook  # noqa: PLC0415  now it is found

    workbook = load_workbook(path)
    send(
        [
            (sheet.name, sheet.typ == SheetTypeEnum.WorkSheet, sheet.visible == SheetVisibleEnum.Visible)
            for sheet in workbook.sheets_metadata
        ]
    )
    for line in sys.stdin.buffer:
        sheet = workbook.get_sheet_by_index(int(line))
        send(sheet.start)
        if sheet.start is None:
            continue
        rows = sheet.iter_rows()
        at_once = max(1, CELLS_AT_ONCE // max(1, sheet.width))
        while block := list(islice(rows, at_once)):
            send(block)
        send(None)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
