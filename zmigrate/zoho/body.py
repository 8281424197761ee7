"""The body of an answer while it arrives: its time and its unpacked size are limited.

httpx unpacks whole pieces, and one encoding over another, so that kilobytes can become gigabytes. This
unpacks bodies in steps.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from typing import Final

import httpx

ACCEPTED_ENCODING: Final = "gzip"  # The encoding that is asked for. Any other, or several, are refused.

ANSWER_BYTES: Final = 64 << 20
"""Unpacked. An answer has at most 2,000 records, so this allows each a text of 32,000 characters. Usual
answers have a hundredth of it. As Python values the worst JSON takes twenty times its size.
"""

_STEP_BYTES: Final = 1 << 20
_GZIP_WINDOW: Final = zlib.MAX_WBITS | 16


class Unusable(httpx.DecodingError):
    """An answer came, but is unusable. `why` completes "Zoho's answer ..."; `status` is the answer's."""

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.why = why
        self.status = status


class Body(httpx.SyncByteStream):
    """A body that must arrive in time and has a limited size. (httpx's read timeout starts again with each
    piece.) Yields it unpacked. Raises ReadTimeout, DecodingError and Unusable.
    """

    def __init__(self, stream: httpx.SyncByteStream, until: float, status: int, encoding: str) -> None:
        self._stream = stream
        self._until = until
        self._status = status
        self._encoding = encoding.strip().lower()

    def __iter__(self) -> Iterator[bytes]:
        left = ANSWER_BYTES
        for piece in self._unpacked():
            left -= len(piece)
            if left < 0:
                raise Unusable(f"is larger than {ANSWER_BYTES >> 20} MB", self._status)
            yield piece

    def close(self) -> None:
        self._stream.close()

    def _arriving(self) -> Iterator[bytes]:
        for piece in self._stream:
            if time.monotonic() > self._until:
                raise httpx.ReadTimeout("the answer did not end in time")
            yield piece

    def _unpacked(self) -> Iterator[bytes]:
        if self._encoding in ("", "identity"):
            yield from self._arriving()
            return
        if self._encoding not in ("gzip", "x-gzip"):
            raise Unusable("has an encoding that was not asked for", self._status)
        unpack = zlib.decompressobj(_GZIP_WINDOW)
        for piece in self._arriving():
            packed = piece
            while packed and not unpack.eof:
                try:
                    yield unpack.decompress(packed, _STEP_BYTES)
                except zlib.error:
                    raise httpx.DecodingError("the answer is packed, and damaged") from None
                packed = unpack.unconsumed_tail


def bound(response: httpx.Response, until: float) -> None:
    """Limit the body of an answer that was not read yet. httpx does not unpack it any more."""
    encoding = response.headers.pop("content-encoding", "")
    if isinstance(response.stream, httpx.SyncByteStream):
        response.stream = Body(response.stream, until, response.status_code, encoding)
