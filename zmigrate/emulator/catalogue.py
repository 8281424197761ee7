"""The modules of the emulated org: modules with records, and modules of subform rows and of links."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from . import custom_modules, standard_modules, system_modules
from .fields import Field, of, text
from .options import Options

Kind = Literal["default", "custom", "linking", "subform"]
MakeFields = Callable[[Options], list[Field]]


@dataclass(frozen=True, slots=True)
class ModuleSpec:
    """A module. `scope` is its name in scopes, `duplicate_check` the system's field to find duplicates by."""

    api_name: str
    scope: str
    singular: str
    plural: str
    name_field: str
    duplicate_check: str | None
    fields: dict[str, Field]
    kind: Kind = "default"

    @property
    def upsertable(self) -> bool:
        """Whether the module takes upserts. Tasks, Events, Calls and Notes do not (docs v7 "upsert")."""
        return self.duplicate_check is not None

    @property
    def has_records(self) -> bool:
        """False for a module that only holds subform rows or links of another module."""
        return self.kind in ("default", "custom")


def common(options: Options, external: str | None) -> list[Field]:
    """The fields of every module with records: the legacy key, awkward fields and system fields."""
    case_sensitive = options.legacy_case_sensitive
    return [
        text("Legacy_ID", 100, custom=True, unique=True, external=external, case_sensitive=case_sensitive),
        text("Old_System_Ref", 120, custom=True),
        text("Old_Fax_Number", 60, custom=True, on_layout=False),
        of("formula", "Data_Quality", custom=True),
        of("datetime", "Legacy_Created_Time", custom=True),
        of("textarea", "Description", length=32000),
        of("ownerlookup", "Owner", label="Owner"),
        of("ownerlookup", "Created_By", writable=False),
        of("ownerlookup", "Modified_By", writable=False),
        of("datetime", "Created_Time", writable=False),
        of("datetime", "Modified_Time", writable=False),
        of("datetime", "Last_Activity_Time", writable=False),
        of("layout", "Layout"),
        text("Tag", json_type="jsonarray"),
    ]


STANDARD: tuple[tuple[str, str, str, str, str | None, MakeFields], ...] = (
    ("Leads", "leads", "Lead", "Full_Name", "Email", standard_modules.leads),
    ("Contacts", "contacts", "Contact", "Full_Name", "Email", standard_modules.contacts),
    ("Accounts", "accounts", "Account", "Account_Name", "Account_Name", standard_modules.accounts),
    ("Deals", "deals", "Deal", "Deal_Name", "Deal_Name", standard_modules.deals),
    ("Products", "products", "Product", "Product_Name", "Product_Name", standard_modules.products),
    ("Tasks", "tasks", "Task", "Subject", None, standard_modules.tasks),
    ("Legacy_Assets", "custom", "Legacy Asset", "Name", "Name", custom_modules.legacy_assets),
    ("Events", "events", "Meeting", "Event_Title", None, standard_modules.events),
    ("Calls", "calls", "Call", "Subject", None, standard_modules.calls),
    ("Org_Units", "custom", "Org Unit", "Name", "Name", custom_modules.org_units),
    ("Branches", "custom", "Branch", "Name", "Name", custom_modules.branches),
    ("Notes", "notes", "Note", "Note_Title", None, system_modules.notes),
    (
        "Price_Books",
        "pricebooks",
        "Price Book",
        "Price_Book_Name",
        "Price_Book_Name",
        system_modules.price_books,
    ),
    ("Services__s", "services", "Service", "Service_Name", "Service_Name", system_modules.services),
    (
        "Appointments__s",
        "appointments",
        "Appointment",
        "Appointment_Name",
        "Appointment_Name",
        system_modules.appointments,
    ),
)
"""API name, scope, singular, name field, duplicate-check field, fields. Their order sets the ids.

Scopes have no `__s` (docs v7 "services"). UNCONFIRMED: the duplicate-check fields of `__s` modules.
"""
PLURALS = {"Branch": "Branches"}


def catalogue(options: Options) -> dict[str, ModuleSpec]:
    """Every module by API name."""
    specs: dict[str, ModuleSpec] = {}
    for name, scope, singular, name_field, check, make in STANDARD:
        fields = {field.api_name: field for field in (*make(options), *_more(options, name))}
        plural = PLURALS.get(singular, f"{singular}s")
        kind: Kind = "custom" if scope == "custom" else "default"
        specs[name] = ModuleSpec(name, scope, singular, plural, name_field, check, fields, kind)
    for spec in list(specs.values()):
        specs |= {hidden.api_name: hidden for hidden in _behind(spec)}
    return specs


def _more(options: Options, module: str) -> list[Field]:
    """The common fields that a module has. Nobody can add fields to Notes."""
    # Docs v7 "create custom fields": no external fields in Calls.
    return [] if module == "Notes" else common(options, None if module == "Calls" else "org")


def _behind(spec: ModuleSpec) -> list[ModuleSpec]:
    """The modules of a module's subform rows and links."""
    hidden = []
    for field in spec.fields.values():
        if field.linking:
            columns = {one.api_name: one for one in custom_modules.links(spec.api_name, field)}
            hidden.append(_rows_of(field.linking, field.wrapped_in, columns, "linking"))
        elif field.subform:
            columns = {one.api_name: one for one in custom_modules.service_log()}
            hidden.append(_rows_of(field.subform, "Work", columns, "subform"))
    return hidden


def _rows_of(name: str, name_field: str, columns: dict[str, Field], kind: Kind) -> ModuleSpec:
    label = name.replace("_", " ")
    return ModuleSpec(name, "custom", label, label, name_field, None, columns, kind)
