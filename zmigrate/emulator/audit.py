"""What the emulator really did: each create, update and delete, and each write request with its outcome."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

from .answers import Json

ABSENT = "absent"
TRIGGERS = ("trigger", "wf_trigger", "skip_feature_execution")
SHOWN = ("method", "path", "rows", *TRIGGERS, "status", "applied", "at")


@dataclass(slots=True, kw_only=True)
class Write:
    """One write request. `status` is the HTTP status of the answer, or "lost", "reset", "late" or "hung"."""

    method: str
    path: str
    module: str
    rows: int
    at: float
    trigger: Any = ABSENT
    wf_trigger: str = ABSENT
    skip_feature_execution: Any = ABSENT
    status: int | str = "in flight"
    applied: bool = False
    keys: tuple[str, ...] = ()

    def shown(self) -> Json:
        return {name: getattr(self, name) for name in SHOWN}


@dataclass(slots=True)
class ModuleAudit:
    """The creates of one module, as ids and bodies in the same order; and counts of the other writes."""

    created_ids: list[int] = field(default_factory=list)
    created_bodies: list[bytes] = field(default_factory=list)
    updates: int = 0
    deletes: int = 0

    def created(self, record_id: int, body: bytes) -> None:
        self.created_ids.append(record_id)
        self.created_bodies.append(body)

    def created_twice(self, key: str) -> list[tuple[str, list[str]]]:
        """Values of the field `key` that more than one create had, with the ids of the records."""
        ids_by_value: dict[str, list[str]] = {}
        for record_id, body in zip(self.created_ids, self.created_bodies, strict=True):
            value = orjson.loads(body).get(key)
            if value is not None:
                ids_by_value.setdefault(str(value), []).append(str(record_id))
        return [(value, ids) for value, ids in ids_by_value.items() if len(ids) > 1]


class Audit:
    """The audit of one emulator. `broken` has the tracebacks of the emulator's own errors."""

    def __init__(self) -> None:
        self.modules: dict[str, ModuleAudit] = {}
        self.writes: list[Write] = []
        self.requests: Counter[str] = Counter()
        self.key_conflicts = 0
        self.broken: list[str] = []
        self._keys_in_flight: Counter[tuple[str, str]] = Counter()

    def of(self, module: str) -> ModuleAudit:
        return self.modules.setdefault(module, ModuleAudit())

    def write_begins(self, write: Write) -> None:
        """Counts a conflict if another write with one of the same keys is in flight."""
        self.writes.append(write)
        keys = [(write.module, key) for key in write.keys]
        self.key_conflicts += any(key in self._keys_in_flight for key in keys)
        self._keys_in_flight.update(keys)

    def write_ends(self, write: Write, status: int | str) -> None:
        write.status = status
        for key in write.keys:
            self._keys_in_flight[write.module, key] -= 1
            if not self._keys_in_flight[write.module, key]:
                del self._keys_in_flight[write.module, key]
        write.keys = ()
