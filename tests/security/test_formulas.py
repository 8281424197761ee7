"""Cells that a spreadsheet would run: whatever stands in a source, in Zoho's answers or in a name, no file of
ours begins a formula, however a spreadsheet parts its lines; and fed in again, it is what it was."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.engine.fakes import PLAIN, row
from tests.support import Bench, file_job, leads, write_rows
from zmigrate import Csv, Insert
from zmigrate.cli import ids
from zmigrate.display.report import reasons_of
from zmigrate.engine.model.batch import Batch, BatchState
from zmigrate.engine.model.outcomes import Outcome, failed
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.id_map import Entry
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.result_files import Piece, write_flow_files, write_results
from zmigrate.rows.spreadsheet import ERROR_COLUMNS, escape, result_header, unescape

DDE = "=cmd|'/C calc'!A0"
ATTACKS = [
    DDE,
    " =1+1",
    "\u00a0=1+1",
    "\u3000@SUM(A1)",
    "\u200b=1+1",
    "\ufeff=1+1",
    "\u2060\u00ad+1",
    "\n=1+1",
    "\r\n=1+1",
    "\t=1+1",
    "\0=1+1",
    "\x85-1",
    "\u2028-1",
    '"=1+1"',
    '" =1+1"',
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "﹦1",
    "⁺1",
    "₌1",
    "−1+cmd",
    " ＝1+1",
    f"harmless;{DDE};",
    f'harmless;"{DDE}";',
    f"harmless; {DDE}",
    f"harmless\t{DDE}",
    f"harmless\n{DDE}",
    f"harmless\r{DDE}\r",
    f"harmless；{DDE}",
    f";;;\u200b{DDE}",
    "-5+cmd|'/C calc'!A0",
]
SIGNS = "=+-@\u2212"
PLAIN_TEXTS = [
    "",
    "plain",
    "it's",
    "'quoted'",
    "a=b",
    "1-2",
    "a - b",
    "x@y.de",
    " a",
    "a;b",
    "a, b",
    "a;'-b",
    "a, -5",
    "Str. 1, @home",
    "a|-b",
    "(--decimal, --thousands)",
    "a，-5",
]


def is_unseen(letter: str) -> bool:
    return (
        letter in "\"'" or letter.isspace() or unicodedata.category(letter) in ("Zs", "Zl", "Zp", "Cc", "Cf")
    )


def begins_a_formula(cell: str) -> bool:
    """As a spreadsheet would see it that strips all that can be stripped, but honours the `'`."""
    seen = next((place for place, letter in enumerate(cell) if not is_unseen(letter)), len(cell))
    first = unicodedata.normalize("NFKC", cell[seen : seen + 1])[:1]
    return first in SIGNS and first != "" and "'" not in cell[:seen]


def parted(text: str) -> Iterator[str]:
    """Every cell that a spreadsheet could find in a file: parted at commas, where quotes are honoured; at
    others and at line ends, with and without a look at the quotes."""
    yield from re.split(r"[;\t\r\n；]", text)
    for delimiter in ",;\t":
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            yield from cells


def formulas(text: str) -> list[str]:
    return [cell for cell in parted(text) if begins_a_formula(cell)]


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    """Two failed rows."""
    with closing(Journal.create(tmp_path_factory.mktemp("formulas") / "journal.db")) as made:
        finish(made, [FAILED, FAILED])
        yield made


FAILED = failed("INVALID_DATA", "Email", "no address")


def finish(journal: Journal, outcomes: Sequence[Outcome], key: str = "k") -> None:
    rows = [row(number, f"{key}{number}") for number in range(1, len(outcomes) + 1)]
    batch = Batch(journal.next_batch_id(), rows, state=BatchState.IN_FLIGHT)
    with journal.transaction():
        journal.put_batch(batch, b"")
        batch.outcomes = list(outcomes)
        journal.finish_batch(batch)


def errors_of(
    journal: Journal, columns: Sequence[str], rows: list[list[str]], file: str | None = None
) -> Path:
    folder = RunFolder(journal.path.parent)
    return write_results(folder, journal, columns, [Piece(1, rows)], PLAIN, file)["errors"]


def raw(path: Path) -> str:
    return path.read_bytes().decode()


def values(path: Path) -> list[list[str]]:
    return [list(row.values.values()) for row in Csv(path).rows()]


# -- nothing runs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", [cell for cell in ATTACKS if "\0" not in cell])
def test_an_attack_in_a_source_is_no_formula_in_a_result_file_and_comes_back(
    cell: str, journal: Journal
) -> None:
    rows = [["1", cell], [cell, "2"]]
    path = errors_of(journal, ["n", "note"], rows)
    assert formulas(raw(path)) == []
    assert values(path) == rows


@pytest.mark.parametrize("cell", ATTACKS)
def test_an_attack_alone_is_escaped_and_comes_back(cell: str) -> None:
    assert formulas(escape(cell)) == []
    assert formulas(escape("'" + cell)) == []
    assert unescape(escape(cell)) == cell
    assert unescape(escape(escape(cell))) == escape(cell)


@pytest.mark.parametrize("cell", PLAIN_TEXTS)
def test_a_harmless_cell_stays_as_it_is(cell: str) -> None:
    assert escape(cell) == cell
    assert unescape(cell) == cell


def test_every_letter_that_normalizes_to_a_sign_and_every_unseen_one_is_known() -> None:
    letters = [chr(number) for number in range(0x110000) if not 0xD800 <= number < 0xE000]
    alike = [each for each in letters if unicodedata.normalize("NFKC", each)[:1] in SIGNS]
    unseen = [each for each in letters if is_unseen(each) and each != "'"]
    assert [each for each in alike if not escape(f"{each}1").startswith("'")] == []
    assert [each for each in unseen if begins_a_formula(escape(f"{each}=1"))] == []
    parting = [each for each in letters if unicodedata.normalize("NFKC", each)[:1] == ";"]
    assert [each for each in parting if escape(f"a{each}=1") == f"a{each}=1"] == []


def test_what_zoho_says_and_what_a_column_a_key_and_a_file_are_called_runs_nowhere(tmp_path: Path) -> None:
    message = f"bad;{DDE}"
    with closing(Journal.create(tmp_path / "journal.db")) as journal:
        finish(journal, [failed(" =1", "＝1", message)], key=f"\u00a0{DDE}")
        columns = [f"a;{DDE}", DDE, "＝1"]
        path = errors_of(journal, columns, [["x", "y", "z"]], file=f" {DDE}.csv")
    assert formulas(raw(path)) == []
    source = Csv(path)
    assert source.columns == tuple(columns)
    [(_, told)] = source.told()
    assert (told["message"], told["code"], told["field"]) == (message, " =1", "＝1")
    assert (told["key"], told["file"]) == (f"\u00a0{DDE}1", f" {DDE}.csv")
    [reason] = reasons_of(path)
    assert (reason.field, reason.code, reason.kinds[0].message) == ("＝1", " =1", message)


def test_nothing_runs_in_the_overview_of_a_flow(tmp_path: Path) -> None:
    step = tmp_path / "steps" / "01-leads"
    step.mkdir(parents=True)
    with closing(Journal.create(step / "journal.db")) as journal:
        finish(journal, [failed("INVALID_DATA", "Email", f"bad;{DDE}")], key=f" {DDE}")
        errors_of(journal, ["n"], [["1"]], file=f"a;{DDE}")
    path = write_flow_files(RunFolder(tmp_path))["errors"]
    assert "bad" in raw(path)
    assert formulas(raw(path)) == []


def test_nothing_runs_in_exported_ids() -> None:
    file = io.StringIO(newline="")
    ids.write(file, [Entry("Leads", "Legacy_ID", key, "5") for key in ATTACKS])
    assert file.getvalue().count("Leads") == len(ATTACKS)
    assert formulas(file.getvalue()) == []


def test_nothing_runs_in_the_rejects_of_a_plan(bench: Bench) -> None:
    rows = [{**one, "Email": f"no address;{DDE}", "Company": f" {DDE}"} for one in leads(2)]
    source = write_rows(bench.folder / "leads.csv", rows)
    rejects = bench.folder / "bad.csv"
    with bench.plan(file_job(Insert("Leads"), source)) as plan:
        assert plan.write_rejects(rejects) == 2
    assert formulas(raw(rejects)) == []
    assert [row.values for row in Csv(rejects).rows()] == rows


# -- nothing is lost -------------------------------------------------------------------------------

LETTERS = st.one_of(
    st.sampled_from("=+-@＝−﹣'\"; ,|\t\r\nax1.\u00a0\u200b\ufeff\u3000；\x85\u2028"),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
)
CELLS = st.text(LETTERS, max_size=10)
FEW = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FEW
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=2, max_size=2))
@example(rows=[("a;b", "'=x", "''=x"), ("a;''=b", "';=", " ''=")])
@example(rows=[("'", "=", ","), ("\r", "\n=", "\r\n''-")])
def test_a_result_file_runs_nothing_and_gives_back_every_cell(
    rows: list[tuple[str, str, str]], journal: Journal
) -> None:
    path = errors_of(journal, ["a", "b", "c"], [list(cells) for cells in rows])
    assert formulas(raw(path)) == []
    assert values(path) == [list(cells) for cells in rows]


NAMES = st.text(LETTERS, min_size=1, max_size=8).filter(lambda name: name == name.strip())


@FEW
@given(names=st.lists(NAMES, min_size=1, max_size=4, unique=True), cell=CELLS)
@example(names=["a;b"], cell="c;d")
def test_a_result_file_is_known_again_by_its_header_whatever_the_columns_are_called(
    names: list[str], cell: str, tmp_path: Path
) -> None:
    text = io.StringIO(newline="")
    cells = ["x;y"] * (len(names) - 1) + [cell]
    csv.writer(text).writerows(
        [result_header(ERROR_COLUMNS, names), [*("x" for _ in ERROR_COLUMNS), *map(escape, cells)]]
    )
    path = tmp_path / "errors.csv"
    path.write_bytes(text.getvalue().encode())
    assert Csv(path).columns == tuple(names)
    assert values(path) == [cells]
    assert formulas(text.getvalue()) == []


def escaped_earlier(cell: str) -> str:
    """As the first versions escaped."""
    return "'" + cell if re.match(r"'*[=+\-@\t\r]", cell) else cell


@FEW
@given(
    cell=CELLS.filter(lambda cell: "''" not in cell),
    name=NAMES.filter(lambda name: "''" not in name),
)
@example(cell="' x", name="'＝a")
@example(cell="'＝a", name="a;=b")
@example(cell="a;'-b'", name="x")
def test_a_file_of_an_earlier_version_is_read_as_before(cell: str, name: str, tmp_path: Path) -> None:
    text = io.StringIO(newline="")
    header = [("zmigrate_" if each == name else "") + each for each in ERROR_COLUMNS]
    lines: list[list[Any]] = [
        [*header, escaped_earlier(name)],
        [2, "k", "f", "c", "m", escaped_earlier(cell)],
    ]
    csv.writer(text).writerows(lines)
    path = tmp_path / "errors.csv"
    path.write_bytes(text.getvalue().encode())
    assert [row.values for row in Csv(path, ",").rows()] == [{name: cell}]
