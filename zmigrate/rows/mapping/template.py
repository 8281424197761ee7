"""Text with columns in it: `{account} - {product}`; a brace itself is written twice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_PIECE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


@dataclass(frozen=True, slots=True)
class Template:
    """Texts and columns in turn: as many columns as texts, less one."""

    texts: tuple[str, ...]
    places: tuple[str, ...]
    """The column of each place, in order."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Each once."""
        return tuple(dict.fromkeys(self.places))

    def fill(self, cells: list[str]) -> str:
        """With a cell for each place; empty where all of them are."""
        if not any(cells):
            return ""
        parts = [self.texts[0]]
        for cell, text in zip(cells, self.texts[1:], strict=True):
            parts += (cell, text)
        return "".join(parts)


def parse_template(text: str) -> Template:
    """Raises ValueError for a brace without its other, and for a template without columns."""
    texts, places = [""], []
    for piece in _PIECE.finditer(text):
        column = piece[1]
        if column is not None:
            if not column.strip():
                raise ValueError("between two braces stands the name of a column.")
            places.append(column)
            texts.append("")
        elif piece[0] in ("{", "}"):
            raise ValueError(f"a {piece[0]!r} stands alone; a brace that is meant is written twice.")
        else:
            texts[-1] += piece[0][0] if piece[0] in ("{{", "}}") else piece[0]
    if not places:
        raise ValueError("it has no column in it; what is the same in every row is a `constant`.")
    return Template(tuple(texts), tuple(places))
