"""Text with columns in it: `{account} - {product}`. A brace itself is written twice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_PIECE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


@dataclass(frozen=True, slots=True)
class Template:
    """Texts and columns in turn: one column fewer than texts."""

    texts: tuple[str, ...]
    places: tuple[str, ...]  # the column of each place, in order

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns, each once."""
        return tuple(dict.fromkeys(self.places))

    def fill(self, cells: list[str]) -> str:
        """The text with a cell for each place; empty if all cells are."""
        if not any(cells):
            return ""
        parts = [self.texts[0]]
        for cell, text in zip(cells, self.texts[1:], strict=True):
            parts += (cell, text)
        return "".join(parts)


def parse_template(text: str) -> Template:
    """Raises ValueError for a single brace, and for a template without columns."""
    texts, places = [""], []
    for piece in _PIECE.finditer(text):
        column = piece[1]
        if column is not None:
            if not column.strip():
                raise ValueError("a column's name is missing between two braces.")
            places.append(column)
            texts.append("")
        elif piece[0] in ("{", "}"):
            raise ValueError(f"a {piece[0]!r} is alone; to write a brace, double it.")
        else:
            texts[-1] += piece[0][0] if piece[0] in ("{{", "}}") else piece[0]
    if not places:
        raise ValueError("it has no column; a text that is the same in every row is a `constant`.")
    return Template(tuple(texts), tuple(places))
