"""The result files hold what a merge row by row would write, however rows were grouped, and whatever is in
them.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.fakes import PLAIN, row
from zmigrate import Csv
from zmigrate.engine.model.batch import Batch, BatchState
from zmigrate.engine.model.outcomes import MOVED, Outcome
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.recorded import RecordedRows, in_order
from zmigrate.engine.storage.result_files import FILE_OF, Piece, names_in, pieces_of, write_results
from zmigrate.errors import SourceError
from zmigrate.reasons import Reason
from zmigrate.rows.sources import Cursor, JsonLines, Row
from zmigrate.rows.sources.base import START
from zmigrate.rows.spreadsheet import ERROR_COLUMNS, SUCCESS_COLUMNS, escape

COLUMNS = ("name", "note")
TROUBLE = [
    *(
        "",
        "Zürich",
        " a ",
        "'",
        "'q'",
        "a'=b",
        "\x1f=",
        "x\ny",
        "x\r\ny",
        "\n",
        '"',
        'a"b',
        "a,b",
        ",",
        ",=1",
    ),
    *("=1", "+49 30", "-5", "@A1", "\tx", "\rx", "'=1", "''@", "'-\n", '=","', "+,"),
]
cells = st.sampled_from(["plain", "two words", "x"]) | st.sampled_from(TROUBLE)
ids = st.integers(1, 10**18).map(str)
reasons = st.tuples(
    st.tuples(st.just("CODE"), st.none() | st.just("Email"), cells).map(lambda parts: Reason(*parts))
)
outcomes = st.one_of(
    st.tuples(st.sampled_from(["created", "updated", "unchanged", "deleted"]), ids),
    st.tuples(st.sampled_from(["failed", "in_doubt", "skipped"]), st.none() | ids, reasons),
).map(lambda parts: Outcome(*parts))


@st.composite
def recordings(draw: st.DrawFn) -> tuple[int, list[list[tuple[int, Outcome]]], list[tuple[int, Outcome]]]:
    """How many rows there are; batches of numbered outcomes, in the order in which they began; and decided
    rows.

    Most batches take the rows as they come; some rows are left out, some come out of turn, and some batches
    are cut, so that they have rows that moved.
    """
    count = draw(st.integers(1, 60))
    numbers = list(range(1, count + 1))
    left_out = draw(st.sets(st.sampled_from(numbers), max_size=5))
    decided = draw(st.sets(st.sampled_from(numbers), max_size=10)) - left_out
    waiting = [number for number in numbers if number not in left_out | decided]
    for place in draw(st.lists(st.integers(0, count), max_size=4)):
        if waiting:
            waiting.append(waiting.pop(place % len(waiting)))
    batches = []
    while waiting:
        size = draw(st.integers(1, 25))
        batch, waiting = waiting[:size], waiting[size:]
        moved = [number for number in batch if draw(st.integers(0, 9)) == 0]
        batches.append([(n, MOVED if n in moved else draw(outcomes)) for n in batch])
        if moved:
            batches.append([(number, draw(outcomes)) for number in draw(st.permutations(moved))])
    return count, batches, [(number, draw(outcomes)) for number in sorted(decided)]


@pytest.mark.parametrize("given_as", ["cells", "values", "journal"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_files_are_those_of_a_merge_row_by_row(given_as: str, data: st.DataObject) -> None:
    count, batches, decided = data.draw(recordings())
    source = data.draw(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=count, max_size=count))
    keys = data.draw(st.lists(st.none() | cells, min_size=count, max_size=count))
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder(Path(place))
        with closing(Journal.create(folder.journal)) as journal:
            keep = source if given_as == "journal" else None
            fill(journal, batches, decided, keys, keep)
            pieces = None
            if given_as != "journal":
                rows: Any = source
                if given_as == "values":
                    rows = [dict(zip(COLUMNS, found, strict=True)) for found in source]
                pieces = cut(rows, data.draw(st.lists(st.integers(1, 30))))
            files = write_results(folder, journal, COLUMNS, pieces, PLAIN)
        found = {name: path.read_bytes().decode() for name, path in files.items()}
    known = {
        number: outcome for batch in [*batches, decided] for number, outcome in batch if outcome != MOVED
    }
    assert found == row_by_row(known, keys, source)


def fill(
    journal: Journal,
    batches: Sequence[Sequence[tuple[int, Outcome]]],
    decided: Sequence[tuple[int, Outcome]],
    keys: Sequence[str | None],
    keep: Sequence[Sequence[str]] | None,
) -> None:
    def pending(number: int) -> Any:
        source = None if keep is None else dict(zip(COLUMNS, keep[number - 1], strict=True))
        return row(number, keys[number - 1], source)

    with journal.transaction():
        for batch_id, numbered in enumerate(batches, start=1):
            batch = Batch(batch_id, [pending(number) for number, _ in numbered], state=BatchState.IN_FLIGHT)
            journal.put_batch(batch, b"")
            batch.outcomes = [outcome for _, outcome in numbered]
            journal.finish_batch(batch)
        journal.put_decided([(pending(number), outcome) for number, outcome in decided])


def cut(rows: Sequence[Any], sizes: Sequence[int]) -> Iterator[Piece]:
    """Rows in pieces of these sizes, then the rest in one."""
    start = 0
    for size in [*sizes, len(rows)]:
        if start < len(rows):
            yield Piece(start + 1, list(rows[start : start + size]))
        start += size


def row_by_row(
    known: dict[int, Outcome], keys: Sequence[str | None], source: Sequence[Sequence[str]]
) -> dict[str, str]:
    """The same, as plainly as it can be done."""
    files: dict[str, io.StringIO] = {}

    def write(name: str, line: list[str]) -> None:
        csv.writer(files[name]).writerow(line)

    def begin(name: str) -> None:
        if name not in files:
            files[name] = io.StringIO(newline="")
            write(name, [*(SUCCESS_COLUMNS if name == "success" else ERROR_COLUMNS), *COLUMNS])

    begin("success")
    begin("errors")
    for number, (key, values) in enumerate(zip(keys, source, strict=True), start=1):
        if number not in known:
            continue
        outcome = known[number]
        name = FILE_OF[outcome.action]
        begin(name)
        ours = [outcome.id, outcome.action]
        if name != "success":
            ours = [*outcome.reasons[0][1::-1], outcome.reasons[0].message]
        write(name, [str(number + 1), *[escape(cell or "") for cell in [key, *ours, *values]]])
    return {name: file.getvalue() for name, file in files.items()}


# -- the source ----------------------------------------------------------------------------------


def test_a_csv_is_paired_across_its_blocks_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text(
        "name,note\n" + "".join(f'n{n},"a\nb"\n\n' if n % 7 == 0 else f"n{n},\n" for n in range(1, 351))
    )
    with closing(Journal.create(tmp_path / "journal.db")) as journal:
        numbers = range(1, 351)
        batches = [
            [(n, Outcome("created", str(n))) for n in numbers[at : at + 64]] for at in range(0, 350, 64)
        ]
        fill(journal, batches, [], [f"k{n}" for n in numbers], None)
        files = write_results(RunFolder(tmp_path), journal, COLUMNS, pieces_of(Csv(path)), PLAIN)
    with files["success"].open(newline="") as handle:
        found = list(csv.DictReader(handle))
    assert [(entry["key"], entry["id"], entry["name"]) for entry in found] == [
        (f"k{n}", f"{n}", f"n{n}") for n in numbers
    ]


class Customers(Csv):
    """Leaves rows out, as an author's own source may."""

    def rows(self, after: Cursor = START, crm: Any = None) -> Iterator[Row]:
        kept = (row for row in super().rows() if row.values["note"] == "customer")
        yield from (row._replace(number=number) for number, row in enumerate(kept, start=1))


