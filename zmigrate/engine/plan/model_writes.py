"""Writes batches into the model of the org, and answers as Zoho would. Main thread only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from zmigrate.engine.dispatch.zoho_reasons import ZohoReason
from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.keys import KeyField
from zmigrate.engine.model.outcomes import INVALID_DATA
from zmigrate.engine.model.target import Target
from zmigrate.engine.plan.compare import Comparison
from zmigrate.engine.plan.judge import Judge
from zmigrate.engine.plan.org_model import Known, OrgModel, Record
from zmigrate.reasons import Reason
from zmigrate.zoho.answers import Details, Done
from zmigrate.zoho.metadata import ModuleFields

Reply: TypeAlias = Done | list[ZohoReason]
"""What Zoho would say of a row: written, or why not."""

CHANGES_NOTHING = "CHANGES_NOTHING"
OVERWRITES = "OVERWRITES"
NOT_ASKED = "NOT_ASKED"
REMARKS = frozenset([CHANGES_NOTHING, OVERWRITES, NOT_ASKED])
"""Codes of what only a plan says of a row that would be written."""

LINES_KEPT = 3


@dataclass(slots=True)
class Sightings:
    """How often something was seen, by field, and the first lines where."""

    rows: Counter[str] = field(default_factory=Counter)
    lines: list[int] = field(default_factory=list)

    def add(self, name: str, line: int) -> None:
        self.rows[name] += 1
        if len(self.lines) < LINES_KEPT:
            self.lines.append(line)


@dataclass(slots=True)
class Erasures:
    """The values that rows erase, by field."""

    seen: dict[str, Sightings] = field(default_factory=dict)
    there: Counter[str] = field(default_factory=Counter)
    """How many of them the records have now."""
    unread: set[str] = field(default_factory=set)
    """Fields of which that is not known of all records."""

    def note(self, record: Record, known: Known, line: int) -> None:
        """A row writes `record` over a known one."""
        for name, value in record.items():
            if value is not None and value != []:
                continue
            self.seen.setdefault(name, Sightings()).add("", line)
            self.there[name] += known.body.get(name) not in (None, "", [])
            if name not in known.body:
                self.unread.add(name)


class ModelWrites:
    """Writes the batches of one record job."""

    def __init__(
        self,
        model: OrgModel,
        target: Target,
        fields: ModuleFields,
        keys: Sequence[KeyField],
        judge: Judge,
    ) -> None:
        """`keys`: the key of the target, then the unique fields of the module."""
        self._model = model
        self._target = target
        self._keys = keys
        self._judge = judge
        self._comparison = Comparison(fields)
        self._unasked: frozenset[int] = frozenset()
        """Numbers of rows of this batch for which the org is not asked."""
        self.remarks: dict[int, Reason] = {}
        """What is to be said of the rows of the last batch, by their numbers."""
        self.namesakes = Sightings()
        """Records that would be created beside one with the same key."""
        self.namesakes_in_file = Sightings()
        """The same, if all of these are records of earlier rows."""
        self.found_by_another = Sightings()
        """Upserts that Zoho would send to a record found by another unique field."""
        self.keys_replaced: Counter[str] = Counter()
        """The upserts among these that would replace the record's own key."""
        self.other_spelling = Sightings()
        """Upserts that would hit a record whose key has other letter case."""
        self.erasures = Erasures()

    def write(self, target: Target, batch: Batch, unasked: frozenset[int] = frozenset()) -> list[Reply]:
        """The replies to a batch, row by row. `unasked`: numbers of rows for which the org was not asked."""
        self.remarks.clear()
        self._unasked = unasked
        write = {
            "insert": self._insert,
            "update": self._update,
            "upsert": self._upsert,
            "delete": self._delete,
        }[target.operation]
        replies = [write(row, batch) for row in batch.rows]
        self._model.add_created(target.module)
        return replies

    def _insert(self, row: PreparedRow, batch: Batch) -> Reply:
        record = row.record
        reasons = self._judge.of_new(record)
        reasons += self._judge.taken(record)
        if reasons:
            return reasons
        target = self._target
        may_double = target.key is not None and target.key_kind == "plain" and target.on_existing is None
        if may_double:
            self._note_namesakes(row)
        self._judge.count_lacking(record)
        if row.number in self._unasked and any(key.text_of(record) is not None for key in self._keys):
            self.remarks[row.number] = _NOT_ASKED
        return _done(self._model.create(record, row.line), "insert")

    def _note_namesakes(self, row: PreparedRow) -> None:
        key, module = self._keys[0], self._target.module
        hits = self._model.with_key(module, key, row.key or "")
        known = [self._model.record(module, record_id) for record_id, _ in hits]
        if known:
            of_file = all(each is not None and each.line is not None for each in known)
            (self.namesakes_in_file if of_file else self.namesakes).add(key.name, row.line)

    def _upsert(self, row: PreparedRow, batch: Batch) -> Reply:
        for key in self._keys:
            text = row.key if key.name == self._target.key else key.text_of(row.record)
            hits = [] if text is None else self._model.with_key(self._target.module, key, text)
            if hits:
                return self._upsert_over(row, batch, key, hits[0], alone=len(hits) == 1)
        reply = self._insert(row, batch)
        if row.number in self._unasked and isinstance(reply, Done):
            self.remarks[row.number] = _NOT_ASKED
        return reply

    def _upsert_over(
        self, row: PreparedRow, batch: Batch, key: KeyField, hit: tuple[str, str], *, alone: bool
    ) -> Reply:
        """`alone`: no other record has this value."""
        record_id, text = hit
        own = self._target.key or ""
        known = self._model.record(self._target.module, record_id)
        reply = self._change(row, batch, known, record_id, key.name if alone else None)
        if not isinstance(reply, Done) or known is None:
            return reply
        if key.name != own:
            self.found_by_another.add(key.name, row.line)
            self.keys_replaced[key.name] += known.body.get(own) not in (None, "")
        elif self._target.match(text) != self._target.match(row.key or ""):
            self.other_spelling.add(own, row.line)
        return _done(record_id, "update", key.name)

    def _update(self, row: PreparedRow, batch: Batch) -> Reply:
        record_id = str(row.record["id"])
        return self._change(row, batch, self._model.record(self._target.module, record_id), record_id)

    def _change(
        self,
        row: PreparedRow,
        batch: Batch,
        known: Known | None,
        record_id: str,
        looked_at: str | None = None,
    ) -> Reply:
        """`looked_at`: a unique field whose value no other record has."""
        if known is None:
            return [_no_record(record_id)]
        record = row.record
        reasons = self._judge.of_changed(record)
        reasons += self._judge.taken(record, record_id, but=looked_at)
        if reasons:
            return reasons
        self.erasures.note(record, known, row.line)
        same = self._comparison.same(record, known.body)
        if same:
            self._model.touch(known, row.line)
        else:
            self._model.change(self._target.module, known, record, row.line)
        if known.assumed:
            self.remarks[row.number] = _NOT_ASKED
        elif same and not batch.closes_circles:
            self.remarks[row.number] = _NOTHING_NEW
        elif known.line is not None and known.line != row.line and not batch.closes_circles:
            self.remarks[row.number] = Reason(OVERWRITES, None, f"overwrites what line {known.line} wrote")
        return _done(record_id)

    def _delete(self, row: PreparedRow, batch: Batch) -> Reply:
        record_id = str(row.record["id"])
        known = self._model.record(self._target.module, record_id)
        if known is None:
            return [_no_record(record_id)]
        if known.assumed:
            self.remarks[row.number] = _NOT_ASKED
        self._model.delete(self._target.module, known)
        return _done(record_id)


_NOTHING_NEW = Reason(CHANGES_NOTHING, None, "changes nothing")
_NOT_ASKED = Reason(NOT_ASKED, None, "the org was not asked for its record")


def _no_record(record_id: str) -> ZohoReason:
    message = "the org has no record with this id"
    return ZohoReason(Reason(INVALID_DATA, "id", message, record_id), record_id, None)


def _done(record_id: str, action: Any = None, found_by: str | None = None) -> Done:
    return Done("SUCCESS", Details(record_id), "success", action, found_by)
