"""`zmigrate run JOB`: one command a job, made from the job's class when it is called."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from zmigrate.cli.commands import (
    CommandGroup,
    LazyCommand,
    command_of,
    escaped,
    parameter,
    parameters_of,
    reflow,
)
from zmigrate.cli.errors import value_of
from zmigrate.cli.options import JobsPath, RunFlags
from zmigrate.cli.prompts import read_hidden
from zmigrate.cli.streams import can_ask
from zmigrate.errors import JobError
from zmigrate.printable import printable
from zmigrate.wording import shell_word

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from typer._click import Command, Context

    from zmigrate.job.job import Job
    from zmigrate.job.options import OptionSpec
    from zmigrate.registry import JobEntry, Registry

REGISTRY = "zmigrate.registry"

Choices = TypeVar("Choices", bound="DataclassInstance")


class JobCommand(LazyCommand):
    """The command of a job. The job's file is imported when the command is called, not to list it."""

    def __init__(self, entry: JobEntry, make: Callable[[JobEntry], Command]) -> None:
        super().__init__(entry.name, help=escaped(reflow(entry.doc)))
        self._entry = entry
        self._make = make

    def real(self) -> Command:
        return self._make(self._entry)


class RunGroup(CommandGroup):
    """The group whose commands are the jobs. Imports nothing before one is asked for."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        # --jobs may come after the job's name, but the job is found through it.
        ctx.meta[REGISTRY] = value_of("--jobs", args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Context) -> list[str]:
        return sorted(registry_of(ctx).jobs)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        registry = registry_of(ctx)
        if cmd_name not in registry.jobs:
            if ctx.resilient_parsing:
                return None
            refuse_file(cmd_name, ctx.info_name or "run")
        return JobCommand(registry.entry(cmd_name), self.command_of)

    def command_of(self, entry: JobEntry) -> Command:
        """The command for one job."""
        return job_command(entry, RunFlags, start)


def refuse_file(name: str, command: str) -> None:
    """Raise JobError if a file or folder was given as the job. `command`: `run`, or `plan`."""
    from zmigrate.rows.sources.opening import ENDINGS

    does = "plan" if command == "plan" else "load"
    if name.lower().endswith((*ENDINGS, ".gz", ".zip")):
        job = "import-csv" if name.lower().endswith((".csv", ".txt", ".tsv")) else "import-file"
        raise JobError(
            f'"{name}" is a file, not a job',
            hint=f"To {does} it: zmigrate {command} {job} {shell_word(name)}"
            " --module MODULE --operation OPERATION",
        )
    if name.endswith(("/", os.sep)) or (os.path.dirname(name) and Path(name).is_dir()):
        raise JobError(
            f'"{name}" is a folder, not a job',
            hint=f"To {does} its files: zmigrate {command} import-folder {shell_word(name)}"
            " --mapping FILE.toml",
        )


def registry_of(context: Context) -> Registry:
    """The jobs that can be found from here, looked up once a command line."""
    from zmigrate.registry import Registry, discover

    found = context.meta.get(REGISTRY)
    if not isinstance(found, Registry):
        found = discover(Path(found) if found else None, Path.cwd())
        context.meta[REGISTRY] = found
    return found


def job_command(entry: JobEntry, choices: type[Choices], begin: Callable[[Job, Choices], None]) -> Command:
    """The command of one job: its own options, then the runner's (`choices`) in their own panel."""
    from zmigrate.job.job import options

    cls = entry.cls
    specs = {spec.name: spec for spec in options(cls)}
    own = [parameter_of(spec) for spec in specs.values() if not spec.secret]

    def act(values: dict[str, Any], context: typer.Context) -> None:
        values["verbose"] |= bool(context.obj)
        if context.parent is not None:  # --jobs may also come before the job's name
            values["jobs"] = values["jobs"] or context.parent.params.get("jobs")
        chosen = choices(**{each.name: values.pop(each.name) for each in fields(choices)})
        begin(build(cls, specs, values), chosen)

    return command_of(entry.name, escaped(reflow(cls.__doc__ or "")), [*own, *parameters_of(choices)], act)


def parameter_of(spec: OptionSpec) -> inspect.Parameter:
    """A job's option as text for the parser; `parse_option` makes the value."""
    info: object
    text = escaped(" ".join(filter(None, (spec.help, choices_text(spec), default_text(spec)))))
    default = inspect.Parameter.empty if spec.required else None
    hint: object = list[str] if spec.is_list or spec.joined_by is not None else str
    if spec.kind == "argument":
        info = typer.Argument(metavar=printable(spec.metavar), help=text, show_default=False)
    elif spec.base is bool and not spec.is_list:
        hint = bool
        info = typer.Option(f"{spec.flag}/--no-{spec.flag[2:]}", help=text, show_default=False)
    else:
        metavar = "WORD" if spec.choices else "TEXT" if spec.metavar == "STR" else printable(spec.metavar)
        info = typer.Option(spec.flag, metavar=metavar, help=text, show_default=False)
    return parameter(spec.name, hint if spec.required else hint | None, default, info)  # type: ignore[operator]


def choices_text(spec: OptionSpec) -> str:
    """`One of insert, update.`"""
    return f"One of {', '.join(spec.choices)}." if spec.choices else ""


def default_text(spec: OptionSpec) -> str:
    """`Default: emea.`, or nothing for an option that is empty by default."""
    if spec.required or spec.default in (None, (), "", False):
        return ""
    from zmigrate.job.options import enum_word

    return f"Default: {enum_word(spec.default) if isinstance(spec.default, Enum) else spec.default}."


def build(cls: type[Job], specs: dict[str, OptionSpec], values: dict[str, Any]) -> Job:
    """The job with its options. Raises JobError."""
    from zmigrate.job.options import parse_option

    given: dict[str, Any] = {}
    for name, value in values.items():
        if value is None or value == []:
            continue
        spec = specs[name]
        if isinstance(value, bool):
            given[name] = value
        elif spec.joined_by is not None:
            given[name] = parse_option(spec, spec.joined_by.join(value))
        elif spec.is_list:
            given[name] = [parse_option(spec, text) for text in value]
        else:
            given[name] = parse_option(spec, value)
    for name, spec in specs.items():
        if spec.secret:
            secret = secret_value(spec)
            if secret is not None:
                given[name] = secret
    return cls(**given)


def secret_value(spec: OptionSpec) -> str | None:
    """The secret, from its environment variable or a prompt. None for an optional one that is not set."""
    value = os.environ.get(spec.env or "")
    if value:
        return value
    if not spec.required:
        return None
    if not can_ask():
        raise JobError(f"the secret `{spec.name}` is not given", hint=f"set {spec.env} in the environment")
    return read_hidden(f"{spec.help or spec.name}: ")


def start(job: Job, options: RunFlags) -> None:
    """Run the job, show its progress, and end with its exit code."""
    from zmigrate.cli.watching import Watch
    from zmigrate.display.next_commands import Named
    from zmigrate.engine.entry import start as start_run

    chosen = options.chosen()
    watch = Watch(quiet=options.quiet, verbose=options.verbose, as_json=options.json)
    with watch:
        result = start_run(job, chosen, watch.caller())
    named = Named(options.state_dir, options.jobs, options.allow_env or ())
    watch.finish(result, practice=options.emulator, named=named)


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(cls=RunGroup, no_args_is_help=True, pretty_exceptions_enable=False)

    @group.callback()
    def run(jobs: JobsPath = None) -> None:
        """Run a job. `zmigrate run JOB --help` shows its options."""

    app.add_typer(group, name="run")
