"""The checks before the first write: the org is the right one, the key and the columns are fields that take
values.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from zmigrate.author import Fill
from zmigrate.config import Credentials
from zmigrate.engine.key_field import KEY_TYPES, unique_fields
from zmigrate.engine.target import KeyKind, Target
from zmigrate.errors import Fatal, OrgError, RefusedError, UsageError
from zmigrate.events import Emit, Log, StepFacts
from zmigrate.job import RecordJob
from zmigrate.rows.keys import fold_key, fold_number
from zmigrate.rows.links import modules_of
from zmigrate.rows.mapping import LoadJob
from zmigrate.rows.sources import Query, Source
from zmigrate.rows.users import UserDirectory
from zmigrate.writes import Insert, Operation, Write
from zmigrate.zoho.asked_org import named
from zmigrate.zoho.crm import Crm
from zmigrate.zoho.facts import modules as module_facts
from zmigrate.zoho.facts.scopes import module_scope
from zmigrate.zoho.ids import id_text
from zmigrate.zoho.metadata import STORED_ELSEWHERE, Field, ModuleFields, Org

SKEW_WARNED_S = 300.0
LINES_TOLD = 3
LIST_MODULES = "Write its api name; to see them all: zmigrate api GET /crm/v8/settings/modules"
PROBLEMS_TOLD = 20
"""Columns that go nowhere; a file may have hundreds."""

LOOKUPS = frozenset(["lookup", "multiselectlookup"])
"""Data types of fields that take a record."""

CASE_INSENSITIVE = partial(fold_key, case_sensitive=False)
CASE_SENSITIVE = partial(fold_key, case_sensitive=True)


@dataclass(frozen=True, slots=True)
class Banner:
    """What a person is asked to agree to."""

    job: str
    code: str
    """The job's file, or that it is ready-made."""
    org: str
    org_id: str
    environment: str
    profile: str
    module: str | None
    operation: str | None
    rows: int | None
    practice: bool
    steps: tuple[StepFacts, ...] = ()
    """Of a flow."""
    variables: tuple[str, ...] = ()
    """What is read of the environment, and for which host."""


def scopes_of_checks(write: Write | None) -> tuple[str, ...]:
    """What the checks need beside the job's own scopes: the org; the fields of a write's module; the users,
    since a row may name an owner, and who made a record may tell whether it is ours; and the records that are
    updated, since the time of their last change may tell it, too.
    """
    if write is None:
        return ("ZohoCRM.org.READ",)
    scopes = ("ZohoCRM.org.READ", "ZohoCRM.settings.fields.READ")
    if write.operation == "delete":
        return scopes
    reads = (module_scope(write.module, "READ"),) if write.operation == "update" else ()
    return (*scopes, "ZohoCRM.users.READ", *reads)


def find_user(crm: Crm, emit: Emit) -> str | None:
    """The id of the user that the token acts as. None, with a warning, where Zoho does not say."""
    try:
        found = crm.current_user().get("id")
    except (RefusedError, Fatal) as error:
        emit(Log("warning", f"can't ask which user the token acts as: {error.message}"))
        return None
    user = id_text(found)
    if user is None:
        emit(Log("warning", "Zoho does not say which user the token acts as"))
    return user


def check_source(source: Source, write: Write) -> None:
    """Raise UsageError if what the job writes would come out of its source again."""
    if isinstance(source, Query) and write.operation == "insert" and source.module == write.module:
        raise UsageError(
            f"the job inserts into {write.module} what it reads from {write.module}: it would never end",
            hint="Read into a file first (ctx.crm.query in a Job), and insert from that.",
            code="ENDLESS",
        )


def check_orphans(job: RecordJob, source: Source, emit: Emit) -> None:
    """Warn of rows of second files, those of subforms, whose parent is not in the source."""
    if not isinstance(job, LoadJob):
        return
    lines: dict[str, list[int]] = {}
    counts: Counter[str] = Counter()
    for orphan in job.load_in_use.orphans():
        counts[orphan.file] += 1
        if counts[orphan.file] <= LINES_TOLD:
            lines.setdefault(orphan.file, []).append(orphan.line)
    for file, count in counts.items():
        first = ", ".join(map(str, lines[file])) + (", …" if count > LINES_TOLD else "")
        what = f"rows of {file} that have no parent in {source.name}, and are not written: {count:,}"
        emit(Log("warning", f"{what} ({'lines' if count > 1 else 'line'} {first})"))


