"""The author's page: what a job is made of. Nothing here runs a job, reads a file or calls Zoho.

A record job takes rows from a source, turns each into a record, and writes it:

    from pathlib import Path
    from zmigrate import Argument, Csv, RecordJob, Skip, Upsert, scopes_for

    class ImportLeads(RecordJob):
        \"\"\"Upsert leads from the old CRM's export.\"\"\"

        write = Upsert("Leads", match_on="Legacy_ID")
        scopes = scopes_for(write)

        file: Path = Argument(help="CSV export to read.")

        def source(self):
            return Csv(self.file)

        def transform(self, row):
            if not row["email"]:
                raise Skip("no email")
            return {"Legacy_ID": row["id"], "Last_Name": row["name"], "Email": row["email"].lower()}

A flow is a job made of record jobs in order: subclass `Flow` and define `jobs(self)`. Any other job
subclasses `Job` and defines `run(self, ctx)`. Options are annotations (see `options.py`). The class's
docstring is the help of its command, and its name gives the command's: ImportLeads, `import-leads`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, dataclass_transform

from zmigrate.errors import JobError
from zmigrate.job.author_code import hidden, raised_by_author, told_as_authors
from zmigrate.job.checks import (
    FLOW_SHAPE,
    JOB_SHAPE,
    RECORD_JOB_SHAPE,
    all_of,
    check_constant_scopes,
    check_constants,
    check_covers,
    check_declared,
    check_is_write,
    check_overridden,
    check_parameters,
    check_scopes,
    check_works_when_called,
    needs_values,
    not_in_a_flow,
    value_of,
)
from zmigrate.job.columns import DeclaredColumns
from zmigrate.job.context import Context, Fill
from zmigrate.job.declared_options import read_options
from zmigrate.job.formats import Formats
from zmigrate.job.hooks import JobHooks
from zmigrate.job.options import (
    Argument,
    Option,
    OptionSpec,
    check_values,
    decode_values,
    encode_values,
    hidden_by,
    show_values,
)
from zmigrate.job.references import Users
from zmigrate.job.writes import Write, scopes_for
from zmigrate.zoho.redaction import Redactor

if TYPE_CHECKING:
    from zmigrate.rows.sources import Source
    from zmigrate.rows.sources.variables import Variables

Item = TypeVar("Item")


# ------------------------------------------------------------------------------------------------------- jobs


@dataclass_transform(kw_only_default=True, field_specifiers=(Argument, Option))
class Job:
    """A one-time job of any kind: declare `scopes`, and do the work in `run(self, ctx)`.

    Annotated attributes are options. `CountDeals(stage="Closed Won")` builds a job and checks the values. A
    base class that is not a job itself: `class Base(Job, abstract=True)`.
    """

    once: ClassVar[bool] = False
    """True: a job that has finished in an org does not run there again."""

    _options: ClassVar[Mapping[str, OptionSpec]] = {}
    _abstract: ClassVar[bool] = True

    @property
    def scopes(self) -> Sequence[str]:
        """The OAuth scopes of this job's token: a constant, or a property if they depend on options."""
        raise NotImplementedError

    @property
    def reads(self) -> Sequence[Path]:
        """Files besides the source that define the job, such as a mapping. If one has changed, a run does not
        go on."""
        return ()

    def run(self, ctx: Context) -> None:
        """Do the work: read and write through `ctx.crm`, in loops over `ctx.each`, so that a resumed run goes
        on where this one ended. Refused writes are counted and listed; see `Context`.
        """
        raise NotImplementedError

    def check(self) -> None:
        """Override to refuse option values that do not fit together: raise ValueError. No files, no calls."""

    def __init_subclass__(cls, *, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        inherited: dict[str, OptionSpec] = {}
        for base in reversed(cls.__mro__[1:]):
            inherited |= vars(base).get("_options", {})
        cls._options = read_options(cls, inherited)
        for name in cls._options:
            if name in vars(cls):
                delattr(cls, name)
        cls._abstract = abstract
        if not abstract:
            cls._check_class()

    @classmethod
    def _check_class(cls) -> None:
        check_overridden(cls, Job, "scopes", JOB_SHAPE)
        check_overridden(cls, Job, "run", JOB_SHAPE)
        check_works_when_called(cls, ("run", "check"), JOB_SHAPE)
        check_constant_scopes(cls, JOB_SHAPE)
        check_constants(cls, ("reads",))

    def __init__(self, **values: Any) -> None:
        if self._abstract:
            raise JobError(f"{type(self).__name__} is a base class of jobs, not a job.")
        vars(self).update(check_values(type(self), self._options, values))
        vars(self)["_own_secrets"] = hidden_by(self._options, vars(self))
        with told_as_authors(self._secrets):
            try:
                self.check()
            except ValueError as error:
                raise _said_by_author(self, error) from None
            self._check_built()

    def _check_built(self) -> None:
        check_scopes(type(self).__name__, self.scopes, JOB_SHAPE)
        check_declared(type(self).__name__, "reads", self.reads)

    @property
    def _secrets(self) -> Redactor:
        """Hides the values of its secret options, in all that is told of it."""
        return vars(self)["_own_secrets"]  # type: ignore[no-any-return]

    @property
    def _variables(self) -> Variables | None:
        """The environment variables that the runner allows, for database URLs."""
        return vars(self).get("_allowed_variables")

    def _allow(self, variables: Variables) -> None:
        """Take the variables from the runner. They are not options, which a run would keep."""
        vars(self)["_allowed_variables"] = variables

    def __repr__(self) -> str:
        return f"{type(self).__name__}({show_values(self._options, vars(self))})"


class RecordJob(Job, abstract=True):
    """A job of source, transform, write: row by row, counted, journalled, resumable.

    `scopes` and `write` are constants, or properties if they depend on options. `source` and `transform` are
    pure functions: test them by calling them.
    """

    @property
    def write(self) -> Write:
        """What to do with each record: `Insert`, `Update`, `Upsert` or `Delete`."""
        raise NotImplementedError

    def source(self) -> Source | Iterable[Mapping[str, Any]]:
        """The source of the rows: `Csv(self.file)`, `Query("select ...")`, `Rows([...])`, or a plain list of
        dicts. It may `yield` the rows, and be a plain attribute."""
        raise NotImplementedError

    @property
    def columns(self) -> Mapping[str, str] | None:
        """Declare `{column: field}` instead of a `transform`; the fields are checked before the first row.

        Raise ValueError if columns and options do not fit together.
        """
        return None

    @property
    def formats(self) -> Formats:
        """How to read the source's text: decimal commas, date formats, a time zone, words for yes."""
        return Formats()

    @property
    def users(self) -> Users:
        """How to read users of the old system, in fields that take a user."""
        return Users()

    @property
    def refers_to(self) -> Sequence[str] | None:
        """The modules that `transform` refers to by a `Ref` or a `Find`. None: not declared, but found out.

        If the job's own module is not among them, its rows need no search for parents before the first is
        sent. The token may read these modules, as a `Find` has to.
        """
        return None

    @property
    def fills(self) -> Sequence[Fill] | None:
        """The fields that `transform` fills, which are checked before the first row. None: not known."""
        if (columns := self.columns) is None:
            return None
        check_declared(type(self).__name__, "columns", columns)
        return [Fill(name, (each,), _said(each, name)) for each, name in columns.items()]

    def transform(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """A row of the source as a Zoho record, by field api name. Raise Skip to leave the row out.

        Values may be text or Python's own types: the field's type decides how they are sent. Any other
        exception fails the row with its message. The default uses the declared `columns`.
        """
        fields, cells = self._declared_columns
        return dict(zip(fields, cells(row), strict=True))

    def _read_from(self, copy: Source) -> None:
        """The run has copied the rows: what the job itself asks its source, it asks the copy from now on."""

    @property
    def _transforms_by_columns(self) -> bool:
        """Whether `transform` only applies the declared `columns`."""
        return getattr(self.transform, "__func__", None) is RecordJob.transform

    @property
    def _key_column(self) -> str | None:
        """The column whose cells are the keys as they stand; None if that is not known."""
        if not self._transforms_by_columns:
            return None
        return next((column for column, name in (self.columns or {}).items() if name == self.write.key), None)

    @cached_property
    def _declared_columns(self) -> DeclaredColumns:
        columns = self.columns or {}
        names = tuple(columns)
        if len(names) == 1:
            return DeclaredColumns(tuple(columns.values()), lambda row: (row[names[0]],))
        return DeclaredColumns(tuple(columns.values()), itemgetter(*names) if names else lambda row: ())

    @property
    def _hooks(self) -> JobHooks:
        """What the checks before the first write ask of the job."""
        return JobHooks()

    @classmethod
    def _check_class(cls) -> None:
        for name in ("scopes", "write", "source"):
            check_overridden(cls, RecordJob, name, RECORD_JOB_SHAPE)
        check_works_when_called(cls, ("transform", "check"), RECORD_JOB_SHAPE)
        check_works_when_called(cls, ("source",), RECORD_JOB_SHAPE, may_yield=True)
        if cls.transform is RecordJob.transform and cls.columns is RecordJob.columns:
            raise JobError(
                f"{cls.__name__} has neither `transform` nor `columns`. "
                f"Write it like this:\n{RECORD_JOB_SHAPE}"
            )
        if cls.run is not Job.run:
            raise JobError(
                f"{cls.__name__} is a RecordJob and has its own `run`.",
                hint="A record job is run by zmigrate: override `transform`, or subclass Job instead.",
            )
        check_constant_scopes(cls, RECORD_JOB_SHAPE)
        check_constants(cls, ("columns", "formats", "users", "refers_to", "reads"))
        write: Any = cls.write
        scopes: Any = cls.scopes
        if not isinstance(write, property):
            check_is_write(cls.__name__, write)
            if not isinstance(scopes, property):
                check_covers(cls.__name__, scopes, scopes_for(write))

    def _check_built(self) -> None:
        name = type(self).__name__
        check_is_write(name, self.write)
        check_scopes(name, self.scopes, RECORD_JOB_SHAPE)
        check_covers(name, self.scopes, scopes_for(self.write))
        for each in ("formats", "users", "refers_to", "reads"):
            check_declared(name, each, getattr(self, each))


class Flow(Job, abstract=True):
    """A job made of record jobs, one after the other: Accounts, then Contacts, then Deals.

    Each has its own token, scopes, journal and result files; the flow has one summary, one `resume` and one
    `plan`. A later job's `Ref` finds the records that earlier jobs wrote.
    """

    def jobs(self) -> Sequence[RecordJob]:
        """The jobs in the order in which they run. Raise ValueError if they do not fit together."""
        raise NotImplementedError

    @property
    def scopes(self) -> Sequence[str]:
        """The scopes of all its jobs together. Only a plan uses a token with all of them."""
        return tuple(dict.fromkeys(scope for job in steps_of(self) for scope in job.scopes))

    @classmethod
    def _check_class(cls) -> None:
        check_overridden(cls, Flow, "jobs", FLOW_SHAPE)
        check_works_when_called(cls, ("check",), FLOW_SHAPE)
        check_parameters(cls, "jobs", FLOW_SHAPE)
        for name in ("scopes", "run"):
            if getattr(cls, name) is not getattr(Flow, name):
                raise JobError(
                    f"{cls.__name__} is a Flow and has its own `{name}`. Write it like this:\n{FLOW_SHAPE}",
                    hint="A flow is run by zmigrate, with the scopes of its jobs.",
                )

    def _check_built(self) -> None:
        """Nothing yet: its jobs are made and checked when the flow runs."""


# ------------------------------------------------------------------------- for callers that list and run jobs


def job_name(cls: type[Job]) -> str:
    """The command's name."""
    return name_of_job(cls.__name__)


def name_of_job(class_name: str) -> str:
    """ImportLeads is `import-leads`, ImportCSVFile is `import-csv-file`."""
    return (
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", class_name).replace("_", "-").lower()
    )


def options(cls: type[Job]) -> tuple[OptionSpec, ...]:
    """The options of a job class: first arguments, then options, in the order of declaration."""
    return tuple(cls._options.values())


def encode_options(job: Job) -> dict[str, Any]:
    """The values of a job's options for JSON: without secrets, paths made absolute."""
    return encode_values(job._options, vars(job))


def decode_options(cls: type[Job], stored: Mapping[str, Any], secrets: Mapping[str, str] = {}) -> Job:
    """A job from what `encode_options` made, with its secrets given again. Raises JobError."""
    return cls(**decode_values(cls._options, stored), **(secrets or {}))


def steps_of(flow: Flow) -> tuple[RecordJob, ...]:
    """The flow's jobs: what the author's `jobs` gives, or is. Raises JobError for anything else."""
    given: Any = call_author(flow, "jobs", lambda: all_of(value_of(flow.jobs)))
    if not isinstance(given, tuple):
        raise not_in_a_flow(type(flow).__name__, given)
    steps = tuple(_step_of(flow, each) for each in given)
    for step in steps:
        flow._secrets.include(step._secrets)
        if flow._variables is not None:
            step._allow(flow._variables)
    for step in steps:
        step._secrets.include(flow._secrets)
    if not steps:
        raise JobError(f"{job_name(type(flow))} has no jobs.")
    return steps


def _step_of(flow: Flow, given: Any) -> RecordJob:
    """A job of a flow. A class stands for a job with the default values of its options."""
    if isinstance(given, type) and issubclass(given, RecordJob) and not given._abstract:
        needed = [spec.name for spec in options(given) if spec.required]
        if needed:
            raise needs_values(type(flow).__name__, given.__name__, needed)
        return given()
    if not isinstance(given, RecordJob):
        raise not_in_a_flow(type(flow).__name__, given)
    return given


def fills_of(job: RecordJob) -> Sequence[Fill] | None:
    """The fields that are known to be filled. Raises JobError if the job finds that they do not fit."""
    return call_author(job, "fills", lambda: job.fills)


def _said(column: str, field: str) -> str:
    return f"column {column!r}" if column == field else f"column {column!r} → {field}"


def call_author(job: Job, what: str, call: Callable[[], Item]) -> Item:
    """What the author's code gives. Raises JobError, with its words for a ValueError."""
    with told_as_authors(job._secrets):
        try:
            return call()
        except ValueError as error:
            raise _said_by_author(job, error) from None
        except NotImplementedError as error:
            if raised_by_author(error) is not None:
                raise
            raise JobError(f"{type(job).__name__} has no `{what}`.") from error


def _said_by_author(job: Job, error: ValueError) -> JobError:
    """A ValueError has the author's words for the person, and so is told with them alone."""
    raised = raised_by_author(error)
    return JobError(
        f"{job_name(type(job))}: {hidden(job._secrets, error)}",
        hint=None if raised is None else f"This was raised in {raised.place}.",
    )
