"""What is said of a column that begins with `$`, which tells the state of a record in Zoho."""

from __future__ import annotations

from typing import Final

from zmigrate.zoho.facts.modules import STATES

LEAVE_OUT: Final = "to leave all of them out: --ignore-column '$*' (in a mapping: ignore = [\"$*\"])"


def goes_nowhere(module: str, others: int = 0) -> str:
    """Why such a column is not written, for a message. `others`: more of them in the same row."""
    more = f", and the row has {others} more of them" if others else ""
    return f"a column that begins with {STATES} is no field of {module}{more}; {LEAVE_OUT}"
