"""Reads the duplicate check preference of the module that a plan writes to, where a row can meet it."""

from __future__ import annotations

from collections.abc import Sequence

from zmigrate.errors import Fatal, RefusedError
from zmigrate.events import Emit, Log
from zmigrate.job.context import Fill
from zmigrate.job.writes import Write
from zmigrate.zoho.crm import API, Crm
from zmigrate.zoho.duplicate_check import (
    MODULES_WITH_CHECKS,
    NO_PREFERENCE,
    DuplicateCheck,
    read_duplicate_check,
)
from zmigrate.zoho.metadata import ModuleFields


def may_be_held_elsewhere(write: Write) -> bool:
    """Whether Zoho may hold what is written against records of other modules."""
    return write.module in MODULES_WITH_CHECKS and write.operation != "delete"


def find_duplicate_check(
    crm: Crm, write: Write, fields: ModuleFields, fills: Sequence[Fill] | None, emit: Emit
) -> DuplicateCheck:
    """The preference, if a unique field is written. Where Zoho does not tell it, that is said.

    `fills`: None: which fields are written is not known.
    """
    names = fields.fields if fills is None else {fill.field for fill in fills}
    unique = any(field is not None and field.unique for field in map(fields.get, names))
    if not unique or not may_be_held_elsewhere(write):
        return DuplicateCheck()
    try:
        path = f"{API}/settings/duplicate_check_preference"
        return read_duplicate_check(crm.get(path, {"module": write.module}))
    except (RefusedError, Fatal) as error:
        if error.code != NO_PREFERENCE:
            emit(
                Log(
                    "warning",
                    f"Zoho does not tell whether it holds {write.module} against records of other modules, "
                    f"so this was not checked: {error.message}",
                )
            )
        return DuplicateCheck()
