"""`zmigrate fields MODULE`: shows what a mapping needs to know about a module's fields."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zmigrate.cli import streams
from zmigrate.cli.commands import Command
from zmigrate.cli.options import CheckProfile, Json
from zmigrate.errors import Fatal, RefusedError, ScopeError, UsageError
from zmigrate.zoho.facts.scopes import FIELDS, LAYOUTS

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm
    from zmigrate.zoho.metadata import Field, Layout, ModuleFields

PIPED_WIDTH = 250  # Width in columns if the output is not a terminal: one line a field, easy to search


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A module's fields, and what its layouts add."""

    fields: ModuleFields
    wanted_on: Mapping[str, tuple[str, ...]]  # the layouts that require a field, by its name
    layouts: int | None  # How many layouts there are. None if they could not be read.
    rows: Mapping[str, ModuleFields] = dataclasses.field(default_factory=dict)
    """The fields of a subform's rows, by the subform; without subforms that can't be read."""


def add_to(app: typer.Typer) -> None:
    @app.command(cls=Command)
    def fields(
        module: Annotated[str, typer.Argument(metavar="MODULE", help="Api name of the module, as in Leads.")],
        mandatory: Annotated[
            bool, typer.Option("--mandatory", help="Only those that must be filled, by Zoho or by a layout.")
        ] = False,
        unique: Annotated[
            bool, typer.Option("--unique", help="Only unique and external ones: they can be keys.")
        ] = False,
        writable: Annotated[
            bool, typer.Option("--writable", help="Only those that the API can write.")
        ] = False,
        custom: Annotated[bool, typer.Option("--custom", help="Only custom fields.")] = False,
        type: Annotated[
            str | None, typer.Option("--type", metavar="T", help="Only those of a type, as in picklist.")
        ] = None,
        find: Annotated[
            str | None, typer.Option("--find", metavar="TEXT", help="Only those with it in name or label.")
        ] = None,
        values: Annotated[
            str | None, typer.Option("--values", metavar="FIELD", help="All values of this pick list.")
        ] = None,
        as_json: Json = False,
        as_csv: Annotated[
            bool, typer.Option("--csv", help="Print CSV on stdout, for a spreadsheet.")
        ] = False,
        profile: CheckProfile = None,
        emulator: Annotated[bool, typer.Option("--emulator", help="Ask an embedded emulator.")] = False,
    ) -> None:
        """List a module's fields: types, rules, what is writable."""
        if as_json and as_csv:
            raise UsageError("--json and --csv exclude each other")
        found = read_module(module, profile=profile, emulator=emulator)
        if values is not None:
            chosen: Sequence[Field] = [pick_list(found.fields, values)]
        else:
            flags = {"mandatory": mandatory, "unique": unique, "writable": writable, "custom": custom}
            chosen = [each for each in found.fields if holds(each, found, flags, find)]
            chosen = of_type(chosen, found.fields, type)
        if as_json:
            streams.print_json(as_data(found, chosen))
        elif as_csv:
            streams.write_data(as_csv_text(found, chosen))
        else:
            show(found, chosen, whole_list=values is not None)


def read_module(module: str, *, profile: str | None, emulator: bool) -> Found:
    """The module's fields and layouts. A client that may not read layouts is told so, and gets the fields
    alone. Raises UsageError if the org has no such module.
    """
    from zmigrate.cli.connections import granted_connection
    from zmigrate.engine.preflight.fields import read_fields

    with granted_connection((FIELDS,), (LAYOUTS,), profile=profile, emulator=emulator) as (given, refused):
        fields = read_fields(given.crm.fields, module)
        layouts = read_layouts(given.crm, module, refused)
        rows = dict(read_rows(given.crm, fields))
    return Found(fields, wanted_on(layouts or ()), None if layouts is None else len(layouts), rows)


def read_rows(crm: Crm, fields: ModuleFields) -> Iterator[tuple[str, ModuleFields]]:
    """Each subform with the fields of its rows. One that can't be read is left out."""
    for each in fields:
        if each.data_type == "subform" and each.subform_module:
            with suppress(RefusedError, Fatal):
                yield each.api_name, crm.fields(each.subform_module)


def columns_of(found: Found, field: Field) -> list[str]:
    """The fields of a subform's rows that can be written."""
    from zmigrate.display.fields import why_not_written
    from zmigrate.rows.conversion.converter import PARENT

    rows = found.rows.get(field.api_name, ())
    return [each.api_name for each in rows if why_not_written(each) is None and each.api_name != PARENT]


def read_layouts(crm: Crm, module: str, refused: ScopeError | None) -> Sequence[Layout] | None:
    """The module's active layouts. None, with a warning, if this client may not read them.

    `refused`: Zoho has already said so.
    """
    why: RefusedError | Fatal | None = refused
    if why is None:
        try:
            return crm.layouts(module)
        except (RefusedError, Fatal) as error:
            why = error
    say(f"the layouts can't be read, so their mandatory fields are not shown: {why.message}")
    return None


def wanted_on(layouts: Sequence[Layout]) -> dict[str, tuple[str, ...]]:
    """The names of the layouts that require a field, by the field's name."""
    found: dict[str, tuple[str, ...]] = {}
    for layout in layouts:
        for name in layout.required:
            found[name] = (*found.get(name, ()), layout.name)
    return found


