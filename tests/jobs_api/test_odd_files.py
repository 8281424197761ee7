"""Files as they come: the run does what the plan said, and no formula gets out alive."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from zmigrate.ready_jobs.import_csv import ImportCsv

from tests.support import Bench
from zmigrate.errors import SourceError

HEADER = ["no", "name", "company", "mail"]
FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1:A9)", "\t=1"]
FIELDS = ['Legacy_ID="no"', 'Last_Name="name"', 'Company="company"', 'Email="mail"']


def text(rows: list[list[str]], delimiter: str = ",", header: list[str] = HEADER) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows([header, *rows])
    return out.getvalue()


def plain(count: int = 3) -> list[list[str]]:
    return [[f"L-{n}", f"Müller {n}", "Straße", f"m{n}@example.com"] for n in range(1, count + 1)]


BROKEN = [["L-1", "Two\nlines", "A\r\nB", "m@example.com"], *plain()[1:]]
LONG = [["L-9", "x" * 1_000_000, "C", "m@example.com"], *plain()]
WIDE = [[*row, *("x" for _ in range(296))] for row in plain()]
WIDE_HEADER = [*HEADER, *(f"extra {n}" for n in range(296))]

ODD: list[tuple[str, bytes, dict[str, Any], int, int]] = [
    ("semicolons and a mark", text(plain(), ";").encode("utf-8-sig"), {}, 3, 0),
    ("utf-16", text(plain(), "\t").encode("utf-16"), {}, 3, 0),
    ("latin-1", text(plain()).encode("latin-1"), {"encoding": "latin-1"}, 3, 0),
    (
        "quoted newlines",
        text(BROKEN).encode(),
        {},
        3,
        0,
    ),
    ("300 columns", text(WIDE, header=WIDE_HEADER).encode(), {"ignore_column": WIDE_HEADER[4:]}, 3, 0),
    (
        "a cell of a megabyte",
        text(LONG).encode(),
        {},
        3,
        1,
    ),
    ("formulas", text([[f"={n}", each, each, ""] for n, each in enumerate(FORMULAS)]).encode(), {}, 5, 0),
]


@pytest.mark.parametrize(
    ("content", "options", "good", "bad"), [each[1:] for each in ODD], ids=[each[0] for each in ODD]
)
def test_the_run_does_what_the_plan_said(
    bench: Bench, content: bytes, options: dict[str, Any], good: int, bad: int
) -> None:
    path = bench.folder / "odd.csv"
    path.write_bytes(content)
    job = ImportCsv(file=path, module="Leads", operation="insert", key="Legacy_ID", field=FIELDS, **options)
    with bench.plan(job) as plan:
        assert (plan.counts.creates, plan.counts.refused) == (good, bad)
        foreseen = [reject.line for reject in plan.rejects]
    result = bench.run(job)
    assert (result.rows.created, result.rows.failed) == (good, bad)
    assert [int(row["line"]) for row in written(result.files["errors"])] == foreseen
    lines = [int(row["line"]) for row in written(result.files["success"])]
    assert lines == sorted(lines)
    for name in ("errors", "success"):
        for row in written(result.files[name]):
            assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in row.values()), row


def written(path: str | None) -> list[dict[str, str]]:
    assert path is not None
    with Path(path).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_formulas_reach_the_org_as_they_are_and_come_back_from_our_files_as_they_were(bench: Bench) -> None:
    path = bench.folder / "odd.csv"
    path.write_bytes(ODD[-1][1])
    job = ImportCsv(file=path, module="Leads", operation="insert", key="Legacy_ID", field=FIELDS)
    result = bench.run(job)
    names = {record["Legacy_ID"]: record["Last_Name"] for record in bench.records()}
    assert [names[f"={n}"].strip() for n in range(5)] == [each.strip() for each in FORMULAS]
    again = ImportCsv(
        file=Path(result.files["success"] or ""),
        module="Leads",
        operation="upsert",
        match_on="Legacy_ID",
        field=FIELDS,
    )
    repeated = bench.run(again)
    assert (repeated.rows.updated, repeated.rows.failed) == (5, 0)
    assert {record["Legacy_ID"]: record["Last_Name"] for record in bench.records()} == names


def test_a_file_without_rows_is_told_by_plan_and_run_alike(bench: Bench) -> None:
    path = bench.folder / "odd.csv"
    path.write_text(text([]), encoding="utf-8")
    job = ImportCsv(file=path, module="Leads", operation="insert", key="Legacy_ID", field=FIELDS)
    for act in (bench.plan, bench.run):
        with pytest.raises(SourceError, match="only a header, no rows"):
            act(job)
