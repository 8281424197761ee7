"""Ids in Zoho's own CSV exports: `zcrm_` stands before the digits. No field takes them so."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from zmigrate.zoho.ids import is_id

PREFIX: Final = "zcrm_"
WITHOUT_PREFIX: Final[Mapping[str, Any]] = MappingProxyType({"split": PREFIX, "part": -1})
"""The words of a mapping that take the id out of the text. They leave an id without the prefix as it is."""
REMEDY: Final = f'leave `{PREFIX}` away; in a mapping: {{ column = "COLUMN", split = "{PREFIX}", part = -1 }}'


def is_exported(text: str) -> bool:
    return text.startswith(PREFIX) and is_id(text.removeprefix(PREFIX))
