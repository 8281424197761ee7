"""Modules whose fields a test gives, and the modules that these fields refer to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .catalogue import Kind, ModuleSpec, common
from .custom_modules import links
from .fields import ANY_MODULE, USERS, Field, of, text
from .options import Options

NOT_HERE = {
    "Campaigns": ("campaigns", "Campaign_Name"),
    "Cases": ("cases", "Subject"),
    "Solutions": ("solutions", "Solution_Title"),
    "Vendors": ("vendors", "Vendor_Name"),
    "Quotes": ("quotes", "Subject"),
    "Sales_Orders": ("salesorders", "Subject"),
    "Purchase_Orders": ("purchaseorders", "Subject"),
    "Invoices": ("invoices", "Subject"),
}
"""Zoho's modules that this org lacks until a test gives them: scope, and name field, which is the system's
duplicate-check field too (docs v7 "upsert records")."""


def with_module(
    specs: dict[str, ModuleSpec], name: str, fields: list[Field], options: Options
) -> dict[str, ModuleSpec]:
    """The modules, `name` among them with these fields. What the fields refer to is made where it is missing.

    A module that is a subform in one of the modules holds only rows.
    """
    made = _named(name, fields, specs.get(name))
    changed = {**specs, name: made}
    for kind, other, columns in _referred_to(made, options):
        known = changed.get(other)
        if known is None:
            changed[other] = _named(other, columns, None, kind)
        elif kind == "subform" and known.has_records:
            changed[other] = _named(other, list(known.fields.values()), None, kind)
    return changed


def _referred_to(spec: ModuleSpec, options: Options) -> Iterator[tuple[Kind, str, list[Field]]]:
    """Kind, name and fewest fields of each module that a field of the module refers to."""
    for field in spec.fields.values():
        if field.linking:
            yield "linking", field.linking, links(spec.api_name, field)
        if field.subform:
            yield "subform", field.subform, [of("lookup", "Parent_Id", lookup=spec.api_name, writable=False)]
        for other in field.lookup_modules:
            if other not in (ANY_MODULE, USERS):
                name = NOT_HERE.get(other, ("", "Name"))[1]
                yield "custom", other, [text(name, 120, mandatory=True), *common(options, "org")]


def _named(name: str, fields: list[Field], known: ModuleSpec | None, kind: Kind = "custom") -> ModuleSpec:
    columns = {field.api_name: field for field in fields}
    if known is not None:
        return replace(known, fields=columns)
    label = name.removesuffix("__s").replace("_", " ")
    system = name.removesuffix("__s").lower()
    scope, name_field = NOT_HERE.get(name, (system if name.endswith("__s") else "custom", "Name"))
    if scope != "custom" and kind == "custom":
        kind = "default"
    elif name_field not in columns:
        name_field = next((one.api_name for one in fields if one.data_type == "text"), "id")
    check = name_field if kind in ("default", "custom") else None
    return ModuleSpec(name, scope, label, f"{label}s", name_field, check, columns, kind)
