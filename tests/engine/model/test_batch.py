"""The states that a batch goes through."""

from __future__ import annotations

from itertools import product

import pytest

from zmigrate.engine.model.batch import BATCH_TRANSITIONS, MAYBE_APPLIED, BatchState

STEPS = """
    new > unresolved, ready, parked, waiting
    unresolved > looking up
    looking up > unresolved, replaced, waiting, set aside
    ready > in flight
    in flight > ready, parked, set aside, finished
    parked > search due, resend due, finished
    search due > searching
    searching > parked, finished
    resend due > in flight
    set aside > finished, replaced
    waiting > unresolved, finished
    left unsent > ready, waiting
    left in doubt > parked, finished
"""
ALLOWED = {
    (before.strip(), after.strip())
    for before, after_ones in (line.split(">") for line in STEPS.strip().splitlines())
    for after in after_ones.split(",")
}


@pytest.mark.parametrize(("before", "after"), list(product(BatchState, BatchState)))
def test_a_batch_goes_from_state_to_state_by_the_steps_of_the_loop(
    before: BatchState, after: BatchState
) -> None:
    assert before.may_become(after) == ((before.value, after.value) in ALLOWED)


def test_every_state_has_its_steps_and_is_reached_or_begins() -> None:
    reached = {after for states in BATCH_TRANSITIONS.values() for after in states}
    assert set(BATCH_TRANSITIONS) == set(BatchState)
    assert set(BatchState) - reached == {BatchState.NEW, BatchState.LEFT_UNSENT, BatchState.LEFT_IN_DOUBT}


def test_a_batch_that_may_have_been_applied_becomes_ready_only_by_an_answer_to_its_request() -> None:
    """What is in doubt is settled: it is never sent as if it had not been sent before."""
    back = {state for state in MAYBE_APPLIED if state.may_become(BatchState.READY)}
    assert back == {BatchState.IN_FLIGHT}
