"""What commands are made of, including commands whose options are known only at run time."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from zmigrate.printable import printable

if TYPE_CHECKING:
    from typer._click import Command as AnyCommand
    from typer._click import Context, Parameter


_WHY_ONE = {"--match-on": ": an upsert goes by one field"}
CONTEXT = "_context"  # No option of a job can have this name


def parameter(name: str, annotation: object, default: object, info: object) -> inspect.Parameter:
    """One parameter of a generated function. `info`: typer's `Option(...)` or `Argument(...)`."""
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[annotation, info]
    )


def parameters_of(options: type) -> list[inspect.Parameter]:
    """The parameters that a dataclass of annotated options declares."""
    hints = get_type_hints(options, include_extras=True)
    return [
        each.replace(annotation=hints[each.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for each in inspect.signature(options).parameters.values()
    ]


def reflow(text: str) -> str:
    """A docstring with each paragraph on one line, to fit any width. Indented paragraphs stay as they are."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(
        each if any(line.startswith(" ") for line in each.split("\n")) else each.replace("\n", " ")
        for each in paragraphs
    )


def escaped(text: str) -> str:
    """Text for help, safe from rich's markup and from a terminal's control characters."""
    return printable(text).replace("[", "\\[")


def command_of(
    name: str,
    help_text: str,
    parameters: Sequence[inspect.Parameter],
    act: Callable[[dict[str, Any], typer.Context], None],
) -> AnyCommand:
    """A command with these parameters; it calls `act` with their values."""

    def call(**values: Any) -> None:
        act(values, values.pop(CONTEXT))

    context = inspect.Parameter(CONTEXT, inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    declared = [context, *parameters]
    call.__signature__ = inspect.Signature(declared)  # type: ignore[attr-defined]
    call.__annotations__ = {each.name: each.annotation for each in declared}
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name, help=help_text, cls=Command)(call)
    return typer.main.get_command(single)


def without_bool(parameters: list[Parameter]) -> list[Parameter]:
    """Let help show no `<bool>` after a flag, which takes no value."""
    for each in parameters:
        if getattr(each, "is_flag", False) and each.metavar is None:
            each.metavar = ""
    return parameters


class Command(TyperCommand):
    """A command of zmigrate."""

    def get_params(self, ctx: Context) -> list[Parameter]:
        return without_bool(super().get_params(ctx))

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        refuse_option_as_value(ctx, self.get_params(ctx), args)
        self._refuse_given_twice(ctx, args)
        return super().parse_args(ctx, args)

    def _refuse_given_twice(self, ctx: Context, args: list[str]) -> None:
        """Raise a usage error for an option that takes one value and has several: the last one would win."""
        if ctx.resilient_parsing:
            return
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for each, times in Counter(given).items():
            may_repeat = any(getattr(each, name, False) for name in ("multiple", "is_flag", "count"))
            if each.param_type_name == "option" and not may_repeat and times > 1:
                flag = max(each.opts, key=len)
                why = _WHY_ONE.get(flag, "")
                raise typer.BadParameter(f"{flag} takes one value, and is given {times} times{why}", ctx)


def refuse_option_as_value(ctx: Context, parameters: Sequence[Parameter], args: Sequence[str]) -> None:
    """Raise a usage error if an option follows where the parser would take it as another option's value."""
    options = [each for each in parameters if each.param_type_name == "option"]
    valued = {name for each in options if not getattr(each, "is_flag", False) for name in each.opts}
    names = {name for each in options for name in (*each.opts, *each.secondary_opts)}
    for word, following in pairwise(args):
        if word == "--":
            return
        if word in valued and following in names and following.startswith("--"):
            raise typer.BadParameter(f"{word} needs a value, and {following} follows", ctx)


class CommandGroup(TyperGroup):
    """A group of commands."""

    def get_params(self, ctx: Context) -> list[Parameter]:
        return without_bool(super().get_params(ctx))


class LazyCommand(Command):
    """A command that is built when it is called, so that the root's help need not import its module."""

    def real(self) -> AnyCommand:
        """The command itself."""
        raise NotImplementedError

    def make_context(
        self, info_name: str | None, args: list[str], parent: Context | None = None, **extra: Any
    ) -> Context:
        return self.real().make_context(info_name, args, parent=parent, **extra)
