"""The checks of a mapping before the first write: what it says itself must fit the org's metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

from zmigrate.engine.preflight.fields import fill_problem, pointer_problem, raise_all, read_fields
from zmigrate.errors import Fatal, RefusedError
from zmigrate.events import Emit, Log
from zmigrate.job.context import Fill
from zmigrate.job.job import RecordJob
from zmigrate.job.writes import Operation
from zmigrate.rows.conversion.converter import Converter
from zmigrate.rows.conversion.users import UserDirectory
from zmigrate.rows.mapping import Load, LoadJob
from zmigrate.rows.mapping.against_org import problems_of
from zmigrate.zoho.crm import Crm
from zmigrate.zoho.metadata import ModuleFields


def check_load(job: RecordJob, fields: ModuleFields, users: UserDirectory, crm: Crm, emit: Emit) -> None:
    """The values that a mapping has for fields, their formats, and the fields of subforms must fit. Warns
    where the mapping was written for another file.

    Raises UsageError that lists what does not fit, each with its line.
    """
    if not isinstance(job, LoadJob):
        return
    load, write = job.load, job.write
    if load.written_for is not None:
        where = load.where("file")
        emit(Log("warning", f"{where}: the mapping was written for {load.written_for}, not for this file"))
    subforms = _subforms_of(load, fields, crm)
    problems: list[str] = []
    for name, fills in load.inner_fills.items():
        if name in subforms:
            problems += _problems_inside(fills, subforms[name], partial(read_fields, crm))
    converter = Converter(fields, write.operation, write.key, job.formats, users, crm.fields)
    problems += problems_of(load, fields, converter, subforms)
    raise_all(problems, "MAPPING")


def _subforms_of(load: Load, fields: ModuleFields, crm: Crm) -> dict[str, ModuleFields]:
    """By field, the fields of the rows that a second file fills; without those that can't be read."""
    found = {}
    for name in load.inner_fills:
        field = fields.get(name)
        if field is not None and field.data_type == "subform" and field.subform_module:
            with suppress(RefusedError, Fatal):
                found[name] = crm.fields(field.subform_module)
    return found


def _problems_inside(
    fills: Sequence[Fill], fields: ModuleFields, related: Callable[[str], ModuleFields]
) -> Iterator[str]:
    """Of the fields of a subform's rows, which are new unless they have an id."""
    operation: Operation = "update" if any(fill.field == "id" for fill in fills) else "insert"
    for fill in fills:
        problem = fill_problem(fill, fields, operation, None) or pointer_problem(fill, fields, related)
        if problem is not None:
            yield problem
