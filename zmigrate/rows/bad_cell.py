"""What stands for a cell that has no value to send."""

from __future__ import annotations

from typing import Any


class BadCell:
    """A cell of a spreadsheet that holds an error, or what was rounded: every field refuses it, and so does
    nearly all that a `transform` can do with it. `str()` gives what the cell shows.
    """

    def __init__(self, shown: str, why: str) -> None:
        self.shown = shown
        self.why = why

    def __str__(self) -> str:
        return self.shown

    def __repr__(self) -> str:
        return self.shown

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BadCell) and other.shown == self.shown

    def __hash__(self) -> int:
        return hash(self.shown)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(self.__dict__.get("why", name))