def say(text: str) -> None:
    """A warning beside the output."""
    from zmigrate.display.console import stderr_console

    stderr_console().print(f"warning: {text}", style="yellow", soft_wrap=True)


def holds(field: Field, found: Found, flags: Mapping[str, bool], text: str | None) -> bool:
    """Whether the options ask for this field."""
    from zmigrate.display.fields import why_not_written

    facts = {
        "mandatory": field.mandatory or field.api_name in found.wanted_on,
        "unique": (field.unique or bool(field.external)) and not field.encrypted,
        "writable": why_not_written(field) is None,
        "custom": field.custom,
    }
    named = text is None or text.casefold() in f"{field.api_name}\n{field.label}".casefold()
    return named and all(facts[name] for name, wanted in flags.items() if wanted)


def of_type(chosen: Sequence[Field], fields: ModuleFields, type: str | None) -> Sequence[Field]:
    """The fields of one type. Raises UsageError if no field of the module has that type."""
    if type is None:
        return chosen
    known = sorted({each.data_type for each in fields})
    if type.lower() not in known:
        raise UsageError(
            f"{fields.module} has no field of type {type!r}", hint=f"It has: {', '.join(known)}."
        )
    return [each for each in chosen if each.data_type == type.lower()]


def pick_list(fields: ModuleFields, name: str) -> Field:
    """The pick list of this name. Raises UsageError if there is none."""
    from difflib import get_close_matches

    by_name = {each.api_name.casefold(): each for each in fields}
    field = by_name.get(name.casefold())
    if field is None:
        near = get_close_matches(name.casefold(), by_name, n=1)
        hint = (
            f"Did you mean {by_name[near[0]].api_name}?" if near else f"See: zmigrate fields {fields.module}"
        )
        raise UsageError(f"{fields.module} has no field {name!r}", hint=hint, code="UNKNOWN_FIELD")
    if not field.pick_list:
        lists = ", ".join(each.api_name for each in fields if each.pick_list) or "none"
        raise UsageError(
            f"{field.api_name} has no values to choose from: it is a {field.data_type} field",
            hint=f"Pick lists of {fields.module}: {lists}.",
        )
    return field


def as_data(found: Found, chosen: Sequence[Field]) -> dict[str, Any]:
    """The metadata as JSON: the names of the dataclass, and what the layouts add."""
    from zmigrate.display.fields import why_not_written

    return {
        "module": found.fields.module,
        "layouts_read": found.layouts is not None,
        "fields": [
            {
                **dataclasses.asdict(each),
                "lookup_modules": sorted(each.lookup_modules),
                "mandatory_on": list(found.wanted_on.get(each.api_name, ())),
                "why_not_written": why_not_written(each),
                "columns": columns_of(found, each),
            }
            for each in chosen
        ],
    }


def as_csv_text(found: Found, chosen: Sequence[Field]) -> str:
    """The fields as CSV, with cells escaped that a spreadsheet would run as formulas."""
    import csv
    import io

    from zmigrate.rows.spreadsheet import FIELDS_COLUMNS, escape

    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(FIELDS_COLUMNS)
    writer.writerows([escape(cell) for cell in csv_cells(found, each)] for each in chosen)
    return made.getvalue()


def csv_cells(found: Found, field: Field) -> tuple[str, ...]:
    """A field's cells, in the order of FIELDS_COLUMNS."""
    from zmigrate.display.fields import why_not_written
    from zmigrate.rows.conversion.choices import used_values

    why = why_not_written(field)
    values = (
        each.display if each.display == each.actual else f"{each.display} (stored: {each.actual})"
        for each in used_values(field)
    )
    return (
        field.api_name,
        field.label,
        field.data_type,
        str(field.length or ""),
        str(field.decimal_place or ""),
        yes_no(field.mandatory),
        "; ".join(found.wanted_on.get(field.api_name, ())),
        yes_no(field.unique),
        yes_no(field.case_sensitive),
        field.external or "",
        yes_no(why is None and field.creatable),
        yes_no(why is None and field.updatable),
        why or "",
        yes_no(field.custom),
        field.subform_module or field.lookup_module or "",
        "; ".join(values),
    )


def yes_no(value: bool) -> str:
    return "yes" if value else "no"


def show(found: Found, chosen: Sequence[Field], *, whole_list: bool) -> None:
    """Print the fields. Without a terminal the lines may be as long as they need."""
    from zmigrate.display.console import stdout_console
    from zmigrate.display.fields import ROOMY, field_table, pick_lists, value_table
    from zmigrate.wording import counted

    console = stdout_console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPED_WIDTH
    if whole_list:
        console.print(value_table(chosen[0]))
        return
    if not chosen:
        console.print(f"no field of {found.fields.module} matches")
        return
    console.print(field_table(chosen, found.wanted_on, found.layouts or 0, console.width))
    lists = None if console.width >= ROOMY else pick_lists(chosen, found.fields.module)
    if lists is not None:
        console.print(lists)
    for each in chosen:
        if columns := columns_of(found, each):
            told = f"rows of {each.api_name}: {', '.join(columns)}"
            console.print(f"{told} (in full: zmigrate fields {each.subform_module})", markup=False)
    console.print(f"{counted(len(chosen), 'field')} of {len(found.fields)}", style="dim")
