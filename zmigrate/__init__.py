"""zmigrate: one-time migration jobs against Zoho CRM. The public names, loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zmigrate.engine.entry import RunResult, plan, resume, run
    from zmigrate.engine.plan.plan import FlowPlan, Plan
    from zmigrate.job.blank import Blank
    from zmigrate.job.context import Context, Skip, WrittenRecord
    from zmigrate.job.formats import Formats
    from zmigrate.job.job import Flow, Job, RecordJob
    from zmigrate.job.options import Argument, Option
    from zmigrate.job.references import Find, Ref, Users
    from zmigrate.job.writes import Delete, Insert, Update, Upsert, scopes_for
    from zmigrate.rows.mapping import ImportJob, Load, LoadFile, LoadJob, read_folder, read_mapping
    from zmigrate.rows.sources import Csv, Excel, JsonLines, Parquet, Query, Rows, Sql, open_source

    __version__: str

__all__ = [
    "Argument",
    "Blank",
    "Context",
    "Csv",
    "Delete",
    "Excel",
    "Find",
    "Flow",
    "FlowPlan",
    "Formats",
    "ImportJob",
    "Insert",
    "Job",
    "JsonLines",
    "Load",
    "LoadFile",
    "LoadJob",
    "Option",
    "Parquet",
    "Plan",
    "Query",
    "RecordJob",
    "Ref",
    "Rows",
    "RunResult",
    "Skip",
    "Sql",
    "Update",
    "Upsert",
    "Users",
    "WrittenRecord",
    "__version__",
    "open_source",
    "plan",
    "read_folder",
    "read_mapping",
    "resume",
    "run",
    "scopes_for",
]

_HOMES = {
    "zmigrate.engine.entry": ("RunResult", "plan", "resume", "run"),
    "zmigrate.engine.plan.plan": ("FlowPlan", "Plan"),
    "zmigrate.job.blank": ("Blank",),
    "zmigrate.job.context": ("Context", "Skip", "WrittenRecord"),
    "zmigrate.job.formats": ("Formats",),
    "zmigrate.job.job": ("Flow", "Job", "RecordJob"),
    "zmigrate.job.options": ("Argument", "Option"),
    "zmigrate.job.references": ("Find", "Ref", "Users"),
    "zmigrate.job.writes": ("Delete", "Insert", "Update", "Upsert", "scopes_for"),
    "zmigrate.rows.mapping": ("ImportJob", "Load", "LoadFile", "LoadJob", "read_folder", "read_mapping"),
    "zmigrate.rows.sources": ("Csv", "Excel", "JsonLines", "Parquet", "Query", "Rows", "Sql", "open_source"),
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - slow, and seldom asked for

        return version("zmigrate")
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(home), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'zmigrate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
