"""A module's fields on a terminal: one line each at 80 columns, more if there is room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from zmigrate.rows.conversion.choices import used_values
from zmigrate.zoho.metadata import COMPUTED

if TYPE_CHECKING:
    from rich.console import RenderableType

    from zmigrate.zoho.metadata import Field

ROOMY = 120
VALUES_SHOWN = 3  # how many values of a long pick list a roomy screen shows


def field_table(
    fields: Sequence[Field], wanted_on: Mapping[str, Sequence[str]], layouts: int, width: int
) -> RenderableType:
    """One line a field. It fits 80 columns, and the label is shortened first.

    `wanted_on`: the layouts that require a field, by its name. `layouts`: how many the module has.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    roomy = width >= ROOMY
    labels = any(map(label_text, fields))
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    made.add_column("api name", no_wrap=True, overflow="ellipsis", min_width=20)
    if labels:
        most = 30 if roomy else 12
        made.add_column("label", no_wrap=True, overflow="ellipsis", style="dim", max_width=most)
    made.add_column("type", no_wrap=roomy, overflow="fold", min_width=11, max_width=24 if roomy else 11)
    made.add_column("length", justify="right", no_wrap=True)
    made.add_column("rules", min_width=12)
    made.add_column("write", no_wrap=True)
    if roomy:
        made.add_column("values", overflow="fold", min_width=16)
    for each in fields:
        wanted = wanted_text(each, wanted_on.get(each.api_name, ()), layouts)
        name = Text(each.api_name, style="bold" if wanted else "")
        target = target_text(each)
        rules = ", ".join(filter(None, (wanted, *rule_words(each), "" if roomy else target)))
        cells: list[Text | str] = [
            name,
            *([label_text(each)] if labels else []),
            each.data_type,
            length_text(each),
            rules,
            write_text(each),
        ]
        made.add_row(*cells, *((target or values_text(each, VALUES_SHOWN),) if roomy else ()))
    return made


def pick_lists(fields: Sequence[Field], module: str) -> RenderableType | None:
    """The pick lists, one line each, cut at the edge of the screen. None if there are none."""
    from rich.console import Group
    from rich.text import Text

    lists = [each for each in fields if used_values(each)]
    if not lists:
        return None
    head = Text(f"pick lists (in full: zmigrate fields {module} --values FIELD)", style="dim")
    lines = [
        Text.assemble((f"{each.api_name}: ", "bold"), values_text(each, len(each.pick_list)))
        for each in lists
    ]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(head, *lines)


def value_table(field: Field) -> RenderableType:
    """All values of one pick list, with what Zoho stores if that differs."""
    from rich import box
    from rich.table import Table

    differ = any(each.actual != each.display for each in field.pick_list)
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column("shown" if differ else field.api_name, overflow="fold")
    if differ:
        made.add_column("stored", overflow="fold")
    made.add_column("")
    for each in field.pick_list:
        stored = (each.actual,) if differ else ()
        made.add_row(each.display, *stored, "" if each.used else "unused")
    return made


def values_text(field: Field, most: int) -> str:
    """`Open, Used … 7 more`; if another value is stored, `New (stored: Open)`."""
    values = used_values(field)
    shown = [
        each.display if each.actual == each.display else f"{each.display} (stored: {each.actual})"
        for each in values[:most]
    ]
    more = len(values) - most
    return ", ".join(shown) + (f" … {more} more" if more > 0 else "")


def wanted_text(field: Field, layouts: Sequence[str], count: int) -> str:
    """Who requires the field: Zoho, or layouts by name. "": nobody."""
    if field.mandatory:
        return "mandatory"
    if not layouts:
        return ""
    which = "its layout" if count == 1 else "all layouts" if len(layouts) == count else " and ".join(layouts)
    return f"mandatory on {which}"


def rule_words(field: Field) -> list[str]:
    """`unique`, `external`, `encrypted`, if the field is so."""
    unique = "unique (letter case counts)" if field.case_sensitive else "unique"
    words = {
        unique: field.unique,
        f"external ({field.external})": bool(field.external),
        "encrypted: no key": field.encrypted,
    }
    return [word for word, holds in words.items() if holds]


def target_text(field: Field) -> str:
    """The module that the field refers to or has rows of; "" for other fields."""
    if field.data_type == "subform" and field.subform_module:
        return f"rows of {field.subform_module}"
    modules = sorted(field.lookup_modules) or ([field.lookup_module] if field.lookup_module else [])
    return f"to {' or '.join(modules)}" if modules else ""


def label_text(field: Field) -> str:
    """The label, if it says more than the api name."""
    return "" if field.label.replace(" ", "_") == field.api_name else field.label


def length_text(field: Field) -> str:
    """`120`; for decimals `16.2`: digits, and decimal places."""
    if field.decimal_place and field.length:
        return f"{field.length}.{field.decimal_place}"
    return str(field.length or "")


def why_not_written(field: Field) -> str | None:
    """Why the API can't write the field, or drops its value. None if it can write it."""
    if field.data_type in COMPUTED:
        return "computed"
    if not field.on_layout:
        return "no layout"
    return None if field.creatable or field.updatable else "read-only"


def write_text(field: Field) -> str:
    """When the API can write the field, or why it never can."""
    why = why_not_written(field)
    if why is not None:
        return why
    if field.creatable and field.updatable:
        return "yes"
    return "create" if field.creatable else "update"
