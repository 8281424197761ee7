"""Where a record job writes to, and what that makes safe to repeat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from zmigrate.writes import Operation

KeyKind = Literal["none", "id", "unique", "plain"]

Recovery = Literal["repeat", "resend", "query", "report"]


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
        - query: after the settling time ask for the keys, then send what is missing;
        - report: nothing can be found out.
        """
        if self.operation in {"update", "delete"} or (
            self.operation == "upsert" and self.key_kind == "unique"
        ):
            return "repeat"
        if self.operation == "upsert" or self.key_kind == "unique":
            return "resend"
        return "query" if self.key_kind == "plain" else "report"

    @property
    def tells_ours_by_time(self) -> bool:
        """Whether a record's `Created_Time` and `Created_By` tell if a lost request of ours made it."""
        return self.operation == "upsert" or (self.operation == "insert" and self.key is not None)

    @property
    def searchable(self) -> bool:
        """Whether a look into the org can tell what became of an insert."""
        return self.operation == "insert" and self.key_kind in {"unique", "plain"}

    @property
    def looked_up(self) -> bool:
        """Whether records are found by another key than `id` before they are written."""
        return self.operation in {"update", "delete"} and self.key_kind != "id"
