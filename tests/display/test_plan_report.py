"""The report of a plan: what a person reads of each part, at the widths of terminals."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from zmigrate.display.plan import PlanFiles, _group, judged, report
from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.plan.book import Book, RejectGroup
from zmigrate.engine.plan.plan import Plan, PlanWarning, UserMapped
from zmigrate.engine.plan.price import PlanCounts, Price
from zmigrate.events import RowsJudged
from zmigrate.reasons import Reason
from zmigrate.rows.sources import Csv

PRICE = Price(112, 1_012, 48_000, 7, 5, 1.5, 10, 0.35)


def a_plan(rejects: int = 0, **more: Any) -> Plan:
    book = Book()
    for number in range(1, rejects + 1):
        reason = Reason("INVALID_DATA", "Email", "no address", f"n{number}")
        row = PreparedRow(number, number + 1, f"K{number}", None, {})
        book.note_rejects(row, [reason], {"Email": "mail"})
    usual: dict[str, Any] = {
        "job": "import-csv",
        "code": "ready-made",
        "org": {"id": "1", "name": "Acme", "sandbox": True},
        "environment": "sandbox",
        "profile": "profile default",
        "api_domain": "https://www.zohoapis.com",
        "module": "Leads",
        "operation": "upsert",
        "key": "Legacy_ID",
        "counts": PlanCounts(rows=12_345, creates=12_345 - rejects, refused=rejects),
        "skips": [],
        "warnings": [],
        "users": [],
        "asked": "the module is empty",
        "repeatable": True,
        "price": PRICE,
        "limited": False,
        "elapsed_s": 1.0,
        "book": book,
        "source": Csv("leads.csv"),
        "files": None,
    }
    return Plan(**{**usual, **more})


def shown(plan: Plan, width: int = 80, **more: Any) -> str:
    console = Console(file=StringIO(), width=width, highlight=False, emoji=False, markup=False)
    console.print(report(plan, **more))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 140])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    warnings = [PlanWarning("X", "long " * 60, "Email", 3, (1, 2, 3))]
    text = shown(a_plan(1_500, warnings=warnings), width)
    assert all(len(line) <= width for line in text.splitlines())


def test_lines_of_rows_wrap_below_where_they_began() -> None:
    lines = tuple(range(100, 120))
    group = RejectGroup(Reason("REFERENCE_OPEN", "Parent_Account", "why"), "Ober-Firma und mehr", 20, lines)
    console = Console(file=StringIO(), width=80, highlight=False, emoji=False, markup=False)
    console.print(_group(group))
    assert isinstance(console.file, StringIO)
    assert all(line.startswith(" ") for line in console.file.getvalue().splitlines())


def test_rejects_are_grouped_with_count_first_lines_and_a_value() -> None:
    text = shown(a_plan(1_500))
    assert "1,500  Email (column 'mail')  INVALID_DATA  lines 2, 3, 4, …" in text
    assert "'n1': no address" in text
    assert "1,500 of 12,345 rows would be refused; nothing was written" in text


def test_a_clean_plan_has_no_part_without_content() -> None:
    text = shown(a_plan())
    assert "no row would be refused" in text
    for part in ("to know", "users", "INVALID"):
        assert part not in text


def test_every_fate_is_shown_that_some_row_has() -> None:
    counts = PlanCounts(28, creates=1, updates=2, unchanged=3, deletes=4, skipped=5, refused=6, not_asked=7)
    text = shown(a_plan(counts=counts, skips=[("no e-mail", 5)]))
    for words in (
        "created",
        "updated",
        "3 of them change nothing",
        "deleted",
        "would be skipped",
        "refused",
        "not asked",
    ):
        assert words in text
    assert "skipped: no e-mail (5)" in text
    assert "1 of them changes nothing" in shown(a_plan(counts=replace(counts, unchanged=1)))


def test_skipped_rows_that_have_none_of_the_most_frequent_reasons_are_counted() -> None:
    skips = [("no e-mail", 9), ("test data", 4), ("too old", 3), ("a", 2), ("b", 1)]
    text = shown(a_plan(counts=PlanCounts(20, skipped=20), skips=skips))
    assert "skipped: too old (3)\n  skipped: for other reasons (4)\n" in text
    text = shown(a_plan(counts=PlanCounts(16, skipped=16), skips=skips[:3]))
    assert "other reasons" not in text


def test_the_price_says_what_it_assumes() -> None:
    text = shown(a_plan())
    assert "112 calls and takes 1,012 credits of the 48,000 that are left" in text
    assert re.search(r"it lasts about 1 min 30 s: 10 calls at a time, 0\.[34] s each\.", text)
    assert "not known" in shown(a_plan(price=replace(PRICE, credits_left=None)))


def test_users_are_listed_with_whom_they_mean() -> None:
    users = [UserMapped("anna", 3, "Ben (ben@x.io)"), UserMapped("zoe", 1, None, "the org has no user 'zoe'")]
    text = shown(a_plan(users=users), 140)
    assert "'anna' → Ben (ben@x.io)  (3 rows)" in text
    assert "'zoe' → no user: the org has no user 'zoe'" in text


def test_users_that_need_a_look_come_first_and_those_with_one_fate_stand_together() -> None:
    users = [
        UserMapped("Ann Lee", 9, "Ann Lee (ann@x.io)"),
        *(UserMapped(f"Old {number}", 2, "Ben (ben@x.io)") for number in range(5)),
        UserMapped("zoe", 1, None, "the org has no user 'zoe'"),
    ]
    text = shown(a_plan(users=users), 140)
    assert "'Old 0', 'Old 1', 'Old 2' and 2 more → Ben (ben@x.io)  (10 rows)" in text
    assert text.index("'zoe'") < text.index("'Old 0'") < text.index("'Ann Lee'")


def test_what_is_wrapped_stays_indented_and_ends_without_blanks() -> None:
    text = shown(a_plan(3, warnings=[PlanWarning("X", "long " * 60, "Email", 3, (1, 2, 3))]))
    lines = text.partition("please note\n")[2].partition("\n\n")[0].splitlines()
    assert len(lines) > 3
    assert all(line.startswith("    ") for line in lines[1:])
    assert all(line == line.rstrip() for line in lines)


def test_it_does_not_advise_a_run_that_would_be_refused() -> None:
    text = shown(a_plan(warnings=[PlanWarning("RUN_BEFORE", "a run would be refused: inserted already.")]))
    assert "`run` instead of `plan`" not in text
    assert "This run cannot start yet" in text


def test_what_would_write_nothing_has_no_price() -> None:
    text = shown(a_plan(counts=PlanCounts(3, refused=3)))
    assert "a run makes" not in text
    assert "this plan took 7 credits" in text


def test_it_says_what_to_do_next() -> None:
    assert "`run` instead of `plan`" in shown(a_plan(), 140)
    assert "leave --limit out" in shown(a_plan(limited=True))
    assert "a run would write nothing" in shown(a_plan(counts=PlanCounts(3, skipped=3)))


def test_the_rows_to_fix_come_after_the_run_that_writes_what_they_refer_to(tmp_path: Path) -> None:
    text = shown(a_plan(2), files=PlanFiles(rejects=tmp_path / "bad.csv"))
    assert text.index("`run` instead of `plan`") < text.index("After the run, fix the rows")
    nothing = shown(a_plan(2, counts=PlanCounts(2, refused=2)), files=PlanFiles(rejects=tmp_path / "bad.csv"))
    assert "\nFix the rows that would be refused in this file" in nothing


def test_progress_tells_how_far_it_is() -> None:
    assert judged(RowsJudged(12_300, 1_000_000)) == "12,300 of 1,000,000 rows judged"
    assert judged(RowsJudged(5, None)) == "5 rows judged"


@pytest.mark.parametrize(("operation", "verb"), [("delete", "delete"), ("update", "write")])
def test_what_a_run_would_do_has_its_own_word(operation: str, verb: str) -> None:
    assert re.search(rf"to {verb} [\d,]+ rows?: the same command", shown(a_plan(operation=operation)))


def test_a_run_that_would_stop_for_a_scope_is_not_offered() -> None:
    text = shown(a_plan(warnings=[PlanWarning("SCOPE_LACKING", "its token may not read Accounts")]))
    assert "This run cannot start yet" in text
    assert "the same command" not in text
