"""Columns that a load leaves out: by their names, or all that begin with `$` by `$*`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from zmigrate.zoho.facts.modules import STATES

EVERY_STATE: Final = "$*"


def is_ignored(column: str, ignore: Collection[str]) -> bool:
    """Whether a load leaves the column out. `ignore`: what it names."""
    return column in ignore or (EVERY_STATE in ignore and column.startswith(STATES))
