"""The emulator in a process of its own, and what it saw."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

import httpx

ROOMY = ("--edition", "ultimate", "--users-purchased", "1000000", "--token-limit", "1000000")
"""Neither credits nor tokens run out during a benchmark."""

PAGE = 20_000
"""Records a look at the org takes at once."""


class Server:
    """A context manager. `environ` points zmigrate, and the rivals, at it."""

    def __init__(self) -> None:
        self.environ: dict[str, str] = {"ZMIGRATE_TOKEN_LIMIT": "1000000/600", "ZMIGRATE_SETTLE_S": "1"}
        self._process: subprocess.Popen[str] | None = None
        self._http = httpx.Client(timeout=120)

    def __enter__(self) -> Server:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "zmigrate", "emulator", *ROOMY], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            if equals and name.startswith("ZMIGRATE_"):
                self.environ[name] = value
            if name == "ZMIGRATE_SOID":
                break
        self.url = self.environ["ZMIGRATE_ACCOUNTS_URL"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()

    def fresh(self, latency_ms: float = 0.0) -> None:
        """An empty org, which answers after so long."""
        self._post("reset", None)
        self._post("faults", {"latency_ms": latency_ms})

    def created(self, module: str, key: str) -> int:
        """Records that were created. Raises AssertionError if one was created twice."""
        audit = self._http.get(f"{self.url}/_emulator/audit", params={"module": module, "key": key}).json()
        assert audit["created_twice"] == [], audit["created_twice"][:3]
        return int(audit["creates"])

    def records(self, module: str, fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        """All records of a module, with their ids and these fields."""
        where, offset = f"{self.url}/_emulator/records/{module}", 0
        while True:
            answer = self._http.get(where, params={"offset": offset, "limit": PAGE}).json()
            page = answer["data"] if isinstance(answer, dict) else answer
            for record in page:
                yield {name: record.get(name) for name in ("id", *fields)}
            offset += len(page)
            if len(page) < PAGE:
                return

    def write_times(self, module: str) -> list[float]:
        """When each write request came, in epoch seconds."""
        writes = self._http.get(f"{self.url}/_emulator/writes", params={"module": module}).json()
        return sorted(float(write["at"]) for write in writes)

    def writes_so_far(self, label: str) -> int:
        stats = self._http.get(f"{self.url}/_emulator/stats").json()
        return int(stats["requests"].get(label, 0))

    def _post(self, action: str, body: Any) -> None:
        self._http.post(f"{self.url}/_emulator/{action}", json=body).raise_for_status()