def test_a_source_made_from_csv_is_paired_by_its_own_rows(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("name,note\nAda,customer\nBob,supplier\nCy,customer\n")
    pieces = pieces_of(Customers(path))
    assert pieces is not None
    assert [(piece.first, [row["name"] for row in piece.rows]) for piece in pieces] == [
        (1, ["Ada"]),
        (2, ["Cy"]),
    ]


def test_rows_of_json_lines_are_written_with_the_names_of_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "leads.jsonl"
    path.write_text('{"a":1,"b":["x",null]}\n\n{"b":false,"c":"shown"}\n{"a":"=1","b":"x,y"}\n')
    with closing(Journal.create(tmp_path / "journal.db")) as journal:
        fill(journal, [[(n, Outcome("updated", f"7{n}")) for n in (1, 2, 3)]], [], ["k"] * 3, None)
        names = names_in(journal, pieces_of(JsonLines(path)))
        files = write_results(RunFolder(tmp_path), journal, names, pieces_of(JsonLines(path)), PLAIN)
    with files["success"].open(newline="") as handle:
        assert list(csv.reader(handle)) == [
            ["line", "key", "id", "action", "a", "b", "c"],
            ["2", "k", "71", "updated", "1", '["x",null]', ""],
            ["3", "k", "72", "updated", "", "false", "shown"],
            ["4", "k", "73", "updated", "'=1", "x,y", ""],
        ]


@pytest.mark.parametrize("pieces", [[], [Piece(1, [["a", "b"]] * 2)], [Piece(4, [["a", "b"]])]])
def test_a_source_without_a_row_that_was_recorded_is_no_longer_the_same(
    pieces: list[Piece], tmp_path: Path
) -> None:
    with closing(Journal.create(tmp_path / "journal.db")) as journal:
        fill(journal, [[(3, Outcome("created", "1"))]], [], ["k"] * 3, None)
        with pytest.raises(SourceError, match="row 3 "):
            write_results(RunFolder(tmp_path), journal, COLUMNS, pieces, PLAIN)


def test_rows_that_stand_together_come_together_and_no_more_are_held_than_came_out_of_turn() -> None:
    """A row far ahead of its turn does not keep the others from being written."""

    def groups() -> Iterator[RecordedRows]:
        for first in range(1, 1_000, 100):
            numbers = [*range(first, first + 99), first + 99 if first > 1 else 10_000]
            asked.append(first)
            yield RecordedRows(first, [(n, n, None) for n in numbers], [["created", "1"]] * 100, None)

    asked: list[int] = []
    runs = in_order(groups())
    assert [len(next(runs).rows) for _ in range(5)] == [99, 100, 100, 100, 100]
    assert len(asked) == 6
    assert [run.first_row for run in runs] == [501, 601, 701, 801, 901, 10_000]
