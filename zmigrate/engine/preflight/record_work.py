"""The checks of one record job against an open org, before its first write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from zmigrate.engine.model.cost import estimate
from zmigrate.engine.model.target import Target
from zmigrate.engine.preflight.admission import tell_of_our_columns
from zmigrate.engine.preflight.askable import check_askable
from zmigrate.engine.preflight.duplicate_check import find_duplicate_check
from zmigrate.engine.preflight.fields import (
    FieldsOf,
    check_fills,
    check_pointers,
    check_users,
    fill_problem,
    pointer_problem,
    raise_all,
    read_fields,
)
from zmigrate.engine.preflight.first_reads import FirstReads
from zmigrate.engine.preflight.org import check_lookup_paths, check_source, find_user
from zmigrate.engine.preflight.steps import ReadStep
from zmigrate.engine.preflight.target import find_target
from zmigrate.errors import Fatal, RefusedError
from zmigrate.events import Emit, Event, Log
from zmigrate.job.context import Fill
from zmigrate.job.job import RecordJob, fills_of
from zmigrate.job.writes import Operation, Write
from zmigrate.rows.cell_texts import CellTexts
from zmigrate.rows.conversion.converter import Converter
from zmigrate.rows.conversion.users import UserDirectory
from zmigrate.zoho.duplicate_check import DuplicateCheck
from zmigrate.zoho.metadata import ModuleFields


@dataclass(frozen=True, slots=True)
class RecordWork:
    """What a record job reads and writes, as the checks found it."""

    read: ReadStep
    fields: ModuleFields
    target: Target
    fills: Sequence[Fill] | None
    """The fields that the job fills; None: not known."""
    users: UserDirectory
    converter: Converter
    texts: CellTexts
    """Writes the cells of the result files."""
    user: str | None
    """The id of the token's user, if it is needed and known."""
    warnings: tuple[str, ...]
    """The warnings of the checks."""
    duplicate_check: DuplicateCheck = field(default_factory=DuplicateCheck)
    """What Zoho holds unique values against besides the module's own records; only a plan asks."""

    @property
    def place(self) -> str:
        return self.read.place

    @property
    def estimated_credits(self) -> int | None:
        """Credits of the run, if every row is sent once; None where the number of rows is not known."""
        rows = self.read.fingerprint.rows
        return None if rows is None else estimate(self.target, rows).credits


class Heard:
    """Keeps the warnings among events, and hands all events on."""

    def __init__(self, emit: Emit = lambda event: None) -> None:
        self._emit = emit
        self.warnings: list[str] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, Log) and event.level == "warning":
            self.warnings.append(event.message)
        self._emit(event)


def begin_reads(reads: FirstReads, steps: Iterable[ReadStep], *, plans: bool) -> None:
    """Begin the reads that the checks of these steps need. `plans`: see `check_record_job`."""
    jobs = [read.step.job for read in steps]
    writes = [job.write for job in jobs]
    pointed_at = [fill.points_at for job in jobs for fill in fills_of(job) or () if fill.points_at]
    creates = [write.module for write in writes if write.operation in {"insert", "upsert"}]
    reads.begin(
        [*(write.module for write in writes), *(module for module, _ in pointed_at)],
        creates if plans else (),
        users=any(job.users.default is not None or job.users.successors for job in jobs),
        current_user=not plans and any(map(_tells_ours_by_time, writes)),
    )


def _tells_ours_by_time(write: Write) -> bool:
    """Whether the times of records will be needed, as far as that is known without the module's fields."""
    return write.operation == "upsert" or (write.operation == "insert" and write.key is not None)


def check_record_job(
    read: ReadStep, reads: FirstReads, trigger: Sequence[str], emit: Emit, *, plans: bool
) -> RecordWork:
    """Check a record job; return what it reads and writes. `plans`: nothing will be written, so the
    token's user does not matter. Raises UsageError for what does not fit the org's metadata.
    """
    job, source = read.step.job, read.step.source
    write, heard = job.write, Heard(emit)
    fields = read_fields(reads.fields, write.module, job)
    target = find_target(write, fields, trigger, job)
    fills = fills_of(job)
    if fills is not None:
        target = replace(target, appended=target.appended & {fill.field for fill in fills})
        check_fills(fills, fields, write.operation, write.key)
        check_pointers(fills, fields, partial(read_fields, reads.fields))
    check_askable(reads.crm, target, fills or ())
    check_source(source, write)
    check_lookup_paths(source, job, reads.fields)
    for warning in job._hooks.warnings():
        heard(Log("warning", warning))
    tell_of_our_columns(source, heard)
    check = find_duplicate_check(reads.crm, write, fields, fills, heard) if plans else DuplicateCheck()
    user = find_user(reads.current_user, heard) if target.tells_ours_by_time and not plans else None
    users = UserDirectory(job.users, reads.users)
    check_users(users, job)
    converter = Converter(
        fields,
        write.operation,
        write.key,
        job.formats,
        users,
        reads.fields,
        may_update=target.on_existing == "update",
    )
    raise_all([*_problems(job, fields, converter, reads.fields)], "MAPPING")
    texts = CellTexts(job.formats, fills, fields)
    return RecordWork(
        read, fields, target, fills, users, converter, texts, user, tuple(heard.warnings), check
    )


def _problems(
    job: RecordJob, fields: ModuleFields, converter: Converter, fields_of: FieldsOf
) -> Iterator[str]:
    """What the job declares and the org does not take: in subforms, then in all fields."""
    hooks = job._hooks
    subforms = _subforms_of(hooks.inner_fills, fields, fields_of)
    for name, inner in subforms.items():
        yield from _problems_inside(hooks.inner_fills[name], inner, partial(read_fields, fields_of))
    yield from hooks.problems(fields, subforms, converter.refusals)


def _subforms_of(
    names: Iterable[str], fields: ModuleFields, fields_of: FieldsOf
) -> Mapping[str, ModuleFields]:
    """The fields of each subform's rows; without subforms that can't be read."""
    found = {}
    for name in names:
        field = fields.get(name)
        if field is not None and field.data_type == "subform" and field.subform_module:
            with suppress(RefusedError, Fatal):
                found[name] = fields_of(field.subform_module)
    return found


def _problems_inside(fills: Sequence[Fill], fields: ModuleFields, related: FieldsOf) -> Iterator[str]:
    """Problems with the fields of a subform's rows, which are new unless they have an id."""
    operation: Operation = "update" if any(fill.field == "id" for fill in fills) else "insert"
    for fill in fills:
        problem = fill_problem(fill, fields, operation, None) or pointer_problem(fill, fields, related)
        if problem is not None:
            yield problem
