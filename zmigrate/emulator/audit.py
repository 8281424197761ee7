"""What was really done: every create, update and delete, and every write request with its fate."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

from .answers import Json

ABSENT = "absent"


@dataclass(slots=True, kw_only=True)
class Write:
    """One write request. `status`: the HTTP status answered, or "lost", "reset", "late", "hung"."""

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
        return {
            "method": self.method,
            "path": self.path,
            "rows": self.rows,
            "trigger": self.trigger,
            "wf_trigger": self.wf_trigger,
            "skip_feature_execution": self.skip_feature_execution,
            "status": self.status,
            "applied": self.applied,
            "at": self.at,
        }


@dataclass(slots=True)
class ModuleAudit:
    """Creates as two lists in step: ids, and the JSON of the record at birth (shared with the store)."""

    created_ids: list[int] = field(default_factory=list)
    created_bodies: list[bytes] = field(default_factory=list)
    updates: int = 0
    deletes: int = 0

    def created(self, record_id: int, body: bytes) -> None:
        self.created_ids.append(record_id)
        self.created_bodies.append(body)

    def created_twice(self, key: str) -> list[tuple[str, list[str]]]:
        """Values of the field `key` that more than one create carried, with the ids."""
        ids_by_value: dict[str, list[str]] = {}
        for record_id, body in zip(self.created_ids, self.created_bodies, strict=True):
            value = orjson.loads(body).get(key)
            if value is not None:
                ids_by_value.setdefault(str(value), []).append(str(record_id))
        return [(value, ids) for value, ids in ids_by_value.items() if len(ids) > 1]


class Audit:
    """The books of one emulator."""

    def __init__(self) -> None:
        self.modules: dict[str, ModuleAudit] = {}
        self.writes: list[Write] = []
        self.requests: Counter[str] = Counter()
        self.key_conflicts = 0
        self.broken: list[str] = []
        """Tracebacks of the emulator's own faults."""
        self._keys_in_flight: Counter[tuple[str, str]] = Counter()

    def of(self, module: str) -> ModuleAudit:
        return self.modules.setdefault(module, ModuleAudit())

    def write_begins(self, write: Write) -> None:
        self.writes.append(write)
        in_flight, module = self._keys_in_flight, write.module
        conflict = False
        for key in write.keys:
            at = (module, key)
            conflict = conflict or at in in_flight
            in_flight[at] += 1
        self.key_conflicts += conflict

    def write_ends(self, write: Write, status: int | str) -> None:
        write.status = status
        in_flight, module = self._keys_in_flight, write.module
        for key in write.keys:
            at = (module, key)
            if in_flight[at] > 1:
                in_flight[at] -= 1
            else:
                del in_flight[at]
        write.keys = ()
