"""Limits of how much of a file is in memory at once. Beyond them the file is refused, with its row or cell.

They are far beyond what Zoho takes, so that no real export meets them, and small enough for a laptop.
"""

from __future__ import annotations

from typing import Final

ROW_BYTES: Final = 8 << 20
"""One row of a text file, with all its lines; one row of a database. Zoho's longest text has 50,000
characters, Excel's longest cell 32,767: 50 columns full of either are some 2 MB.
"""

DATABASE_BYTES: Final = 512 << 20
"""The memory that SQLite may take for sorting, in the whole process. Our own SQLite files take a few MB."""

HEADER_CHARACTERS: Final = 1 << 16
"""The row with the columns' names: 1,000 columns with 65 characters each. A module has at most some hundreds
of fields.
"""

OUR_ROW_BYTES: Final = 8 * ROW_BYTES
"""One row of a CSV file that we wrote. Quotes and escapes at most double a row, UTF-8 may double it again,
and our columns may repeat the key.
"""

OUR_HEADER_CHARACTERS: Final = 2 * ROW_BYTES + HEADER_CHARACTERS
"""The header of such a file. Its names may come from a row of JSON Lines."""

BLOCK_BYTES: Final = 8 << 20  # the most bytes of rows that are read together, apart from one row

ARCHIVE_LIST_BYTES: Final = 4 << 20  # the list of files inside a zip archive: some 40,000 files

UNPACKED_BYTES: Final = 1 << 30
UNPACKED_RATIO: Final = 500
"""A packed text file beyond both is made to fill a disk: exports shrink to a tenth, rarely to a hundredth."""

SHEET_CELLS: Final = 8_000_000
SHEET_CELLS_PER_FILLED: Final = 50
"""The rectangle from A1 to a sheet's furthest cells, which takes 32 bytes of memory a cell. Beyond both, one
or two stray cells make it large. In a sheet of 1,000,000 rows and 50 columns every 50th cell must be
filled.
"""

PART_BYTES: Final = 64 << 20
PART_RATIO: Final = 200
"""A part of a workbook (a sheet, its texts) beyond both is made to fill the memory. Sheets shrink to a tenth,
those of empty formatted cells to a hundredth.
"""

XLS_BYTES: Final = 512 << 20
"""An .xls workbook, which is read as a whole: 65,536 rows of 256 numbers, in two sheets."""

READER_MEMORY: Final = 2 << 30
READER_MEMORY_PER_BYTE: Final = 256
"""The memory for reading a workbook, and how much more for each byte of the file, in case the limits above
are evaded.
"""
