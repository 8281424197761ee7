"""Outcomes and counts of rows, and the states that a run goes through."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from zmigrate.engine.model.outcomes import (
    ACTIONS,
    MOVED,
    TRANSITIONS,
    UNFINISHED,
    Action,
    Outcome,
    RowCounts,
    RunState,
    failed,
    linked_later,
    lost,
    may_follow,
    skipped,
)
from zmigrate.engine.storage.journal_sql import SCHEMA_VERSION
from zmigrate.engine.storage.recorded import READ_OUTCOME, pack_outcome, pack_outcomes, unpack_outcomes
from zmigrate.reasons import Reason

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
    rows = RowCounts(read=3, pending=1)
    rows.add(action, 2)
    assert rows.to_json()[action] == rows.accounted == 2
    assert rows.balanced


def test_a_row_that_moved_is_counted_where_it_went() -> None:
    rows = RowCounts(read=1, pending=1)
    rows.add("moved")
    assert rows.accounted == 0
    assert rows.balanced


def test_rows_that_dont_add_up_are_not_balanced() -> None:
    assert not RowCounts(read=3, created=1, pending=1).balanced


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("created", "5545974000000000001"),
        skipped("no email"),
        failed("DUPLICATE_DATA", "Email", "it's “there”", record_id="5545974000000000001"),
        Outcome("failed", None, (Reason("A", "Email", "a; b", "jo@", "mend it"), Reason("", None, "; "))),
        lost("no answer"),
        linked_later(Outcome("created", "5545974000000000001")),
        MOVED,
    ],
)
def test_an_outcome_comes_back_from_the_journal_as_it_went_in(outcome: Outcome) -> None:
    read = READ_OUTCOME[SCHEMA_VERSION]
    assert unpack_outcomes(f"[{pack_outcome(outcome)}]", read) == [outcome]
    assert unpack_outcomes(pack_outcomes([outcome] * 2), read) == [outcome] * 2


def test_a_plain_success_takes_no_more_than_its_action_and_id() -> None:
    assert pack_outcome(Outcome("created", "55")) == '["created","55"]'
