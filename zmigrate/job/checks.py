"""The checks of a job class, and examples of the right shape for their messages. Each raises JobError."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from zmigrate.errors import JobError
from zmigrate.job.blank import Blank
from zmigrate.job.formats import Formats
from zmigrate.job.references import Users
from zmigrate.job.writes import WRITE_SHAPE, Delete, Insert, Update, Upsert
from zmigrate.printable import RENAME, path_fault
from zmigrate.wording import as_text
from zmigrate.zoho.facts import scopes as scope_facts

RECORD_JOB_SHAPE = """
    class ImportLeads(RecordJob):
        write = Upsert("Leads", match_on="Legacy_ID")
        scopes = scopes_for(write)

        file: Path = Argument(help="CSV export to read.")

        def source(self):
            return Csv(self.file)

        def transform(self, row):
            return {"Legacy_ID": row["id"], "Last_Name": row["name"]}"""

JOB_SHAPE = """
    class CountDeals(Job):
        scopes = ("ZohoCRM.modules.deals.READ",)

        def run(self, ctx):
            ctx.log(f"{sum(1 for _ in ctx.crm.records('Deals', fields=['id']))} deals")"""

FLOW_SHAPE = """
    class MigrateAll(Flow):
        folder: Path = Argument(help="Folder of the export.")

        def jobs(self):
            return (
                ImportAccounts(file=self.folder / "accounts.csv"),
                ImportContacts(file=self.folder / "contacts.csv"),
            )"""

SOURCES: Final = (
    "A source is Csv(self.file), Excel, JsonLines, Parquet, Sql or Query(...), a list of dicts, a generator,"
    " or Rows(...) of a function that gives the rows."
)

_CALLED_WITH: Final = {"run": ("ctx",), "transform": ("row",)}
"""What an author's methods get besides `self`; the others get nothing."""

_SCOPE = re.compile(r"[A-Za-z]+(\.[A-Za-z_]+){2,3}\Z")


_ASYNC = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isawaitable, inspect.isasyncgen)


def check_overridden(cls: type, base: type, name: str, shape: str) -> None:
    if getattr(cls, name) is getattr(base, name):
        raise JobError(f"{cls.__name__} has no `{name}`. Write it like this:\n{shape}")


def check_works_when_called(cls: type, names: Iterable[str], shape: str, *, may_yield: bool = False) -> None:
    """Refuse `async def` and `yield`, since calling such a function does nothing, and other parameters."""
    for name in names:
        code = getattr(cls, name)
        check_parameters(cls, name, shape)
        if may_yield and inspect.isgeneratorfunction(code):
            continue
        if may_yield and inspect.isgenerator(code):
            raise JobError(
                f"`{name}` of {cls.__name__} is a generator, and gives its rows only once: after a plan, a "
                f"run would find none. Make it a list, or give it in a method. Write it like this:\n{shape}"
            )
        refusal = does_nothing(f"`{name}` of {cls.__name__}", code, shape)
        if refusal is not None:
            raise refusal


def check_parameters(cls: type, name: str, shape: str) -> None:
    """Refuse a method that can't be called with what it gets."""
    code = getattr(cls, name)
    if not inspect.isroutine(code):
        return
    alone = inspect.ismethod(code) or isinstance(inspect.getattr_static(cls, name), staticmethod)
    given = _CALLED_WITH.get(name, ())
    if not takes(code, len(given) if alone else len(given) + 1):
        raise JobError(
            f"`{name}` of {cls.__name__} has other parameters than it is called with. Its first line must be"
            f" `def {name}({', '.join(('self', *given))})`. Write it like this:\n{shape}"
        )


def takes(code: Callable[..., Any], count: int) -> bool:
    """Whether a function can be called with so many values."""
    try:
        inspect.signature(code, follow_wrapped=False).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # Python can't tell
        return True
    return True


def does_nothing(what: str, code: Any, shape: str) -> JobError | None:
    """The error for a function that does nothing when called, or for the result of such a call."""
    if any(is_such(code) for is_such in _ASYNC):
        found = "is `async def`"
    elif inspect.isgeneratorfunction(code) or inspect.isgenerator(code):
        found = "has a `yield`"
    else:
        return None
    return JobError(f"{what} {found}, so calling it would do nothing. Write it like this:\n{shape}")


