"""Plans: rows a second, into an empty module and against one that holds every row; and memory of a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

from tests.bench.data import KEY, MODULE, write_csv
from tests.bench.lab import MIB, Lab
from tests.bench.measure import CommandFailed, Cost, run
from tests.bench.relations import CONTACTS_EACH, folder_of
from tests.bench.table import Line, at_least, at_most


def plans(lab: Lab) -> Iterator[Line]:
    """The same file as the inserts, which is also what fills the module; then the folder of the relations."""
    rows = lab.sizes.rows
    lab.server.fresh()
    what = f"plan of {rows:,} rows into an empty module"
    yield _speed(lab, what, 25_000, "creates", "--operation", "insert", "--key", KEY)
    lab.zmigrate(rows)
    what = "… against one that holds them all"
    yield _speed(lab, what, 10_000, "unchanged", "--operation", "upsert", "--match-on", KEY)
    yield from _memory(lab)


def _speed(lab: Lab, what: str, reach: float, fate: str, *options: str) -> Line:
    """The best try. Raises CommandFailed unless every row has this fate."""
    rows = lab.sizes.rows
    words = ["import-csv", str(write_csv(lab.folder, rows)), "--module", MODULE, *options]
    tries = [_plan(lab, rows, fate, *words) for _ in range(lab.sizes.turns)]
    per_s = rows / min(elapsed_s for _, elapsed_s in tries)
    cpu_us = min(cost.cpu_s for cost, _ in tries) / rows * 1e6
    measured = f"{per_s:,.0f} rows/s, {cpu_us:.1f} µs CPU/row with start-up"
    return at_least(what, per_s, reach, measured, " rows/s")


def _plan(lab: Lab, rows: int, fate: str, *words: str) -> tuple[Cost, float]:
    """Its cost, and its own seconds, which are without the start-up."""
    shutil.rmtree(lab.state, ignore_errors=True)
    cost = run(lab.reading("plan", *words), environ=lab.server.environ, folder=lab.folder)
    told: dict[str, Any] = json.loads(cost.output)
    if told[fate] != rows:
        raise CommandFailed(f"{rows} rows, of which the plan has {told[fate]} {fate}")
    return cost, told["elapsed_s"]


def _memory(lab: Lab) -> Iterator[Line]:
    """A folder of accounts in a tree and their contacts, into an empty org; beside a tenth of it."""
    lab.server.fresh()
    many, few = (_folder_peak(lab, accounts) for accounts in (lab.sizes.accounts, lab.sizes.accounts // 10))
    what = f"plan of {lab.sizes.accounts:,} accounts, {lab.sizes.accounts * CONTACTS_EACH:,} contacts"
    yield Line(f"{what}: peak memory", f"{many:.1f} MiB")
    growth = many / few
    yield at_most("… against a tenth of them", growth, 1.1, f"{growth:.3f} × ({few:.1f} MiB)", " ×")


def _folder_peak(lab: Lab, accounts: int) -> float:
    """MiB."""
    rows, folder = accounts * (1 + CONTACTS_EACH), folder_of(lab.folder, accounts)
    return _plan(lab, rows, "creates", "import-folder", str(folder))[0].peak_bytes / MIB
