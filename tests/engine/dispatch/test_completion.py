"""What a finished task means for its batch, told story by story with an org in memory and a fake clock."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.engine.fake_org import KEY, FakeClock, fold
from tests.engine.fakes import RESOLVER
from tests.engine.test_properties import Lab, Plan, Scenario
from tests.zoho.fakes import FakeZoho, Reply, refused, rig
from zmigrate.engine.dispatch.completion import Completions
from zmigrate.engine.dispatch.exchange import WithZoho
from zmigrate.engine.dispatch.held_keys import HeldKeys
from zmigrate.engine.dispatch.in_flight import InFlight
from zmigrate.engine.dispatch.sender import Sender, Sent
from zmigrate.engine.dispatch.settling import SETTLE_TIMEOUT_S, SettlingTime
from zmigrate.engine.dispatch.verdicts import Verdict
from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.outcomes import Outcome, RowCounts
from zmigrate.engine.model.target import KeyKind, Target
from zmigrate.engine.pipeline.fence import Fence
from zmigrate.engine.pipeline.producer import Producer
from zmigrate.engine.pipeline.reading import Reading
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.recorded import pack_state
from zmigrate.errors import CreditsSpent, Fatal, InDoubt, Outage, RefusedError, ZmigrateError
from zmigrate.job.writes import Operation
from zmigrate.stopping import StopRequested
from zmigrate.zoho.answers import Answer, Call
from zmigrate.zoho.workers import Finished


def scenario(rows: list[tuple[int, bool, str]], *plans: Plan) -> Scenario:
    return Scenario(rows=rows, seeds=[], plans=list(plans), stable=True, batch_rows=2, seed=1)


def test_a_row_that_waits_behind_one_that_no_request_may_hold_has_its_turn(tmp_path: Path) -> None:
    """Nothing else is left to send, so nothing else will be accepted that would clear the first one up."""
    run = Lab("upsert", "unique", scenario([(1, False, "poison"), (1, False, "ok")]), RunFolder(tmp_path))
    assert run.session(Plan()) == "finished"
    assert [recorded.outcome.action for recorded in run.outcomes().values()] == ["failed", "created"]


@pytest.mark.parametrize("first", range(6, 10))
def test_rows_of_a_query_are_told_again_however_often_the_run_is_killed(first: int) -> None:
    """The second row waits for its key while later rows are recorded; a resume numbers them anew."""
    rows = [(1, False, "ok"), (1, False, "ok"), (2, False, "skip"), (3, False, "ok"), (4, False, "skip")]
    for second in range(4, 14, 2):
        plans = [Plan(kill_at=first), Plan(kill_at=second)]
        told = Scenario(rows=rows, seeds=[], plans=plans, stable=False, batch_rows=1, seed=1)
        with tempfile.TemporaryDirectory() as place:
            run = Lab("upsert", "unique", told, RunFolder(Path(place)))
            run.run()
            assert sorted(run.recorded().items()) == [(n, 1) for n in range(1, 6)]


@pytest.mark.parametrize("moment", range(1, 12))
def test_a_run_stopped_while_it_looks_keys_up_is_not_finished(moment: int, tmp_path: Path) -> None:
    """The look-up ends with the stop, and its rows are read again on resume."""
    told = scenario([(1, True, "ok"), (2, True, "ok"), (1, False, "ok")])
    for seed in range(8):
        run = Lab("update", "plain", replace(told, seed=seed), RunFolder(tmp_path / str(seed)))
        run.folder.path.mkdir()
        state = run.session(Plan(trouble=0.9, stop_at=moment))
        assert (state == "finished") == (len(run.outcomes()) == 3)


@pytest.mark.parametrize("moment", range(3, 9))
def test_a_run_stopped_with_a_refused_row_set_aside_is_not_finished(moment: int, tmp_path: Path) -> None:
    """Whether the row is at fault shows only when something else is accepted."""
    run = Lab("insert", "unique", scenario([(1, False, "poison")]), RunFolder(tmp_path))
    state = run.session(Plan(stop_at=moment))
    assert (state == "finished") == (len(run.outcomes()) == 1)


@pytest.mark.parametrize("seed", range(6))
def test_a_request_of_a_killed_process_counts_as_sent_when_it_was_killed(seed: int, tmp_path: Path) -> None:
    """A worker may have waited for a token for long after the intent, and have sent it at the last moment."""
    told = replace(scenario([(1, False, "ok")]), seed=seed)
    run = Lab("insert", "plain", told, RunFolder(tmp_path))
    assert run.session(Plan(kill_at=3)) == "killed"
    with closing(sqlite3.connect(run.folder.journal)) as db:
        db.execute("UPDATE batch SET sent_at = sent_at - 500")
        db.commit()
    run.run()
    run.check_the_end()


@pytest.mark.parametrize("seed", range(12))
def test_a_record_made_by_hand_right_before_a_resume_is_not_taken_for_ours(seed: int, tmp_path: Path) -> None:
    """The same key, the same user, the same second of Created_Time; and our own request is lost."""
    plans = Plan(limit=1), Plan(seed=2, trouble=0.6)
    told = scenario([(1, False, "ok"), (2, False, "ok")], *plans)
    run = Lab("insert", "plain", replace(told, batch_rows=1, seed=seed), RunFolder(tmp_path))
    run.run()
    run.check_the_end()


ROW = PreparedRow(1, 2, "k1", "k1", {"id": "77"})


@dataclass
class Desk:
    """Completions over a journal of its own, with one batch on its way."""

    operation: Operation
    key_kind: KeyKind
    folder: Path

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.target = Target("Leads", self.operation, KEY, self.key_kind, fold)
        fence = Fence()
        fence.admit(ROW)
        producer = Producer(Reading(iter(())), lambda rows: ([], []), fence)
        journal = Journal.create(self.folder / "journal.db")
        self.fence = fence
        self.keys = HeldKeys(fence, producer)
        self.in_flight = InFlight(journal, producer, self.keys, RowCounts(), lambda event: None)
        exchange = WithZoho(Sender(None, self.target), RESOLVER)  # type: ignore[arg-type]
        self.completions = Completions(
            self.in_flight, exchange, SettlingTime(), lambda event: None, lambda: False, self.clock
        )
        self.batch = Batch(1, [ROW])
        self.in_flight.add(self.batch)
        self.in_flight.send(self.batch, self.clock.zoho, self.clock())
        self.in_flight.commit()

    def close(self) -> None:
        self.in_flight.journal.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[[Operation, KeyKind], Desk]]:
    with ExitStack() as stack:

        def make(operation: Operation, key_kind: KeyKind) -> Desk:
            made = Desk(operation, key_kind, tmp_path)
            stack.callback(made.close)
            return made

        yield make


REFUSALS = [RefusedError, CreditsSpent, Outage, Fatal]


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_after_an_attempt_that_was_not_answered_leaves_the_batch_in_doubt(
    kind: type[ZmigrateError], desk: Callable[[Operation, KeyKind], Desk]
) -> None:
    """To send it as new would tell "updated" of what that attempt has created."""
    upsert = desk("upsert", "unique")
    error = kind()
    error.maybe_applied = True
    upsert.completions.take(Finished(upsert.batch, error=error))
    assert (pack_state(upsert.batch.state), upsert.batch.doubted) == ("sent", True)
    assert upsert.completions.failure is error


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_without_such_an_attempt_means_that_the_batch_was_not_applied(
    kind: type[ZmigrateError], desk: Callable[[Operation, KeyKind], Desk]
) -> None:
    upsert = desk("upsert", "unique")
    upsert.completions.take(Finished(upsert.batch, error=kind()))
    assert (pack_state(upsert.batch.state), upsert.batch.doubted) == ("queued", False)


def test_a_repeated_upsert_keeps_its_key_fenced_for_a_settling_time_from_its_answer(
    desk: Callable[[Operation, KeyKind], Desk],
) -> None:
    """The transport may have repeated it for minutes, so when it was first sent says nothing."""
    upsert = desk("upsert", "unique")
    upsert.clock.advance(300)
    upsert.completions.take(Finished(upsert.batch, value=Sent([Verdict(Outcome("updated", "77"))], True)))
    later = ROW._replace(number=2)
    assert not upsert.fence.admit(later)
    upsert.keys.release_due(upsert.clock() + SETTLE_TIMEOUT_S - 1)
    assert upsert.fence.waiting == 1
    upsert.keys.release_due(upsert.clock() + SETTLE_TIMEOUT_S)
    assert upsert.fence.waiting == 0


class StoppedWhileReading:
    """A wire that answers a repeated delete with "no such record", and can't be asked for the record."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def write(self, *_: object, **__: object) -> Answer:
        data = [{"code": "INVALID_DATA", "details": {"id": "77"}, "status": "error"}]
        return Answer(200, {"data": data}, {}, 0.0, 0.0, attempts=2, doubted_at=1.0)

    def records_by_id(self, *_: object) -> dict[str, dict[str, Any]]:
        raise self._error


