"""Warnings of a plan about what the run's token may not read. The plan's own token may read every module."""

from __future__ import annotations

from collections.abc import Iterator

from zmigrate.engine.pipeline.unreadable import declaration, lacking
from zmigrate.engine.plan.dry_run import DryRun
from zmigrate.engine.plan.plan import PlanWarning
from zmigrate.engine.preflight.org import scopes_of_checks


def unreadable_modules(found: DryRun) -> Iterator[PlanWarning]:
    """A run would stop at the first row that looks into a module which its token may not query."""
    job = found.work.read.step.job
    granted = [*job.scopes, *scopes_of_checks(job)]
    for module in sorted(found.parts.questions.looked_into):
        scopes = lacking(granted, module)
        if scopes:
            yield PlanWarning(
                "SCOPE_LACKING",
                f"a run would stop at the first row that looks for a record of {module}: its token may not "
                f"read {module}, since it lacks {' and '.join(scopes)}. Declare it in the job: "
                f"{declaration(module)}",
            )
