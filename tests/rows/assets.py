"""The emulated org's metadata and users as the client reads them, without a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zmigrate.emulator.catalogue import catalogue
from zmigrate.emulator.field_json import Org, field_metadata
from zmigrate.emulator.options import Options
from zmigrate.emulator.users import FIRST_USERS
from zmigrate.job.formats import Formats
from zmigrate.job.references import Users
from zmigrate.rows.conversion.converter import Converter
from zmigrate.rows.conversion.users import UserDirectory
from zmigrate.zoho.metadata import ModuleFields, read_fields

USERS: list[Mapping[str, Any]] = [user.metadata(Options()) for user in FIRST_USERS]


ORG = Org(lambda name: "0", "case_sensitive")


def fields_of(module: str) -> ModuleFields:
    fields = catalogue(Options())[module].fields.values()
    every = [field_metadata(one, str(number), number, ORG) for number, one in enumerate(fields, 100)]
    unused = [raw for raw in every if raw["type"] == "unused"]
    return read_fields(module, {"fields": every}, {"fields": unused})


MODULES = {
    name: fields_of(name)
    for name in ("Legacy_Assets", "Tasks", "Events", "Calls", "Deals", "Contacts", "Leads", "Service_Log")
}


def directory(users: Users = Users()) -> UserDirectory:  # noqa: B008  frozen
    return UserDirectory(users, lambda: USERS)


def converter(
    module: str = "Legacy_Assets",
    operation: Any = "update",
    formats: Formats = Formats(),  # noqa: B008  frozen
    **more: Any,
) -> Converter:
    given = {"users": directory(), "related": MODULES.__getitem__} | more
    return Converter(MODULES[module], operation, formats=formats, **given)
