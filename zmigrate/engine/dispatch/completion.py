"""Decides what a finished task means for its batch: outcomes, doubt, smaller batches, or the end of the run.

Main thread only. There is one method for each kind of finished task; the batches are moved by `InFlight`, and
the rules for batches in doubt are in `settling`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from zmigrate.engine.dispatch import settling
from zmigrate.engine.dispatch.blocked_look_ups import BlockedLookUps
from zmigrate.engine.dispatch.exchange import Exchange
from zmigrate.engine.dispatch.in_flight import InFlight
from zmigrate.engine.dispatch.ownership import Ownership
from zmigrate.engine.dispatch.second_writes import SecondWrites
from zmigrate.engine.dispatch.sender import LookedUp, Searched, Sent, Written
from zmigrate.engine.dispatch.settling import SettlingTime
from zmigrate.engine.dispatch.verdicts import org_full
from zmigrate.engine.model import deferred_links
from zmigrate.engine.model.batch import Batch, BatchState, PreparedRow, nothing_to_write
from zmigrate.engine.model.outcomes import MOVED, Outcome, found_by, lost, zoho_says
from zmigrate.errors import ApiError, Fatal, InDoubt, Outage, ReadFailed
from zmigrate.events import BatchDoubted, BatchSplit, Emit
from zmigrate.stopping import StopRequested
from zmigrate.zoho.clock import steady_time
from zmigrate.zoho.workers import Finished

DOUBTS_IN_A_ROW_MAX = 8
"""Lost answers without another answer between them, after which a run that can't settle them pauses."""

SEARCHES_MAX = 5
"""Searches for a batch in doubt, or look-ups, that may fail before its rows are given up."""


