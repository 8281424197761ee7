"""The URLs of calls. Making one takes httpx a while, so those of frequent paths are kept."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import httpx

from zmigrate.errors import Fatal
from zmigrate.zoho.answers import Call

_KEPT_URLS: Final = 256
_LONGEST_KEPT_PATH: Final = 200


class Urls:
    """Makes the URL of a call. Thread-safe: at worst, two threads make the same one."""

    def __init__(self) -> None:
        self._known: dict[str, httpx.URL] = {}

    def of(self, base: str, call: Call) -> httpx.URL:
        """Raises Fatal if page tokens or a job's parameters have more than 65,536 characters."""
        try:
            return self._url(base, call)
        except httpx.InvalidURL:
            raise Fatal(
                f"{call.method} {call.path} can't be sent: its parameters are too long.",
                code="MALFORMED_REQUEST",
            ) from None

    def _url(self, base: str, call: Call) -> httpx.URL:
        if call.params:
            return httpx.URL(f"{base}{call.path}?{urlencode(call.params)}")
        url = self._known.get(call.path)
        if url is None:
            url = httpx.URL(base + call.path)
            if len(self._known) < _KEPT_URLS and len(call.path) < _LONGEST_KEPT_PATH:
                self._known[call.path] = url
        return url
