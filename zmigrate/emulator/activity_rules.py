"""Rules of Tasks, Events and Calls that look at several fields of a record (docs v7 "insert records")."""

from __future__ import annotations

from collections.abc import Callable

from .answers import Json
from .checks import UNKNOWN_ID, Invalid

WholeRule = Callable[[Json, Json, int], list[Json]]
"""The record as it came, what is kept of it, its number; gives the error objects."""


def related_to(exists: Callable[[str, int], bool], modules: Callable[[], list[str]]) -> WholeRule:
    """`What_Id` names a record of the module `$se_module`, which must be there with it.

    Which code a missing `$se_module` gets is not documented; MANDATORY_NOT_FOUND is what others report.
    """

    def check(record: Json, kept: Json, index: int) -> list[Json]:
        what = kept.get("What_Id")
        if what is None:
            return []
        module = record.get("$se_module")
        if module is None:
            return [
                Invalid({}, "MANDATORY_NOT_FOUND", "required field not found").problem("$se_module", index)
            ]
        if module not in modules():
            return [Invalid({"supported_values": modules()}).problem("$se_module", index)]
        if not exists(module, int(what["id"])):
            return [Invalid({"id": what["id"]}, message=UNKNOWN_ID, path=".id").problem("What_Id", index)]
        kept["$se_module"] = module
        return []

    return check


def call_duration(record: Json, kept: Json, index: int) -> list[Json]:
    """A finished call took some time: `DEPENDENT_MISMATCH` (docs v7)."""
    duration = kept.get("Call_Duration")
    scheduled = kept.get("Outbound_Call_Status") == "Scheduled"
    if duration is None or scheduled or kept.get("Call_Type") not in ("Inbound", "Outbound"):
        return []
    if duration.strip("0:"):
        return []
    return [
        Invalid({}, "DEPENDENT_MISMATCH", "Call Duration can not be zero.").problem("Call_Duration", index)
    ]
