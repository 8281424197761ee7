"""The permissions of the user's profile: which ones a call needs, and the refusal of a call without them.

Facts: OAS `record`, `users`, `inventory_convert` (names of permissions, bare and wrapped refusals). A third
party's client meets the bare refusal with status 400 too. UNCONFIRMED: what queries, upserts and metadata
need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .answers import Answer, documented, json_answer
from .world import World

MANAGE_USERS = "Crm_Implied_Manage_Users"
OF_WRITES = {
    "insert": ("Create",),
    "update": ("Edit",),
    "upsert": ("Create", "Edit"),
    "delete": ("Delete",),
}
OF_ONE_MODULE = frozenset({"fields", "layouts", "duplicate_check_preference"})
"""Settings of the module that the parameter `module` names."""


def view(*modules: str) -> tuple[str, ...]:
    """The permissions to read records of the modules."""
    return tuple(f"Crm_Implied_View_{module}" for module in modules)


def of_write(action: str, module: str) -> tuple[str, ...]:
    return tuple(f"Crm_Implied_{right}_{module}" for right in OF_WRITES[action])


def of_metadata(segments: Sequence[str], query: Mapping[str, str]) -> tuple[str, ...]:
    """The permissions for a GET of metadata; `segments` are those of the path after the version."""
    match segments:
        case ["users", *_]:
            return (MANAGE_USERS,)
        case ["settings", name, *_] if name in OF_ONE_MODULE:
            return view(query.get("module", ""))
        case ["settings", "modules", module]:
            return view(module)
    return ()


def refusal(world: World, wanted: Sequence[str], rows: int) -> Answer | None:
    """The refusal of a call that needs the `wanted` permissions, or None. The call writes so many `rows`."""
    options = world.options
    denied = frozenset(name.strip() for name in options.denied_permissions.split(","))
    lacking = [name for name in wanted if name in denied]
    if not lacking:
        return None
    shape, status = options.denied_shape, options.denied_status
    refused = documented(
        "NO_PERMISSION", details={"permissions": lacking}, status=status, wrapped=shape == "wrapped"
    )
    if shape == "rows" and rows:
        return json_answer({"data": [refused.error] * rows}, 400)
    return refused.answer()
