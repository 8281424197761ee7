"""What would become of a row, from what the org has: created, updated, left as it is, or refused, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.model.keys import UNASKABLE, KeyField
from zmigrate.engine.model.outcomes import (
    DUPLICATE_DATA,
    EXISTS,
    INVALID_DATA,
    KEY_AMBIGUOUS,
    KEY_NOT_ASKED,
    KEY_NOT_FOUND,
)
from zmigrate.engine.model.target import Target
from zmigrate.engine.plan.book import Fate
from zmigrate.engine.plan.compare import says_already
from zmigrate.engine.plan.key_lookup import Hits, Record
from zmigrate.job.writes import Insert, Write
from zmigrate.reasons import Reason
from zmigrate.rows.conversion.refusal import MANDATORY_NOT_FOUND
from zmigrate.zoho.coql import can_query
from zmigrate.zoho.metadata import ModuleFields

LINES_KEPT = 3


class Judge:
    """Judges rows one by one. `required`: the fields that each layout requires, by the layout's id."""

    def __init__(
        self,
        write: Write,
        target: Target,
        fields: ModuleFields,
        keys: Sequence[KeyField],
        required: Mapping[str, frozenset[str]],
    ) -> None:
        self._target = target
        self._fields = fields
        self._others = [key for key in keys if key.name != target.key]
        self._required = required
        self._wanted = frozenset.intersection(*required.values()) if required else frozenset[str]()
        self.lacking: Counter[str] = Counter()
        """New records, by field, that leave it empty although every layout requires it; Zoho accepts them."""
        self._mandatory = [field.api_name for field in fields if field.mandatory]
        self._on_existing = write.on_existing if isinstance(write, Insert) else None
        self.record_id: str | None = None
        """The id of the record that the row judged last would change."""
        self.namesakes: Counter[str] = Counter()
        """Records that would be created beside one with the same key."""
        self.found_by_another: Counter[str] = Counter()
        """Upserts that Zoho would send to a record found by another unique field."""
        self.keys_replaced: Counter[str] = Counter()
        """The upserts among these that would replace the record's own key."""
        self.lines: dict[str, list[int]] = {"namesakes": [], "found_by_another": []}
        """The first lines of both."""

    def judge(self, row: PreparedRow, hits: Hits | None) -> tuple[Fate, list[Reason]]:
        """The row's fate, and the reasons against it."""
        operation = self._target.operation
        self.record_id = None
        if (self._target.asks_first or self._target.looked_up) and not can_query(row.key or ""):
            code = KEY_NOT_ASKED if operation == "insert" else KEY_NOT_FOUND
            return "refused", [Reason(code, self._target.key, UNASKABLE, row.key)]
        if operation == "insert":
            return self._insert(row, hits)
        found = None if hits is None else self._found(row, hits)
        if hits is None or found is None:
            return "unasked", list(self._blanked(row.record)) if operation == "update" else []
        if operation == "upsert":
            return self._upsert(row, hits, found)
        return self._named(row, hits, found)

    def _named(self, row: PreparedRow, hits: Hits, found: list[Record]) -> tuple[Fate, list[Reason]]:
        """An update or delete, whose row names one record."""
        reason = self._no_target(row, found)
        if reason is not None:
            return "refused", [reason]
        if self._target.operation == "delete":
            return "delete", []
        return self._update(row, hits, found[0])

    def _note_found_by_another(self, field: str, line: int, record: Record) -> None:
        self._remember("found_by_another", line)
        self.found_by_another[field] += 1
        self.keys_replaced[field] += record.get(self._target.key or "") not in (None, "")

    # -- by operation -----------------------------------------------------------------------------

    def _insert(self, row: PreparedRow, hits: Hits | None) -> tuple[Fate, list[Reason]]:
        reasons = list(self._lacking(row.record))
        found: list[Record] | None = []
        if hits is None:
            found = None if self._asks(row) else []
        elif self._target.key is not None:
            found = self._found(row, hits)
        if found and self._on_existing is not None:
            return self._existing(row, hits or {}, found)
        if found and self._target.key_kind == "unique":
            reasons.append(self._duplicate(self._target.key or "", row.key or "", found[0]))
        elif found:
            self._remember("namesakes", row.line)
            self.namesakes[self._target.key or ""] += 1
        reasons += self._taken(row, hits, None)
        if reasons:
            return "refused", reasons
        return ("unasked" if found is None else "create"), []

    def _existing(self, row: PreparedRow, hits: Hits, found: list[Record]) -> tuple[Fate, list[Reason]]:
        if self._on_existing == "skip":
            return "skip", []
        key = self._target.key
        if self._on_existing == "fail":
            reason = f"the record {found[0]['id']} has this key already"
            return "refused", [Reason(EXISTS, key, reason, row.key)]
        if len(found) > 1:
            return "refused", [self._ambiguous(row, found)]
        return self._update(row, hits, found[0])

    def _upsert(self, row: PreparedRow, hits: Hits, found: list[Record]) -> tuple[Fate, list[Reason]]:
        if found:
            return self._update(row, hits, found[0])
        for key, _, others in self._other_hits(row, hits):
            if others:
                # Zoho tries the unique fields too, after the one to match on.
                self._note_found_by_another(key.name, row.line, others[0])
                return self._update(row, hits, others[0])
        reasons = list(self._lacking(row.record))
        return ("refused", reasons) if reasons else ("create", [])

    def _update(self, row: PreparedRow, hits: Hits, found: Record) -> tuple[Fate, list[Reason]]:
        reasons = list(self._blanked(row.record)) + self._taken(row, hits, str(found["id"]))
        if reasons:
            return "refused", reasons
        self.record_id = str(found["id"])
        same = says_already(row.record, found, self._fields, [self._target.key or "id"])
        return ("unchanged" if same else "update"), []

    # -- what speaks against a row ----------------------------------------------------------------

    def _lacking(self, record: Mapping[str, Any]) -> Iterator[Reason]:
        """Fields that a new record must have. Those of a layout count where the record names its layout
        (zoho-api 5.1: they are checked only then).
        """
        for name in self._mandatory:
            if record.get(name) is None:
                yield Reason(MANDATORY_NOT_FOUND, name, "a new record must have it, and the row has none")
        layout_id = _layout_of(record)
        for name in self._required.get(layout_id or "", ()):
            if record.get(name) is None and name not in self._mandatory:
                yield Reason(MANDATORY_NOT_FOUND, name, f"layout {layout_id} requires it; the row has none")
        if layout_id is None:
            self.lacking.update(name for name in self._wanted if record.get(name) is None)
        elif self._required and layout_id not in self._required:
            reason = f"{self._fields.module} has no layout with this id"
            yield Reason(INVALID_DATA, "Layout", reason, layout_id)

    def _blanked(self, record: Mapping[str, Any]) -> Iterator[Reason]:
        for name in self._mandatory:
            if name in record and record[name] is None:
                yield Reason(MANDATORY_NOT_FOUND, name, "the row would blank it, and it must have a value")

    def _taken(self, row: PreparedRow, hits: Hits | None, own: str | None) -> list[Reason]:
        """Values of unique fields that another record has."""
        if hits is None:
            return []
        return [
            self._duplicate(key.name, text, taken)
            for key, text, others in self._other_hits(row, hits)
            for taken in [record for record in others if str(record["id"]) != own][:1]
        ]

    def _other_hits(self, row: PreparedRow, hits: Hits) -> Iterator[tuple[KeyField, str, list[Record]]]:
        for key in self._others:
            text = key.text_of(row.record)
            if text is not None:
                yield key, text, hits.get(key.name, {}).get(key.fold(text)) or []

    def _no_target(self, row: PreparedRow, found: list[Record]) -> Reason | None:
        key = self._target.key
        if len(found) > 1:
            return self._ambiguous(row, found)
        if found:
            return None
        if key == "id":
            return Reason(INVALID_DATA, "id", "the org has no record with this id", row.key)
        return Reason(KEY_NOT_FOUND, key, f"no record has this key: {row.key!r}", row.key)

    def _ambiguous(self, row: PreparedRow, found: list[Record]) -> Reason:
        ids = ", ".join(str(record["id"]) for record in found)
        reason = f"several records have the key {row.key!r}: {ids}"
        return Reason(KEY_AMBIGUOUS, self._target.key, reason, row.key)

    @staticmethod
    def _duplicate(field: str, value: str, found: Record) -> Reason:
        return Reason(DUPLICATE_DATA, field, f"the record {found['id']} has this value already", value)

    # -- small things -----------------------------------------------------------------------------

    def _found(self, row: PreparedRow, hits: Hits) -> list[Record] | None:
        """The records with the row's key; None if the org could not be asked."""
        target = self._target
        found = hits.get(target.key or "", {}).get(row.folded or "", [])
        if found is None or not target.looked_up or target.key is None:
            return found
        match = target.match
        return [record for record in found if match(str(record[target.key])) == match(row.key or "")]

    def _asks(self, row: PreparedRow) -> bool:
        """Whether records of the org can matter for this row."""
        return self._target.key is not None or any(
            key.text_of(row.record) is not None for key in self._others
        )

    def _remember(self, what: str, line: int) -> None:
        if len(self.lines[what]) < LINES_KEPT:
            self.lines[what].append(line)


def _layout_of(record: Mapping[str, Any]) -> str | None:
    layout = record.get("Layout")
    return str(layout.get("id")) if isinstance(layout, Mapping) else None
