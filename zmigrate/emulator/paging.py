"""What a page token stands for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """The parameters a token is bound to, where to go on, rows given so far, when it ends."""

    bound: tuple[str | None, ...]
    module: str
    last: tuple[float, int]
    given: int
    number: int
    ends_at: float
    previous: str | None
