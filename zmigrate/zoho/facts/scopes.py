"""OAuth scopes: what covers what, and what a call needs.

Source: zoho.com/crm/developer/docs/api/v8/scopes.html and the OpenAPI files' security sections. Zoho's own
texts differ in letter case, so scopes are compared without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from zmigrate.zoho.paths import taken_apart

Operation = Literal["insert", "update", "upsert", "delete"]

COQL = "ZohoCRM.coql.READ"
ORG = "ZohoCRM.org.READ"
FIELDS = "ZohoCRM.settings.fields.READ"
USERS = "ZohoCRM.users.READ"
LAYOUTS = "ZohoCRM.settings.layouts.READ"
MODULES = "ZohoCRM.modules.READ"  # Reading the records of all modules
DUPLICATE_CHECK = "ZohoCRM.settings.duplicate_check_preference.READ"
SEARCH = "ZohoSearch.securesearch.READ"

_NAMES = """leads accounts contacts deals campaigns tasks events calls cases solutions products
    vendors pricebooks quotes salesorders purchaseorders invoices notes attachments activities
    appointments services"""
_STANDARD_MODULES = frozenset(_NAMES.split())
"""Modules with a scope of their own; the scope of every other module is `custom`."""

_OF_SYSTEM = "__s"  # ends the api names of Zoho's newer system modules

_DOES: Mapping[str, frozenset[str]] = MappingProxyType(
    {"all": frozenset({"read", "create", "update", "delete"}), "write": frozenset({"create", "update"})}
)
"""The operations that a collective one includes (WRITE: create and update, not delete)."""

_SETTINGS = frozenset({"fields", "modules", "layouts", "related_lists", "duplicate_check_preference"})
_CALLS: Mapping[str, tuple[str, ...]] = MappingProxyType({"org": (ORG,), "users": (USERS,)})
_BESIDES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"search": (SEARCH,), "actions/count": (SEARCH, LAYOUTS)}
)
"""What such a read needs besides reading the module."""

_VERBS: Mapping[str, str] = MappingProxyType(
    {"GET": "READ", "POST": "CREATE", "PUT": "UPDATE", "PATCH": "UPDATE", "DELETE": "DELETE"}
)


def scope_segment(module: str) -> str:
    """The part of a scope that names this module: `Price_Books` is `pricebooks`, a custom module `custom`;
    a system module lacks its suffix: `Services__s` is `services` (zoho-api 14.19).
    """
    whole = module.lower()
    name = whole.removesuffix(_OF_SYSTEM).replace("_", "")
    return name if whole.endswith(_OF_SYSTEM) or name in _STANDARD_MODULES else "custom"


def module_scope(module: str, operation: str) -> str:
    """`ZohoCRM.modules.leads.CREATE` for ("Leads", "CREATE")."""
    return f"ZohoCRM.modules.{scope_segment(module)}.{operation}"


def covers(granted: Iterable[str], wanted: str) -> bool:
    """Whether the granted scopes together allow what `wanted` allows.

    A group covers its parts (`ZohoCRM.modules.READ` covers `ZohoCRM.modules.leads.READ`), `ALL` every
    operation, `WRITE` create and update.
    """
    wanted_path, wanted_operation = _split(wanted)
    left = set(_DOES.get(wanted_operation, frozenset({wanted_operation})))
    for scope in granted:
        path, operation = _split(scope)
        if wanted_path[: len(path)] != path:
            continue
        if operation == "all":
            return True
        left -= _DOES.get(operation, frozenset({operation}))
    return not left


def only_reads(scope: str) -> bool:
    """Whether a scope allows nothing but reading."""
    return _split(scope)[1] == "read"


def missing(granted: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """The wanted scopes that are not covered, in their order, each once."""
    have = tuple(granted)
    return [scope for scope in dict.fromkeys(wanted) if not covers(have, scope)]


def scopes_of_write(module: str, operation: Operation, *, keyed: bool) -> tuple[str, ...]:
    """The scopes of a write. `keyed`: it has a key other than `id`, which is looked up by COQL and read."""
    does = {
        "insert": ("CREATE",),
        "update": ("UPDATE",),
        "upsert": ("CREATE", "UPDATE"),
        "delete": ("DELETE", "READ"),
    }[operation]
    scopes = [module_scope(module, verb) for verb in does]
    if keyed:
        scopes += [module_scope(module, "READ"), COQL]
    return tuple(dict.fromkeys(scopes))


def scopes_of_query(*modules: str) -> tuple[str, ...]:
    """The scopes of a COQL query that reads these modules: that of `from`, and those that its lookup paths
    lead to."""
    return tuple(dict.fromkeys((COQL, *(module_scope(module, "READ") for module in modules))))


def scopes_of_call(method: str, path: str, *, queried: Sequence[str] = ()) -> tuple[str, ...]:
    """The scopes of one call, as far as Zoho's pages say. Empty if this table does not have the path.

    `queried`: the modules that a COQL query reads, if known.
    """
    place = taken_apart(path)
    if place.area or not place.parts:
        return ()
    first, *behind = place.parts
    second = behind[0] if behind else ""
    if first == "settings":
        return (f"ZohoCRM.settings.{second}.READ" if second in _SETTINGS else "ZohoCRM.settings.ALL",)
    module = module_of(path)
    if module is None:
        return scopes_of_query(*queried) if first == "coql" else _CALLS.get(first, ())
    if second == "upsert":
        return (module_scope(module, "CREATE"), module_scope(module, "UPDATE"))
    besides = _BESIDES.get("/".join(behind[:2]), ())
    return (module_scope(module, _VERBS.get(method, "READ")), *besides)


def module_of(path: str) -> str | None:
    """The module of a path, if it has one. API names begin with a capital letter; a name in small letters
    must be a standard module.
    """
    module = taken_apart(path).module
    return None if module is None or (module[0].islower() and scope_segment(module) == "custom") else module


def _split(scope: str) -> tuple[tuple[str, ...], str]:
    *path, operation = scope.strip().lower().split(".")
    return tuple(path), operation
