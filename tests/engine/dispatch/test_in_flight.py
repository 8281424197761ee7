"""The batches under way, moved one step at a time over a journal of their own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.fakes import row
from zmigrate.engine.dispatch.held_keys import HeldKeys
from zmigrate.engine.dispatch.in_flight import InFlight
from zmigrate.engine.model.batch import Batch, BatchState
from zmigrate.engine.model.outcomes import MOVED, Outcome, RowCounts
from zmigrate.engine.pipeline.fence import Fence
from zmigrate.engine.pipeline.producer import Producer
from zmigrate.engine.pipeline.reading import Reading
from zmigrate.engine.storage.journal import Journal
from zmigrate.errors import InternalError

NOW = 1_700_000_000.0


class Loop(InFlight):
    """The state of a loop whose source has ended."""

    def __init__(self, journal: Journal) -> None:
        fence = Fence()
        producer = Producer(Reading(iter(())), lambda rows: ([], []), fence)
        producer.next_batch()
        self.counts = RowCounts()
        super().__init__(journal, producer, HeldKeys(fence, producer), self.counts, lambda event: None)

    def added(self, batch_id: int, *, must_look_up: bool = False) -> Batch:
        batch = Batch(batch_id, [row(batch_id, f"k{batch_id}")])
        self.add(batch, must_look_up=must_look_up)
        return batch

    def sent(self, batch_id: int) -> Batch:
        batch = self.added(batch_id)
        self.send(batch, NOW, NOW)
        return batch

    def stored(self) -> list[tuple[int, str]]:
        """Batches with their states, as another program finds them in the journal."""
        self.commit()
        with closing(sqlite3.connect(self.journal.path)) as db:
            return db.execute("SELECT id, state FROM batch ORDER BY id").fetchall()

    def watermark(self) -> int:
        self.commit()
        return int(self.journal.fact("progress")["watermark"])


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    with closing(Journal.create(tmp_path / "journal.db")) as journal:
        yield Loop(journal)


def test_a_batch_in_flight_is_not_sent_a_second_time(loop: Loop) -> None:
    batch = loop.sent(1)
    with pytest.raises(InternalError, match="in flight can't become in flight"):
        loop.send(batch, NOW, NOW)
    assert batch.sends == 1


def test_a_finished_batch_is_not_counted_a_second_time(loop: Loop) -> None:
    batch = loop.sent(1)
    loop.finish(batch, [Outcome("created", "7")])
    with pytest.raises(InternalError):
        loop.finish(batch, [Outcome("created", "7")])
    assert (loop.counts.read, loop.counts.created, loop.counts.pending) == (1, 1, 0)


def test_the_journal_tells_whether_a_batch_may_have_been_applied(loop: Loop) -> None:
    for batch_id, move in enumerate([loop.queue, loop.set_aside], start=1):
        move(loop.sent(batch_id))
    for batch_id in (3, 4, 5):
        loop.park(loop.sent(batch_id), NOW)
    loop.sent(6)
    _, search, resend = loop.due(NOW)
    loop.search_next(search)
    loop.search(search)
    loop.resend_next(resend)
    queued, sent = [(n, "queued") for n in (1, 2)], [(n, "sent") for n in (3, 4, 5, 6)]
    assert loop.stored() == queued + sent


def test_a_batch_that_was_looked_up_is_recorded_with_its_intent_and_not_before(loop: Loop) -> None:
    batch = loop.added(1, must_look_up=True)
    loop.look_up(batch)
    assert loop.stored() == []
    ready = Batch(1, batch.rows, resolved=True)
    loop.replace(batch, ready)
    assert loop.stored() == []
    loop.send(ready, NOW, NOW)
    assert loop.stored() == [(1, "sent")]


def test_the_watermark_does_not_pass_a_batch_whose_look_up_failed(loop: Loop) -> None:
    loop.finish(loop.sent(1), [Outcome("created", "7")])
    waiting = loop.added(2, must_look_up=True)
    loop.look_up(waiting)
    loop.look_up_again(waiting)
    assert loop.watermark() == 1
    assert not loop.is_over


def test_batches_that_go_on_are_sent_before_new_ones_and_in_their_order(loop: Loop) -> None:
    whole = loop.sent(1)
    loop.added(2)
    loop.split(whole, Batch(3, whole.rows, parent=1), Batch(4, whole.rows, parent=1))
    order = []
    while (batch := loop.next_queued()) is not None:
        order.append(batch.id)
        loop.send(batch, NOW, NOW)
    assert order == [3, 4, 2]
    assert whole.outcomes == [MOVED]


def test_a_parked_batch_comes_due_with_its_settling_time(loop: Loop) -> None:
    later, sooner = loop.sent(1), loop.sent(2)
    loop.park(later, NOW + 60)
    loop.park(sooner, NOW + 10)
    assert loop.next_due == NOW + 10
    assert loop.due(NOW + 9) == []
    assert loop.due(NOW + 10) == [sooner]
    assert loop.parked == 2


def test_what_closes_circles_waits_while_a_record_may_be_missing(loop: Loop) -> None:
    last = loop.sent(1)
    circle = Batch(2, [row(2)], second="link")
    loop.add_second_write(circle)
    assert not loop.only_circles_left
    loop.finish(last, [Outcome("created", "7")])
    assert loop.only_circles_left
    assert not loop.is_over
    loop.finish(circle, [Outcome("updated", "8")])
    assert loop.is_over


def test_a_loop_with_nothing_but_a_batch_that_was_set_aside_is_stuck_and_not_over(loop: Loop) -> None:
    batch = loop.sent(1)
    assert not loop.is_stuck
    loop.set_aside(batch)
    assert loop.is_stuck
    assert not loop.is_over
    assert batch.state is BatchState.SET_ASIDE
