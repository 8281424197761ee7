"""zmigrate: one-time migration jobs against Zoho CRM. The public names, loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zmigrate.engine.entry import RunResult, plan, resume, run
    from zmigrate.engine.planning.flow_plan import FlowPlan
    from zmigrate.engine.planning.plan import Plan
    from zmigrate.job import (
        Argument,
        Delete,
        Find,
        Flow,
        Formats,
        Insert,
        Job,
        Option,
        RecordJob,
        Ref,
        Skip,
        Update,
        Upsert,
        Users,
        scopes_for,
    )
    from zmigrate.rows.mapping import ImportJob, Load, LoadFile, LoadJob, read_folder, read_mapping
    from zmigrate.rows.sources import Csv, Excel, JsonLines, Parquet, Query, Sql, open_source

    __version__: str

__all__ = [
    "Argument",
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
    "RunResult",
    "Skip",
    "Sql",
    "Update",
    "Upsert",
    "Users",
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
    "zmigrate.engine.planning.flow_plan": ("FlowPlan",),
    "zmigrate.engine.planning.plan": ("Plan",),
    "zmigrate.job": (
        *("Argument", "Delete", "Find", "Flow", "Formats", "Insert", "Job", "Option", "RecordJob", "Ref"),
        *("Skip", "Update", "Upsert", "Users", "scopes_for"),
    ),
    "zmigrate.rows.mapping": ("ImportJob", "Load", "LoadFile", "LoadJob", "read_folder", "read_mapping"),
    "zmigrate.rows.sources": ("Csv", "Excel", "JsonLines", "Parquet", "Query", "Sql", "open_source"),
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
