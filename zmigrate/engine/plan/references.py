"""References of rows by key: to rows of this file and of earlier files, to earlier runs, to the org."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Literal, TypeAlias

import orjson

from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.model.keys import EXACT, UNASKABLE, choose, match_of
from zmigrate.engine.model.outcomes import INVALID_DATA, REFERENCE_AMBIGUOUS, REFERENCE_OPEN
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.resolver import Answers, IdLookup, Wanted, ask, some_of
from zmigrate.engine.plan.book import Book, Reject
from zmigrate.engine.plan.planned_keys import NOT_YET, PlannedKeys
from zmigrate.engine.plan.record_ids import IDS_ASKED
from zmigrate.engine.preflight.first_reads import FirstReads
from zmigrate.errors import Fatal, RefusedError
from zmigrate.job.references import Find
from zmigrate.reasons import Reason
from zmigrate.zoho.coql import can_query
from zmigrate.zoho.facts.limits import COQL_IN_VALUES, IDS_PER_READ

AT_ONCE = 500

_OPEN = (
    "FROM reference r WHERE r.state='open' AND r.when_open=?"
    " AND NOT (r.kind='ref' AND r.module=? AND r.by IN ('', ?) AND EXISTS"
    " (SELECT 1 FROM row WHERE row.folded=fold_own(r.value) AND row.fate<>'refused'))"
)
"""References that find no record, not even a row of this source."""

_Alike: TypeAlias = dict[str, list[str]]
"""The spellings of each folded value: one is looked up for all of them."""


class References:
    """Notes the references of rows, and finds the open ones. `known` is asked in order for what other
    files and runs wrote.
    """

    def __init__(
        self,
        target: Target,
        book: Book,
        reads: FirstReads,
        known: Sequence[IdLookup],
        planned: PlannedKeys | None = None,
    ) -> None:
        self._target = target
        self._book = book
        self._reads = reads
        self._known = known
        self._planned = planned
        self.seen = False
        """Some row has a reference."""
        self.not_asked: dict[str, str] = {}
        """By module, why `Find`s were not looked up."""
        self.asked_values = 0
        """Different values that `Find`s ask the org for."""
        self._taken_up = 0
        """The number of the last reject whose key was taken up."""
        self._there_is: dict[str, dict[str, bool]] = {}
        """By module, whether the records of earlier runs that were looked for still exist."""

    def note(self, row: PreparedRow) -> None:
        """Keep a row's references."""
        for open_id in row.open:
            self.seen = True
            reference = open_id.reference
            if isinstance(reference, Find):
                parts = (reference.module, reference.field, reference.value, "find")
            else:
                parts = (reference.module, reference.field or "", reference.key, "ref")
            self._book.note("reference", (*parts, open_id.field, reference.when_open, row.number, row.line))

    def look_up(self) -> None:
        """Look up each reference, once for all rows that have it."""
        db = self._book.db
        self._book.flush()
        db.create_function("fold_own", 1, self._target.fold, deterministic=True)
        db.execute("CREATE INDEX reference_value ON reference (module, by, kind, value)")
        db.execute("CREATE INDEX IF NOT EXISTS row_folded ON row (folded)")
        places = db.execute("SELECT DISTINCT module, by, kind FROM reference").fetchall()
        for module, by, kind in places:
            if kind == "find":
                self._from_org(module, by)
            else:
                self._from_known(module, by, kind)
        db.execute("UPDATE reference SET state='open' WHERE state='unknown' AND kind='ref'")

    def open_ones(
        self, column_of: Mapping[str, str], of: Literal["passed", "refused"] = "passed"
    ) -> Iterator[Reject]:
        """Rejects for references that find no record or several: of rows that have passed so far, or of
        rows that are refused for other reasons. A refused row leaves the references to it open: call this
        until nothing comes.
        """
        fate = "<>'refused'" if of == "passed" else "='refused'"
        own = (
            "SELECT 1 FROM row WHERE row.folded=fold_own(r.value) AND row.fate<>'refused'"
            if self._target.key is not None
            else "SELECT 1 WHERE 0"
        )
        found = self._book.spooled(
            "SELECT r.number, r.line, me.key, r.field, r.module, r.by, r.value, r.kind, r.state, r.ids"  # noqa: S608
            f" FROM reference r JOIN row me ON me.number=r.number AND me.fate{fate}"
            " WHERE (r.state IN ('several', 'gone', 'unaskable')"
            " OR (r.state='open' AND r.when_open<>'leave_out'))"
            " AND NOT (r.state='open' AND r.kind='ref' AND r.module=? AND r.by IN ('', ?)"
            f" AND EXISTS ({own}))"
            " ORDER BY r.number",
            (self._target.module, self._target.key or ""),
        )
        for number, line, key, field, module, by, value, kind, state, ids in found:
            where = self._refused_row(module, by, value) if kind == "ref" and state == "open" else None
            if where is None:
                reason = _why(field, module, by, value, kind, state, orjson.loads(ids or "[]"))
            else:
                message = (
                    f"the {module} record with the key {value!r} is in {where}, which would be refused itself"
                )
                reason = Reason(REFERENCE_OPEN, field, message, value)
            yield Reject(number, line, key, column_of.get(field), reason, follows=where is not None)

    def _refused_row(self, module: str, by: str, value: str) -> str | None:
        """The place of a row with this key that is refused itself, or None."""
        if module == self._target.module and by in ("", self._target.key):
            self._take_up_refused()
            found = self._book.db.execute(
                "SELECT line FROM refused_key WHERE folded=?", (self._target.fold(value),)
            ).fetchone()
            if found is not None:
                return f"line {found[0]}"
        return None if self._planned is None else self._planned.refused(module, value, by or None)

    def _take_up_refused(self) -> None:
        db = self._book.db
        db.execute("CREATE TEMP TABLE IF NOT EXISTS refused_key (folded TEXT PRIMARY KEY, line INTEGER)")
        keys = ((self._target.fold(key), line) for key, line in self._book.rejected_keys(self._taken_up))
        db.executemany("INSERT OR IGNORE INTO refused_key VALUES (?,?)", keys)
        self._taken_up = db.execute("SELECT coalesce(max(id), 0) FROM reject").fetchone()[0]

    def counts(self, when_open: str) -> list[tuple[str, int, list[int]]]:
        """Open references with this choice: (field, how many, first lines)."""
        values = (when_open, self._target.module, self._target.key or "")
        found = self._book.db.execute(f"SELECT r.field, COUNT(*) {_OPEN} GROUP BY r.field", values).fetchall()
        lines = f"SELECT r.line {_OPEN} AND r.field=? ORDER BY r.number LIMIT 3"
        return [
            (field, times, [line for (line,) in self._book.db.execute(lines, (*values, field))])
            for field, times in found
        ]

    def _from_known(self, module: str, by: str, kind: str) -> None:
        for values in self._values(module, by, kind):
            answers: dict[str, list[str]] = {}
            for lookup in self._known:
                found = lookup.find(module, values, by or None)
                answers |= {value: one.ids for value, one in found.items() if one.ids}
            written = {value: ids[0] for value, ids in answers.items() if len(ids) == 1 and ids[0] != NOT_YET}
            absent = self._gone(module, written.values())
            for value, record_id in written.items():
                if record_id in absent:
                    self._mark("gone", module, by, kind, [value], [record_id])
            self._learn(module, by, kind, answers)

    def _gone(self, module: str, ids: Iterable[str]) -> set[str]:
        """The records with these ids that no longer exist; none once enough ids were looked up."""
        there_is = self._there_is.setdefault(module, {})
        ids = list(dict.fromkeys(ids))
        wanted = [one for one in ids if one not in there_is][: IDS_ASKED - len(there_is)]
        batches = [wanted[start : start + IDS_PER_READ] for start in range(0, len(wanted), IDS_PER_READ)]
        tasks = ((batch, partial(self._reads.crm.records_by_id, module, batch, ["id"])) for batch in batches)
        try:
            for batch, there in self._reads.side_by_side(tasks):
                there_is |= {one: one in there for one in batch}
        except (Fatal, RefusedError) as error:
            self.not_asked[module] = error.message
        return {one for one in ids if not there_is.get(one, True)}

    def _from_org(self, module: str, by: str) -> None:
        crm = self._reads.crm
        try:
            field = crm.fields(module).get(by)
            number = field is not None and field.whole_number
            match = EXACT if field is None else match_of(field)

            def tasks() -> Iterator[tuple[_Alike, Callable[[], Answers]]]:
                for found in self._values(module, by, "find"):
                    values = [value for value in found if can_query(value)]
                    self._mark("unaskable", module, by, "find", set(found) - set(values))
                    for start in range(0, len(values), COQL_IN_VALUES):
                        alike: _Alike = {}
                        for value in values[start : start + COQL_IN_VALUES]:
                            alike.setdefault(match(value), []).append(value)
                        some = [same[0] for same in alike.values()]
                        self.asked_values += len(some)
                        yield alike, partial(ask, crm, Wanted((module, by), some, number))

            for alike, answers in self._reads.side_by_side(tasks()):
                same = {
                    value: choose(value, answers[values[0]], match, ignore_case=False).ids
                    for values in alike.values()
                    for value in values
                }
                self._learn(module, by, "find", self._with_planned(module, by, same, match))
        except (Fatal, RefusedError) as error:
            self.not_asked[module] = error.message

    def _with_planned(
        self, module: str, by: str, answers: Mapping[str, Sequence[str]], fold: Callable[[str], str]
    ) -> Mapping[str, Sequence[str]]:
        """What the org has, with what the earlier files will have added or changed."""
        if self._planned is None:
            return answers
        planned = self._planned
        rows = planned.rows_with(module, by, list(answers), fold)
        kept = {
            value: [one for one in ids if not planned.renamed(module, by, one, fold(value))]
            for value, ids in answers.items()
        }
        return {value: list(dict.fromkeys([*ids, *rows.get(value, ())])) for value, ids in kept.items()}

    def _values(self, module: str, by: str, kind: str) -> Iterator[list[str]]:
        """Different values whose state is not known yet, some hundred together."""
        last = ""
        first = True
        while True:
            found = [
                value
                for (value,) in self._book.db.execute(
                    "SELECT DISTINCT value FROM reference WHERE module=? AND by=? AND kind=?"
                    " AND state='unknown' AND (? OR value>?) ORDER BY value LIMIT ?",
                    (module, by, kind, first, last, AT_ONCE),
                )
            ]
            if not found:
                return
            yield found
            first, last = False, found[-1]

    def _learn(self, module: str, by: str, kind: str, answers: Mapping[str, Sequence[str]]) -> None:
        for value, ids in answers.items():
            if len(ids) > 1:
                self._mark("several", module, by, kind, [value], ids)
        self._mark("found", module, by, kind, [value for value, ids in answers.items() if len(ids) == 1])
        self._mark("open", module, by, kind, [value for value, ids in answers.items() if not ids])

    def _mark(
        self,
        state: str,
        module: str,
        by: str,
        kind: str,
        values: Iterable[str],
        ids: Sequence[str] | None = None,
    ) -> None:
        """`ids`: the records that the values stand for, if they matter."""
        stored = None if ids is None else orjson.dumps(list(ids)).decode()
        states = [(state, stored, module, by, kind, value) for value in values]
        self._book.db.execute("BEGIN")
        self._book.db.executemany(
            "UPDATE reference SET state=?, ids=?"
            " WHERE module=? AND by=? AND kind=? AND value=? AND state='unknown'",
            states,
        )
        self._book.db.execute("COMMIT")


def _why(field: str, module: str, by: str, value: str, kind: str, state: str, ids: Sequence[str]) -> Reason:
    what = f"{module} record with {by if kind == 'find' else 'the key'} {value!r}"
    if state == "several":
        several = f"there is more than one {what}: {some_of(ids)}"
        return Reason(REFERENCE_AMBIGUOUS, field, several, value)
    if state == "gone":
        gone = f"the {what} ({ids[0]}) is no longer in the org"
        return Reason(INVALID_DATA, field, gone, value, "`zmigrate ids check` forgets such records")
    if state == "unaskable":
        why = UNASKABLE
    elif kind == "find":
        why = "not in the org, and not in earlier files"
    else:
        why = "not in this file, and not in earlier runs"
    return Reason(REFERENCE_OPEN, field, f"there is no {what}: {why}", value)
