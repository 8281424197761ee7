"""What Zoho sets itself in rows of subforms and links: dumps have it, and it is not sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from zmigrate.rows.conversion.refusal import NOTHING, take
from zmigrate.zoho.facts.modules import SET_IN_ROWS, STATES

MOST_KEPT: Final = 100
"""How many different names are kept for the warning."""


class LeftOut(set[str]):
    """The names of what was left out: `Quoted_Items.Parent_Id`."""

    def note(self, field: str, row: Mapping[str, Any], kept: Mapping[str, Any]) -> None:
        """`kept`: what a row of this field still has. Keys without a value lose nothing."""
        if len(kept) < len(row) and len(self) < MOST_KEPT:
            gone = (
                name for name, cell in row.items() if name not in kept and take(cell) not in (None, NOTHING)
            )
            self.update(f"{field}.{name}" for name in gone)

    def take_over(self, field: str, within: LeftOut) -> None:
        """The names that were left out of what a row itself holds."""
        self.update(f"{field}.{name}" for name in within)

    @property
    def told(self) -> str | None:
        """A warning; None if there is nothing to tell."""
        return f"not sent, since Zoho sets them for each row: {', '.join(sorted(self))}" if self else None


def without(
    row: Mapping[str, Any], *, new: bool, set_by_zoho: Callable[[str], bool] = SET_IN_ROWS.__contains__
) -> dict[str, Any]:
    """A row without what Zoho sets. `new`: Zoho gives the row an id."""
    return {
        name: cell
        for name, cell in row.items()
        if not (name == "id" and new)
        and not (isinstance(name, str) and (name.startswith(STATES) or set_by_zoho(name)))
    }
