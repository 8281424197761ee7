"""For tests of jobs: an emulated Zoho, and jobs run against it. The names are loaded when first used.

pytest loads `zmigrate.testing.plugin` by itself, which has the fixtures `zoho`, `run_job`, `plan_job` and
`resume_job`. The classes here are for annotations, and for tests without pytest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zmigrate.testing.outcomes import JobPlan, JobResult, Outcomes, RowOutcome
    from zmigrate.testing.zoho import AuditCounts, SentWrite, Zoho

__all__ = ["AuditCounts", "JobPlan", "JobResult", "Outcomes", "RowOutcome", "SentWrite", "Zoho"]

_IN_ZOHO = frozenset(["AuditCounts", "SentWrite", "Zoho"])


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'zmigrate.testing' has no attribute {name!r}")
    home = "zoho" if name in _IN_ZOHO else "outcomes"
    return getattr(import_module(f"zmigrate.testing.{home}"), name)
