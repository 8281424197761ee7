"""The most records of the org, and the refusal of an insert when the org is full.

Facts: Zoho's post "New Error Code in CRM APIs to Handle Data Storage Limits" (code, text, details, status).
UNCONFIRMED: whether a call that fits in part is refused as a whole; the text of STORAGE_SPACE_EXCEEDED;
whether Zoho answers LICENSE_LIMIT_EXCEEDED here (OAS names it for users).
"""

from __future__ import annotations

from .answers import Json, Refused
from .world import World

STORAGE_BYTES = 21_474_836_480
COUNTED_EDITIONS = frozenset({"free", "standard"})
"""The limit of these editions is a number of records. The limit of the others is a size."""
TEXTS = {
    "MAX_RECORDS_LIMIT_REACHED": "maximum number of records limit reached",
    "STORAGE_SPACE_EXCEEDED": "storage space exceeded",
    "LICENSE_LIMIT_EXCEEDED": "License limit exceeded.",
}


def has_room(world: World, new: int) -> bool:
    """Whether the org takes `new` more records. All records count, of all modules."""
    limit = world.options.records_limit
    return limit is None or sum(len(store.records) for store in world.stores.values()) + new <= limit


def refuse_whole_call(world: World, new: int) -> None:
    """Raises Refused for a call that would create more records than fit.

    All `new` records of the call count, also those that have other errors.
    """
    shape = world.options.full_shape
    if new and shape != "rows" and not has_room(world, new):
        raise refusal(world, wrapped=shape == "wrapped")


def refusal(world: World, *, wrapped: bool = False) -> Refused:
    """The refusal by a full org, for a call or for one record in a call."""
    options = world.options
    details: Json = {}
    if options.full_code == "MAX_RECORDS_LIMIT_REACHED":
        counted = options.edition in COUNTED_EDITIONS
        details = {"max_no_of_records": options.records_limit} if counted else {"size": STORAGE_BYTES}
    return Refused(options.full_code, TEXTS[options.full_code], details, wrapped=wrapped)
