"""CSV files: scanned strictly once before anything is sent, then read at full speed. Cells are in double
quotes if needed, with inner quotes doubled; other styles are refused.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate, count, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zmigrate.errors import SourceError
from zmigrate.rows.key_slots import KeySlots
from zmigrate.rows.sources.base import START, Block, Cursor, Fingerprint, Row
from zmigrate.rows.sources.csv_delimiter import (
    LINE_END,
    CsvReader,
    find_delimiter,
    refuse_other_delimiter,
    strict_reader,
)
from zmigrate.rows.sources.csv_header import broken, has_header, our_delimiter, read_header, refuse_json
from zmigrate.rows.sources.file_watch import FileWatch
from zmigrate.rows.sources.memory_limits import (
    BLOCK_BYTES,
    HEADER_CHARACTERS,
    OUR_HEADER_CHARACTERS,
    OUR_ROW_BYTES,
    ROW_BYTES,
)
from zmigrate.rows.sources.packed import TextFile
from zmigrate.rows.sources.text import (
    BoundedReader,
    EndlessRow,
    HashingReader,
    NulByte,
    explain_bad_byte,
    explain_nul,
    file_hash,
    find_encoding,
    is_text,
    made_of_nul,
    open_text,
)
from zmigrate.rows.spreadsheet import is_ours, is_overview, our_columns, own_name, unescape

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm

BLOCK_ROWS: Final = 100
"""Rows that are read together. Before each block the file is checked for changes."""
ROWS_BETWEEN_LOOKS: Final = 10  # how many rows of a block are read between two checks of their bytes
_KEPT: Final = frozenset({"id", "action"})
_OUR_HEADER: Final = re.compile(
    r'"?(?:zmigrate_)*(?:file|line)"?[,;\t|]"?(?:zmigrate_)*(?:line|key)"?[,;\t|]'
)
"""The beginning of our header when it is longer than others may be."""
_FOR_EXCEL = re.compile(r'("?sep=[^\r\n]"?)[ ;,\t]*(?:\r|\n|\Z)', re.I)


class Csv:
    """Rows of a CSV file, each a mapping from column to text. It may be packed: `leads.csv.gz`, `export.zip`
    with one file in it, `export.zip/leads.csv` for one of several.

    The delimiter (comma, semicolon, tab or pipe) and a byte order mark are found; without a mark the file is
    UTF-8 unless an `encoding` is declared. Blank lines are not rows. Our own result files are recognised:
    they are read without our columns and escapes, and may hold what other kinds of sources can have: NUL
    characters, and names with blanks around them. Nothing is opened before columns, a scan or rows are
    needed.
    """

    stable = True
    scopes: tuple[str, ...] = ()

    def __init__(
        self,
        path: str | Path,
        delimiter: str | None = None,
        encoding: str | None = None,
        *,
        with_id: bool = False,
    ) -> None:
        """`with_id`: of a success.csv keep what it says of each row's record: its `id`, and the `action`."""
        self.path = Path(path)
        self._with_id = with_id
        self._declared_delimiter = None if delimiter is None else delimiter_of(delimiter)
        if delimiter is not None and self._declared_delimiter is None:
            raise SourceError(f"a delimiter is one character, not {delimiter!r}.", hint='Or the word "tab".')
        self._declared_encoding = encoding
        self._format: _Format | None = None
        self._file = TextFile(self.path)
        self._watch = FileWatch(self._file.disk)

    def __repr__(self) -> str:
        return f"Csv({str(self.path)!r})"

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def columns(self) -> tuple[str, ...]:
        return self._find_format().columns

    @property
    def ours(self) -> tuple[str, ...]:
        """zmigrate's own columns, if this is one of its result files. They are left out, unless `kept`."""
        form = self._find_format()
        return tuple(form.header[: form.ours])

    @property
    def escaped(self) -> bool:
        """Whether zmigrate wrote the file, so that its escapes are undone."""
        return self._find_format().escaped

    @property
    def kept(self) -> Mapping[str, str]:
        """zmigrate's own columns that are read like others, with their names without prefix."""
        form = self._find_format()
        return {form.header[place]: own_name(form.header[place]) for place in form.kept}

    def scan(self, keys: KeySlots | None = None) -> Fingerprint:
        """`keys`: takes the cells of its column. Our own result files have escapes, and give none."""
        form = self._find_format()
        self._watch.begin()
        with self._file.open() as raw:
            hashing = HashingReader(
                raw, form.row_bytes, nul_is_text=form.escaped or made_of_nul(form.encoding)
            )
            widths: Counter[int] = Counter()
            hashing.rows_ended = widths.total
            try:
                rows: Iterator[list[str]] = form.reader(open_text(hashing, form.encoding))
                if keys is not None and keys.column in form.columns and not form.escaped:
                    rows = _noted(rows, form.columns.index(keys.column), keys)
                widths.update(map(len, rows))
            except NulByte:
                raise explain_nul(self._file) from None
            except UnicodeDecodeError:
                raise explain_bad_byte(self._file, form.encoding) from None
            except (csv.Error, EndlessRow):
                raise self._explain(form) from None
        del widths[0]
        if widths.keys() != {form.width}:
            raise self._explain(form)
        if widths[form.width] == 1:
            raise SourceError(
                f"{self.path} has only a header, no rows.", hint="Is it the right file, and complete?"
            )
        if made_of_nul(form.encoding) and not form.escaped:
            self._refuse_nul_text(form)
        size, sha256 = file_hash(self._file.disk) if self._file.packed else (hashing.size, hashing.sha256())
        self._watch.know(size, sha256)
        return Fingerprint(
            path=str(self.path.absolute()),
            size=size,
            sha256=sha256,
            rows=widths[form.width] - 1,
            encoding=form.encoding,
            delimiter=form.delimiter,
            columns=form.columns,
        )

    def check(self, fingerprint: Fingerprint) -> None:
        self._watch.check(fingerprint, self.scan)

    def rows(self, after: Cursor = START, crm: Crm | None = None) -> Iterator[Row]:
        columns = self.columns
        for block in self.blocks(after):
            values = map(dict, map(zip, repeat(columns), block.cells))
            # This costs a third less per row than Row(...).
            yield from map(tuple.__new__, repeat(Row), zip(count(block.first), block.lines, values))

    def blocks(self, after: Cursor = START) -> Iterator[Block]:
        """The rows after the cursor as cells, up to `BLOCK_ROWS` together, fewer if they are long."""
        form = self._find_format()
        confirm = self._watch.confirm
        with self._reading(form) as (bytes_of, reader):
            confirm()
            try:
                # The header and the rows before the cursor, without blank lines, at the csv module's speed.
                deque(islice(filter(None, reader), after.number + 1), maxlen=0)
                first, line = after.number + 1, reader.line_num + 1
                while cells := _taken(reader, bytes_of):
                    confirm()
                    block, ragged = _block(form, first, _line_numbers(line, cells, reader.line_num), cells)
                    yield block
                    if ragged is not None:
                        raise _ragged(self.path, *ragged, form.width)
                    first, line = first + len(block.cells), reader.line_num + 1
                confirm()
            except UnicodeDecodeError:
                raise explain_bad_byte(self._file, form.encoding) from None
            except (csv.Error, EndlessRow):
                raise self._explain(form) from None  # the reader is beyond the broken row

    def told(self) -> Iterator[tuple[int, dict[str, str]]]:
        """What one of our result files says about each row: the row's line, and our columns by name (`code`,
        `message` ...). Nothing if this is no result file.
        """
        form = self._find_format()
        if not form.ours:
            return
        names = list(map(own_name, form.header[: form.ours]))
        with self._reading(form) as (_, reader):
            next(filter(None, reader))
            line = reader.line_num + 1
            for cells in reader:
                if cells:
                    yield line, dict(zip(names, map(unescape, cells), strict=False))
                line = reader.line_num + 1

    @contextmanager
    def _reading(self, form: _Format) -> Iterator[tuple[BoundedReader, CsvReader]]:
        """The file's bytes, and a reader of its rows. A row without an end raises EndlessRow."""
        with self._file.open() as raw:
            bounded = BoundedReader(raw, form.row_bytes)
            with open_text(bounded, form.encoding) as text:
                reader = form.reader(text)
                bounded.rows_ended = lambda: reader.line_num
                yield bounded, reader

    def _find_format(self) -> _Format:
        if self._format is None:
            declared = self._declared_encoding, self._declared_delimiter
            ours = None if declared == (None, None) else self._as_result_file()
            self._format = ours or self._read_format(*declared)
        return self._format

    def _read_format(self, encoding: str | None, delimiter: str | None) -> _Format:
        encoding = find_encoding(self._file, encoding)
        sample = self._sample(encoding)
        delimiter = delimiter or our_delimiter(self.path, sample) or find_delimiter(self.path, sample)
        header = read_header(self.path, sample, delimiter)
        if len(header) == 1:
            refuse_other_delimiter(self.path, sample, delimiter)
        if is_overview(header):
            raise SourceError(
                f"{self.path} is the overview of a run of several files, without their columns.",
                hint=f"Take each step's own file beside it: steps/02-deals/{self.path.name}.",
            )
        ours = our_columns(header)
        own = list(map(own_name, header[:ours]))
        keeps = self._with_id and _KEPT.issubset(own)
        kept = [place for place, name in enumerate(own) if keeps and name in _KEPT]
        return _Format(encoding, delimiter, header, ours, kept)

    def _as_result_file(self) -> _Format | None:
        """The format of one of our result files, which are UTF-8 whatever is declared. None if it is not one,
        or if a spreadsheet has saved it in another encoding.
        """
        try:
            form = self._read_format(None, None)
        except SourceError:
            return None
        return form if form.escaped and is_text(self._file, form.encoding) else None

    def _sample(self, encoding: str) -> str:
        with self._file.open() as raw:
            has_nul = not made_of_nul(encoding) and b"\0" in raw.read(HEADER_CHARACTERS)
        with self._file.open() as raw, open_text(raw, encoding) as text:
            try:
                sample = text.read(HEADER_CHARACTERS)
                if _OUR_HEADER.match(sample) and not has_header(sample):
                    longer = sample + text.read(OUR_HEADER_CHARACTERS - len(sample))
                    sample = longer if our_delimiter(self.path, longer) else sample
            except UnicodeDecodeError:
                raise (
                    explain_nul(self._file) if has_nul else explain_bad_byte(self._file, encoding)
                ) from None
        if has_nul and our_delimiter(self.path, sample) is None:
            raise explain_nul(self._file)
        if not sample.strip():
            raise SourceError(f"{self.path} is empty.", hint="Is it the right file, and complete?")
        line = _FOR_EXCEL.match(sample)
        if line is not None:
            raise SourceError(
                f"{self.path}:1: {line.group(1)!r} is a line for Excel, not a header.",
                hint="Delete this line; the delimiter is found automatically.",
            )
        refuse_json(self.path, sample)
        return sample

    def _explain(self, form: _Format) -> SourceError:
        """The error of a failed pass: reads again, slowly, to find the place."""
        with self._reading(form) as (bounded, reader):
            line, rows = 1, 0
            bounded.rows_ended = lambda: rows
            try:
                for rows, cells in enumerate(reader, start=1):  # noqa: B007  the reader of the bytes looks at it
                    if cells and len(cells) != form.width:
                        return _ragged(self.path, line, len(cells), form.width)
                    line = reader.line_num + 1
            except csv.Error as error:
                return broken(self.path, line, error)
            except EndlessRow:
                return SourceError(
                    f"{self.path}:{line}: the row that begins here has more than {form.row_bytes >> 20} MB.",
                    hint="Most likely a quote is opened there and never closed, or line breaks are missing."
                    " Is it a CSV file?",
                )
        return SourceError(
            f"{self.path} changed while it was read.", hint="Run it again when nobody writes to it."
        )

    def _refuse_nul_text(self, form: _Format) -> None:
        with self._file.open() as raw, open_text(raw, form.encoding) as text:
            for line, content in enumerate(text, start=1):
                if "\0" in content:
                    raise SourceError(
                        f"{self.path}:{line}: there is a NUL character, which text never has.",
                        hint="Copy or export the file again.",
                    )


