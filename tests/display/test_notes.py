"""The lines between the figures: what is tried again, what is waited for, who stops."""

from __future__ import annotations

from zmigrate import events
from zmigrate.display.notes import Notes
from zmigrate.display.summary import balance

from .test_figures import Clock, started

OUT_OF_REACH = events.Retrying(
    "POST", "/oauth/v2/token", 2, 1.0, "can't reach http://x:1 (ConnectError)", 900.0
)


def told(notes: Notes, event: events.Event) -> str | None:
    line = notes.line(event)
    return None if line is None else line.plain


def test_trouble_before_a_run_begins_is_told_at_once_and_then_every_ten_seconds():
    clock = Clock()
    notes = Notes(clock=clock)
    first = "can't reach http://x:1 (ConnectError): trying again for up to 15 min; Ctrl-C stops"
    assert told(notes, OUT_OF_REACH) == first
    clock.now += 9
    assert told(notes, OUT_OF_REACH) is None
    clock.now += 1
    assert told(notes, OUT_OF_REACH) == first


def test_once_a_run_has_begun_the_figures_count_what_is_tried_again():
    notes = Notes()
    notes.line(started())
    assert told(notes, OUT_OF_REACH) is None


def test_a_wait_says_why_where_it_is_known():
    why = "10 tokens in 10 min are used up, and each command takes one"
    assert told(Notes(), events.Waiting("a token", 553, why)) == f"{why}: waiting 9 min 13 s (Ctrl-C stops)"
    assert told(Notes(), events.Waiting("API credits", 60)) == "waiting 1 min for API credits"


def test_only_who_pressed_ctrl_c_is_told_to_press_it_again():
    assert "press Ctrl-C again" in (told(Notes(asked=lambda: True), events.Stopping(2)) or "")
    by_itself = told(Notes(asked=lambda: False), events.Stopping(2)) or ""
    assert "stops by itself" in by_itself
    assert "Ctrl-C" not in by_itself


def test_the_accounting_says_what_is_under_way_and_what_was_not_read():
    rows = {"read": 8500, "created": 7700, "pending": 800}
    assert balance(rows, 30_000).plain == (
        "= 8,500 of 30,000 rows read; 800 of them have no outcome yet, 21,500 not read yet"
    )
    assert balance(rows, 8500).plain == "= 8,500 rows; 800 of them have no outcome yet"
    assert balance({"read": 5, "created": 5}, 5).plain == "= 5 rows: every row read is accounted for"
