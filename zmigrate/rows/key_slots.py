"""Which keys of a source may come more than once, in constant memory. It errs on one side only: two keys may
seem the same, but a key that comes in two forms is never missed.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Final

from zmigrate.rows.conversion.keys import fold_key

SLOTS: Final = 1 << 25
"""Of a million different keys, three in a hundred share a slot with another one."""

_BYTES: Final = SLOTS >> 3
_LEFT_OUT: Final = bytes(code for code in range(128) if not chr(code).isalnum())
"""Blanks, signs and separators."""
_BETWEEN: Final = "\n"
_LEFT_OUT_OF_MANY: Final = _LEFT_OUT.replace(_BETWEEN.encode(), b"")
_NOT_ASCII_BLANKS: Final = dict.fromkeys([0xA0, 0x2019, 0x202F])
"""Separators of thousands."""


def slot_of(key: str) -> int:
    """The slot of a key; of a cell too, if it holds a key in any form: blanks around it, other letter case or
    Unicode form, a number's sign, separators and leading zeros make no difference.
    """
    folded = key.lower() if key.isascii() else fold_key(key).translate(_NOT_ASCII_BLANKS)
    return _slot(folded.encode("utf-8", "surrogatepass").translate(None, _LEFT_OUT).lstrip(b"0"))


def _slot(plain: bytes) -> int:
    return zlib.crc32(plain) % SLOTS


def _slots_of(keys: Sequence[str]) -> Iterable[int]:
    """The slots of many keys, at half the price."""
    joined = _BETWEEN.join(keys)
    if joined.isascii():
        plain = joined.lower().encode().translate(None, _LEFT_OUT_OF_MANY).split(_BETWEEN.encode())
        if len(plain) == len(keys):
            return map(_slot, map(bytes.lstrip, plain, repeat(b"0")))
    return map(slot_of, keys)


class KeySlots:
    """Takes the cells of a source's column of keys, and keeps only their slots: two bits each, 8 MB."""

    def __init__(self, column: str) -> None:
        self.column = column
        self._noted = False
        self._once = bytearray(_BYTES)
        self._again = bytearray(_BYTES)

    def add(self, keys: Sequence[str]) -> None:
        once, again = self._once, self._again
        self._noted = self._noted or bool(keys)
        for slot in _slots_of(keys):
            at, bit = slot >> 3, 1 << (slot & 7)
            if once[at] & bit:
                again[at] |= bit
            else:
                once[at] |= bit

    def packed(self) -> str | None:
        """The slots that several keys have, as text for `RepeatedKeys`. None if there were no keys."""
        return b64encode(zlib.compress(self._again, 1)).decode() if self._noted else None


class RepeatedKeys:
    """Tells which keys may come more than once in a source."""

    def __init__(self, packed: str) -> None:
        self._bits = zlib.decompress(b64decode(packed))

    def among(self, keys: Sequence[str]) -> Iterator[int]:
        """The places of such keys."""
        bits = self._bits
        for place, slot in enumerate(_slots_of(keys)):
            if bits[slot >> 3] & 1 << (slot & 7):
                yield place
