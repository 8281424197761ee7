"""`zmigrate jobs`, `show` and `new`: lists and describes jobs, and starts a new one."""

from __future__ import annotations

import inspect
import sys
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zmigrate.cli import streams
from zmigrate.cli.commands import Command, reflow
from zmigrate.cli.options import JobsPath, Json
from zmigrate.wording import shell_word

if TYPE_CHECKING:
    from rich.console import RenderableType

    from zmigrate.job.job import Job
    from zmigrate.job.options import OptionSpec
    from zmigrate.registry import JobEntry, Registry

DEPENDS = "depends on its options"


class JobKind(Enum):
    """The kinds of jobs that `new` can begin."""

    RECORD_JOB = "record-job"
    JOB = "job"
    FLOW = "flow"


def add_to(app: typer.Typer) -> None:
    @app.command(cls=Command)
    def jobs(path: JobsPath = None, as_json: Json = False) -> None:
        """List the jobs that can be run from this folder."""
        registry = found(path).imported()
        if as_json:
            streams.print_json([as_data(entry) for entry in ordered(registry)])
        else:
            from zmigrate.display.console import stdout_console

            stdout_console().print(table(registry))
        name_broken(registry)

    @app.command(cls=Command)
    def show(
        job: Annotated[str, typer.Argument(metavar="JOB", help="Name of the job.")],
        path: JobsPath = None,
        as_json: Json = False,
    ) -> None:
        """Describe a job: its write, scopes and options."""
        entry = found(path).entry(job)
        if as_json:
            streams.print_json(as_data(entry))
            return
        from zmigrate.display.console import stdout_console

        console = stdout_console()
        console.print(description(entry))
        console.print(f"try it: {usage(entry)}", soft_wrap=True)

    @app.command(cls=Command)
    def new(
        name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the job, as in import-customers.")],
        kind: Annotated[
            JobKind,
            typer.Option(
                "--kind",
                metavar="KIND",
                help="record-job: rows become records; job: your own calls; flow: several jobs in order.",
            ),
        ] = JobKind.RECORD_JOB,
    ) -> None:
        """Start a job of your own: module, test, small file."""
        from zmigrate.cli.scaffold import write_scaffold

        made = write_scaffold(name, Path.cwd(), kind.value)
        for file in made.files:
            streams.echo(f"made {file}")
        streams.echo(f"\nrun it:   zmigrate run {made.job} {made.sample} --emulator")
        streams.echo(f"test it:  {python_command()} -m pytest {made.test}")
        if find_spec("pytest") is None:
            streams.echo(f"          (needs pytest: {python_command()} -m pip install pytest)")


def python_command() -> str:
    """The command for the Python that has zmigrate, which need not be the first one on the path."""
    on_path = which("python")
    same = on_path is not None and Path(on_path).absolute() == Path(sys.executable).absolute()
    return "python" if same else shell_word(sys.executable)


def found(path: Path | None) -> Registry:
    """The jobs that can be found from the current folder."""
    from zmigrate.registry import discover

    return discover(path, Path.cwd())


def ordered(registry: Registry) -> list[JobEntry]:
    """The jobs by name."""
    return [registry.jobs[name] for name in sorted(registry.jobs)]


def name_broken(registry: Registry) -> None:
    """Name the modules that can't be imported. The other jobs stay usable."""
    for each in registry.broken:
        streams.say(f"warning: a job module can't be used: {each}")
        if each.hint:
            streams.say(f"hint: {each.hint}")


def table(registry: Registry) -> RenderableType:
    """A table of the jobs: name, what it does, where it comes from."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    made.add_column("job", no_wrap=True, style="bold")
    made.add_column("what it does")
    made.add_column("from", style="dim", overflow="fold")
    for entry in ordered(registry):
        made.add_row(entry.name, first_line(entry), str(entry.origin))
    return made


def first_line(entry: JobEntry) -> str:
    """The first line of the job's docstring."""
    return inspect.cleandoc(entry.doc).partition("\n")[0]