def delimiter_of(declared: str) -> str | None:
    """The declared delimiter as one character. None if it can't be a delimiter."""
    if declared.lower() in {"tab", "\\t"}:
        return "\t"
    return declared if len(declared) == 1 and declared not in '"\r\n' else None


class _Format:
    """The format that was found in a file."""

    def __init__(
        self, encoding: str, delimiter: str, header: Sequence[str], ours: int, kept: Sequence[int]
    ) -> None:
        self.encoding = encoding
        self.delimiter = delimiter
        self.header = header
        self.width = len(header)
        self.ours = ours  # how many columns at the front are zmigrate's
        self.escaped = is_ours(header)
        self.row_bytes = OUR_ROW_BYTES if self.escaped else ROW_BYTES
        self.kept = kept  # the places of those that are read nevertheless
        own = [header[place] for place in kept]
        self.columns = (*own, *map(unescape, header[ours:])) if self.escaped else tuple(header)

    def reader(self, text: Iterator[str]) -> CsvReader:
        return strict_reader(text, self.delimiter)


def _noted(rows: Iterator[list[str]], at: int, keys: KeySlots) -> Iterator[list[str]]:
    """The same rows; `keys` gets the cells at this place."""
    cells: list[str] = []
    for row in rows:
        if len(row) > at:
            cells.append(row[at])
        if len(cells) == BLOCK_ROWS:
            keys.add(cells)
            cells = []
        yield row
    keys.add(cells)


