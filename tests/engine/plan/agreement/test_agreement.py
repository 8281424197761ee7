"""A plan's details and its run's result files agree row by row. To look into a seed that fails:
`python -m tests.engine.plan.agreement SEED --shrink`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.plan.agreement.cases import make_case
from tests.engine.plan.agreement.play import an_emulator, play, shown
from tests.engine.plan.agreement.seeds import FEW, SEEDS
from zmigrate.emulator import Emulator

AT_ONCE = 10


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with an_emulator() as served:
        yield served


@pytest.mark.parametrize("seed", FEW)
def test_what_the_plan_says_of_each_row_is_what_the_run_does(emulator: Emulator, seed: int) -> None:
    played = play(make_case(seed), emulator)
    assert not played.wrong, shown(played)


@pytest.mark.slow
@pytest.mark.parametrize("first", SEEDS[::AT_ONCE])
def test_what_the_plan_says_of_each_row_is_what_the_run_does_whatever_the_rows(
    emulator: Emulator, first: int
) -> None:
    for seed in range(first, first + AT_ONCE):
        played = play(make_case(seed), emulator)
        assert not played.wrong, shown(played)
