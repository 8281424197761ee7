"""The body of an answer while it arrives: it must end in time, and its size is bounded, also unpacked.

httpx unpacks each piece that came as a whole, and one encoding over another, so that some kilobytes become
gigabytes. So bodies are unpacked here, in steps.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from typing import Final

import httpx

ACCEPTED_ENCODING: Final = "gzip"
"""The one that is asked for. Other encodings, and several of them, are taken for no answer."""

ANSWER_BYTES: Final = 64 << 20
"""Unpacked. Each of 2,000 records, the most of one answer, has room for a text of 32,000 characters; usual
answers have a hundredth of it. As Python values the worst of JSON takes twenty times its size."""

_STEP_BYTES: Final = 1 << 20
_GZIP_WINDOW: Final = zlib.MAX_WBITS | 16


class Unusable(httpx.DecodingError):
    """An answer came, and can't be taken. `why` follows on "Zoho's answer"; `status` is the answer's."""

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.why = why
        self.status = status


class Body(httpx.SyncByteStream):
    """A body that must have come by a moment (httpx's own read timeout begins again with each piece), and
    that has its size. Gives it unpacked; raises ReadTimeout, DecodingError and Unusable.
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
            raise Unusable("is packed in a way that was not asked for", self._status)
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
    """Bound the body of an answer that has not been read yet, and that httpx is not to unpack any more."""
    encoding = response.headers.pop("content-encoding", "")
    if isinstance(response.stream, httpx.SyncByteStream):
        response.stream = Body(response.stream, until, response.status_code, encoding)
