"""How many records the org takes, and how an insert beyond that is refused.

Facts: Zoho's post "New Error Code in CRM APIs to Handle Data Storage Limits" (code, text, details, status).
UNCONFIRMED: whether a call that fits in part is done in part, or refused as a whole; the text of
STORAGE_SPACE_EXCEEDED; that LICENSE_LIMIT_EXCEEDED (OAS: of users) comes here too.
"""

from __future__ import annotations

from .answers import Json, Refused
from .world import World

STORAGE_BYTES = 21_474_836_480
COUNTED_EDITIONS = frozenset({"free", "standard"})
"""Their limit is a number of records; that of the others is a size."""
TEXTS = {
    "MAX_RECORDS_LIMIT_REACHED": "maximum number of records limit reached",
    "STORAGE_SPACE_EXCEEDED": "storage space exceeded",
    "LICENSE_LIMIT_EXCEEDED": "License limit exceeded.",
}


def has_room(world: World, new: int) -> bool:
    """Whether the org takes so many records more. All modules count, and what was there from the start."""
    limit = world.options.records_limit
    return limit is None or sum(len(store.records) for store in world.stores.values()) + new <= limit


def refuse_whole_call(world: World, new: int) -> None:
    """Raises Refused for a call that would create more records than there is room for.

    Every record that the call would create counts, also one that would be refused for itself.
    """
    shape = world.options.full_shape
    if new and shape != "rows" and not has_room(world, new):
        raise refusal(world, wrapped=shape == "wrapped")


def refusal(world: World, *, wrapped: bool = False) -> Refused:
    """The refusal of a full org: of a call, or of one record in it."""
    options = world.options
    details: Json = {}
    if options.full_code == "MAX_RECORDS_LIMIT_REACHED":
        counted = options.edition in COUNTED_EDITIONS
        details = {"max_no_of_records": options.records_limit} if counted else {"size": STORAGE_BYTES}
    return Refused(options.full_code, TEXTS[options.full_code], details, wrapped=wrapped)