def check_constant_scopes(cls: Any, shape: str) -> None:
    scopes: Any = cls.scopes
    if not isinstance(scopes, property):
        check_scopes(cls.__name__, scopes, shape)


def check_scopes(job: str, scopes: Any, shape: str) -> None:
    if isinstance(scopes, str) or not isinstance(scopes, Sequence) or not scopes:
        raise JobError(
            f"the `scopes` of {job} are a tuple of names, not {scopes!r}. Write it like this:\n{shape}",
            hint='A tuple of one has a comma: scopes = ("ZohoCRM.modules.leads.READ",)',
        )
    for scope in scopes:
        if not isinstance(scope, str) or not _SCOPE.match(scope):
            raise JobError(
                f"{scope!r} in the `scopes` of {job} is not a scope.",
                hint="A scope looks like ZohoCRM.modules.leads.READ; see `scopes_for`.",
            )


def check_is_write(job: str, write: Any) -> None:
    if not isinstance(write, (Insert, Update, Upsert, Delete)):
        raise JobError(f"the `write` of {job} is {write!r}. Write it like this:\n{WRITE_SHAPE}")


def check_declared(job: str, name: str, value: Any) -> None:
    """Refuse a `columns`, `formats`, `users`, `refers_to` or `reads` that can't be read as one."""
    fits, example = _DECLARED[name]
    if not fits(value):
        raise JobError(
            f"the `{name}` of {job} can't be {as_text(value)[:80]!r}. Write it like this: {example}"
        )
    if name == "reads" and (fault := next(filter(None, map(path_fault, value)), None)):
        raise JobError(f"the `reads` of {job}: {fault}", hint=RENAME)


def check_constants(cls: type, names: Iterable[str]) -> None:
    """`check_declared` for those that are plain attributes."""
    for name in names:
        if not isinstance(value := getattr(cls, name), property):
            check_declared(cls.__name__, name, value)


def _are(kind: type, values: Any) -> bool:
    """A generator is refused: to look at its values would use them up."""
    listed = isinstance(values, Collection) and not isinstance(values, str | bytes)
    return listed and all(isinstance(value, kind) for value in values)


_DECLARED: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "columns": (
        lambda value: (
            value is None or (isinstance(value, Mapping) and _are(str, value) and _are(str, value.values()))
        ),
        'columns = {"name": "Last_Name"}',
    ),
    "formats": (lambda value: isinstance(value, Formats), 'formats = Formats(decimal=",")'),
    "users": (lambda value: isinstance(value, Users), 'users = Users(default="ann@example.com")'),
    "refers_to": (lambda value: value is None or _are(str, value), 'refers_to = ("Accounts",)'),
    "reads": (lambda value: _are(Path, value), 'reads = (Path("rules.toml"),)'),
}


def check_covers(job: str, declared: Sequence[str], wanted: Iterable[str]) -> None:
    missing = scope_facts.missing(declared, wanted)
    if missing:
        raise JobError(
            f"{job} declares too few scopes for what it does; missing: {', '.join(missing)}.",
            hint="Add them to `scopes`, or derive them: scopes = scopes_for(write, *sources)",
        )


def value_of(declared: Any) -> Any:
    """What an author's method gives, or what a plain attribute is."""
    return declared() if callable(declared) and not isinstance(declared, type) else declared


def said_of(value: Any) -> str:
    """What an author gave, for messages: `the class Csv`, `list`."""
    if value is None or value is Blank:
        return repr(value)
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def all_of(given: Any) -> Any:
    """The jobs of a flow one by one; what is no row of jobs is given back."""
    listed = isinstance(given, Iterable) and not isinstance(given, str | bytes | type | Mapping)
    return tuple(given) if listed else given


def not_in_a_flow(flow: str, given: Any) -> JobError:
    return JobError(
        f"{flow}.jobs() gave {said_of(given)}, which is not a record job. Give record jobs with"
        " their values, or the class of one whose values may all be left out; no other flow, and no job with"
        " a `run` of its own."
        f" Write it like this:\n{FLOW_SHAPE}"
    )


def needs_values(flow: str, job: str, names: Sequence[str]) -> JobError:
    given = ", ".join(f"{name}=..." for name in names)
    needed = " and ".join(f"`{name}`" for name in names)
    return JobError(
        f"{flow}.jobs() gave the class {job}, which needs {needed}.",
        hint=f"Put the job there with its values: {job}({given})",
    )
