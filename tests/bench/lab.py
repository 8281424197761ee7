"""What the measurements are made with: one emulator, one scratch folder, and how much is measured."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench.data import KEY, MODULE, write_csv
from tests.bench.measure import CommandFailed, Cost, run
from tests.bench.server import Server

ROOT = Path(__file__).resolve().parents[2]
IN_FLIGHT = 10
LATENCY_S = 0.2
MIB = 1024 * 1024
INSERTS = f"POST /crm/v8/{MODULE}"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: numbers of rows, and how often (the best counts)."""

    small: int = 1_000
    rows: int = 100_000
    slow_rows: int = 200_000
    """So many that the start, which zmigrate makes with five in flight, is lost in them: it and the end cost
    0.2 s, be it a thousand rows or a million."""
    sdk_rows: int = 5_000
    few: int = 10_000
    many: int = 300_000
    accounts: int = 200_000
    """With three contacts each."""
    few_accounts: int = 10_000
    turns: int = 5
    slow_times: int = 1
    small_times: int = 3
    starts: int = 9


QUICK = Sizes(
    rows=20_000,
    slow_rows=20_000,
    sdk_rows=1_000,
    few=5_000,
    many=20_000,
    accounts=4_000,
    few_accounts=2_000,
    turns=1,
    slow_times=1,
    small_times=1,
    starts=3,
)


@dataclass(frozen=True, slots=True)
class Inserted:
    """One insert of so many rows."""

    rows: int
    seconds: float
    """From the first request to the last answer, as the sender says."""
    cost: Cost

    @property
    def per_s(self) -> float:
        return self.rows / self.seconds


class Lab:
    """One emulator, one scratch folder."""

    def __init__(self, server: Server, folder: Path, sizes: Sizes) -> None:
        self.server = server
        self.folder = folder
        self.sizes = sizes
        self.state = folder / "state"

    # -- inserts ----------------------------------------------------------------------------------

    def rival(self, name: str, rows: int, in_flight: int, latency_s: float = 0.0) -> Inserted:
        self.server.fresh(latency_s * 1000)
        return self.inserted_by(rows, "tests.bench.rivals", name, str(rows), str(in_flight))

    def dutiful(self, rows: int) -> Inserted:
        """Its journal is on the same disk as zmigrate's, and like that one it is cleared away by others."""
        self.server.fresh()
        path = write_csv(self.folder, rows)
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            return self.inserted_by(rows, "tests.bench.dutiful", str(path), scratch, str(IN_FLIGHT))

    def inserted_by(self, rows: int, module: str, *words: str) -> Inserted:
        """What it cost to run a module that inserts so many rows and says so at its end."""
        cost = run([sys.executable, "-m", module, *words], environ=self.server.environ, folder=ROOT)
        told = json.loads(cost.output.splitlines()[-1])
        self.expect(rows, told["created"])
        return Inserted(rows, told["seconds"], cost)

    def zmigrate(self, rows: int, latency_s: float = 0.0) -> Inserted:
        self.server.fresh(latency_s * 1000)
        shutil.rmtree(self.state, ignore_errors=True)
        cost = run(self.importing(rows), environ=self.server.environ, folder=self.folder)
        told = json.loads(cost.output)
        self.expect(rows, told["rows"]["created"])
        return Inserted(rows, rows / told["rows_per_s"], cost)

    def importing(self, rows: int) -> list[str]:
        path = write_csv(self.folder, rows)
        options = ["--module", MODULE, "--operation", "insert", "--key", KEY]
        return self.command("run", "import-csv", str(path), *options)

    def command(self, *words: str) -> list[str]:
        """A command that writes."""
        return [*self.reading(*words), "--yes"]

    def reading(self, *words: str) -> list[str]:
        """A command that only reads."""
        return [sys.executable, "-m", "zmigrate", *words, "--json", "--quiet", "--state-dir", str(self.state)]

    def expect(self, rows: int, told: int) -> None:
        """Raises CommandFailed unless each row was created once."""
        created = self.server.created(MODULE, KEY)
        if not rows == told == created:
            raise CommandFailed(f"{rows} rows, {told} said to be created, {created} in the org")
