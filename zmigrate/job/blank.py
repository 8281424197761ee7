"""`Blank`, the value that erases a field. Data only."""

from __future__ import annotations

from typing import Final, final


@final
class Erasure:
    """The type of `Blank`, its only instance."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Blank"

    def __reduce__(self) -> str:
        return "Blank"  # a copy of it is the same object


Blank: Final = Erasure()
"""Erases a field: `{"id": row["id"], "Phone": Blank}`. None, empty text and `[]` leave the field
alone. A new record has nothing to erase."""
