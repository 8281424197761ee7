"""What may be told of a database's errors: drivers quote hosts, users and whole URLs, in many forms."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_plus

from zmigrate.rows.sources.url import HIDDEN

if TYPE_CHECKING:
    from sqlalchemy import URL

_CODE: Final = re.compile(r"[0-9A-Z]{5}|-?\d{1,6}|[A-Z][A-Z0-9_]{1,40}")
"""SQLSTATE, a number, or a name such as SQLITE_BUSY."""


def driver_and_code(error: BaseException | None) -> str:
    """Which error of the driver it is, and nothing of what it quotes: `InterfaceError (08001)`, and what the
    system says where the network failed.
    """
    if error is None:
        return "no error is given"
    codes = dict.fromkeys(_codes(error))
    told = type(error).__name__ + (f" ({', '.join(codes)})" if codes else "")
    reason = next(filter(None, map(_of_system, _chain(error))), None)
    return f"{told}: {reason}" if reason else told


def first_line(error: BaseException | None, url: URL, given: str) -> str:
    """The first line of what the driver says, without the password, and without what variables hold in any
    form in which a driver may quote it. `given`: the URL before its variables were filled in.
    """
    text = str(error).strip().partition("\n")[0]
    for secret in sorted(set(_forms(url, given)), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _forms(url: URL, given: str) -> Iterator[str]:
    parts: list[Any] = [url.username, url.host, url.port, url.database, *_values(url.query)]
    secrets = [part for part in map(str, filter(None, parts)) if part not in given]
    if url.password is not None:
        secrets.append(str(url.password))
    for secret in filter(None, secrets):
        for each in {secret, *re.split(r"[\\/@:;,=&?\s]+", secret)} - {""}:
            inner = {repr(each)[1:-1], json.dumps(each)[1:-1], each.encode().hex()}
            yield from {each, quote(each), quote(each, safe=""), quote_plus(each), *inner}


def _values(query: Any) -> Iterator[str]:
    for value in query.values():
        yield from (value,) if isinstance(value, str) else value


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in seen:
        seen.append(at)
        yield at
        at = at.__cause__ or at.__context__


def _codes(error: BaseException) -> Iterator[str]:
    """What the drivers keep it in: `sqlstate`, `pgcode`, `errno`, `sqlite_errorname`; pg8000's `C`."""
    said = [getattr(error, name, None) for name in ("sqlstate", "pgcode", "errno", "sqlite_errorname")]
    first = error.args[0] if error.args else None
    said.append(first.get("C") if isinstance(first, dict) else first if isinstance(first, int) else None)
    for code in said:
        if isinstance(code, str | int) and _CODE.fullmatch(str(code)):
            yield str(code)


def _of_system(error: BaseException) -> str | None:
    """In the system's own words: `Connection refused`."""
    if isinstance(error, socket.gaierror):
        return "the host's name is not known"
    if isinstance(error, TimeoutError):
        return os.strerror(errno.ETIMEDOUT)
    return os.strerror(error.errno) if isinstance(error, OSError) and type(error.errno) is int else None