def tell_of_portal(org: Org, credentials: Credentials, emit: Emit) -> None:
    """Warn where the soid is a portal's: that it is the right one can't be checked. (The connection refuses
    an org that is neither the one asked for nor a portal's.)
    """
    if not org.answers_to(credentials.soid):
        emit(
            Log(
                "warning",
                f"{credentials.soid} is said to name a portal ({credentials.place}), so it was not "
                f"compared with the org that it opens: {named(org)}",
            )
        )


def check_same_org(org: Org, first: tuple[str, str]) -> None:
    """Raise OrgError unless a later step's token opens the org (id, zgid) that the flow began in."""
    if (org.id, org.zgid) != first:
        raise OrgError(
            f"The token of this step opens another org: {org.name} ({org.zgid}).",
            hint="Check the credentials, then resume.",
        )


def tell_unsettled(target: Target, emit: Emit, place: str = "") -> None:
    """Warn, before the first write, of one whose rows end in doubt if an answer is lost. `place`: the step of
    a flow.
    """
    if target.warning is not None:
        emit(Log("warning", f"{place}: {target.warning}" if place else target.warning))


def check_clock(skew_s: float | None, emit: Emit) -> None:
    """Warn about a clock that is off. The run does not depend on it: it reckons with Zoho's."""
    if skew_s is not None and abs(skew_s) > SKEW_WARNED_S:
        emit(
            Log(
                "warning",
                f"this machine's clock is {abs(skew_s) / 60:.0f} minutes "
                f"{'behind' if skew_s > 0 else 'ahead of'} Zoho's; "
                "the run reckons with Zoho's clock, but the times in its files are off",
            )
        )


@contextmanager
def _told_with(job: RecordJob | None, word: str) -> Iterator[None]:
    """What is wrong with a word of a mapping is told with where it stands."""
    try:
        yield
    except UsageError as error:
        where = job.load.where(word) if isinstance(job, LoadJob) else ""
        if not where:
            raise
        raise UsageError(f"{where}: {error.message}", hint=error.hint, code=error.code) from None


def read_fields(crm: Crm, module: str, job: RecordJob | None = None) -> ModuleFields:
    """The module's fields; `job`: whose mapping may name it. Raises UsageError if the org has no such
    module."""
    with _told_with(job, "module"):
        return _read_fields(crm, module)


