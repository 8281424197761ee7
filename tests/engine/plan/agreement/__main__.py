"""`python -m tests.engine.plan.agreement SEED...`: plays seeds, and prints all about those that differ.

`--shrink` drops rows and records as long as something still differs. `A-B` are the seeds from A to B.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tests.engine.plan.agreement.cases import UNKNOWN_ID, Case, Cells, make_case
from tests.engine.plan.agreement.play import Played, an_emulator, play, shown
from zmigrate.emulator import Emulator


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.engine.plan.agreement", description=__doc__)
    parser.add_argument("seeds", nargs="+", metavar="SEED")
    parser.add_argument("--shrink", action="store_true")
    asked = parser.parse_args(words)
    seeds_of_kind: dict[str, list[int]] = {}
    with an_emulator() as emulator:
        for seed in seeds_of(asked.seeds):
            played = play(make_case(seed), emulator)
            print(f"seed {seed}: {len(played.wrong)} differences", flush=True)
            if played.wrong:
                print(shown(shrunk(played, emulator) if asked.shrink else played), flush=True)
            for kind in played.kinds:
                seeds_of_kind.setdefault(kind, []).append(seed)
    for kind, seeds in sorted(seeds_of_kind.items()):
        print(f"{kind}: {len(seeds)} seeds: {seeds[:9]}")
    return int(bool(seeds_of_kind))


def seeds_of(words: Sequence[str]) -> Iterator[int]:
    for word in words:
        first, _, last = word.partition("-")
        yield from range(int(first), int(last or first) + 1)


def shrunk(played: Played, emulator: Emulator) -> Played:
    """A small case in which some row differs in the same way as the first that did."""
    kind = next(iter(played.kinds), None)

    def still_differs(case: Case) -> bool:
        nonlocal played
        tried = play(case, emulator)
        differs = kind in tried.kinds if kind else bool(tried.wrong)
        if differs:
            played = tried
        return differs

    size = max(len(played.case.there), *(len(load.rows) for load in played.case.loads))
    while size := size // 2:
        for place in range(len(played.case.loads)):
            start = 0
            while start < len(rows := played.case.loads[place].rows):
                rest = rows[:start] + rows[start + size :]
                if not rest or not still_differs(_with_rows(played.case, place, rest)):
                    start += size
        start = 0
        while start < len(played.case.there):
            if not still_differs(_without_records(played.case, start, start + size)):
                start += size
    for place, load in enumerate(played.case.loads):
        for number, row in enumerate(load.rows):
            for name in [name for name, cell in row.items() if cell]:
                rows = played.case.loads[place].rows
                less = {**rows[number], name: ""}
                still_differs(_with_rows(played.case, place, (*rows[:number], less, *rows[number + 1 :])))
    return played


def _with_rows(case: Case, place: int, rows: tuple[Cells, ...]) -> Case:
    load = replace(case.loads[place], rows=rows)
    return replace(case, loads=(*case.loads[:place], load, *case.loads[place + 1 :]))


def _without_records(case: Case, start: int, end: int) -> Case:
    """The others move up, and so do the ids in cells."""
    end = min(end, len(case.there))

    def moved(cell: str) -> str:
        found = re.fullmatch(r"\{(\d+)\}", cell)
        if found is None or int(found[1]) < start:
            return cell
        return UNKNOWN_ID if int(found[1]) < end else f"{{{int(found[1]) - (end - start)}}}"

    for place, load in enumerate(case.loads):
        rows = tuple({name: moved(cell) for name, cell in row.items()} for row in load.rows)
        case = _with_rows(case, place, rows)
    return replace(case, there=case.there[:start] + case.there[end:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
