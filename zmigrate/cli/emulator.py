"""`zmigrate emulator`: a local Zoho on loopback, until Ctrl-C. Its options come from `emulator.Options`."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

import typer

from zmigrate.cli.commands import LazyCommand, command_of, escaped, parameter
from zmigrate.errors import UsageError

if TYPE_CHECKING:
    from typer._click import Command

    from zmigrate.emulator import Emulator, Options

HELP = "A local Zoho CRM on loopback, with faults on demand."
METAVARS = {str: "TEXT", int: "N", float: "X"}
SECRET_FIELDS = frozenset({"client_secret"})


class EmulatorCommand(LazyCommand):
    """Built on call: its options come from the emulator's own."""

    def real(self) -> Command:
        from zmigrate.emulator import Options

        return command_of("emulator", HELP + DETAILS, [option_of(each) for each in shown(Options)], serve)


DETAILS = """

Prints its URL and the environment variables that point zmigrate at it, then serves until Ctrl-C.
Its records live in memory. Rates are shares of the requests, 0 to 1."""


def shown(options: type[Options]) -> list[dataclasses.Field[Any]]:
    """The fields that make an option: all but secrets, which are made up anew each time."""
    return [each for each in dataclasses.fields(options) if each.name not in SECRET_FIELDS]


def option_of(field: dataclasses.Field[Any]) -> inspect.Parameter:
    """The command-line option of one field."""
    from zmigrate.emulator import Options

    hint = get_type_hints(Options)[field.name]
    flag = "--" + field.name.replace("_", "-")
    text = escaped(field.metadata["help"])
    name = flag if hint is not bool else f"{flag}/--no-{flag[2:]}"
    metavar = (
        "WORD" if get_origin(hint) is Literal else METAVARS.get(get_args(hint)[0] if get_args(hint) else hint)
    )
    if get_origin(hint) is Literal:
        text += f": {', '.join(get_args(hint))}"
    return parameter(field.name, hint, field.default, typer.Option(name, help=text, metavar=metavar))


def serve(values: dict[str, Any], _context: typer.Context) -> None:
    """Serve until interrupted. That is the normal end, so it is no error."""
    from zmigrate import emulator as local

    def ready(emulator: Emulator) -> None:
        typer.echo(f"# Zoho CRM emulator at {emulator.url}, until Ctrl-C. For the shell that runs zmigrate:")
        for name, value in environment_of(emulator).items():
            typer.echo(f"export {name}={value}")
        sys.stdout.flush()  # a script that reads us through a pipe sees it now

    try:
        local.serve(local.Options(**values), ready)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except (ValueError, OSError) as error:
        raise UsageError(
            f"the emulator can't start: {error}", hint="choose another --host or --port"
        ) from None


def environment_of(emulator: Emulator) -> dict[str, str]:
    """The variables that point zmigrate at it. The secret is made up, and worth nothing elsewhere."""
    return {
        "ZMIGRATE_ACCOUNTS_URL": emulator.accounts_url,
        "ZMIGRATE_CLIENT_ID": emulator.client_id,
        "ZMIGRATE_CLIENT_SECRET": emulator.client_secret,
        "ZMIGRATE_SOID": emulator.soid,
    }


def add_to(app: typer.Typer) -> None:
    @app.command("emulator", cls=EmulatorCommand, help=HELP)
    def emulator() -> None:
        """Never called: EmulatorCommand builds the real one."""