class Completions:
    """Takes what workers finished. `failure` is the error that ends the run once every worker is idle."""

    def __init__(
        self,
        in_flight: InFlight,
        exchange: Exchange,
        settling_time: SettlingTime,
        emit: Emit,
        stopping: Callable[[], bool],
        clock: Callable[[], float] = steady_time,
    ) -> None:
        self._in_flight = in_flight
        self._sender = exchange.sender
        self._target = exchange.sender.target
        self._resolver = exchange.resolver
        self._ownership = Ownership(in_flight.journal, exchange.sender.target)
        self.second_writes = SecondWrites(in_flight, exchange)
        self._settling_time = settling_time
        self._emit = emit
        self._stopping = stopping
        self._clock = clock
        self._accepted = 0
        """Write requests that Zoho accepted, in this session."""
        self._suspects: list[tuple[Batch, ApiError]] = []
        """Batches that are set aside: single rows, for each of which Zoho refused the whole request. No
        request was accepted since the first refusal."""
        self._blocked = BlockedLookUps(in_flight, emit)
        self.failure: BaseException | None = None
        self.doubts_in_a_row = 0
        self.found_by_another: Counter[str] = Counter()
        """Records that an upsert changed although they had another key, by the field that Zoho went by."""

    def take(self, finished: Finished[Batch]) -> None:
        """Apply one finished task."""
        batch, value, error = finished.tag, finished.value, finished.error
        if isinstance(value, Written):
            self._written(batch, value.outcomes)
        elif isinstance(value, Sent):
            self._sent(batch, value)
        elif isinstance(value, LookedUp):
            self._looked_up(batch, value)
        elif isinstance(value, Searched):
            self._searched(batch, value)
        elif error is not None and batch.state is BatchState.LOOKING_UP:
            self._look_up_failed(batch, error)
        elif error is not None and batch.state is BatchState.SEARCHING:
            self._search_failed(batch, error)
        elif error is not None:
            self._send_failed(batch, error)

    def fail(self, error: BaseException) -> None:
        """The run ends with this error. Of several errors the first one counts."""
        if self.failure is None:
            self.failure = error

    # -- a batch was answered ---------------------------------------------------------------------

    def _written(self, batch: Batch, outcomes: list[Outcome]) -> None:
        """Zoho accepted the request, and told the outcome of each row."""
        self.doubts_in_a_row = 0
        self._accepted += 1
        if self.failure is None:
            self.clear_suspects()
        if self._target.operation == "upsert" and self._target.others:
            self.found_by_another.update(filter(None, map(found_by, outcomes)))
        second_writes = self.second_writes.after(batch, outcomes)
        left = self._left_by_full_org(batch, outcomes)
        self._in_flight.finish(batch, outcomes, self._hold_until(batch))
        for second in second_writes:
            self._in_flight.add_second_write(second)
        if left is not None:
            self._in_flight.queue(left)

    def _sent(self, batch: Batch, sent: Sent) -> None:
        """Zoho answered, and left some rows open or in dispute. Open rows are settled as after a lost answer;
        the others have ended."""
        batch.doubted = batch.doubted or sent.doubted
        doubts_in_a_row = self.doubts_in_a_row
        outcomes = self._ownership.outcomes(batch, sent.verdicts)
        recovery = self._sender.target_of(batch).recovery
        open_rows = settling.open_rows(batch, sent.verdicts, outcomes, recovery)
        self._written(batch, outcomes)
        for each in open_rows:
            part = self._part(batch, each.rows)
            part.open_answers += each.left_open == "unknown"
            part.looked_for = each.left_open == "absent"
            wait = self._settling_time.after(InDoubt(each.why))
            self._in_flight.park_part(batch, part, self._clock() + wait)
            self._emit(BatchDoubted(part.id, len(part.rows), wait, each.why))
        if settling.tells_nothing(batch, sent.verdicts):
            self.doubts_in_a_row = doubts_in_a_row + 1
            self._watch_for_outage()

    def _left_by_full_org(self, batch: Batch, outcomes: list[Outcome]) -> Batch | None:
        """Rows that Zoho refused because the org takes no more records are not at fault. They wait for the
        resume in a batch of their own, and the run stops. Their outcomes here become "moved"."""
        full = {index: error for index, outcome in enumerate(outcomes) if (error := org_full(outcome))}
        if not full:
            return None
        left = self._part(batch, [batch.rows[index] for index in full])
        for index, error in full.items():
            outcomes[index] = MOVED
            self.fail(error)
        return left

    # -- the ids that a batch needs were looked up ------------------------------------------------

    def _looked_up(self, batch: Batch, looked_up: LookedUp) -> None:
        """Fill in the ids. Rows whose record exists may go on as a second write; others may end here."""
        self._read_answered()
        for place, answers in looked_up.answers:
            self._resolver.learn(place, answers)
        if batch.closes_circles:
            batch.resolved = True
            self._in_flight.wait(batch)
            return
        rows, ended = self._resolver.resolve(batch.rows)
        for row, outcome in ended:
            self._in_flight.end_row(row, outcome)
        by_number = {row.number: row for row in rows}
        updates: list[PreparedRow] = []
        for row, found in zip(batch.rows, looked_up.found, strict=False):
            if row.number not in by_number:
                continue
            if isinstance(found, Outcome):
                self._in_flight.end_row(by_number.pop(row.number), found)
            elif found is not None and self._target.looked_up:
                by_number[row.number] = row._replace(record={**row.record, "id": found})
            elif found is not None:
                resolved = by_number.pop(row.number)
                updates.append(deferred_links.update_row(resolved, found, self._target.key))
        if self._target.operation == "update":
            for row, outcome in nothing_to_write(list(by_number.values())):
                self._in_flight.end_row(by_number.pop(row.number), outcome)
        for row, outcome in nothing_to_write(list(updates)):
            updates.remove(row)
            self._in_flight.end_row(row, outcome)
        batches = [self.second_writes.of(updates, "update")] if updates else []
        if by_number:
            first_write = Batch(id=batch.id, rows=list(by_number.values()), resolved=True)
            first_write.body = self._sender.body(first_write)
            batches.append(first_write)
        self._in_flight.replace(batch, *batches)

    def _look_up_failed(self, batch: Batch, error: BaseException) -> None:
        """Nothing was written: if the run ends now, the rows are read again on resume."""
        if settling.is_blocked(error) and not batch.closes_circles:
            if self._blocked.take(batch, error):
                self.fail(error)
            return
        batch.search_failures += 1
        again = isinstance(error, InDoubt) and batch.search_failures < SEARCHES_MAX
        if batch.closes_circles:
            self._in_flight.wait(batch)
        else:
            self._in_flight.look_up_again(batch)
        if isinstance(error, InDoubt):
            error = Outage(f"the keys could not be looked up: {error.message}")
        if not again and not isinstance(error, StopRequested):
            self.fail(error)

    def _read_answered(self) -> None:
        """Zoho answered a look-up or a search: look-ups that were blocked are so for what they look for."""
        self._blocked.note_answer()
        if self.failure is None:
            self._blocked.blame()

    # -- the org was searched for the records of a batch in doubt ---------------------------------

    def _searched(self, batch: Batch, searched: Searched) -> None:
        """Rows whose record was found have ended. The others are sent again, or given up."""
        self._read_answered()
        settled = settling.settle(batch, searched)
        if settled is None:
            batch.misses += 1
            self._park_for_search(batch)
            return
        outcomes, missing = self._ownership.outcomes(batch, settled.verdicts), settled.missing
        absent = settling.outcome_if_absent(batch)
        if missing and absent is not None:
            outcomes = [absent if outcome.action == "moved" else outcome for outcome in outcomes]
            missing = []
        second_writes = self.second_writes.after(batch, outcomes)
        self._in_flight.finish(batch, outcomes)
        for second in second_writes:
            self._in_flight.add_second_write(second)
        if missing:
            parts = [self._part(batch, rows) for rows in settling.groups(batch, missing)]
            for part in parts:
                part.looked_for = True
            self._in_flight.queue(*parts)
            if len(parts) > 1:
                self._emit(BatchSplit(batch.id, len(missing), settling.SERVER_ERRORS))

    def _search_failed(self, batch: Batch, error: BaseException) -> None:
        batch.search_failures += 1
        if settling.is_blocked(error):
            self._search_blocked(batch, error)
            return
        failed = isinstance(error, (InDoubt, ReadFailed))
        if failed and batch.search_failures >= SEARCHES_MAX:
            self._give_up(batch, f"the answer was lost, and the look-up failed: {error}")
            return
        self._park_for_search(batch)
        if not failed and not isinstance(error, StopRequested):
            self.fail(error)

    def _search_blocked(self, batch: Batch, error: ApiError) -> None:
        """What can't be read may be there all the same: a row that alone is blocked ends in doubt. If Zoho
        answers no other search, the run stops, unless nothing else is left that it could answer."""
        others_answered = self._blocked.others_answered(batch)
        again = batch.search_failures < SEARCHES_MAX
        if len(batch.rows) > 1:
            parts = [self._part(batch, rows) for rows in settling.halves(batch.rows)]
            self._in_flight.finish(batch, [MOVED] * len(batch.rows))
            for part in parts:
                self._in_flight.park_part(batch, part, self._clock())
            self._emit(BatchSplit(batch.id, len(batch.rows), error.message))
        elif others_answered or (not again and self._in_flight.is_last(batch)):
            self._in_flight.finish(batch, [settling.search_blocked(error)], self._hold_until(batch))
        else:
            self._park_for_search(batch)
            if not again:
                self.fail(error)

    def _park_for_search(self, batch: Batch) -> None:
        self._in_flight.park(batch, self._clock() + self._settling_time.between_reads)

    # -- a request failed -------------------------------------------------------------------------

    def _send_failed(self, batch: Batch, error: BaseException) -> None:
        if isinstance(error, InDoubt):
            self._answer_lost(batch, error)
        elif isinstance(error, Fatal):
            batch.doubted = batch.doubted or error.maybe_applied
            self._refused(batch, error)
        else:
            self._stopped(batch, error)

    def _stopped(self, batch: Batch, error: BaseException) -> None:
        """The run ends. On resume the batch is sent as new if nothing of it was applied, else settled."""
        if settling.was_not_applied(error) and not batch.doubted:
            self._in_flight.queue(batch)
        else:
            self._in_flight.park(batch, self._clock())
        if not isinstance(error, StopRequested):
            self.fail(error)

    def _answer_lost(self, batch: Batch, error: InDoubt) -> None:
        """Zoho may have applied the request."""
        self.doubts_in_a_row += 1
        batch.looked_for = False
        target = self._sender.target_of(batch)
        others_answered = error.by_zoho and error.others_answered
        if target.recovery == "report":
            self._give_up(batch, f"the answer was lost ({error.message}), and there is no key to look for")
            self._watch_for_outage()
        elif target.recovery == "repeat" and others_answered and not self._stopping():
            # The transport has repeated this request, and only this one, until it gave up: one of its
            # records may be what makes Zoho fail.
            batch.doubted = True
            batch.server_errors = settling.SERVER_ERRORS_MAX
            self._halve_or_give_up(batch, error.message)
        else:
            # A search that is answered shows that Zoho is well, and the error was of this batch. Without a
            # search, only the answers to other requests show that.
            batch.server_errors += error.by_zoho if target.searchable else others_answered
            wait = self._settling_time.after(error)
            self._in_flight.park(batch, self._clock() + wait)
            self._emit(BatchDoubted(batch.id, len(batch.rows), wait, error.message))
            if target.recovery == "resend" and not target.searchable:
                self._watch_for_outage()

    def _watch_for_outage(self) -> None:
        """Many lost answers in a row are an outage, where no search in the org tells it from bad luck."""
        if self.doubts_in_a_row >= DOUBTS_IN_A_ROW_MAX:
            self.fail(
                Outage(
                    "Zoho lost one answer after another",
                    hint="Wait until Zoho is well again, then resume the run.",
                )
            )

    # -- Zoho refused a whole request -------------------------------------------------------------

    def _refused(self, batch: Batch, error: Fatal) -> None:
        if error.row is not None and len(batch.rows) > 1:
            # Zoho names the record: the others go without it. Alone it gets an outcome of its own.
            others = [row for at, row in enumerate(batch.rows) if at != error.row]
            self._split(batch, [others, [batch.rows[error.row]]], error.message)
        elif error.may_be_one_record:
            self._look_for_the_row_at_fault(batch, error)
        else:
            self._stopped(batch, error)

    def _look_for_the_row_at_fault(self, batch: Batch, error: ApiError) -> None:
        """Halve the batch until one row is left. The row is at fault if Zoho accepted another request
        meanwhile. If Zoho refuses everything, the reason is another: the second such row stops the run."""
        if batch.refused_when is None:
            batch.refused_when = self._accepted
        if len(batch.rows) > 1:
            self._split(batch, settling.halves(batch.rows), error.message)
        elif batch.doubted:
            self._search_before_blaming(batch, error)
        elif self._accepted > batch.refused_when:
            self._blame(batch, error)
        else:
            self._in_flight.set_aside(batch)
            self._suspects.append((batch, error))
            if len(self._suspects) > 1:
                self.fail(error)

    def _search_before_blaming(self, batch: Batch, error: ApiError) -> None:
        """Zoho may have applied an earlier request with the row, before it began to refuse the row."""
        refusal = settling.whole_refusal(error)
        if self._sender.target_of(batch).searchable:
            batch.refusal = refusal
            self._park_for_search(batch)
        else:
            reason = "an earlier request with this record may have been applied"
            doubt = lost(reason, None, *zoho_says(refusal.reasons))
            self._in_flight.finish(batch, [doubt], self._hold_until(batch))

    def clear_suspects(self) -> None:
        """Zoho accepted a request, or nothing is left to send: the rows that were refused are at fault."""
        for batch, error in self._suspects:
            self._blame(batch, error)
        self._suspects.clear()

    def end_suspects(self) -> None:
        """Nothing is left to ask or to send."""
        self.clear_suspects()
        self._blocked.blame()

    def _blame(self, batch: Batch, error: ApiError) -> None:
        self._in_flight.finish(batch, [settling.whole_refusal(error)], self._hold_until(batch))

    # -- the settling time of a batch is over -----------------------------------------------------

    def come_due(self, batch: Batch) -> None:
        """Decide how a parked batch goes on."""
        target = self._sender.target_of(batch)
        step = settling.next_step(batch, target)
        if step.kind == "search":
            self._in_flight.search_next(batch)
        elif step.kind == "resend":
            self._in_flight.resend_next(batch)
        elif step.kind == "halve":
            self._halve_or_give_up(batch, step.why)
        else:
            # Of a batch that is resent, the settling time is over for every request with it: no late one is
            # left that its keys would have to be held for.
            late = target.recovery != "resend"
            self._give_up(batch, step.why, self._hold_until(batch) if late else None)

    # -- what several of these do -----------------------------------------------------------------

    def _hold_until(self, batch: Batch) -> float | None:
        """Until when the keys of a finished batch stay fenced: an earlier request with it may arrive late,
        and overwrite what a later row wrote. Counted from now, since only the transport knows when the
        request was sent for the last time. An insert overwrites nothing.
        """
        if not batch.doubted or self._sender.target_of(batch).operation == "insert":
            return None
        return self._clock() + self._settling_time.longest

    def _give_up(self, batch: Batch, reason: str, held_until: float | None = None) -> None:
        """All rows of the batch end in doubt."""
        self._in_flight.finish(batch, settling.in_doubt(batch, reason), held_until)

    def _halve_or_give_up(self, batch: Batch, why: str) -> None:
        if len(batch.rows) > 1:
            self._split(batch, settling.halves(batch.rows), why)
        else:
            reason = f"Zoho answered with a server error each time ({why}); it may have been applied"
            self._give_up(batch, reason, self._hold_until(batch))

    def _split(self, batch: Batch, groups: list[list[PreparedRow]], why: str) -> None:
        self._in_flight.split(batch, *[self._part(batch, rows) for rows in groups])
        self._emit(BatchSplit(batch.id, len(batch.rows), why))

    def _part(self, batch: Batch, rows: list[PreparedRow]) -> Batch:
        return self._sender.part(batch, self._in_flight.producer.take_id(), rows)
