"""Which keys may come more than once: a large set of keys in constant memory. It errs on one side only: two
keys may seem the same, but the same key in two forms is never missed.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

from zmigrate.rows.conversion.keys import fold_key

SLOTS: Final = 1 << 25
"""Of a million different keys, three in a hundred share a slot with another one."""

_LEFT_OUT: Final = {code: None for code in [*range(128), 0xA0, 0x2019, 0x202F] if not chr(code).isalnum()}
"""Blanks, signs and separators. Those of thousands are not all ASCII."""


def slot_of(key: str) -> int:
    """The slot of a key; of a cell too, if it holds a key in any form: blanks around it, other letter case or
    Unicode form, a number's sign, separators and leading zeros make no difference.
    """
    folded = key.lower() if key.isascii() else fold_key(key)
    return crc32(folded.translate(_LEFT_OUT).lstrip("0").encode("utf-8", "surrogatepass")) & (SLOTS - 1)


class KeySlots:
    """The slots of the keys that were added, one bit each: 4 MB."""

    def __init__(self) -> None:
        self.bits = bytearray(SLOTS >> 3)

    def add(self, key: str) -> None:
        slot = slot_of(key)
        self.bits[slot >> 3] |= 1 << (slot & 7)

    def has(self, key: str) -> bool:
        slot = slot_of(key)
        return bool(self.bits[slot >> 3] & (1 << (slot & 7)))
