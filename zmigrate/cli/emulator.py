"""`zmigrate emulator`: a local Zoho on loopback, until Ctrl-C. Its options come from `emulator.Options`."""

from __future__ import annotations

import dataclasses
import inspect
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

import typer

from zmigrate.cli import streams
from zmigrate.cli.commands import LazyCommand, command_of, escaped, parameter
from zmigrate.errors import UsageError
from zmigrate.plain_files import read_small
from zmigrate.printable import printable
from zmigrate.wording import shell_variable

if TYPE_CHECKING:
    from typer._click import Command

    from zmigrate.emulator import Emulator, Options

HELP = "A local Zoho CRM on loopback, with faults on demand."
PANELS = {
    "host": "Server",
    "client_id": "Accounts",
    "org_type": "Org and limits",
    "email_unique": "Rules",
    "faults_on": "Faults",
}
"""The field with which each panel of the help begins, in the order of the fields."""

FIRST_PANELS = ("Server", "Faults")
FIELDS = typer.Option(
    "--fields",
    help="an org's own fields: the JSON answer of `GET /settings/fields`, of any API version from 2 to 8; "
    "may be given for several modules, also for subforms' rows",
    metavar="MODULE=FILE.json",
    show_default=False,
    rich_help_panel="Rules",
)
METAVARS = {str: "TEXT", int: "N", float: "X"}
SECRET_FIELDS = frozenset({"client_secret"})


class EmulatorCommand(LazyCommand):
    """A command whose options come from the emulator's own."""

    def real(self) -> Command:
        from zmigrate.emulator import Options

        parameters = [option_of(field, panel) for panel, field in paneled(Options)]
        parameters.append(parameter("fields", list[str], [], FIELDS))
        return command_of("emulator", HELP + DETAILS, parameters, serve)


DETAILS = (
    "\n\nPrints its URL and the environment variables for zmigrate, then serves until Ctrl-C. "
    "Its records live in memory. Rates are shares of the requests, 0 to 1."
)


def shown(options: type[Options]) -> list[dataclasses.Field[Any]]:
    """The fields that become options: all but secrets, which are new each time."""
    return [each for each in dataclasses.fields(options) if each.name not in SECRET_FIELDS]


def paneled(options: type[Options]) -> list[tuple[str, dataclasses.Field[Any]]]:
    """The fields with their panels. The faults come first, the finer points after them."""
    panel, found = "", []
    for each in shown(options):
        panel = PANELS.get(each.name, panel)
        found.append((panel, each))
    order = [*FIRST_PANELS, *(name for name in PANELS.values() if name not in FIRST_PANELS)]
    return sorted(found, key=lambda pair: order.index(pair[0]))


def flag_of(name: str) -> str:
    return "--" + name.replace("_", "-")


def option_of(field: dataclasses.Field[Any], panel: str) -> inspect.Parameter:
    """The command-line option of one field."""
    from zmigrate.emulator import Options

    hint = get_type_hints(Options)[field.name]
    flag = flag_of(field.name)
    text = escaped(field.metadata["help"])
    if field.default is True:
        text = f"do not {text}"
    name = f" /--no-{flag[2:]}" if field.default is True else flag
    metavar = (
        "WORD" if get_origin(hint) is Literal else METAVARS.get(get_args(hint)[0] if get_args(hint) else hint)
    )
    if get_origin(hint) is Literal:
        text += f": {', '.join(get_args(hint))}"
    if field.default and field.default is not True:
        default = field.default if isinstance(field.default, str) else f"{field.default:g}"
        text += f" (default {default})"
    info = typer.Option(name, help=text, metavar=metavar, show_default=False, rich_help_panel=panel)
    return parameter(field.name, hint, field.default, info)


def serve(values: dict[str, Any], _context: typer.Context) -> None:
    """Serve until interrupted, which is the normal end and no error."""
    from zmigrate import emulator as local

    fields = dict(map(fields_of, values.pop("fields")))
    try:
        options = local.Options(**values)
    except local.BadValue as error:
        raise UsageError(f"{flag_of(error.name)} {error.why}") from None

    def ready(emulator: Emulator) -> None:
        streams.echo(
            f"# Zoho CRM emulator at {emulator.url}, until Ctrl-C. For the shell that runs zmigrate:"
        )
        for name, value in environment_of(emulator).items():
            streams.echo(shell_variable(name, value))
        if emulator.options.token_limit == local.Options().token_limit:
            streams.echo(
                "# As Zoho's: ten tokens in ten minutes, one a command; for more: --token-limit 1000"
            )
        sys.stdout.flush()  # a script that reads this through a pipe sees it now

    try:
        local.serve(options, ready, fields)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except local.BadValue as error:
        raise UsageError(f"--fields: {error}") from None
    except (ValueError, OSError) as error:
        raise UsageError(
            f"the emulator can't start: {error}", hint="choose another --host or --port"
        ) from None


def fields_of(pair: str) -> tuple[str, Any]:
    """Module and answer of one `MODULE=FILE.json`. Raises UsageError for anything else."""
    module, equals, name = pair.partition("=")
    if not module or not equals or not name:
        raise UsageError(f"--fields takes MODULE=FILE.json, not {printable(pair)}")
    try:
        return module, json.loads(read_small(Path(name)))
    except OSError as error:
        raise UsageError(f"--fields: {printable(name)} can't be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"--fields: {printable(name)} is no JSON: {printable(str(error))}") from None


def environment_of(emulator: Emulator) -> dict[str, str]:
    """The variables by which zmigrate finds this emulator. The secret is made up and worthless elsewhere."""
    options = emulator.options
    return {
        "ZMIGRATE_ACCOUNTS_URL": emulator.accounts_url,
        "ZMIGRATE_CLIENT_ID": emulator.client_id,
        "ZMIGRATE_CLIENT_SECRET": emulator.client_secret,
        "ZMIGRATE_SOID": emulator.soid,
        "ZMIGRATE_TOKEN_LIMIT": f"{options.token_limit}/{options.token_window_s:g}",
    }


def add_to(app: typer.Typer) -> None:
    @app.command("emulator", cls=EmulatorCommand, help=HELP)
    def emulator() -> None:
        """Never called: EmulatorCommand builds the real one."""
