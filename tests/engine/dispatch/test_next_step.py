"""What to do with a batch in doubt once its settling time is over."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.fake_org import fold
from tests.engine.fakes import row
from zmigrate.engine.dispatch.settling import (
    SENDS_MAX,
    SERVER_ERRORS_MAX,
    SERVER_ERRORS_OF_ONE_ROW_MAX,
    SESSIONS_MAX,
    next_step,
)
from zmigrate.engine.model.batch import Batch
from zmigrate.engine.model.outcomes import Outcome
from zmigrate.engine.model.target import KeyKind, Target
from zmigrate.job.writes import Operation

INSERT: tuple[Operation, KeyKind] = ("insert", "unique")
UPSERT: tuple[Operation, KeyKind] = ("upsert", "plain")
UPDATE: tuple[Operation, KeyKind] = ("update", "id")


@pytest.mark.parametrize(
    ("write", "known", "rows", "step"),
    [
        (("insert", "plain"), {}, 2, "search"),
        (UPDATE, {"refusal": Outcome("failed")}, 1, "search"),
        (INSERT, {"sends": 1}, 2, "resend"),
        (INSERT, {"server_errors": SERVER_ERRORS_MAX}, 2, "search"),
        (INSERT, {"sends": SENDS_MAX}, 2, "search"),
        (UPSERT, {"sends": 1}, 2, "resend"),
        (UPSERT, {"server_errors": SERVER_ERRORS_MAX}, 2, "halve"),
        (UPSERT, {"server_errors": SERVER_ERRORS_MAX}, 1, "resend"),
        (UPSERT, {"server_errors": SERVER_ERRORS_OF_ONE_ROW_MAX}, 1, "give_up"),
        (UPSERT, {"sends": SENDS_MAX}, 2, "give_up"),
        (UPDATE, {"sends": SESSIONS_MAX - 1}, 2, "resend"),
        (UPDATE, {"sends": SESSIONS_MAX}, 2, "halve"),
        (UPDATE, {"sends": SESSIONS_MAX, "looked_for": True}, 2, "resend"),
        (UPDATE, {"sends": SESSIONS_MAX, "open_answers": 1}, 2, "resend"),
        (UPDATE, {"open_answers": SERVER_ERRORS_OF_ONE_ROW_MAX}, 2, "give_up"),
    ],
)
def test_a_batch_in_doubt_is_searched_sent_again_cut_or_given_up(
    write: tuple[Operation, KeyKind], known: dict[str, Any], rows: int, step: str
) -> None:
    batch = Batch(1, [row(number) for number in range(1, rows + 1)], **known)
    operation, key_kind = write
    assert next_step(batch, Target("Leads", operation, "Ref", key_kind, fold)).kind == step
