"""The result files: every row in exactly one, safe in a spreadsheet, whole or not there."""

from __future__ import annotations

import csv
import errno
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.engine.fakes import PLAIN, row
from tests.support import read_rows
from zmigrate import Csv
from zmigrate.engine.model.batch import Batch, BatchState
from zmigrate.engine.model.outcomes import Outcome, failed, lost, skipped
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.result_files import MOST_NAMES, Piece, names_in, write_results
from zmigrate.errors import DiskFull
from zmigrate.reasons import Reason

CREATED = Outcome("created", "77")
FAILED = failed("INVALID_DATA", "Email", "no address")
OUTCOMES = [
    CREATED,
    FAILED,
    skipped("no email"),
    lost("lost"),
    Outcome("updated", "78"),
    Outcome("deleted", "79"),
    Outcome("unchanged", "80"),
]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal.create(tmp_path / "journal.db")) as made:
        yield made


def finish(journal: Journal, outcomes: Mapping[int, Outcome], keep: Mapping[str, Any] | None = None) -> None:
    batch = Batch(
        journal.next_batch_id(),
        [row(n, f"k{n}", keep and {"n": n, **keep}) for n in outcomes],
        state=BatchState.IN_FLIGHT,
    )
    with journal.transaction():
        journal.put_batch(batch, b"")
        batch.outcomes = list(outcomes.values())
        journal.finish_batch(batch)


def rows(count: int, **values: Any) -> list[Piece]:
    return [Piece(1, [{"n": str(n), **values} for n in range(1, count + 1)])]


def written(journal: Journal, columns: list[str], source: Any) -> dict[str, list[dict[str, str]]]:
    files = write_results(RunFolder(journal.path.parent), journal, columns, source, PLAIN)
    return {name: read_rows(path) for name, path in files.items()}


def test_every_row_is_in_exactly_one_file(journal: Journal) -> None:
    finish(journal, dict(enumerate(OUTCOMES, start=1)))
    found = written(journal, ["n"], rows(7))
    assert {name: [entry["n"] for entry in entries] for name, entries in found.items()} == {
        "success": ["1", "5", "6", "7"],
        "errors": ["2"],
        "skipped": ["3"],
        "in_doubt": ["4"],
    }
    assert found["success"][0] == {"line": "2", "key": "k1", "id": "77", "action": "created", "n": "1"}
    assert found["errors"] == [
        {
            "line": "3",
            "key": "k2",
            "field": "Email",
            "code": "INVALID_DATA",
            "message": "no address",
            "n": "2",
        }
    ]


def test_several_reasons_share_a_cell_each_told_with_its_field_and_what_to_do(journal: Journal) -> None:
    reasons = (
        Reason("INVALID_DATA", "Amount", "'1,5' is not a number", "1,5", "write 1.5"),
        Reason("INVALID_DATA", "Email", "no address", "jo@"),
        Reason("NO_PERMISSION", "Email", "denied", remedy="Give the owner the permission."),
        Reason("", None, "of two records, one was refused"),
    )
    finish(journal, {1: Outcome("failed", None, reasons)})
    [entry] = written(journal, ["n"], rows(1))["errors"]
    assert (entry["field"], entry["code"]) == ("Amount; Email", "INVALID_DATA; NO_PERMISSION")
    assert entry["message"] == (
        "Amount: '1,5' is not a number; write 1.5; Email: no address; Email: denied. Give the owner the"
        " permission.; of two records, one was refused"
    )


def test_rows_that_went_out_of_turn_come_in_the_order_of_the_source(journal: Journal) -> None:
    finish(journal, {2: CREATED, 5: CREATED})
    finish(journal, {1: CREATED, 4: CREATED})
    assert [entry["n"] for entry in written(journal, ["n"], rows(6))["success"]] == ["1", "2", "4", "5"]


def test_rows_without_an_outcome_are_in_no_file(journal: Journal) -> None:
    with journal.transaction():
        journal.put_batch(Batch(1, [row(1), row(2)], state=BatchState.IN_FLIGHT), b"")
    finish(journal, {3: CREATED})
    found = written(journal, ["n"], rows(4))
    assert [entry["n"] for entry in found["success"]] == ["3"]
    assert found["errors"] == []


def test_the_journals_own_rows_serve_where_the_source_cant_be_read_again(journal: Journal) -> None:
    finish(journal, {1: CREATED, 2: FAILED}, keep={"Owner": {"id": "9"}, "City": None, "Hot": True})
    found = written(journal, [*names_in(journal, None)], None)
    assert found["success"][0] == {
        "line": "2",
        "key": "k1",
        "id": "77",
        "action": "created",
        "n": "1",
        "Owner": '{"id":"9"}',
        "City": "",
        "Hot": "true",
    }
    assert found["errors"][0]["n"] == "2"


def test_a_name_that_only_a_later_row_has_is_a_column(journal: Journal) -> None:
    finish(journal, {1: CREATED, 2: FAILED, 3: CREATED})
    source = [Piece(1, [{"n": "1"}]), Piece(2, [{"n": "2", "City": "Bonn"}]), Piece(3, [{"Phone": "1"}])]
    assert names_in(journal, source) == ("n", "City", "Phone")


