"""What tests of several rooms share: rows, credentials, a run against an emulator, and its audit."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

import zmigrate
from zmigrate import Csv, RecordJob
from zmigrate.config import Credentials, Secret
from zmigrate.emulator import Emulator
from zmigrate.engine.entry import plan, resume, run
from zmigrate.engine.plan.plan import Plan
from zmigrate.engine.storage.run_result import RunResult
from zmigrate.events import Event
from zmigrate.job.writes import Write

QUICK = {"ZMIGRATE_SETTLE_S": "0.5", "ZMIGRATE_TOKEN_LIMIT": "1000/600", "ZMIGRATE_READ_TIMEOUT_S": "5"}
"""Settings that make settling and tokens quick."""

PLAIN_HTTP: dict[str, Any] = {"timeout": 60, "trust_env": False, "verify": False}
"""For calls to an emulator. Without `verify=False` each would load all certificates: 20 ms of CPU."""


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """A CSV file of these rows."""
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_rows(path: str | Path | None) -> list[dict[str, str]]:
    assert path is not None
    with Path(path).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def leads(count: int, *, start: int = 1, key: str = "Legacy_ID") -> list[dict[str, str]]:
    """Rows that Zoho takes for Leads."""
    return [
        {
            key: f"L-{number:06}",
            "Last_Name": f"Name {number}",
            "Company": f"Company {number % 100}",
            "Email": f"lead{number}@example.com",
        }
        for number in range(start, start + count)
    ]


def file_job(write: Write, path: Path) -> RecordJob:
    """A job that writes a CSV's columns to the fields of the same names."""
    made = type(
        "FileJob",
        (RecordJob,),
        {
            "__module__": __name__,
            "write": write,
            "scopes": zmigrate.scopes_for(write),
            "source": lambda self: Csv(path),
            "transform": lambda self, row: dict(row),
        },
    )
    job: RecordJob = made()
    return job


def credentials_of(emulator: Emulator) -> Credentials:
    return Credentials(
        client_id=emulator.client_id,
        client_secret=Secret(emulator.client_secret),
        soid=emulator.soid,
        accounts_url=emulator.accounts_url,
        place="the test",
    )


def thorough(values: Iterable[Any], quick: int = 1, *, several: bool = False) -> list[Any]:
    """Parameters of a test: the first ones always, the others among the slow tests. `several`: each value is
    a tuple of parameters.
    """
    return [
        value if index < quick else pytest.param(*(value if several else (value,)), marks=pytest.mark.slow)
        for index, value in enumerate(values)
    ]


@dataclass
class Bench:
    """One emulator, one state folder, and the events of the last run."""

    emulator: Emulator
    folder: Path
    events: list[Event] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=lambda: dict(QUICK))
    job: zmigrate.Job | None = None
    """The one of the last run."""

    def run(self, job: zmigrate.Job, **options: Any) -> RunResult:
        self.job = job
        return run(job, **{**self._common(), "yes": True, **options})

    def resume(self, reference: str = "last", **options: Any) -> RunResult:
        return resume(reference, **{**self._common(), "job": self.job, "yes": True, **options})

    def plan(self, job: zmigrate.Job, **options: Any) -> Plan:
        return plan(job, **{**self._common(), **options})

    def _common(self) -> dict[str, Any]:
        return {
            "credentials": credentials_of(self.emulator),
            "folder": self.folder,
            "environ": self.environ,
            "listeners": (self.events.append,),
        }

    def seen(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    # -- what Zoho saw -----------------------------------------------------------------------------

    def get(self, path: str, **params: Any) -> Any:
        return httpx.get(f"{self.emulator.url}/_emulator/{path}", params=params, **PLAIN_HTTP).json()

    def post(self, path: str, content: Any) -> Any:
        answer = httpx.post(f"{self.emulator.url}/_emulator/{path}", json=content, **PLAIN_HTTP)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def audit(self, module: str = "Leads", key: str = "Legacy_ID") -> dict[str, Any]:
        found: dict[str, Any] = self.get("audit", module=module, key=key)
        return found

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("stats")
        return found

    def records(self, module: str = "Leads", **params: Any) -> list[dict[str, Any]]:
        found = self.get(f"records/{module}", limit=100_000, **params)
        return found["data"] if isinstance(found, dict) else found

    def seed(self, records: list[dict[str, Any]], module: str = "Leads", **more: Any) -> list[str]:
        """Put records into the org as if they had been there before; gives their ids."""
        answer = self.post(f"records/{module}", {"data": records, **more})
        return [str(found) for found in answer["ids"]]

    def script(self, *faults: Mapping[str, Any]) -> None:
        """Faults for the next matching requests."""
        self.post("script", list(faults))

    def script_clear(self) -> None:
        """No faults any more."""
        self.post("script/clear", None)

    def options(self, **changes: Any) -> None:
        """Change options of the emulator while it runs."""
        self.post("faults", changes)
