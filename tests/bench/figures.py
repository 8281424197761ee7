"""The measurements: each gives the lines of the table that it is about."""

from __future__ import annotations

import importlib.util
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median
from typing import Any

from tests.bench.data import BATCH_ROWS, MODULE
from tests.bench.lab import IN_FLIGHT, INSERTS, LATENCY_S, MIB, Inserted, Lab, Sizes
from tests.bench.measure import Child, run
from tests.bench.plans import plans
from tests.bench.relations import relations
from tests.bench.table import Line, at_least, at_most

# -- speed and CPU --------------------------------------------------------------------------------------


def speed(lab: Lab) -> Iterator[Line]:
    """Latency 0: the emulator's own ceiling, the bare loops, the SDK, zmigrate, and the ratios.

    All take turns, and the best of each counts: a machine that is slower for a while is so for all of them.
    """
    contestants = {
        "blaster": partial(lab.rival, "blaster", in_flight=IN_FLIGHT),
        "bare 1": partial(lab.rival, "bare", in_flight=1),
        "bare 10": partial(lab.rival, "bare", in_flight=IN_FLIGHT),
        "dutiful": lab.dutiful,
        "zmigrate": lab.zmigrate,
    }
    costs = {name: RowCost(lab.sizes) for name in contestants}
    official = Official(lab, 0.0)
    for _ in range(lab.sizes.turns):
        for name, insert in contestants.items():
            costs[name].see(insert)
        official.see()
    ceiling, bare, dutiful, own = (costs[name] for name in ("blaster", "bare 10", "dutiful", "zmigrate"))
    yield Line("emulator's own ceiling, prepared bytes, 10 connections", f"{ceiling.per_s:,.0f} rows/s")
    yield Line("bare httpx + orjson loop, no journal, 1 in flight", str(costs["bare 1"]))
    yield Line("bare httpx + orjson loop, no journal, 10 in flight", str(bare))
    yield Line("bare loop with the duties: scan, journal, result file; 10 in flight", str(dutiful))
    yield Line("zmigrate, journal and result files, latency 0, 10 in flight", str(own))
    ratio = own.added_us / bare.added_us
    yield at_most("CPU per row against the bare loop, 10 in flight", ratio, 1.5, f"{ratio:.2f} ×", " ×")
    yield Line("… of which the duties alone", f"{dutiful.added_us / bare.added_us:.2f} ×")
    yield Line("… against the bare loop with the duties", f"{own.added_us / dutiful.added_us:.2f} ×")
    yield from official.lines(own.per_s)


class RowCost:
    """What a row costs, from runs of two sizes, so that start-up is out; of all tries the best."""

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        self._small_s: list[float] = []
        self._large_s: list[float] = []
        self.per_s = 0.0
        """Rows a second."""

    def see(self, insert: Callable[[int], Inserted]) -> None:
        self._small_s.append(insert(self._sizes.small).cost.cpu_s)
        large = insert(self._sizes.rows)
        self._large_s.append(large.cost.cpu_s)
        self.per_s = max(self.per_s, large.per_s)

    @property
    def added_us(self) -> float:
        """CPU that a row adds."""
        added_s = min(self._large_s) - min(self._small_s)
        return added_s / (self._sizes.rows - self._sizes.small) * 1e6

    def __str__(self) -> str:
        whole_us = min(self._large_s) / self._sizes.rows * 1e6
        return f"{self.per_s:,.0f} rows/s, {self.added_us:.1f} µs CPU/row ({whole_us:.1f} with start-up)"


