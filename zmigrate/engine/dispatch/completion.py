"""What a finished task means for its batch: outcomes, doubt, halves, or a stop. Main thread only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from zmigrate.engine.dispatch import open_rows
from zmigrate.engine.dispatch import settling as settle
from zmigrate.engine.dispatch.in_flight import InFlight
from zmigrate.engine.dispatch.ownership import Ownership
from zmigrate.engine.dispatch.second_writes import SecondWrites
from zmigrate.engine.dispatch.sender import LookedUp, Searched, Sender, Sent, Written
from zmigrate.engine.dispatch.settling import SettlingTime
from zmigrate.engine.dispatch.verdicts import Verdict, org_full
from zmigrate.engine.model import deferred_links as links
from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.outcomes import MOVED, Outcome, found_by, lost, zoho_says
from zmigrate.engine.pipeline.resolver import Resolver
from zmigrate.errors import ApiError, Fatal, InDoubt, Outage, PausedError, ReadFailed, RefusedError
from zmigrate.events import BatchDoubted, BatchSplit, Emit
from zmigrate.stopping import StopRequested
from zmigrate.zoho.clock import steady_time
from zmigrate.zoho.workers import Finished

DOUBTS_IN_A_ROW_MAX = 8
"""Lost answers with nothing answered between, after which a run that can't settle them pauses."""

SEARCHES_MAX = 5
"""Failed looks for a batch in doubt, after which its rows are reported in doubt."""


