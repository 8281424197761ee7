"""Figures are counted from hand-made events; what is drawn is looked at as text."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from zmigrate import events
from zmigrate.display.figures import Figures
from zmigrate.display.notes import Notes
from zmigrate.display.progress import LiveProgress, PlainProgress, SilentProgress, plain_line, progress_for


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def started(**changes) -> events.RunStarted:
    values = {
        "job": "import-csv",
        "code": "ready-made",
        "org": "Acme",
        "environment": "sandbox",
        "place": "the environment",
        "module": "Leads",
        "operation": "insert",
        "rows": 1000,
        "rows_done": 0,
        "practice": False,
    }
    done = changes.pop("done", {})
    facts = events.BannerFacts(**values | changes)
    return events.RunStarted("20260101-120000-import-csv-ab12", "runs/x", facts, done)


def tick(**changes) -> events.Tick:
    return events.Tick(**{"in_flight": 5, "limit": 8, "parked": 0, "token_left_s": 1800.0} | changes)


def console(*, terminal: bool = False, width: int = 80) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=width, highlight=False, markup=False)


def test_rate_and_time_left_follow_the_last_seconds_and_leave_out_what_was_done_before():
    clock = Clock()
    figures = Figures(clock)
    figures.take(started(rows_done=400, done={"created": 400}))
    for batch in range(4):
        clock.now += 1.0
        figures.take(events.BatchDone(batch, created=100))
        figures.take(tick())
    assert figures.rows_done == 800
    assert figures.rows_per_s == pytest.approx(100)
    assert figures.left_s == pytest.approx(2)


def test_an_old_burst_is_forgotten_by_the_rate():
    clock = Clock()
    figures = Figures(clock)
    figures.take(started(rows=100_000))
    figures.take(events.BatchDone(1, created=50_000))
    for _ in range(30):
        clock.now += 1.0
        figures.take(tick())
    assert figures.rows_per_s == 0
    assert figures.left_s is None


def test_reading_a_database_is_shown_until_rows_are_written():
    clock = Clock()
    figures = Figures(clock)
    figures.take(started())
    figures.take(events.RowsCopied(120_000, 1_000_000))
    assert plain_line(figures) == "reading from the database: 120,000 of 1,000,000 rows"
    figures.take(events.RowsCopied(1, None))
    assert plain_line(figures) == "reading from the database: 1 row"
    figures.take(tick())
    assert "database" not in plain_line(figures)


def test_lines_about_a_database_come_as_often_as_others():
    clock, plain = Clock(), console()
    progress = PlainProgress(plain, clock=clock)
    progress(started())
    for rows in range(1, 21):
        clock.now += 0.5
        progress(events.RowsCopied(rows, None))
    lines = plain.file.getvalue().splitlines()
    assert [line for line in lines if "database" in line] == [
        "reading from the database: 10 rows",
        "reading from the database: 20 rows",
    ]


@pytest.mark.parametrize("width", [80, 20])
def test_the_live_picture_tells_how_far_a_database_is_read(width):
    clock, terminal = Clock(), console(terminal=True, width=width)
    with LiveProgress(terminal, clock=clock) as progress:
        progress(started(rows=None))
        clock.now += 1.0
        progress(events.RowsCopied(120_000, None))
    assert "database" in terminal.file.getvalue()


def test_rows_that_are_being_settled_are_no_longer_counted_as_such_when_they_have_an_outcome():
    figures = Figures(Clock())
    figures.take(events.BatchDoubted(7, rows=100, settle_in_s=10, why="the answer was lost"))
    assert figures.rows_parked == 100
    figures.take(events.BatchDone(7, created=98, in_doubt=2))
    assert (figures.rows_parked, figures.in_doubt) == (0, 2)


def test_plain_line_says_all_that_matters():
    clock = Clock()
    figures = Figures(clock)
    for event in (
        started(),
        events.TokenAcquired(renewed=False, lifetime_s=3600, scopes=()),
        events.TokenAcquired(renewed=True, lifetime_s=3600, scopes=()),
        events.Retrying("POST", "/crm/v8/Leads", 2, 0.5, "503"),
        events.Throttled(4),
        events.Credits(used=12, left=9000),
        events.BatchDone(1, created=498, failed=2),
    ):
        figures.take(event)
    clock.now += 2
    figures.take(tick(parked=1))
    assert plain_line(figures) == (
        " 50%  500 of 1,000 rows, 250 rows/s, 2 s left, 2 s elapsed, created 498, failed 2, "
        "checking 1 request from before whose answer was lost, "
        "in flight 5 of 8, token 30 min left, "
        "tokens renewed 1, retries 1, throttled 1, credits 12 used, 9,000 left"
    )


def test_only_what_is_done_is_a_hundred_percent():
    figures = Figures(Clock())
    figures.take(started(rows=100_000))
    figures.take(events.BatchDone(1, created=99_999))
    assert plain_line(figures).startswith(" 99%")


def test_without_a_terminal_a_line_comes_every_few_seconds_and_no_control_codes():
    clock = Clock()
    out = console()
    progress = PlainProgress(out, clock=clock)
    with progress:
        progress(started())
        for number in range(120):
            clock.now += 0.1
            progress(events.BatchDone(number, created=1))
            progress(tick())
        progress(events.RunEnded("x", "finished"))
    text = out.file.getvalue()
    assert len(text.splitlines()) == 3
    assert "\x1b" not in text


def test_a_long_wait_is_no_long_list_of_lines_that_are_alike():
    clock, out = Clock(), console()
    progress = PlainProgress(out, clock=clock)
    progress(started())
    for _ in range(700):
        clock.now += 0.1
        progress(tick())
    assert len(out.file.getvalue().splitlines()) == 3


@pytest.mark.parametrize("width", [40, 80, 140])
def test_the_live_picture_keeps_within_the_width(width):
    clock = Clock()
    out = console(terminal=True, width=width)
    progress = LiveProgress(out, clock=clock)
    with progress:
        progress(started())
        progress(events.BatchDone(1, created=500, failed=3))
        clock.now += 1
        progress(tick(parked=1))
        progress(events.Waiting("a token", 5))
        progress(events.RunEnded("x", "finished"))
    text = Console(file=io.StringIO(), width=width)
    assert "500" in out.file.getvalue()
    assert text.width == width
    for line in plain_lines(out.file.getvalue()):
        assert len(line) <= width


def plain_lines(text: str) -> list[str]:
    import re

    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text))


def test_the_live_picture_is_drawn_ten_times_a_second_at_most():
    clock = Clock()
    out = console(terminal=True)
    progress = LiveProgress(out, clock=clock)
    with progress:
        progress(started())
        before = out.file.getvalue().count("rows")
        for _ in range(100):
            clock.now += 0.01
            progress(tick())
    drawn = out.file.getvalue().count(" of 1,000 rows") - before
    assert drawn <= 12


def test_a_source_of_unknown_length_has_no_percentage_and_no_time_left():
    clock = Clock()
    out = console(terminal=True)
    progress = LiveProgress(out, clock=clock)
    with progress:
        progress(started(rows=None))
        progress(events.BatchDone(1, updated=200))
        clock.now += 1
        progress(tick())
    text = out.file.getvalue()
    assert "200 rows" in text
    assert "%" not in text
    assert "s left" not in text.replace("min left", "")


def test_warnings_are_shown_and_other_log_lines_are_not():
    out = console()
    progress = PlainProgress(out)
    progress(events.Log("info", "all is well"))
    progress(events.Log("warning", "this is odd", "line 3"))
    assert out.file.getvalue() == "warning: this is odd (line 3)\n"


def test_verbose_tells_of_retries_and_tokens():
    out = console()
    progress = PlainProgress(out, Notes(verbose=True))
    progress(events.Retrying("POST", "/crm/v8/Leads", 1, 0.5, "answered 503"))
    progress(events.TokenAcquired(renewed=True, lifetime_s=3600, scopes=("ZohoCRM.org.READ",)))
    assert out.file.getvalue().splitlines() == [
        "POST /crm/v8/Leads: attempt 1 answered 503; again in 0.5 s",
        "token renewed for 1 h 0 min: ZohoCRM.org.READ",
    ]


def test_the_progress_fits_where_it_goes():
    assert isinstance(progress_for(console(terminal=True)), LiveProgress)
    assert isinstance(progress_for(console()), PlainProgress)
    assert isinstance(progress_for(console(terminal=True), quiet=True), SilentProgress)


def test_quiet_says_nothing_at_all():
    out = console()
    progress = progress_for(out, quiet=True)
    with progress:
        progress(started())
        progress(events.Log("warning", "this is odd"))
        progress(events.RunEnded("x", "finished"))
    assert out.file.getvalue() == ""


def test_no_color_leaves_the_text_and_takes_the_colors(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    out = console(terminal=True)
    progress = LiveProgress(out)
    with progress:
        progress(started())
        progress(events.BatchDone(1, created=5, failed=3))
        progress(events.RunEnded("x", "finished"))
    assert "\x1b[32m" not in out.file.getvalue()
    assert "created 5" in out.file.getvalue()


def test_no_more_calls_are_shown_in_flight_than_the_limit_that_a_throttle_has_just_halved():
    clock = Clock()
    figures = Figures(clock)
    figures.take(started())
    figures.take(tick(in_flight=10, limit=5))
    assert "in flight 5 of 5" in plain_line(figures)