def _read_fields(crm: Crm, module: str) -> ModuleFields:
    try:
        fields = crm.fields(module)
    except Fatal as error:
        if error.code != "INVALID_MODULE":
            raise
        near = difflib.get_close_matches(module, module_facts.SYSTEM_DUPLICATE_CHECK, n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else LIST_MODULES
        raise UsageError(f"the org has no module {module!r}", hint=hint, code="UNKNOWN_MODULE") from None
    if not len(fields):
        raise UsageError(f"the module {module} has no fields that this client may see", code="NO_FIELDS")
    return fields


def find_target(
    write: Write, fields: ModuleFields, trigger: Sequence[str], job: RecordJob | None = None
) -> Target:
    """Where the job writes to; `job`: whose mapping may name the key. Raises UsageError if that can't
    serve."""
    module, operation, key = write.module, write.operation, write.key
    with _told_with(job, "operation"):
        if operation == "upsert" and module in module_facts.NO_UPSERT:
            raise UsageError(
                f"Zoho has no upsert for {module}",
                hint="Use an insert with a key, or an update.",
            )
    with _told_with(job, "key"):
        kind, field = _key_kind(write, fields)
        if operation == "upsert":
            _check_matched(write, fields, kind)
    return Target(
        module,
        operation,
        key,
        kind,
        _fold(field),
        tuple(trigger),
        number=field is not None and field.whole_number,
        case_sensitive=field is not None and field.unique and field.case_sensitive,
        on_existing=write.on_existing if isinstance(write, Insert) else None,
        on_repeated=write.on_repeated,
        appended=frozenset(each.api_name for each in fields if each.data_type in STORED_ELSEWHERE),
        others=unique_fields(fields, key) if operation == "upsert" else (),
    )


def _check_matched(write: Write, fields: ModuleFields, kind: KeyKind) -> None:
    if kind == "plain" and write.key != module_facts.SYSTEM_DUPLICATE_CHECK.get(write.module, "Name"):
        unique = ", ".join(name for name, found in fields.fields.items() if found.unique) or "none"
        raise UsageError(
            f"an upsert can't match on {write.module}.{write.key}: "
            "it is neither unique nor what Zoho matches on",
            hint=f"Unique fields of {write.module}: {unique}.",
        )


def _fold(field: Field | None) -> Callable[[str], str]:
    """How two spellings of a key are found equal; `id` has no field."""
    if field is None or field.whole_number:
        return fold_number
    return CASE_SENSITIVE if field.unique and field.case_sensitive else CASE_INSENSITIVE


def _key_kind(write: Write, fields: ModuleFields) -> tuple[KeyKind, Field | None]:
    key = write.key
    if key is None:
        return "none", None
    if key == "id":
        return "id", None
    field = fields.get(key)
    if field is None:
        raise UsageError(
            f"{write.module} has no field {key!r}, which is the key",
            hint=_nearest(key, fields),
            code="UNKNOWN_FIELD",
        )
    if not field.on_layout:
        raise UsageError(
            f"the key {write.module}.{key} is on no layout: Zoho would drop its value without a word",
            hint="Put the field on a layout (Setup > Modules and Fields), or choose another key.",
            code="UNUSED_FIELD",
        )
    if field.data_type not in KEY_TYPES:
        raise UsageError(
            f"{write.module}.{key} can't be a key: it is a {field.data_type} field, "
            "whose values can't be looked up or compared surely",
            hint=f"A key is one of: {', '.join(sorted(KEY_TYPES))}.",
            code="KEY_TYPE",
        )
    return ("unique" if field.unique else "plain"), field


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


def check_users(users: UserDirectory, job: RecordJob | None = None) -> None:
    """The default user and declared successors must be active users of the org. Raises UsageError that lists
    those who are not, with where the job's mapping says so.
    """
    problems = []
    for problem in users.problems():
        where = job.load.where_user(problem.leaver) if isinstance(job, LoadJob) else ""
        problems.append(f"{where}: {problem.message}" if where else problem.message)
    raise_all(problems, "USERS", "See who there is: zmigrate api GET /crm/v8/users")


def check_pointers(
    fills: Sequence[Fill], fields: ModuleFields, related: Callable[[str], ModuleFields]
) -> None:
    """Every field that is filled with references must take such, of that module; and what they are found by
    must be a field of it. `related` gives the fields of another module.

    Raises UsageError that lists those that don't.
    """
    problems = [problem for fill in fills if (problem := pointer_problem(fill, fields, related)) is not None]
    raise_all(problems, "REFERENCES")


def pointer_problem(fill: Fill, fields: ModuleFields, related: Callable[[str], ModuleFields]) -> str | None:
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
        return f"{looks} {by!r}, which is no field of it. {_nearest(by, fields)}"
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
        return f"{what} goes nowhere: {module} has no field {name!r}. {_nearest(name, fields)}"
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


def _nearest(name: str, fields: ModuleFields) -> str:
    labels = {field.label.lower(): api_name for api_name, field in fields.fields.items()}
    by_label = labels.get(name.lower())
    names = difflib.get_close_matches(name, list(fields.fields), n=3, cutoff=0.6)
    folded = {api_name.lower(): api_name for api_name in fields.fields}
    near = difflib.get_close_matches(name.lower(), list(folded), n=3, cutoff=0.6)
    found = list(dict.fromkeys([*([by_label] if by_label else []), *names, *(folded[hit] for hit in near)]))
    return f"Did you mean {', '.join(found[:3])}?" if found else f"See: zmigrate fields {fields.module}"
