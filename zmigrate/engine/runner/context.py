"""What a hand-written job is given: the API, a log, and a loop with cursor, counting and Ctrl-C."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from zmigrate.engine.model.outcomes import DUPLICATE_IN_SOURCE, Outcome, RowCounts, failed, skipped
from zmigrate.engine.pipeline.duplicates import MetItems
from zmigrate.engine.runner.author_crm import AuthorCrm
from zmigrate.engine.runner.items import ITSELF, Key, items_of, key_of_item
from zmigrate.engine.runner.job_faults import (
    after_the_end,
    loops_by_number,
    of_another_thread,
    outlived,
    paused_by,
    unrecorded,
)
from zmigrate.engine.runner.known_ids import KnownIds
from zmigrate.engine.runner.tally import Tally, failure_of, full_org, outcomes_of
from zmigrate.engine.storage.id_map import IdMap
from zmigrate.engine.storage.item_marks import Path, item_mark, line_of, loose_mark
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.scratch import scratch_db
from zmigrate.errors import CreditsSpent, DiskFull, InDoubt, OrgFull, Outage, PausedError, ZmigrateError
from zmigrate.events import BatchDone, CallFailed, Event, EventHub, Log, RowsDecided, Tick, WriteAnswered
from zmigrate.job.author_code import hidden
from zmigrate.reasons import without_secrets
from zmigrate.stopping import StopRequested, StopSignal
from zmigrate.wording import as_text
from zmigrate.zoho.redaction import Redactor

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm

LOOPS = "by line"
"""How the journal names the loops of its items."""

WROTE = frozenset(["created", "updated", "deleted", "in_doubt"])
"""Actions of items that have changed something in the org, or may have."""

FLUSH_S = 0.5
"""How often items that wrote nothing are put into the journal; after a crash later ones come again."""


ENDS_THE_RUN = (CreditsSpent, DiskFull, OrgFull, Outage)
"""After such an error every call fails: a job that swallows it would fail at every item."""


def _no_ids() -> IdMap:
    return IdMap(scratch_db())


@dataclass(slots=True, eq=False)
class _AtWork:
    """An item whose loop body is running."""

    path: Path
    mark: str
    tally: Tally = field(default_factory=Tally)
    serial: int = 0
    """Its number, unique in this session."""
    loops: Counter[str] = field(default_factory=Counter)
    """Loops begun inside it so far, by their line: the same item may come in several."""


class RunContext:
    """`ctx` of `Job.run`.

    It listens to the writes through `ctx.crm`: a record that Zoho refused counts as failed although the
    call raised nothing. Outside of `each`, each written record is a row of its own: created, updated,
    deleted, failed or in doubt; so is each `ctx.skip` and `ctx.fail`.
    """

    def __init__(
        self,
        crm: Crm,
        journal: Journal,
        hub: EventHub,
        stop: StopSignal,
        limit: int | None = None,
        *,
        secrets: Redactor | None = None,
        trigger: Sequence[str] = (),
        open_ids: Callable[[], IdMap] = _no_ids,
    ) -> None:
        """`secrets` hides the secret options, `trigger` names what Zoho shall run."""
        progress = journal.fact("progress") or {}
        self.crm = AuthorCrm(crm, trigger, self._check_stop)
        self.ids = KnownIds(open_ids)
        self._calls = crm
        self.rows = RowCounts(**progress.get("rows", {}))
        if self.rows.read and progress.get("loops") != LOOPS:
            raise loops_by_number()
        self.limited = False
        self._journal = journal
        self._hub = hub
        self._stop = stop
        self._limit = limit
        self._secrets = secrets or Redactor()
        self._outermost = _AtWork((), "")
        self._at_work: list[_AtWork] = []
        """The innermost last."""
        self._left: list[_AtWork] = []
        """Items whose loop was left: by `break`, or by an error that may end the run."""
        self._refused: CallFailed | None = None
        """The last write outside of `each`, if it was refused: it counts unless its error ends the run."""
        self._end: BaseException | None = None
        """The error that has to end the run, even if the job swallows it."""
        self._done: list[tuple[str, int, Outcome]] = []
        self._met = MetItems()
        self._serial = 0
        """The serial number of the last item that was handed out."""
        self._ticked_at = time.monotonic()
        self._thread = threading.get_ident()
        self._ended = False
        hub.add(self._hear)
        crm.tell_calls(hub.emit, self._serial_at_work)

    # -- what an author calls ----------------------------------------------------------------------

    def log(self, message: str) -> None:
        """Show a message, and write it to run.log."""
        self._hub.emit(Log("info", as_text(message)))

    def skip(self, reason: str = "left out by the job") -> None:
        """Count this item of `each` as skipped; the reason is in skipped.csv."""
        self._refuse_stray("ctx.skip")
        self._say(skipped(as_text(reason)))

    def fail(self, reason: str) -> None:
        """Count this item of `each` as failed; the reason is in errors.csv. Go on with the next."""
        self._refuse_stray("ctx.fail")
        self._say(failed("FAILED", None, as_text(reason)))

    def each(self, items: Any, *, key: Key = ITSELF) -> Iterator[Any]:
        """The items one by one.

        See `Context.each` for what an author may count on. An item's outcome is what its body wrote
        through `ctx.crm`: failed if Zoho refused a record or a call; else created, updated or deleted;
        unchanged if it wrote nothing. An item that wrote something is in the journal before the next is
        handed out. An item that an error (or `break`) left comes again, unless that would double what it
        wrote: then it has failed as half done.
        """
        self._refuse_stray("ctx.each")
        self._settle_left()
        around = self._at_work[-1] if self._at_work else self._outermost
        line = line_of(sys._getframe(1))
        around.loops[line] += 1
        return self._loop((*around.path, (line, around.loops[line])), items_of(items, self._calls), key)

    # -- what the session calls --------------------------------------------------------------------

    def finish(self) -> None:
        """The job's `run` has returned."""
        self._hub.deliver()
        self._left += reversed(self._at_work)
        self._at_work.clear()
        self._finish_left()
        self.flush()

    def end_by(self, error: BaseException) -> None:
        """The job's `run` raised: write down what is in doubt, or would double if it came again. The
        resume repeats other items. Raises what the error means for the run, if that is another error.
        """
        self._hub.deliver()
        if self._refused is not None and self._refused.error not in _behind(error):
            self._count_refused()
        lost = None
        for item in (*self._left, *reversed(self._at_work)):
            if item.tally.in_doubt:
                self._record(item.mark, item.tally.outcome())
                lost = self.rows.read
            elif item.tally.would_double:
                self._record(item.mark, item.tally.half_done(error))
        self.flush()
        if isinstance(error, InDoubt):
            if self._stop.requested:
                raise StopRequested from error
            raise paused_by(error, lost) from error

    def close(self) -> None:
        """Write down what is finished, whatever happened."""
        try:
            self.flush()
        finally:
            self._ended = True
            self._met.close()
            self.ids.close()

    def flush(self) -> None:
        """Write down what is finished."""
        if not self._done:
            return
        try:
            with self._journal.transaction():
                for mark, number, outcome in self._done:
                    self._journal.put_item(mark, number, outcome)
                self._journal.put_fact("progress", {"rows": self.rows.to_json(), "loops": LOOPS})
        except ZmigrateError as error:
            wrote = [number for _, number, outcome in self._done if outcome.action in WROTE]
            error.hint = " ".join(filter(None, (error.hint, unrecorded(wrote))))
            raise
        self._done.clear()

    # -- a loop ------------------------------------------------------------------------------------

    def _check_stop(self) -> None:
        """Raise StopRequested if a stop was asked for, unless an item would be left half done."""
        if not any(outer.tally.would_double for outer in self._at_work):
            self._stop.check()

    def _loop(self, path: Path, items: Iterable[Any], key: Key) -> Iterator[Any]:
        try:
            yield from self._handed_out(path, items, key)
            self.flush()
        except PausedError as error:
            self._end = error
            raise

    def _handed_out(self, path: Path, items: Iterable[Any], key: Key) -> Iterator[Any]:
        taken = 0
        self._refuse_stray("a loop of ctx.each")
        for item in items:
            self._check_stop()
            own = (*path, key_of_item(item, key))
            times = self._met.meet(item_mark(own))
            mark = item_mark(own, times)
            if self._journal.item_number(mark) is not None:
                continue
            if self._limit is not None and taken >= self._limit:
                self.limited = True
                return
            taken += 1
            if times > 1:
                self._record(mark, self._repeated(own, key))
                continue
            self._serial += 1
            at_work = _AtWork(own, mark, serial=self._serial)
            self._at_work.append(at_work)
            try:
                yield item
            finally:
                self._leave(at_work)
            self._refuse_stray("a loop of ctx.each")
            self._step()
            self._left.remove(at_work)
            self._finish(at_work)

    def _repeated(self, own: Path, key: Key) -> Outcome:
        self.flush()
        field = key if isinstance(key, str) else None
        first = self._journal.item_number(item_mark(own))
        where = "" if first is None else f", as item {first:,}"
        return failed(DUPLICATE_IN_SOURCE, field, f"the key {own[-1]!r} was used before{where}", str(own[-1]))

    def _leave(self, item: _AtWork) -> None:
        if threading.get_ident() == self._thread:
            self._hub.deliver()
        if item in self._at_work:
            self._at_work.remove(item)
            self._left.append(item)

    def _settle_left(self) -> None:
        """Items whose loop was left by `break` are finished; while an error is under way nobody knows."""
        if sys.exception() is None:
            self._finish_left()

    def _finish_left(self) -> None:
        self._step()
        while self._left:
            item = self._left.pop(0)
            if item.tally.wrote or item.tally.said is not None:
                self._finish(item)

    def _finish(self, item: _AtWork) -> None:
        self._record(item.mark, item.tally.outcome())
        if item.tally.wrote:
            self.flush()

    # -- what happens ------------------------------------------------------------------------------

    def _say(self, outcome: Outcome) -> None:
        if self._at_work:
            self._at_work[-1].tally.said = outcome
            return
        self._settle_left()
        self._record_loose([outcome])

    def _serial_at_work(self) -> int:
        """Called by any thread that begins a call; 0 outside of `each`."""
        innermost = self._at_work[-1:]
        return innermost[0].serial if innermost else 0

    def _item_of(self, event: WriteAnswered | CallFailed) -> _AtWork | None:
        """The item that a write belongs to; None if there is none, or it was finished before the write."""
        found = next((each for each in (*self._at_work, *self._left) if each.serial == event.item), None)
        if event.item and found is None:
            self._end = self._end or outlived(event)
        return found

    def _refuse_stray(self, what: str) -> None:
        """Raise if an author's code calls us from a place where nothing is counted."""
        if self._ended:
            raise after_the_end(what)
        if threading.get_ident() != self._thread:
            stray = of_another_thread(what)
            self._end = self._end or stray  # nobody may see what a thread raises
            raise stray

    def _hear(self, event: Event) -> None:
        try:
            if isinstance(event, WriteAnswered):
                self._take(outcomes_of(event), event.repeatable, self._item_of(event))
            elif isinstance(event, CallFailed):
                self._take_failure(event)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self._end = error  # an answer of another shape: rather no more writes than one that is not judged

    def _take(self, outcomes: list[Outcome], repeatable: bool, item: _AtWork | None) -> None:
        self._end = self._end or full_org(outcomes)
        if item is None:
            # Those that a full org refused are not at fault: the resume writes them.
            self._record_loose([outcome for outcome in outcomes if full_org([outcome]) is None])
            return
        for outcome in outcomes:
            known = outcome.action != "in_doubt"
            item.tally.add(outcome, repeatable=repeatable and known)

    def _take_failure(self, event: CallFailed) -> None:
        lost = isinstance(event.error, InDoubt)
        if isinstance(event.error, ENDS_THE_RUN):
            self._end = event.error
        elif lost and event.repeatable and self._stop.requested:
            self._end = StopRequested()
        elif event.records == 0:
            return  # a read that is refused is the job's own affair
        elif (item := self._item_of(event)) is not None:
            item.tally.add(failure_of(event), repeatable=event.repeatable and not lost)
        elif lost:
            self._record_loose([failure_of(event)] * event.records)
        else:
            self._count_refused()
            self._refused = event

    def _step(self) -> None:
        """Before an item is finished: end a job that must end, or has swallowed that a call was not made."""
        if self._end is None and self._stop.obeyed:
            self._end = StopRequested()
        if self._end is not None:
            raise self._end
        self._count_refused()

    def _count_refused(self) -> None:
        if self._refused is not None:
            event, self._refused = self._refused, None
            self._record_loose([failure_of(event)] * event.records)

    # -- what is written down ----------------------------------------------------------------------

    def _record_loose(self, outcomes: list[Outcome]) -> None:
        """Record rows that are not items of a loop."""
        for outcome in outcomes:
            self._note(loose_mark(self.rows.read + 1), outcome)
        for action, count in Counter(outcome.action for outcome in outcomes).items():
            self._tell(action, count)
        self.flush()

    def _record(self, mark: str, outcome: Outcome) -> None:
        self._note(mark, outcome)
        self._tell(outcome.action, 1)
        if time.monotonic() - self._ticked_at >= FLUSH_S:
            self._ticked_at = time.monotonic()
            self.flush()
            self._hub.emit(Tick(0, 1, 0, None))

    def _note(self, mark: str, outcome: Outcome) -> None:
        hide = partial(hidden, self._secrets)
        reasons = tuple(without_secrets(reason, hide) for reason in outcome.reasons)
        outcome = outcome._replace(reasons=reasons)
        self.rows.read += 1
        self.rows.add(outcome.action)
        self._done.append((mark, self.rows.read, outcome))

    def _tell(self, action: str, count: int) -> None:
        if action == "skipped":
            self._hub.emit(RowsDecided(count, 0))
        else:
            self._hub.emit(BatchDone(self.rows.read, **{action: count}))


def _behind(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that it was raised from or after."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
