"""How much of a file of outside is held in memory at once. Beyond it the file is refused, by row or cell.

The numbers are far beyond what Zoho takes, so that no real export meets them, and small enough for a laptop.
"""

from __future__ import annotations

from typing import Final

ROW_BYTES: Final = 8 << 20
"""One row of a file of text, all its lines together, as it lies in the file; one row of a database. Zoho's
longest text has 50,000 characters, Excel's longest cell 32,767: 50 columns full of either are some 2 MB."""

DATABASE_BYTES: Final = 512 << 20
"""What SQLite may take of our memory, to put rows in order among others. It counts for the whole process; our
own files of SQLite take a few MB."""

HEADER_CHARACTERS: Final = 1 << 16
"""The row that names the columns. 1,000 columns have 65 characters each; Zoho has at most some hundreds of
fields a module."""

OUR_ROW_BYTES: Final = 8 * ROW_BYTES
"""One row of a CSV file that we wrote. Quotes and escapes double a row at most, UTF-8 doubles it again where
the source has an encoding of one byte a letter; and our columns may repeat the key."""

OUR_HEADER_CHARACTERS: Final = 2 * ROW_BYTES + HEADER_CHARACTERS
"""Its header, whose names may be those of a row of JSON Lines."""

BLOCK_BYTES: Final = 8 << 20
"""Rows that are read together are so many bytes at most, and one row."""

ARCHIVE_LIST_BYTES: Final = 4 << 20
"""The list of the files in a zip archive, as it lies in the archive: some 40,000 files."""

UNPACKED_BYTES: Final = 1 << 30
UNPACKED_RATIO: Final = 500
"""Beyond both, a packed file of text is one made to fill a disk: exports shrink to a tenth, rarely to a
hundredth."""

SHEET_CELLS: Final = 8_000_000
SHEET_CELLS_PER_FILLED: Final = 50
"""The rectangle from A1 to the furthest cells of a sheet that hold something, which is what memory is taken
for (32 bytes a cell): beyond both it is one or two stray cells that make it large. A sheet of 1,000,000 rows
and 50 columns needs every 50th cell filled."""

PART_BYTES: Final = 64 << 20
PART_RATIO: Final = 200
"""Beyond both, a part of a workbook (a sheet, its texts) is one made to fill the memory. Sheets shrink to a
tenth, those of empty cells with formats to a hundredth."""

XLS_BYTES: Final = 512 << 20
"""An .xls workbook, which is read as a whole: 65,536 rows of 256 numbers, in each of two sheets."""

READER_MEMORY: Final = 2 << 30
READER_MEMORY_PER_BYTE: Final = 256
"""Bytes that reading a workbook may take, and how much more for each byte of the file: where what stands
above could be got round."""
