"""OAuth scopes: which exist, and which one covers another (docs v7 "scopes")."""

from __future__ import annotations

OPERATIONS = frozenset({"all", "read", "create", "update", "delete", "write"})
WRITE_COVERS = frozenset({"create", "update"})
MODULE_NAMES = frozenset(
    {"leads", "accounts", "contacts", "deals", "campaigns", "tasks", "events", "calls", "activities"}
    | {"cases", "solutions", "products", "vendors", "pricebooks", "quotes", "salesorders", "purchaseorders"}
    | {"invoices", "notes", "attachments", "appointments", "services", "custom", "lockinginformation"}
)
SETTINGS = frozenset(
    {"fields", "modules", "layouts", "related_lists", "custom_views", "tags", "roles", "profiles"}
    | {"territories", "currencies", "variables", "recycle_bin", "pipeline", "custom_links", "map_dependency"}
    | {"duplicate_check_preference"}
)
NO_SUBS: frozenset[str] = frozenset()
GROUPS = {
    "zohocrm": {
        "modules": MODULE_NAMES,
        "settings": SETTINGS,
        **dict.fromkeys(("users", "org", "bulk", "coql", "files", "apis"), NO_SUBS),
    },
    "zohofiles": {"files": NO_SUBS},
    "zohosearch": {"securesearch": NO_SUBS},
}
SINGLE = frozenset({"zohocrm.composite_requests.custom"})


def exists(scope: str) -> bool:
    """Whether Zoho knows the scope: service.group[.sub].operation. Letter case does not count."""
    parts = scope.lower().split(".")
    if scope.lower() in SINGLE:
        return True
    if len(parts) not in (3, 4) or parts[-1] not in OPERATIONS:
        return False
    subs = GROUPS.get(parts[0], {}).get(parts[1])
    return subs is not None and (len(parts) == 3 or parts[2] in subs)


def covers(granted: str, wanted: str) -> bool:
    """Whether the granted scope covers the wanted one. Both are in lower case."""
    *have, have_op = granted.split(".")
    *want, want_op = wanted.split(".")
    if want[: len(have)] != have:
        return False
    return have_op in ("all", want_op) or (have_op == "write" and want_op in WRITE_COVERS)


def any_covers(granted: frozenset[str], wanted: str) -> bool:
    return any(covers(one, wanted) for one in granted)
