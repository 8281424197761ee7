"""Checks of fields before the first write: they exist, take values, and references fit."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from zmigrate.engine.model.keys import KEY_TYPES, why_no_key
from zmigrate.errors import Fatal, UsageError
from zmigrate.job.context import Fill
from zmigrate.job.job import RecordJob
from zmigrate.job.key_text import fields_of_key
from zmigrate.job.writes import Operation
from zmigrate.rows.conversion.lookups import modules_of
from zmigrate.rows.conversion.state_columns import goes_nowhere
from zmigrate.rows.conversion.users import UserDirectory
from zmigrate.rows.spreadsheet import result_file_with
from zmigrate.zoho.facts import modules as module_facts
from zmigrate.zoho.facts.modules import STATES
from zmigrate.zoho.metadata import LOOKUPS, ModuleFields

ALL_MODULES = "To see all: zmigrate api GET /crm/v8/settings/modules"

_AS_IT_IS = (
    "This is zmigrate's {}, changed since. Load the CSV as zmigrate wrote it, with all its columns in their"
    " order: then the columns that zmigrate added are left out by themselves. Otherwise: "
)
PROBLEMS_TOLD = 20
"""How many problems are listed: a file may have hundreds of columns that go nowhere."""


@contextmanager
def told_with_place(job: RecordJob | None, word: str) -> Iterator[None]:
    """Add to an error about a word of a job where the job says it."""
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
    """A module's fields. Raises UsageError if the org has no such module. `job`: names the module."""
    with told_with_place(job, "module"):
        return _read_fields(fields_of, module)


def _read_fields(fields_of: FieldsOf, module: str) -> ModuleFields:
    try:
        fields = fields_of(module)
    except Fatal as error:
        if error.code != "INVALID_MODULE":
            raise
        known = module_facts.SYSTEM_DUPLICATE_CHECK
        near = difflib.get_close_matches(module, known, n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else f"Write its api name. {ALL_MODULES}"
        if module in known:
            hint = f"It is switched off, or the client's owner does not see its tab. {ALL_MODULES}"
        raise UsageError(f"the org has no module {module!r}", hint=hint, code="UNKNOWN_MODULE") from None
    if not len(fields):
        raise UsageError(f"the module {module} has no fields that this client may see", code="NO_FIELDS")
    return fields


def check_fills(fills: Sequence[Fill], fields: ModuleFields, operation: Operation, key: str | None) -> None:
    """Raise UsageError, listing them, if fields would not take what fills them: Zoho would drop such
    values and answer SUCCESS.
    """
    states = [fill.said for fill in fills if fill.by_itself and fill.field.startswith(STATES)]
    problems = [
        problem for fill in fills if (problem := fill_problem(fill, fields, operation, key)) is not None
    ]
    if states:
        kind = f"{states[0]} and {len(states) - 1} more" if len(states) > 1 else states[0]
        problems.append(f"{kind}: {goes_nowhere(fields.module)}")
    problems += _filled_twice(fills)
    result_file = result_file_with([column for fill in fills for column in fill.columns])
    known = "" if result_file is None else _AS_IT_IS.format(result_file)
    raise_all(
        problems,
        "COLUMNS",
        f"{known}Send a column to a field (--map COLUMN=FIELD), or leave it out (--ignore-column COLUMN; "
        'in a mapping: ignore = ["COLUMN"]).',
    )


def raise_all(problems: Sequence[str], code: str, hint: str | None = None) -> None:
    """Raise UsageError with the first of the problems, if there are any."""
    if problems:
        more = len(problems) - PROBLEMS_TOLD
        told = [*problems[:PROBLEMS_TOLD], *([f"and {more} more"] if more > 0 else [])]
        raise UsageError("\n".join(told), hint=hint, code=code)


def check_users(users: UserDirectory, job: RecordJob) -> None:
    """Raise UsageError, listing them, if the default user or successors are not active in the org."""
    problems = []
    for problem in users.problems():
        where = job._hooks.where_user(problem.leaver)
        problems.append(f"{where}: {problem.message}" if where else problem.message)
    raise_all(problems, "USERS", "See who there is: zmigrate api GET /crm/v8/users")


def check_pointers(fills: Sequence[Fill], fields: ModuleFields, related: FieldsOf) -> None:
    """Raise UsageError, listing them, if fields that are filled with references take none to that module,
    or if that module lacks the field to find records by. `related` gives the fields of another module.
    """
    problems = [problem for fill in fills if (problem := pointer_problem(fill, fields, related)) is not None]
    raise_all(problems, "REFERENCES")


def pointer_problem(fill: Fill, fields: ModuleFields, related: FieldsOf) -> str | None:
    """Why a field can't take what fills it as a reference; None if it can."""
    field, points_at = fields.get(fill.field), fill.points_at
    if field is None or points_at is None:
        return None
    name, (module, by) = f"{fields.module}.{field.api_name}", points_at
    if field.data_type not in LOOKUPS:
        return f"{fill.said} is a reference, but {name} takes none: it is a {field.data_type} field"
    takes = modules_of(field)
    if takes and module not in takes:
        return f"{fill.said} refers to {module}, but {name} takes records of {' or '.join(sorted(takes))}"
    try:
        its_fields = related(module)
    except UsageError as error:
        return f"{fill.said}: {error.message}. {error.hint or ''}".rstrip()
    problems = (_by_problem(fill, module, name, its_fields) for name in fields_of_key(by))
    return next(filter(None, problems), None)


def _by_problem(fill: Fill, module: str, by: str, fields: ModuleFields) -> str | None:
    """Why records can't be found by this field; None if they can."""
    looks, field = f"{fill.said} looks for {module} by", fields.get(by)
    if field is None:
        return f"{looks} {by!r}, but there is no such field. {nearest_field(by, fields)}"
    why = why_no_key(field)
    if why is not None:
        kinds = ", ".join(sorted(KEY_TYPES))
        return f"{looks} {by}, but {why}. Take a field of one of these types that is not encrypted: {kinds}"
    return None


def fill_problem(fill: Fill, fields: ModuleFields, operation: Operation, key: str | None) -> str | None:
    """Why Zoho would drop what fills a field; None if it takes it."""
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
    if not writable and not (name in fields_of_key(key) and operation == "update"):
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
