"""What the journal calls the rows of a hand-written job, as JSON: an item of a loop by the loop's number and
its key, and before them, where the loop is inside another one, that one's; a row outside of loops by its
number.
"""

from __future__ import annotations

import orjson

Path = tuple[int | str, ...]
"""Loop, key, loop, key …; that of a loop ends with its number, that of an item with its key."""


def item_mark(path: Path, times: int = 1) -> str:
    """`[1,"K7"]`; where its key comes a second time in the loop, `[1,"K7",2]`."""
    return orjson.dumps(path if times == 1 else (*path, times)).decode()


def loose_mark(number: int) -> str:
    """`[12]`: the twelfth row of the run is no item of a loop."""
    return orjson.dumps([number]).decode()


def key_of(mark: str) -> str | None:
    """The item's key; None for a row outside of loops."""
    parts = orjson.loads(mark)
    return None if len(parts) == 1 else str(parts[len(parts) // 2 * 2 - 1])