class Official:
    """Zoho's own SDK, one call after the other, since it offers no other way."""

    def __init__(self, lab: Lab, latency_s: float) -> None:
        self._lab = lab
        self._latency_s = latency_s
        self._rows = lab.sizes.sdk_rows if latency_s == 0 else max(1_000, lab.sizes.sdk_rows // 2)
        self._there = importlib.util.find_spec("zohocrmsdk") is not None
        self._per_s = 0.0

    def see(self) -> None:
        if self._there:
            seen = self._lab.rival("sdk", self._rows, 1, self._latency_s)
            self._per_s = max(self._per_s, seen.per_s)

    def lines(self, own_per_s: float) -> Iterator[Line]:
        calls = f"{self._latency_s * 1000:g} ms a call"
        if not self._there:
            yield Line(f"official Python SDK, {calls}", "not installed: pip install -e '.[bench]'")
            return
        yield Line(f"official Python SDK, {calls}", f"{self._per_s:,.0f} rows/s")
        ratio = own_per_s / self._per_s
        yield at_least(f"zmigrate against the SDK, {calls}", ratio, 10, f"{ratio:.1f} ×", " ×")


def slow_calls(lab: Lab) -> Iterator[Line]:
    """At 200 ms a call what counts is to keep the calls in flight; seen from the emulator's books."""
    rows = lab.sizes.slow_rows
    ceiling = IN_FLIGHT * BATCH_ROWS / LATENCY_S
    bare = per_s = _seen_per_s(lab, rows, lambda: lab.rival("bare", rows, IN_FLIGHT, LATENCY_S))
    yield Line(
        "bare loop, 200 ms a call, 10 in flight",
        f"{per_s:,.0f} rows/s, {per_s / ceiling:.3f} of {ceiling:,.0f}",
    )
    per_s = _seen_per_s(lab, rows, lambda: lab.zmigrate(rows, LATENCY_S))
    share = per_s / ceiling
    measured = f"{per_s:,.0f} rows/s, {share:.3f} of {ceiling:,.0f}"
    yield at_least("zmigrate, 200 ms a call, 10 in flight", share, 0.97, measured, " of the ceiling")
    yield Line("… against the bare loop", f"{per_s / bare:.3f} of its rows/s")
    official = Official(lab, LATENCY_S)
    official.see()
    yield from official.lines(per_s)


def _seen_per_s(lab: Lab, rows: int, insert: Callable[[], Inserted]) -> float:
    """Rows a second from the first request to the last answer, as the emulator saw them; the best try."""
    seen = []
    for _ in range(lab.sizes.slow_times):
        insert()
        times = lab.server.write_times(MODULE)
        seen.append(rows / (times[-1] + LATENCY_S - times[0]))
    return max(seen)


# -- memory, disk, starts -------------------------------------------------------------------------------


def sizes_of_things(lab: Lab) -> Iterator[Line]:
    """Peak memory of few and of many rows, and the journal."""
    few = min(lab.zmigrate(lab.sizes.few).cost.peak_bytes for _ in range(lab.sizes.small_times)) / MIB
    many = lab.zmigrate(lab.sizes.many).cost.peak_bytes / MIB
    yield at_most(f"peak memory, {lab.sizes.many:,} rows", many, 100, f"{many:.1f} MiB", " MiB")
    growth = many / few
    yield at_most(f"… against {lab.sizes.few:,} rows", growth, 1.1, f"{growth:.3f} × ({few:.1f} MiB)", " ×")
    files = lab.state.glob("runs/*/journal.db*")
    per_row = sum(path.stat().st_size for path in files) / lab.sizes.many
    yield at_most("journal with bodies, closed", per_row, 150, f"{per_row:.1f} bytes/row", " bytes/row")


def late_resume(lab: Lab) -> Iterator[Line]:
    """Killed at nine tenths of the file: how long until the first request of the resume is at the server."""
    lab.server.fresh()
    shutil.rmtree(lab.state, ignore_errors=True)
    rows = lab.sizes.many
    killed_at = rows * 9 // 10 // BATCH_ROWS
    victim = Child(lab.importing(rows), environ=lab.server.environ, folder=lab.folder)
    while lab.server.writes_so_far(INSERTS) < killed_at and victim.process.poll() is None:
        time.sleep(0.01)
    victim.process.send_signal(signal.SIGKILL)
    victim.wait()
    before = len(lab.server.write_times(MODULE))
    resumed = run(lab.command("resume", "last"), environ=lab.server.environ, folder=lab.folder)
    told: dict[str, Any] = json.loads(resumed.output)
    lab.expect(rows, told["rows"]["created"])
    first_s = lab.server.write_times(MODULE)[before] - resumed.began_at
    what = f"resume near row {before * BATCH_ROWS:,} of {rows:,}: first request after"
    yield at_most(what, first_s, 3, f"{first_s:.2f} s", " s")


def start_up(lab: Lab) -> Iterator[Line]:
    """`zmigrate --help` against the import of typer alone, in turns."""
    ours, typers = [], []
    for _ in range(lab.sizes.starts):
        ours.append(_seconds([sys.executable, "-m", "zmigrate", "--help"]))
        typers.append(_seconds([sys.executable, "-c", "import typer"]))
    ratio = median(ours) / median(typers)
    measured = f"{ratio:.2f} × ({median(ours) * 1000:.0f} ms, typer {median(typers) * 1000:.0f} ms)"
    yield at_most("start-up of zmigrate --help against import typer", ratio, 3, measured, " ×")


def _seconds(command: Sequence[str]) -> float:
    return run(command).wall_s


FIGURES: dict[str, Callable[[Lab], Iterator[Line]]] = {
    "speed": speed,
    "latency": slow_calls,
    "size": sizes_of_things,
    "resume": late_resume,
    "start": start_up,
    "relations": relations,
    "plan": plans,
}
