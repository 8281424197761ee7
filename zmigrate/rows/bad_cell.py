"""A cell without a usable value."""

from __future__ import annotations

from typing import Any


class BadCell:
    """A spreadsheet's cell with an error or a rounded number. Every field refuses it, and most operations in
    a `transform` fail. `str()` gives what the cell shows.
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
