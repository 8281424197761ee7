"""Required references (`when_open="stop"`): collected in a first pass, checked before the first write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.model.outcomes import REFERENCE_OPEN, Outcome
from zmigrate.engine.pipeline.resolver import Answers, Resolver, Wanted
from zmigrate.engine.storage.scratch import scratch_db
from zmigrate.errors import UsageError
from zmigrate.job.references import Find, Ref
from zmigrate.reasons import told
from zmigrate.rows.conversion.open_id import OpenId

SHOWN = 10
AT_ONCE = 500


class RequiredReferences:
    """Keeps each such reference once, with its first line, in a temporary database."""

    def __init__(
        self,
        resolver: Resolver,
        ask: Callable[[Wanted], Answers],
        note: Callable[[PreparedRow, Outcome], None] | None = None,
    ) -> None:
        """`ask` asks the org for a `Find`'s values. `note` takes the open references; then none is raised."""
        self._resolver = resolver
        self._ask = ask
        self._note = note
        self._db = scratch_db()
        self._db.execute(
            "CREATE TABLE required (module TEXT, by TEXT, value TEXT, found INTEGER, ignore_case INTEGER,"
            " field TEXT, line INTEGER, PRIMARY KEY (module, by, value, found, ignore_case)) WITHOUT ROWID"
        )

    def add(self, row: PreparedRow) -> None:
        """Add the references of a row that stop the run if they stay open."""
        for open_id in row.open:
            reference = open_id.reference
            if reference.when_open != "stop":
                continue
            value, found = (reference.value, True) if isinstance(reference, Find) else (reference.key, False)
            self._db.execute(
                "INSERT OR IGNORE INTO required VALUES (?,?,?,?,?,?,?)",
                (
                    reference.module,
                    reference.field or "",
                    value,
                    found,
                    reference.ignore_case,
                    open_id.field,
                    row.line,
                ),
            )

    def check(self, is_own: Callable[[Ref], bool]) -> None:
        """Raise UsageError that lists the open references. `is_own`: whether this source has a key."""
        shown: list[str] = []
        count = 0
        for row, outcome in self._open_ones(is_own):
            if self._note is not None:
                self._note(row, outcome)
                continue
            count += 1
            if len(shown) < SHOWN:
                (reason,) = outcome.reasons  # of the one reference that its row has
                shown.append(f"line {row.line}: {reason.field}: {told(reason)}")
        self._db.close()
        if count:
            more = [f"... and {count - SHOWN:,} more"] if count > SHOWN else []
            raise UsageError(
                "\n".join(
                    ["required references find no record, or several; nothing was written:", *shown, *more]
                ),
                hint="Fix the source, load the records that they refer to first, or let such rows fail.",
                code=REFERENCE_OPEN,
            )

    def _open_ones(self, is_own: Callable[[Ref], bool]) -> Iterator[tuple[PreparedRow, Outcome]]:
        rows = (row for row in self._rows() if not _is_own(row, is_own))
        while some := list(islice(rows, AT_ONCE)):
            waiting, ended = self._resolver.resolve(some)
            yield from ended
            for wanted in self._resolver.wanted(waiting):
                self._resolver.learn(wanted.place, self._ask(wanted))
            yield from self._resolver.resolve(waiting)[1]

    def _rows(self) -> Iterator[PreparedRow]:
        """One row for each reference, with just enough in it to resolve the reference."""
        stored = self._db.execute("SELECT * FROM required ORDER BY line")
        for module, by, value, found, ignore_case, field, line in stored:
            reference = (
                Find(module, by, value, "stop", bool(ignore_case))
                if found
                else Ref(module, value, by or None, "stop", bool(ignore_case))
            )
            open_id = OpenId(reference, field)
            yield PreparedRow(line, line, None, None, {field: open_id}, None, (open_id,))


def _is_own(row: PreparedRow, is_own: Callable[[Ref], bool]) -> bool:
    reference = row.open[0].reference
    return isinstance(reference, Ref) and is_own(reference)
