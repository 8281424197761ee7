"""`python -m tests.bench`: zmigrate beside bare loops and Zoho's SDK, on one emulator, in one table."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from statistics import median

from tests.bench.figures import FIGURES
from tests.bench.lab import QUICK, Lab, Sizes
from tests.bench.measure import CommandFailed
from tests.bench.server import Server
from tests.bench.table import Line, drawn


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    made.add_argument("--quick", action="store_true", help="small sizes, under a minute; rough figures")
    made.add_argument("--only", choices=list(FIGURES), action="append", help="measure this; repeatable")
    for each in fields(Sizes):
        flag = "--" + each.name.replace("_", "-")
        made.add_argument(
            flag, type=int, metavar="N", help=f"{each.name.replace('_', ' ')} (default {each.default})"
        )
    return made


def machine(folder: Path) -> str:
    """What the figures were measured on; the disk too, since every transaction waits for it."""
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("httpx", "orjson"))
    return (
        f"{len(os.sched_getaffinity(0))} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f} at the"
        f" start; {sync_s(folder) * 1000:.1f} ms for 8 KB on the disk; Python {platform.python_version()},"
        f" {packages}"
    )


def sync_s(folder: Path) -> float:
    """Seconds until 8 KB more of a file are surely on the disk: the median of some."""
    times = []
    with (folder / "sync").open("wb", buffering=0) as handle:
        for _ in range(50):
            began = time.perf_counter()
            handle.write(bytes(8192))
            os.fsync(handle.fileno())
            times.append(time.perf_counter() - began)
    return median(times)


def main(words: Sequence[str]) -> int:
    """Print the table; 1 if something falls short."""
    asked = vars(parser().parse_args(words))
    quick, only = asked.pop("quick"), asked.pop("only") or list(FIGURES)
    sizes = replace(QUICK if quick else Sizes(), **{name: n for name, n in asked.items() if n is not None})
    began = time.perf_counter()
    lines: list[Line] = []
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        print(machine(Path(folder)), flush=True)
        lab = Lab(server, Path(folder), sizes)
        for name in only:
            print(f"measuring: {name} ...", file=sys.stderr, flush=True)
            try:
                lines += FIGURES[name](lab)
            except CommandFailed as failure:
                lines.append(Line(name, str(failure), "", False))
    print(
        f"{time.perf_counter() - began:.0f} s; the best of {sizes.turns} at 0 ms a call."
        " CPU is user and system time of the whole process, all threads.\n"
    )
    print(drawn(lines))
    return int(any(line.met is False for line in lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