class Completions:
    """Takes what workers finished. `failure` is the error that ends the run once what is in flight has come
    home.
    """

    def __init__(
        self,
        flight: InFlight,
        sender: Sender,
        resolver: Resolver,
        settling: SettlingTime,
        emit: Emit,
        stopping: Callable[[], bool],
        clock: Callable[[], float] = steady_time,
    ) -> None:
        self._flight = flight
        self._sender = sender
        self._target = sender.target
        self._claims = Ownership(flight.journal, sender.target)
        self._resolver = resolver
        self.second_writes = SecondWrites(flight, sender, resolver)
        self._settling = settling
        self._emit = emit
        self._stopping = stopping
        self._clock = clock
        self._accepted = 0
        """Write requests that Zoho accepted, in this session."""
        self._suspects: list[tuple[Batch, ApiError]] = []
        """Single rows that Zoho refused a whole request for, with nothing accepted since."""
        self.failure: BaseException | None = None
        self.doubts_in_a_row = 0
        self.found_by_another: Counter[str] = Counter()
        """Records that an upsert changed although they had not the key, by the field that Zoho went by."""

    def take(self, finished: Finished[Batch]) -> None:
        """Apply one finished task."""
        batch, value, error = finished.tag, finished.value, finished.error
        if isinstance(value, Written):
            self._answered(batch, value.outcomes)
        elif isinstance(value, Sent):
            batch.doubted = batch.doubted or value.doubted
            self._sent(batch, value.verdicts)
        elif isinstance(value, Searched):
            self._searched(batch, value)
        elif isinstance(value, LookedUp):
            self._looked_up(batch, value)
        elif error is not None:
            self._failed(batch, error)

    def fail(self, error: BaseException) -> None:
        """The run ends with this error; the first one counts."""
        if self.failure is None:
            self.failure = error

    # -- answers ----------------------------------------------------------------------------------

    def _sent(self, batch: Batch, verdicts: list[Verdict]) -> None:
        """Rows that the answer leaves open are settled as after a lost answer; the others have ended."""
        doubts_in_a_row = self.doubts_in_a_row
        outcomes = self._claims.outcomes(batch, verdicts)
        parts = open_rows.go_on(batch, verdicts, outcomes, self._sender.target_of(batch).recovery)
        self._answered(batch, outcomes)
        for part in parts:
            child = self._child(batch, part.rows)
            child.open_answers += part.left_open == "unknown"
            child.looked_for = part.left_open == "absent"
            wait = self._settling.after(InDoubt(part.why))
            self._flight.park_part(batch, child, self._clock() + wait)
            self._emit(BatchDoubted(child.id, len(child.rows), wait, part.why))
        if open_rows.tells_nothing(batch, verdicts):
            self.doubts_in_a_row = doubts_in_a_row + 1
            self._watch_for_outage()

    def _answered(self, batch: Batch, outcomes: list[Outcome]) -> None:
        self.doubts_in_a_row = 0
        self._accepted += 1
        if self.failure is None:
            self.clear_suspects()
        if self._target.others:
            self.found_by_another.update(filter(None, map(found_by, outcomes)))
        seconds = self.second_writes.after(batch, outcomes)
        left = self._left_by_full_org(batch, outcomes)
        self._flight.finish(batch, outcomes, self._hold_until(batch))
        for second in seconds:
            self._flight.put_by(second)
        if left is not None:
            self._flight.queue(left)

    def _left_by_full_org(self, batch: Batch, outcomes: list[Outcome]) -> Batch | None:
        """Rows that Zoho refused since the org takes no more are not at fault: they wait for the resume, in a
        batch of their own, and the run stops. Their outcomes here say that they moved."""
        full = {index: error for index, outcome in enumerate(outcomes) if (error := org_full(outcome))}
        if not full:
            return None
        left = self._child(batch, [batch.rows[index] for index in full])
        for index, error in full.items():
            outcomes[index] = MOVED
            self.fail(error)
        return left

    def _hold_until(self, batch: Batch) -> float | None:
        """A repeated update, upsert or delete keeps its keys fenced: the late original could overwrite a
        later row. Counted from now, since only the transport knows when it was sent for the last time.
        """
        if not batch.doubted or self._sender.target_of(batch).operation == "insert":
            return None
        return self._clock() + self._settling.longest

    def _looked_up(self, batch: Batch, looked: LookedUp) -> None:
        flight = self._flight
        flight.unrecorded.pop(batch.id, None)
        flight.in_flight.pop(batch.id, None)
        for place, answers in looked.answers:
            self._resolver.learn(place, answers)
        if batch.links_wait:
            batch.resolved = True
            flight.links.append(batch)
            return
        rows, ended = self._resolver.resolve(batch.rows)
        for row, outcome in ended:
            flight.decide(row, outcome)
        by_number = {row.number: row for row in rows}
        updates: list[PreparedRow] = []
        for row, found in zip(batch.rows, looked.found, strict=False):
            if row.number not in by_number:
                continue
            if isinstance(found, Outcome):
                flight.decide(by_number.pop(row.number), found)
            elif found is not None and self._target.looked_up:
                by_number[row.number] = row._replace(record={**row.record, "id": found})
            elif found is not None:
                updates.append(links.update_row(by_number.pop(row.number), found, self._target.key))
        inserts = Batch(id=batch.id, rows=list(by_number.values()), resolved=True) if by_number else None
        second = self.second_writes.of(updates, "update") if updates else None
        for ready in filter(None, (second, inserts)):
            ready.body = self._sender.body(ready)
            flight.give_out(ready)
            flight.ready.appendleft(ready)

    # -- doubt ------------------------------------------------------------------------------------

    def _failed(self, batch: Batch, error: BaseException) -> None:
        if batch.state != "sent":
            self._look_up_failed(batch, error)
        elif batch.searching:
            self._search_failed(batch, error)
        elif isinstance(error, InDoubt):
            self._doubted(batch, error)
        elif isinstance(error, Fatal):
            batch.doubted = batch.doubted or error.maybe_applied
            self._refused(batch, error)
        else:
            self._stopped(batch, error)

    def _refused(self, batch: Batch, error: Fatal) -> None:
        """Zoho refused the whole request."""
        if error.row is not None and len(batch.rows) > 1:
            self._set_apart(batch, error.row, error.message)
        elif error.may_be_one_record:
            self._refused_whole(batch, error)
        else:
            self._stopped(batch, error)

    def _stopped(self, batch: Batch, error: BaseException) -> None:
        """The request was not applied, or may be repeated: the batch waits for the resume.

        What the transport repeats may have been applied before the attempt that was refused; a stop that
        comes then is told as InDoubt.
        """
        not_applied = isinstance(error, StopRequested) or (
            isinstance(error, (RefusedError, ApiError, PausedError)) and not error.maybe_applied
        )
        if not_applied and not batch.doubted:
            self._flight.queue(batch)
        else:
            self._flight.park(batch, self._clock())
        if not isinstance(error, StopRequested):
            self.fail(error)

    def _doubted(self, batch: Batch, error: InDoubt) -> None:
        self.doubts_in_a_row += 1
        batch.looked_for = False
        server_error = error.by_zoho
        others_answered = server_error and error.others_answered
        target = self._sender.target_of(batch)
        recovery = target.recovery
        if recovery == "report":
            self._flight.finish(
                batch,
                settle.in_doubt(
                    batch, f"the answer was lost ({error.message}), and there is no key to look for"
                ),
            )
            self._watch_for_outage()
        elif recovery == "repeat" and not self._stopping() and others_answered:
            batch.doubted = True
            batch.server_errors = settle.SERVER_ERRORS_MAX
            self._halve_or_give_up(batch, error.message)
        else:
            # Where a look into the org comes first, its answer is what tells this from an outage.
            batch.server_errors += server_error if target.searchable else others_answered
            wait = self._settling.after(error)
            self._flight.park(batch, self._clock() + wait)
            self._emit(BatchDoubted(batch.id, len(batch.rows), wait, error.message))
            if recovery == "resend" and not target.searchable:
                self._watch_for_outage()

    def _watch_for_outage(self) -> None:
        """Where no look into the org tells an outage from bad luck, many lost answers in a row do."""
        if self.doubts_in_a_row >= DOUBTS_IN_A_ROW_MAX:
            self.fail(
                Outage(
                    "Zoho lost one answer after another",
                    hint="Wait until Zoho is well again, then resume the run.",
                )
            )

    def _halve_or_give_up(self, batch: Batch, why: str) -> None:
        if len(batch.rows) > 1:
            self._halve(batch, why)
        else:
            reason = f"Zoho answered with a server error each time ({why}); it may have been applied"
            self._flight.finish(batch, settle.in_doubt(batch, reason), self._hold_until(batch))

    def _halve(self, batch: Batch, why: str) -> None:
        self._split(batch, settle.halves(batch.rows), why)

    def _set_apart(self, batch: Batch, index: int, why: str) -> None:
        """Zoho refused the whole request for one record, which it names: the others go without it, and what
        Zoho says of it alone is its outcome."""
        others = [row for at, row in enumerate(batch.rows) if at != index]
        self._split(batch, [others, [batch.rows[index]]], why)

    def _split(self, batch: Batch, parts: list[list[PreparedRow]], why: str) -> None:
        children = [self._child(batch, rows) for rows in parts]
        self._flight.finish(batch, [MOVED] * len(batch.rows))
        self._flight.queue(*children)
        self._emit(BatchSplit(batch.id, len(batch.rows), why))

    def _refused_whole(self, batch: Batch, error: ApiError) -> None:
        """One record can make Zoho refuse the request: halve until it is found.

        If nothing at all was accepted meanwhile, it is not the record: the second such row stops the run.
        """
        if batch.refused_when is None:
            batch.refused_when = self._accepted
        if len(batch.rows) > 1:
            self._halve(batch, error.message)
        elif batch.doubted:
            self._look_before_blaming(batch, error)
        elif self._accepted > batch.refused_when:
            self._flight.finish(batch, [settle.whole_refusal(error)], self._hold_until(batch))
        else:
            self._flight.set_aside(batch)
            self._suspects.append((batch, error))
            if len(self._suspects) > 1:
                self.fail(error)

    def _look_before_blaming(self, batch: Batch, error: ApiError) -> None:
        """A request with the row may have been applied before Zoho began to refuse it."""
        refusal = settle.whole_refusal(error)
        if self._sender.target_of(batch).searchable:
            batch.refusal = refusal
            self._flight.park(batch, self._clock() + self._settling.between_reads)
        else:
            reason = "an earlier request with this record may have been applied"
            doubt = lost(reason, None, *zoho_says(refusal.reasons))
            self._flight.finish(batch, [doubt], self._hold_until(batch))

    def clear_suspects(self) -> None:
        """Something was accepted, or nothing is left to send: the rows that were refused are at fault."""
        for batch, error in self._suspects:
            self._flight.finish(batch, [settle.whole_refusal(error)], self._hold_until(batch))
        self._suspects.clear()

    def come_due(self, batch: Batch) -> None:
        """The settling time of a batch in doubt is over: look for its rows, or send it again."""
        flight, target = self._flight, self._sender.target_of(batch)
        recovery = target.recovery
        if recovery == "query" or batch.refusal is not None:
            batch.searching = True
        elif recovery == "resend":
            hopeless = settle.given_up(batch)
            if target.searchable and (hopeless or settle.suspect(batch)):
                batch.searching = True
            elif hopeless:
                flight.finish(batch, settle.in_doubt(batch, settle.hopeless(batch)))
                return
            elif settle.suspect(batch):
                self._halve(batch, "server errors for this batch alone")
                return
        elif batch.open_answers and settle.given_up(batch):
            flight.finish(batch, settle.in_doubt(batch, settle.hopeless(batch)), self._hold_until(batch))
            return
        elif batch.sends >= settle.SESSIONS_MAX and not (batch.open_answers or batch.looked_for):
            self._halve_or_give_up(batch, "it was never answered, in several sessions")
            return
        flight.send_again(batch)

    # -- settling ---------------------------------------------------------------------------------

    def _searched(self, batch: Batch, searched: Searched) -> None:
        batch.searching = False
        settled = settle.settle(batch, searched)
        if settled is None:
            batch.misses += 1
            self._flight.park(batch, self._clock() + self._settling.between_reads)
            return
        outcomes = self._claims.outcomes(batch, settled.verdicts)
        if settled.missing and (batch.refusal is not None or settle.given_up(batch)):
            failed = batch.server_errors or batch.open_answers
            absent = settle.poisoned(batch) if failed else lost(settle.hopeless(batch))
            absent = batch.refusal or absent
            outcomes = [absent if outcome.action == "moved" else outcome for outcome in outcomes]
            settled = settle.Settled(settled.verdicts, [])
        seconds = self.second_writes.after(batch, outcomes)
        self._flight.finish(batch, outcomes)
        for second in seconds:
            self._flight.put_by(second)
        if settled.missing:
            groups = settle.groups(batch, settled.missing)
            children = [self._child(batch, rows) for rows in groups]
            for child in children:
                child.looked_for = True
            self._flight.queue(*children)
            if len(groups) > 1:
                self._emit(BatchSplit(batch.id, len(settled.missing), "server errors for this batch alone"))

    def _child(self, batch: Batch, rows: list[PreparedRow]) -> Batch:
        return self._sender.part(batch, self._flight.producer.take_id(), rows)

    def _search_failed(self, batch: Batch, error: BaseException) -> None:
        batch.searching = False
        batch.search_failures += 1
        failed = isinstance(error, (InDoubt, ReadFailed))
        retry = failed and batch.search_failures < SEARCHES_MAX
        if failed and not retry:
            self._flight.finish(
                batch, settle.in_doubt(batch, f"the answer was lost, and the look-up failed: {error}")
            )
            return
        self._flight.park(batch, self._clock() + self._settling.between_reads)
        if not retry and not isinstance(error, StopRequested):
            self.fail(error)

    def _look_up_failed(self, batch: Batch, error: BaseException) -> None:
        """Nothing was written: the rows are read again on resume."""
        flight = self._flight
        flight.in_flight.pop(batch.id, None)
        batch.search_failures += 1
        again = isinstance(error, InDoubt) and batch.search_failures < SEARCHES_MAX
        if batch.links_wait:
            flight.links.append(batch)
        elif again:
            flight.ready.appendleft(batch)
        if isinstance(error, InDoubt):
            error = Outage(f"the keys could not be looked up: {error.message}")
        if not again and not isinstance(error, StopRequested):
            self.fail(error)
