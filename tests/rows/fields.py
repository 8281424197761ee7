"""Metadata for the tests of values."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from zmigrate.zoho.metadata import Field, ModuleFields, PickListValue

JSON_TYPES = {
    "integer": "integer",
    "double": "double",
    "currency": "double",
    "percent": "double",
    "boolean": "boolean",
    "lookup": "jsonobject",
    "ownerlookup": "jsonobject",
    "multiselectpicklist": "jsonarray",
    "subform": "jsonarray",
}


def field(name: str, data_type: str = "text", **more: Any) -> Field:
    usual: dict[str, Any] = {
        "label": name.replace("_", " "),
        "json_type": JSON_TYPES.get(data_type, "string"),
        "length": None,
        "decimal_place": None,
        "mandatory": False,
        "unique": False,
        "case_sensitive": False,
        "external": None,
        "creatable": True,
        "updatable": True,
        "on_layout": True,
        "pick_list": (),
        "lookup_module": None,
    }
    return Field(api_name=name, data_type=data_type, **(usual | more))


def choices(*values: str) -> tuple[PickListValue, ...]:
    """Values as `shown` or `shown=stored`."""
    pairs = (value.partition("=") for value in values)
    return tuple(
        PickListValue(actual=stored or shown, display=shown, used=True) for shown, _, stored in pairs
    )


def module(*fields: Field, name: str = "Leads") -> ModuleFields:
    return ModuleFields(name, MappingProxyType({each.api_name: each for each in fields}))


LEADS = module(
    field("Legacy_ID", length=100, unique=True),
    field("Last_Name", length=80, mandatory=True),
    field("First_Name", length=40),
    field("Description", "textarea", length=2000),
    field("Email", "email", length=100),
    field("Phone", "phone", length=30),
    field("Website", "website", length=255),
    field("Lead_Source", "picklist", pick_list=choices("-None-", "Trade Show", "Partner", "Open=New")),
    field("Interests", "multiselectpicklist", pick_list=choices("Hardware", "Software")),
    field("No_of_Employees", "integer", length=9),
    field("Legacy_Number", "bigint", length=18),
    field("Annual_Revenue", "currency"),
    field("Score", "double"),
    field("Discount", "percent"),
    field("First_Contact", "date"),
    field("Legacy_Created_Time", "datetime"),
    field("Email_Opt_Out", "boolean"),
    field("Account", "lookup", lookup_module="Accounts"),
    field("Owner", "ownerlookup"),
    field("Lines", "subform"),
    field("Tag", json_type="jsonarray"),
    field("Quality", "formula"),
    field("Created_Time", "datetime", creatable=False, updatable=False),
    field("Only_New", updatable=False),
    field("Old_Fax", on_layout=False),
    field("Odd", "remind_at", json_type="jsonobject"),
)