@pytest.mark.parametrize("error", [StopRequested(), RefusedError(), CreditsSpent(), Outage(), Fatal()])
def test_a_write_whose_record_cant_be_read_back_stays_in_doubt(error: BaseException) -> None:
    """Else the rows of a delete that was applied would be sent as new, and fail: they are gone."""
    sender = Sender(StoppedWhileReading(error), Target("Leads", "delete", "id", "id", fold))  # type: ignore[arg-type]
    with pytest.raises(InDoubt):
        sender.send(Batch(1, [ROW], first_intent=0.0))


@pytest.mark.parametrize(
    ("first", "maybe_applied"),
    [
        (httpx.ReadError("reset"), True),
        (httpx.Response(503), True),
        (refused("TOO_MANY_REQUESTS", 429), False),
    ],
)
def test_a_refusal_says_whether_an_attempt_before_it_may_have_been_applied(
    first: Reply, maybe_applied: bool, tmp_path: Path
) -> None:
    upsert = Call("POST", "/crm/v8/Leads/upsert", content=b"{}", expect=1, repeatable=True)
    zoho = FakeZoho([first, refused("NO_PERMISSION", 403)])
    with rig(tmp_path, zoho) as wire, pytest.raises(RefusedError) as caught:
        wire.transport.send(upsert)
    assert caught.value.maybe_applied is maybe_applied
