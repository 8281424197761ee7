"""An org in memory: one module, the duplicates that Zoho refuses or merges, and a log of what was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from zmigrate.job.writes import Operation

US, SOMEBODY_ELSE = "900", "901"
KEY = "Ref"


class FakeClock:
    """Seconds since the epoch on our clock, and what is due as they go by. Zoho's clock is `skew` ahead."""

    def __init__(self, now: float = 1_700_000_000.25, skew: float = 7.5) -> None:
        self.now = now
        self._skew = skew
        self._due: list[tuple[float, Callable[[], object]]] = []

    def __call__(self) -> float:
        return self.now

    @property
    def zoho(self) -> float:
        return self.now + self._skew

    def earliest(self, local: float) -> float:
        return local + self._skew - 0.6

    def latest(self, local: float) -> float:
        return local + self._skew + 0.4

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        self._due.append((self.now + seconds, action))

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self._due:
            first = min(self._due, key=lambda due: due[0])
            if first[0] > end:
                break
            self._due.remove(first)
            self.now = max(self.now, first[0])
            first[1]()
        self.now = max(self.now, end)


@dataclass
class FakeOrg:
    """One module. Keeps a log of what was applied: (row, record id), in order, and what was created."""

    clock: FakeClock
    unique: bool
    offset: timezone = timezone(timedelta(hours=5, minutes=30))
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    creates: list[tuple[int, str]] = field(default_factory=list)
    applied: list[tuple[int, str]] = field(default_factory=list)
    deletes: list[str] = field(default_factory=list)
    troublemakers: set[str] = field(default_factory=lambda: {"poison", "crash"})
    """Kinds of rows for which the whole request is refused (413), or ends in a server error each time."""
    next_id: int = 5545974000000000001

    def apply(self, operation: Operation, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """One element of `data[]` for each row."""
        return [getattr(self, f"_{operation}")(row) for row in rows]

    def seed(self, key: str | None, creator: str, ago_s: float = 0.0) -> str:
        record_id = self._create({KEY: key}, creator)
        self.records[record_id]["Created_Time"] = self._stamp(ago_s)
        return record_id

    def with_key(self, key: object) -> list[dict[str, Any]]:
        return [record for record in self.records.values() if key and fold(record.get(KEY)) == fold(key)]

    def _insert(self, row: Mapping[str, Any]) -> dict[str, Any]:
        errors = [_error("INVALID_DATA", api_name="Value")] if row["Kind"] == "refused" else []
        there = self.with_key(row.get(KEY)) if self.unique else []
        if there:
            errors.append(_error("DUPLICATE_DATA", api_name=KEY, duplicate_record={"id": there[0]["id"]}))
        if errors:
            return errors[0] if len(errors) == 1 else _error("MULTIPLE_OR_MULTI_ERRORS", errors=errors)
        record_id = self._create(row, US)
        self.creates.append((row["Row"], record_id))
        return self._success(row, record_id)

    def _update(self, row: Mapping[str, Any]) -> dict[str, Any]:
        if row["id"] not in self.records:
            return _error("INVALID_DATA", id=row["id"])
        if row["Kind"] == "refused":
            return _error("INVALID_DATA", api_name="Value")
        self.records[row["id"]] |= {**row, "id": row["id"]}
        return self._success(row, row["id"])

    def _upsert(self, row: Mapping[str, Any]) -> dict[str, Any]:
        there = self.with_key(row[KEY])
        if not there:
            return {**self._insert(row), "action": "insert"}
        return {**self._update({**row, "id": there[0]["id"]}), "action": "update"}

    def _delete(self, row: Mapping[str, Any]) -> dict[str, Any]:
        if self.records.pop(row["id"], None) is None:
            return _error("INVALID_DATA", id=row["id"])
        self.deletes.append(row["id"])
        return {"code": "SUCCESS", "details": {"id": row["id"]}}

    def _create(self, row: Mapping[str, Any], creator: str) -> str:
        record_id = str(self.next_id)
        self.next_id += 1
        made = {"id": record_id, "Created_Time": self._stamp(), "Created_By": {"id": creator}}
        self.records[record_id] = {**row, **made}
        return record_id

    def _success(self, row: Mapping[str, Any], record_id: str) -> dict[str, Any]:
        self.applied.append((row["Row"], record_id))
        record = self.records[record_id]
        made = {name: record[name] for name in ("id", "Created_Time", "Created_By")}
        return {"code": "SUCCESS", "details": {**made, "Modified_By": {"id": US}}}

    def _stamp(self, ago_s: float = 0.0) -> str:
        return datetime.fromtimestamp(int(self.clock.zoho - ago_s), self.offset).isoformat()


def _error(code: str, **details: Any) -> dict[str, Any]:
    return {"status": "error", "code": code, "message": code.lower(), "details": details}


def fold(key: object) -> str:
    return str(key).strip().lower()
