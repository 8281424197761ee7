"""Outcomes and counts of rows, and the states that a run goes through."""

from __future__ import annotations

from itertools import product
from typing import get_args

import orjson
import pytest

from zmigrate.engine.model.outcomes import (
    ACTIONS,
    TRANSITIONS,
    UNFINISHED,
    Action,
    Outcome,
    Rows,
    RunState,
    may_follow,
    unpacked,
)
from zmigrate.engine.storage.recorded import pack_outcome, pack_outcomes

STATES: tuple[RunState, ...] = get_args(RunState)
ALLOWED = {("running", after) for after in STATES} | {
    (before, "running") for before in ("limited", "paused", "interrupted", "refused", "broken")
}


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_a_run_goes_from_state_to_state_only_through_running(before: RunState, after: RunState) -> None:
    assert may_follow(before, after) == ((before, after) in ALLOWED)


def test_every_state_but_finished_can_be_resumed() -> None:
    assert set(TRANSITIONS) == set(STATES)
    assert set(STATES) - UNFINISHED == {"finished"}


@pytest.mark.parametrize("action", ACTIONS)
def test_every_final_action_is_a_count_of_its_own(action: Action) -> None:
    rows = Rows(read=3, pending=1)
    rows.add(action, 2)
    assert rows.to_json()[action] == rows.accounted == 2
    assert rows.balanced


def test_a_row_that_moved_is_counted_where_it_went() -> None:
    rows = Rows(read=1, pending=1)
    rows.add("moved")
    assert rows.accounted == 0
    assert rows.balanced


def test_rows_that_dont_add_up_are_not_balanced() -> None:
    assert not Rows(read=3, created=1, pending=1).balanced


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("created", "5545974000000000001"),
        Outcome("skipped", None, "SKIPPED", None, "no email"),
        Outcome("failed", "5545974000000000001", "DUPLICATE_DATA", "Email", "it's “there”"),
        Outcome("in_doubt", None, "ANSWER_LOST"),
    ],
)
def test_an_outcome_comes_back_from_the_journal_as_it_went_in(outcome: Outcome) -> None:
    assert unpacked(orjson.loads(pack_outcome(outcome))) == outcome
    assert [unpacked(parts) for parts in orjson.loads(pack_outcomes([outcome] * 2))] == [outcome] * 2
