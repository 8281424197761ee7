"""How much of a file of outside is held in memory at once. Beyond it the file is refused, by row or cell.

The numbers are far beyond what Zoho takes, so that no real export meets them, and small enough for a laptop.
"""

from __future__ import annotations

from typing import Final

ROW_BYTES: Final = 8 << 20
"""One row of a file of text, all its lines together, as it lies in the file. Zoho's longest text has 50,000
characters, Excel's longest cell 32,767: 50 columns full of either are some 2 MB."""

CELL_CHARACTERS: Final = 4 << 20
"""One cell of a CSV file: beyond it a quote was never closed."""

HEADER_CHARACTERS: Final = 1 << 16
"""The row that names the columns. 1,000 columns have 65 characters each; Zoho has at most some hundreds of
fields a module."""

BLOCK_BYTES: Final = 8 << 20
"""Rows that are read together are so many bytes at most, and one row."""

ARCHIVE_LIST_BYTES: Final = 4 << 20
"""The list of the files in a zip archive, as it lies in the archive: some 40,000 files."""

UNPACKED_BYTES: Final = 1 << 30
UNPACKED_RATIO: Final = 500
"""Beyond both, a packed file of text is one made to fill a disk: exports shrink to a tenth, rarely to a
hundredth."""