def _taken(reader: CsvReader, bytes_of: BoundedReader) -> list[list[str]]:
    """The next rows: `BLOCK_ROWS`, fewer if they are long."""
    enough = bytes_of.size + BLOCK_BYTES
    rows: list[list[str]] = []
    while len(rows) < BLOCK_ROWS and bytes_of.size <= enough:
        before = len(rows)
        rows.extend(islice(reader, ROWS_BETWEEN_LOOKS))
        if len(rows) == before:
            break
    return rows


def _line_numbers(first: int, rows: Sequence[Sequence[str]], last: int) -> Sequence[int]:
    """The lines on which the rows begin that were read from these lines of the file."""
    if last - first + 1 == len(rows):
        return range(first, last + 1)
    breaks = (sum(len(LINE_END.findall(cell)) for cell in row) for row in rows)
    return list(accumulate((1 + more for more in breaks), initial=first))[:-1]


def _block(
    form: _Format, first: int, lines: Sequence[int], cells: list[list[str]]
) -> tuple[Block, tuple[int, int] | None]:
    """The rows up to the first with another number of cells than the header, and that row's line and
    width.
    """
    ragged = None
    if set(map(len, cells)) != {form.width}:
        full = []
        for line, row in zip(lines, cells, strict=True):
            if len(row) == form.width:
                full.append((line, row))
            elif row:
                ragged = line, len(row)
                break
        lines, cells = [line for line, _ in full], [row for _, row in full]
    if form.escaped:
        cells = [[row[at] for at in form.kept] + list(map(unescape, row[form.ours :])) for row in cells]
    return Block(first, lines, cells), ragged


def _ragged(path: Path, line: int, found: int, expected: int) -> SourceError:
    return SourceError(
        f"{path}:{line}: expected {expected} column{'s' * (expected != 1)} as in the header, got {found}.",
        hint="If a cell has a delimiter or a line break in it, put the cell in double quotes.",
    )