def as_data(entry: JobEntry) -> dict[str, Any]:
    """A job as JSON."""
    return {
        "name": entry.name,
        "help": inspect.cleandoc(entry.doc),
        "origin": str(entry.origin),
        "write": constant(entry.cls, "write"),
        "scopes": constant(entry.cls, "scopes"),
        "once": entry.cls.once,
        "options": [option_data(spec) for spec in specs_of(entry.cls)],
    }


def specs_of(cls: type[Job]) -> tuple[OptionSpec, ...]:
    """The options that the job's class declares."""
    from zmigrate.job.job import options

    return options(cls)


def constant(cls: type, name: str) -> Any:
    """A class attribute as JSON. None if it depends on the options (a property) or is missing."""
    value = inspect.getattr_static(cls, name, None)
    if value is None or isinstance(value, property):
        return None
    if name == "write":
        return {"module": value.module, "operation": value.operation, "key": value.key}
    return list(value)


def option_data(spec: OptionSpec) -> dict[str, Any]:
    """An option as JSON."""
    from zmigrate.job.options import enum_word

    default = None if spec.required else spec.default
    if spec.choices and default is not None and not isinstance(default, str):
        default = enum_word(default)
    elif default is not None and not isinstance(default, bool | int | float | str | tuple):
        default = str(default)
    return {
        "name": spec.name,
        "flag": spec.flag,
        "kind": spec.kind,
        "type": spec.type_name,
        "required": spec.required,
        "default": default,
        "secret_from": spec.env,
        "help": spec.help,
    }


def description(entry: JobEntry) -> RenderableType:
    """A job in words, on one screen."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    data = as_data(entry)
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("from", data["origin"])
    facts.add_row("writes", write_text(data["write"], entry.cls))
    facts.add_row("scopes", "\n".join(data["scopes"]) if data["scopes"] else DEPENDS)
    if data["once"]:
        facts.add_row("once", "does not run again where it has finished")
    options = Table.grid(padding=(0, 2))
    options.add_column(no_wrap=True, style="cyan")
    options.add_column(style="dim", no_wrap=True)
    options.add_column(overflow="fold")
    for spec, each in zip(specs_of(entry.cls), data["options"], strict=True):
        options.add_row(spec.name if spec.secret else each["flag"], type_text(spec), option_note(each))
    return Group(
        Text(entry.name, style="bold"),
        Padding(Text(reflow(data["help"])), (0, 0, 1, 2)),
        Padding(facts, (0, 0, 1, 2)),
        Padding(options, (0, 0, 1, 2)),
    )


def type_text(spec: OptionSpec) -> str:
    """The value that an option takes: as its author named it, else its type."""
    if spec.kind == "argument" or spec.choices or not spec.has_own_metavar:
        return spec.type_name
    return spec.metavar


def usage(entry: JobEntry) -> str:
    """A command line with everything that the job needs or usually has, except secrets."""
    specs = specs_of(entry.cls)
    arguments = [spec.metavar for spec in specs if spec.kind == "argument" and spec.required]
    wanted = [
        f"{spec.flag} {spec.value_name}"
        for spec in specs
        if spec.kind == "option" and (spec.required or spec.usual) and not spec.secret
    ]
    return " ".join(["zmigrate run", entry.name, *arguments, *wanted, "--emulator"])


def write_text(write: dict[str, Any] | None, cls: type) -> str:
    """`upsert into Leads by Legacy_ID`."""
    from zmigrate.job.job import Flow

    if write is None:
        if issubclass(cls, Flow):
            return "what its jobs write, one after the other"
        return (
            DEPENDS if inspect.getattr_static(cls, "write", None) is not None else "what its own code writes"
        )
    key = f", found by {write['key']}" if write["key"] else ""
    return f"{write['operation']}, module {write['module']}{key}"


def option_note(option: dict[str, Any]) -> str:
    """An option's help and default, and whether it is required or secret."""
    parts = [option["help"]] if option["help"] else []
    if option["secret_from"]:
        parts.append(f"Secret: from {option['secret_from']} or a prompt.")
    elif option["required"]:
        parts.append("Required.")
    elif option["default"] not in (None, "", (), False):
        parts.append(f"Default: {option['default']}.")
    return " ".join(parts)
