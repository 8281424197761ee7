"""Warnings of a plan about other modules than the one written to: rows look for records there, or Zoho holds
unique values against those of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator

from zmigrate.engine.pipeline.unreadable import declaration, lacking
from zmigrate.engine.plan.dry_run import DryRun
from zmigrate.engine.plan.plan import PlanWarning
from zmigrate.engine.preflight.org import scopes_of_checks


def unreadable_modules(found: DryRun) -> Iterator[PlanWarning]:
    """A run would stop at the first row that looks into a module which its token may not query. (The plan's
    own token may read every module.)"""
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


def held_elsewhere(found: DryRun) -> Iterator[PlanWarning]:
    """Zoho refuses rows for records that are none of the module written to."""
    check, module = found.work.duplicate_check, found.target.module
    mapped = [f"{each.module} (by {each.field})" for each in check.mapped]
    if mapped:
        converted = ", and against converted leads, which the plan can't see" if check.converted else ""
        yield PlanWarning(
            "HELD_AGAINST",
            f"Zoho's duplicate check preference holds {module} also against {', '.join(mapped)}{converted}: "
            "a row with such a value is refused, and names a record that is never updated in its place",
        )
    elif check.converted:
        yield PlanWarning(
            "HELD_AGAINST",
            f"Zoho's duplicate check preference holds {module} also against converted leads, which the plan "
            "can't see: a row with a unique value of one is refused",
        )
