"""`zmigrate fields MODULE`: what a mapper needs to know of a module's fields."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zmigrate.cli.commands import Command
from zmigrate.cli.options import CheckProfile, Json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from zmigrate.zoho.metadata import Field, ModuleFields

ROOMY = 100

SCOPES = ("ZohoCRM.settings.fields.READ", "ZohoCRM.settings.layouts.READ", "ZohoCRM.settings.modules.READ")


def add_to(app: typer.Typer) -> None:
    @app.command(cls=Command)
    def fields(
        module: Annotated[str, typer.Argument(metavar="MODULE", help="Api name of the module, as in Leads.")],
        profile: CheckProfile = None,
        emulator: Annotated[bool, typer.Option("--emulator", help="Ask an embedded emulator.")] = False,
        values: Annotated[bool, typer.Option("--values", help="Show the values of pick lists.")] = False,
        as_json: Json = False,
    ) -> None:
        """List a module's fields: types, rules, what is writable."""
        from zmigrate.cli.connections import connected
        from zmigrate.engine.preflight import read_fields

        with connected(SCOPES, profile=profile, emulator=emulator) as connection:
            found = read_fields(connection.crm, module)
        if as_json:
            typer.echo(json.dumps(as_data(found), ensure_ascii=False))
            return
        from zmigrate.display.console import stdout_console

        console = stdout_console()
        console.print(table(found, console.width))
        if values:
            for each in found.fields.values():
                if each.pick_list:
                    console.print(value_lines(each))


def as_data(found: ModuleFields) -> dict[str, Any]:
    """The metadata as JSON; the names are those of the dataclass."""
    return {"module": found.module, "fields": [dataclasses.asdict(each) for each in found.fields.values()]}


def table(found: ModuleFields, width: int) -> RenderableType:
    """One line a field; it fits 80 columns, and the label gives way first."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    roomy = width >= ROOMY
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    made.add_column("api name", no_wrap=True, overflow="ellipsis", min_width=20)
    made.add_column("label", no_wrap=True, overflow="ellipsis", style="dim", max_width=40 if roomy else 12)
    made.add_column("type", overflow="fold", max_width=40 if roomy else 16)
    made.add_column("length", justify="right", no_wrap=True)
    made.add_column("rules", min_width=12)
    made.add_column("write", no_wrap=True)
    for each in found.fields.values():
        name = Text(each.api_name, style="bold" if each.mandatory else "")
        made.add_row(
            name, each.label, each.data_type, str(each.length or ""), rules_text(each), write_text(each)
        )
    return made


def rules_text(field: Field) -> str:
    """`mandatory, unique, external`, as far as they hold, and where a lookup points."""
    words = {
        "mandatory": field.mandatory,
        "unique": field.unique,
        "external": bool(field.external),
        "no layout": not field.on_layout,
        f"to {field.lookup_module}": field.lookup_module is not None,
    }
    return ", ".join(word for word, holds in words.items() if holds)


def write_text(field: Field) -> str:
    """When the API can write the field."""
    match field.creatable, field.updatable:
        case True, True:
            return "yes"
        case True, False:
            return "create"
        case False, True:
            return "update"
    return "-"


def value_lines(field: Field) -> RenderableType:
    """The values that a pick list takes."""
    from rich.padding import Padding
    from rich.text import Text

    names = [each.display for each in field.pick_list if each.used]
    return Padding(Text.assemble((f"{field.api_name}: ", "bold"), ", ".join(names)), (0, 0, 1, 0))
