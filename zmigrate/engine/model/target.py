"""Where a record job writes to, and what follows for repeating a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from zmigrate.engine.model.keys import EXACT, KeyField
from zmigrate.job.key_text import fields_of_key
from zmigrate.job.writes import OnExisting, OnRepeated, Operation
from zmigrate.rows.conversion.keys import fold_key, fold_number

KeyKind = Literal["none", "id", "unique", "plain"]

Recovery = Literal["repeat", "resend", "query", "report"]

NOT_SETTLED = (
    "an insert without a key: if Zoho's answer to a request is lost, nobody can find out whether its rows "
    "were written, and they end in doubt. Name a key, best a unique field: --key FIELD"
)


@dataclass(frozen=True, slots=True)
class Target:
    """Module, operation and key of a write, with what the org's metadata says about the key."""

    module: str
    operation: Operation
    key: str | None
    key_kind: KeyKind
    fold: Callable[[str], str]
    """Two spellings that Zoho may treat as one key fold to the same text: such rows are never in flight
    together."""
    trigger: tuple[str, ...] = ()
    number: bool = False
    """The key is a whole number, and queries must ask for a number."""
    case_sensitive: bool = False
    on_existing: OnExisting | None = None
    on_repeated: OnRepeated | None = None
    appended: frozenset[str] = frozenset()
    """Fields to which an update adds rows. Applied twice, the same request adds them twice."""
    others: tuple[KeyField, ...] = ()
    """The module's other unique fields, unless records are deleted. An upsert also finds records by them."""
    match: Callable[[str], str] = EXACT
    """Two spellings of the same key become the same text: what is known in another letter case only does not
    match, except for e-mail addresses, or if the write ignores case."""
    email: bool = False
    """The key is an e-mail address."""
    ignore_case: bool = False
    """The write takes a record whose key differs in letter case, if none has the same key."""
    several: KeyField | None = None
    """The key, if it has several fields: then `key` names them all."""
    appends: bool = False
    """For one batch: its records fill such fields, and exist or may exist."""

    def to_json(self) -> dict[str, object]:
        """The target for `run.json`: a resume needs it, and readers of the run's keys."""
        return {
            "module": self.module,
            "operation": self.operation,
            "key": self.key,
            "unique": self.key_kind == "unique",
            "number": self.number,
            "case_sensitive": self.case_sensitive,
            "email": self.email,
            "on_existing": self.on_existing,
            "on_repeated": self.on_repeated,
        }

    @property
    def key_fields(self) -> tuple[str, ...]:
        """The fields of the key; none without a key."""
        return fields_of_key(self.key)

    def key_of(self, record: Mapping[str, Any]) -> str | None:
        """A record's key as text; None if it has none."""
        if self.several is not None:
            return self.several.text_of(record)
        value = record.get(self.key or "id")
        return None if value is None else str(value)

    def other_values(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """A record's values of the other unique fields, as `PreparedRow.others` has them."""
        texts = ((field, field.text_of(record)) for field in self.others)
        return tuple(f"{field.name}\0{field.fold(text)}" for field, text in texts if text is not None)

    @property
    def second(self) -> Target:
        """The target of second writes: records that exist are updated by id."""
        return Target(self.module, "update", "id", "id", self.fold, self.trigger, appended=self.appended)

    def of(self, records: Iterable[Mapping[str, Any]]) -> Target:
        """The target for these records: if they add rows to existing records, it must not be repeated."""
        if not self.appended or self.operation not in {"update", "upsert"}:
            return self
        adds = any(record.get(name) for record in records for name in self.appended)
        return replace(self, appends=True) if adds else self

    def alike(self, key: str) -> str:
        """The key without letter case."""
        if self.several is not None:
            return self.several.alike(key)
        return fold_number(key) if self.number else fold_key(key)

    def case_counts(self, key: str) -> bool:
        """Whether Zoho may take a record with this key in another letter case for the row's record, which it
        is not."""
        if self.case_sensitive or self.ignore_case:
            return False
        return self.match(key.lower()) != self.match(key.upper())

    def same_record(self, key: str, other: str) -> bool:
        """Whether a record with one of these keys may be taken for that of a row with the other."""
        if self.ignore_case:
            return self.alike(key) == self.alike(other)
        return self.match(key) == self.match(other)

    @property
    def writes_by_key(self) -> bool:
        """Whether Zoho itself finds the record by the key, and changes it."""
        updates = self.operation == "insert" and self.on_existing == "update" and self.key_kind == "unique"
        return updates or self.operation == "upsert"

    @property
    def repeatable(self) -> bool:
        """Whether a request that Zoho may have applied may be sent again."""
        return self.recovery == "repeat"

    @property
    def recovery(self) -> Recovery:
        """What to do when a request's answer was lost.

        - repeat: send again at once (update, delete, upsert on a unique field);
        - resend: send again after the settling time (insert on a unique key: Zoho refuses what exists; upsert
        on another field: Zoho finds it);
        - query: look for the records after the settling time, then send what is missing (insert on another
        key; writes that add rows to records, where the time of the last change shows it);
        - report: nothing can be found out.
        """
        if self.appends:
            return "query"
        if self.operation in {"update", "delete"} or (
            self.operation == "upsert" and self.key_kind == "unique"
        ):
            return "repeat"
        if self.operation == "upsert" or self.key_kind == "unique":
            return "resend"
        return "query" if self.key_kind == "plain" else "report"

    @property
    def warning(self) -> str | None:
        """A warning before the first write if a lost answer can't be settled, else None."""
        return NOT_SETTLED if self.recovery == "report" else None

    @property
    def tells_ours_by_time(self) -> bool:
        """Whether a record's times and users show that a lost request of ours created or changed it."""
        inserts = self.operation == "insert" and self.key is not None
        adds = self.operation == "update" and bool(self.appended)
        return self.operation == "upsert" or inserts or adds

    @property
    def searchable(self) -> bool:
        """Whether the org can be asked what became of a request."""
        return self.appends or (self.operation == "insert" and self.key_kind in {"unique", "plain"})

    @property
    def looked_up(self) -> bool:
        """Whether records are found by another key than `id` before they are written."""
        return self.operation in {"update", "delete"} and self.key_kind != "id"

    @property
    def asks_first(self) -> bool:
        """Whether an insert looks for its key first, because Zoho would accept a second record with it. A
        unique key needs no look: Zoho's refusal names the record.
        """
        doubles = self.key_kind == "plain" or (self.ignore_case and self.case_sensitive)
        return self.operation == "insert" and self.on_existing is not None and doubles
