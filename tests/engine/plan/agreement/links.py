"""Whether each written record refers to a record that has exactly the key in the row's cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from tests.engine.plan.agreement.cases import CODE, PLAIN, Case, Load
from tests.support import Bench

Ids = dict[tuple[str, str], set[str | None]]
"""Ids by module and key."""


def wrong_links(
    bench: Bench,
    case: Case,
    there: Sequence[str],
    written: Mapping[tuple[str, int], str],
    half_written: Mapping[tuple[str, int], str],
) -> list[str]:
    """`there`: ids of the case's records; `written`: ids of the records that rows created or updated, by file
    and line. Where several rows wrote one record, it may have the link of any of them. `half_written`: those
    of failed rows, to which others may refer.
    """
    ids = _ids_by_key(case, there, {**written, **half_written})
    wrong = []
    for load in case.loads:
        records = {record["id"]: record for record in bench.records(load.module.name)}
        for name, target in load.refs.items():
            for record_id, cells in _cells(load, name, written).items():
                link = (records[record_id][name] or {}).get("id")
                right = set().union(*(ids[target, cell] for cell in cells))
                if load.ignore_case:
                    alike = {(target, cell.casefold()) for cell in cells}
                    near = [
                        found for (module, key), found in ids.items() if (module, key.casefold()) in alike
                    ]
                    right = right.union(*near)
                if load.when_open == "leave_out" or "" in cells:
                    right.add(None)
                if link not in right:
                    where = f"{load.module.name} {record_id}"
                    wrong.append(f"{where}: {name} is {link}, and its rows say {sorted(cells)}")
    return wrong


def _ids_by_key(case: Case, there: Sequence[str], written: Mapping[tuple[str, int], str]) -> Ids:
    """A field that an earlier run had as its key is one by which records are known."""
    ids: Ids = defaultdict(set)
    for known, record_id in zip(case.there, there, strict=True):
        for name in (CODE, PLAIN):
            ids[known.module, known.values.get(name, "")].add(record_id)
    for load in case.loads:
        names = {load.key or "", CODE} if case.earlier else {load.key or ""}
        for line, row in enumerate(load.rows, start=2):
            record_id = written.get((load.module.file, line))
            for name in names if record_id else ():
                ids[load.module.name, row.get(name, "")].add(record_id)
    return ids


def _cells(load: Load, name: str, written: Mapping[tuple[str, int], str]) -> dict[str, set[str]]:
    """What the rows of each written record say of one lookup."""
    cells: dict[str, set[str]] = defaultdict(set)
    for line, row in enumerate(load.rows, start=2):
        record_id = written.get((load.module.file, line))
        if record_id:
            cells[record_id].add(row[name])
    return cells