def test_a_source_with_endless_names_has_no_endless_columns(journal: Journal) -> None:
    finish(journal, {1: CREATED, 2: CREATED})
    wide = {f"a{n}": "" for n in range(MOST_NAMES + 1)}
    assert names_in(journal, [Piece(1, [wide, {"b": "", "c": ""}])]) == tuple(wide)


def test_without_rows_the_two_files_that_scripts_read_are_there_with_their_headers(journal: Journal) -> None:
    files = write_results(RunFolder(journal.path.parent), journal, ["n"], [], PLAIN)
    assert {name: path.read_text().strip() for name, path in files.items()} == {
        "success": "line,key,id,action,n",
        "errors": "line,key,field,code,message,n",
    }


@pytest.mark.parametrize("cell", ["=1+1", "+49 30", "-5", "@SUM(A1)", "\tx", "\rx", "'=1+1", "''=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_escaped_and_read_back_as_it_was(
    cell: str, journal: Journal
) -> None:
    finish(journal, {1: FAILED})
    files = write_results(RunFolder(journal.path.parent), journal, ["n", "note"], rows(1, note=cell), PLAIN)
    with files["errors"].open(newline="", encoding="utf-8") as handle:
        assert list(csv.reader(handle))[1][-1] == "'" + cell
    assert [found.values for found in Csv(files["errors"]).rows()] == [{"n": "1", "note": cell}]


def test_a_column_whose_name_a_spreadsheet_would_run_is_escaped_and_known_again(journal: Journal) -> None:
    finish(journal, {1: FAILED})
    row = rows(1, **{"=1+1": "x"})
    files = write_results(RunFolder(journal.path.parent), journal, ["n", "=1+1"], row, PLAIN)
    with files["errors"].open(newline="", encoding="utf-8") as handle:
        assert next(csv.reader(handle))[-1] == "'=1+1"
    assert [found.values for found in Csv(files["errors"]).rows()] == [{"n": "1", "=1+1": "x"}]


def test_what_zoho_says_is_escaped_too(journal: Journal) -> None:
    finish(journal, {1: failed("INVALID_DATA", "Email", "=cmd|' /C calc'!A0")})
    assert written(journal, ["n"], rows(1))["errors"][0]["message"] == "'=cmd|' /C calc'!A0"


@pytest.mark.parametrize("cell", ["plain", "it's", "'quoted'", "a=b", "1-2", ""])
def test_other_cells_stay_as_they_are(cell: str, journal: Journal) -> None:
    finish(journal, {1: CREATED})
    assert written(journal, ["n", "note"], rows(1, note=cell))["success"][0]["note"] == cell


def test_our_columns_are_prefixed_where_the_source_has_one_of_that_name(journal: Journal) -> None:
    finish(journal, {1: CREATED, 2: FAILED})
    source = [Piece(1, [[f"old-{n}", "A"] for n in (1, 2)])]
    files = write_results(RunFolder(journal.path.parent), journal, ["id", "code"], source, PLAIN)
    assert files["success"].read_text().splitlines() == [
        "line,key,zmigrate_id,action,id,code",
        "2,k1,77,created,old-1,A",
    ]
    assert files["errors"].read_text().splitlines()[0] == "line,key,field,zmigrate_code,message,id,code"
    assert [found.values for found in Csv(files["errors"]).rows()] == [{"id": "old-2", "code": "A"}]


class Crash(BaseException):
    """The process goes, in the middle of a file."""


def breaking(error: BaseException) -> Iterator[Piece]:
    yield from rows(1)
    raise error


@pytest.mark.parametrize(("error", "raised"), [(Crash(), Crash), (OSError(errno.ENOSPC, "full"), DiskFull)])
def test_a_crash_in_the_middle_leaves_the_old_files(
    error: BaseException, raised: type[BaseException], journal: Journal
) -> None:
    finish(journal, {1: CREATED, 2: CREATED})
    folder = RunFolder(journal.path.parent)
    before = write_results(folder, journal, ["n"], rows(2), PLAIN)["success"].read_bytes()
    with pytest.raises(raised):
        write_results(folder, journal, ["n"], breaking(error), PLAIN)
    assert folder.result_file("success").read_bytes() == before
    assert not list(folder.path.glob("*.part"))


def test_a_file_of_an_earlier_session_goes_when_no_row_is_left_for_it(journal: Journal) -> None:
    folder = RunFolder(journal.path.parent)
    folder.result_file("in_doubt").write_text("line\n2\n")
    finish(journal, {1: CREATED})
    assert set(write_results(folder, journal, ["n"], rows(1), PLAIN)) == {"success", "errors"}
    assert not folder.result_file("in_doubt").exists()


def test_files_are_for_their_owner_alone(journal: Journal) -> None:
    finish(journal, dict(enumerate(OUTCOMES, start=1)))
    files = write_results(RunFolder(journal.path.parent), journal, ["n"], rows(7), PLAIN)
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
