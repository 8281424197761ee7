"""Where a record job writes to, and what that makes safe to repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from zmigrate.engine.model.keys import KeyField
from zmigrate.job.writes import OnExisting, OnRepeated, Operation

KeyKind = Literal["none", "id", "unique", "plain"]

Recovery = Literal["repeat", "resend", "query", "report"]

NOT_SETTLED = (
    "an insert without a key: if Zoho's answer to a request is lost, nothing can tell whether its rows were "
    "written, and they end in doubt. Name a key, best a unique field: --key FIELD"
)


@dataclass(frozen=True, slots=True)
class Target:
    """Module, operation and key of a write, with what the org's metadata says about the key."""

    module: str
    operation: Operation
    key: str | None
    key_kind: KeyKind
    fold: Callable[[str], str]
    """Makes two spellings that Zoho takes for one key equal."""
    trigger: tuple[str, ...] = ()
    number: bool = False
    """The key is a whole number, and is looked up as one."""
    case_sensitive: bool = False
    on_existing: OnExisting | None = None
    on_repeated: OnRepeated = "first"
    appended: frozenset[str] = frozenset()
    """Fields to which an update adds rows: the same request twice would add them twice."""
    others: tuple[KeyField, ...] = ()
    """Of an upsert: the unique fields by which Zoho finds a record where none has the key."""
    appends: bool = False
    """Of a batch: its records have such fields, and exist already or may exist."""

    def to_json(self) -> dict[str, object]:
        """As `run.json` keeps it: what a resumed run, and whoever reads its keys, has to know."""
        return {
            "module": self.module,
            "operation": self.operation,
            "key": self.key,
            "unique": self.key_kind == "unique",
            "number": self.number,
            "case_sensitive": self.case_sensitive,
            "on_existing": self.on_existing,
            "on_repeated": self.on_repeated,
        }

    @property
    def second(self) -> Target:
        """The target of a second write of records that exist: an update by id."""
        return Target(self.module, "update", "id", "id", self.fold, self.trigger, appended=self.appended)

    def of(self, records: Iterable[Mapping[str, Any]]) -> Target:
        """The target as it is for these records: what adds rows to them must not be applied twice."""
        if not self.appended or self.operation not in {"update", "upsert"}:
            return self
        adds = any(record.get(name) for record in records for name in self.appended)
        return replace(self, appends=True) if adds else self

    @property
    def natural_on_repeated(self) -> OnRepeated:
        """What becomes of rows with one key without a look at all of them first."""
        return "first" if self.operation == "insert" else "each"

    @property
    def repeatable(self) -> bool:
        """Whether a request may be sent again although it may have been applied (DESIGN, "What is safe to
        repeat").
        """
        return self.recovery == "repeat"

    @property
    def recovery(self) -> Recovery:
        """What to do about a request whose answer was lost.

        - repeat: at once (update, delete, upsert on a unique field);
        - resend: after the settling time (insert on a unique key: Zoho refuses what exists; upsert on another
          field: finds it);
        - query: after the settling time look for the records, then send what is missing (insert on another
          key; what adds rows to records, where the time of their last change tells);
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
        """What a person should know before the first write; None where a lost answer can be settled."""
        return NOT_SETTLED if self.recovery == "report" else None

    @property
    def tells_ours_by_time(self) -> bool:
        """Whether the times of a record, and their users, tell if a lost request of ours made or changed
        it."""
        inserts = self.operation == "insert" and self.key is not None
        adds = self.operation == "update" and bool(self.appended)
        return self.operation == "upsert" or inserts or adds

    @property
    def searchable(self) -> bool:
        """Whether a look into the org can tell what became of a request."""
        return self.appends or (self.operation == "insert" and self.key_kind in {"unique", "plain"})

    @property
    def looked_up(self) -> bool:
        """Whether records are found by another key than `id` before they are written."""
        return self.operation in {"update", "delete"} and self.key_kind != "id"

    @property
    def asks_first(self) -> bool:
        """Whether an insert looks for its key first: where Zoho would let a namesake in. A unique key needs
        no look, Zoho's refusal names the record.
        """
        return self.operation == "insert" and self.key_kind == "plain" and self.on_existing is not None
