"""The warning about what is left out of rows of subforms and links."""

from __future__ import annotations

from collections.abc import Iterator

from zmigrate.engine.plan.dry_run import DryRun
from zmigrate.engine.plan.plan import PlanWarning


def left_out_of_rows(found: DryRun) -> Iterator[PlanWarning]:
    told = found.work.converter.left_out.told
    if told is not None:
        yield PlanWarning("LEFT_OUT_OF_ROWS", told)
