"""The warning about values that a run would erase."""

from __future__ import annotations

from collections.abc import Iterator

from zmigrate.engine.plan.dry_run import DryRun
from zmigrate.engine.plan.plan import PlanWarning
from zmigrate.wording import count, counted


def erased(found: DryRun) -> Iterator[PlanWarning]:
    """How many values of each field the rows erase, and how many of these the records have now."""
    erasures = found.parts.writes.erasures
    for name, seen in sorted(erasures.seen.items()):
        rows, there = seen.rows.total(), erasures.there[name]
        now = f"{count(there)} of them {'has' if there == 1 else 'have'} a value in the org now"
        if name in erasures.unread:
            now = "whether the records have a value now was not read" if not there else f"at least {now}"
        yield PlanWarning(
            "ERASES",
            f"{name} would be erased in {counted(rows, 'record')}; {now}",
            name,
            rows,
            tuple(seen.lines),
        )
