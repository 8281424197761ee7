"""The checks of fields before the first write: they are there, take values, and references fit."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from zmigrate.engine.model.keys import KEY_TYPES
from zmigrate.errors import Fatal, UsageError
from zmigrate.job.context import Fill
from zmigrate.job.job import RecordJob
from zmigrate.job.writes import Operation
from zmigrate.rows.conversion.lookups import modules_of
from zmigrate.rows.conversion.users import UserDirectory
from zmigrate.zoho.facts import modules as module_facts
from zmigrate.zoho.metadata import ModuleFields

LIST_MODULES = "Write its api name; to see them all: zmigrate api GET /crm/v8/settings/modules"


PROBLEMS_TOLD = 20


"""Columns that go nowhere; a file may have hundreds."""


LOOKUPS = frozenset(["lookup", "multiselectlookup"])


"""Data types of fields that take a record."""


@contextmanager
def told_with_place(job: RecordJob | None, word: str) -> Iterator[None]:
    """An error about a word of a job tells where the word is said."""
    try:
        yield
    except UsageError as error:
        where = "" if job is None else job._hooks.where(word)
        if not where:
            raise
        raise UsageError(f"{where}: {error.message}", hint=error.hint, code=error.code) from None


FieldsOf = Callable[[str], ModuleFields]
"""Reads the fields of a module: `Crm.fields`."""


def read_fields(fields_of: FieldsOf, module: str, job: RecordJob | None = None) -> ModuleFields:
    """The module's fields; `job`: the one that names the module. Raises UsageError if the org has no such
    module."""
    with told_with_place(job, "module"):
        return _read_fields(fields_of, module)


def _read_fields(fields_of: FieldsOf, module: str) -> ModuleFields:
    try:
        fields = fields_of(module)
    except Fatal as error:
        if error.code != "INVALID_MODULE":
            raise
        near = difflib.get_close_matches(module, module_facts.SYSTEM_DUPLICATE_CHECK, n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else LIST_MODULES
        raise UsageError(f"the org has no module {module!r}", hint=hint, code="UNKNOWN_MODULE") from None
    if not len(fields):
        raise UsageError(f"the module {module} has no fields that this client may see", code="NO_FIELDS")
    return fields


def check_fills(fills: Sequence[Fill], fields: ModuleFields, operation: Operation, key: str | None) -> None:
    """Every field that is filled must be one that takes its value: what doesn't, Zoho drops and answers
    SUCCESS.

    Raises UsageError that lists those that don't.
    """
    problems = [
        problem for fill in fills if (problem := fill_problem(fill, fields, operation, key)) is not None
    ]
    problems += _filled_twice(fills)
    raise_all(
        problems,
        "COLUMNS",
        "Send a column to a field (--map COLUMN=FIELD), or leave it out (--ignore-column COLUMN; "
        'in a mapping: ignore = ["COLUMN"]).',
    )


def raise_all(problems: Sequence[str], code: str, hint: str | None = None) -> None:
    """Raise UsageError that tells the first of them, if there are any."""
    if problems:
        more = len(problems) - PROBLEMS_TOLD
        told = [*problems[:PROBLEMS_TOLD], *([f"and {more} more"] if more > 0 else [])]
        raise UsageError("\n".join(told), hint=hint, code=code)


def check_users(users: UserDirectory, job: RecordJob) -> None:
    """The default user and declared successors must be active users of the org. Raises UsageError that lists
    those who are not, and where the job names them.
    """
    problems = []
    for problem in users.problems():
        where = job._hooks.where_user(problem.leaver)
        problems.append(f"{where}: {problem.message}" if where else problem.message)
    raise_all(problems, "USERS", "See who there is: zmigrate api GET /crm/v8/users")


def check_pointers(fills: Sequence[Fill], fields: ModuleFields, related: FieldsOf) -> None:
    """Every field that is filled with references must take such, of that module; and what they are found by
    must be a field of it. `related` gives the fields of another module.

    Raises UsageError that lists those that don't.
    """
    problems = [problem for fill in fills if (problem := pointer_problem(fill, fields, related)) is not None]
    raise_all(problems, "REFERENCES")


def pointer_problem(fill: Fill, fields: ModuleFields, related: FieldsOf) -> str | None:
    """Why what fills a field can't be a reference for it; None if nothing is wrong with it."""
    field, points_at = fields.get(fill.field), fill.points_at
    if field is None or points_at is None:
        return None
    name, (module, by) = f"{fields.module}.{field.api_name}", points_at
    if field.data_type not in LOOKUPS:
        return f"{fill.said} is a reference, and {name} takes none: it is a {field.data_type} field"
    takes = modules_of(field)
    if takes and module not in takes:
        return f"{fill.said} points at {module}, and {name} takes records of {' or '.join(sorted(takes))}"
    try:
        its_fields = related(module)
    except UsageError as error:
        return f"{fill.said}: {error.message}. {error.hint or ''}".rstrip()
    return None if by is None else _by_problem(fill, module, by, its_fields)


def _by_problem(fill: Fill, module: str, by: str, fields: ModuleFields) -> str | None:
    """Why records can't be found by this field of theirs."""
    looks, field = f"{fill.said} looks for {module} by", fields.get(by)
    if field is None:
        return f"{looks} {by!r}, which is no field of it. {nearest_field(by, fields)}"
    if field.data_type not in KEY_TYPES:
        kinds = ", ".join(sorted(KEY_TYPES))
        return (
            f"{looks} {by}, a {field.data_type} field, whose values can't be looked up or compared surely. "
            f"Take a field of one of these types: {kinds}"
        )
    return None


def fill_problem(fill: Fill, fields: ModuleFields, operation: Operation, key: str | None) -> str | None:
    """Why what fills a field goes nowhere; None if it goes there."""
    name, what = fill.field, fill.said
    if (name == "id" and operation in {"update", "delete"}) or name.startswith("$"):
        return None
    module, field = fields.module, fields.get(name)
    if field is None:
        return f"{what} goes nowhere: {module} has no field {name!r}. {nearest_field(name, fields)}"
    if operation == "delete":
        return None
    if not field.on_layout:
        return f"{what} goes nowhere: {module}.{name} is on no layout, so Zoho would drop its values"
    writable = field.creatable if operation == "insert" else field.updatable
    if operation == "upsert":
        writable = field.creatable or field.updatable
    if not writable and not (name == key and operation == "update"):
        why = f"can't be written ({field.data_type})"
        return f"{what} goes nowhere: {module}.{name} {why}, so Zoho would drop its values"
    return None


def _filled_twice(fills: Sequence[Fill]) -> Iterable[str]:
    by_field: dict[str, list[str]] = {}
    for fill in fills:
        by_field.setdefault(fill.field, []).append(fill.said)
    return [
        f"{' and '.join(several)} both go to {name}" for name, several in by_field.items() if len(several) > 1
    ]


def nearest_field(name: str, fields: ModuleFields) -> str:
    labels = {field.label.lower(): api_name for api_name, field in fields.fields.items()}
    by_label = labels.get(name.lower())
    names = difflib.get_close_matches(name, list(fields.fields), n=3, cutoff=0.6)
    folded = {api_name.lower(): api_name for api_name in fields.fields}
    near = difflib.get_close_matches(name.lower(), list(folded), n=3, cutoff=0.6)
    found = list(dict.fromkeys([*([by_label] if by_label else []), *names, *(folded[hit] for hit in near)]))
    return f"Did you mean {', '.join(found[:3])}?" if found else f"See: zmigrate fields {fields.module}"
