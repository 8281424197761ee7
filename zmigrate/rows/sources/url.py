"""URLs of databases: what of them may be shown, and the variables that keep a password out of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from zmigrate.errors import SourceError

VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
_SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|auth|cred|connect", re.I)
HIDDEN: Final = "***"
_OF_FILES: Final = frozenset({"sqlite", "duckdb"})
LONGEST: Final = 4_000
"""Characters of a URL."""


def masked(url: str) -> str:
    """The URL as it may be shown: no password, and none of its parameters' values; variables by name."""
    begin, password, rest = _parts(url)
    if password is not None:
        begin = f"{begin}:{_hidden(password)}"
    return begin + _parameters_masked(rest)


def holds_secret(url: str) -> bool:
    """Whether the URL itself holds a password, or a parameter that may be one."""
    _, password, rest = _parts(url)
    if password is not None and _hidden(password) == HIDDEN:
        return True
    return any(_SECRET_NAME.search(name) and _hidden(value) == HIDDEN for name, value in _parameters(rest))


def variables_of(url: str) -> tuple[str, ...]:
    """The names of its variables, each once."""
    return tuple(dict.fromkeys(VARIABLE.findall(url)))


def expanded(url: str, value_of: Callable[[str], str]) -> str:
    """The URL with its variables' values: those of user and password as they are, quoted for a URL."""
    if len(url) > LONGEST:
        raise SourceError(f"a URL of {len(url):,} characters is none; {LONGEST:,} are allowed.")
    begin, end = url.find("://"), url.rfind("@")

    def fill(found: re.Match[str]) -> str:
        value = value_of(found[1])
        return quote(value, safe="") if begin >= 0 and begin < found.start() < end else value

    return VARIABLE.sub(fill, url)


def file_of(url: str) -> Path | None:
    """The file that a URL of SQLite or another database without a server stands for; None where it names a
    host, or where a variable is in the place of it.
    """
    scheme, _, rest = url.partition("://")
    if scheme.partition("+")[0].lower() not in _OF_FILES:
        return None
    path = rest.partition("/")[2].partition("?")[0]
    if path.startswith("file:"):
        path = unquote(path.removeprefix("file:"))
    return Path(path) if path not in {"", ":memory:"} else None


def _parts(url: str) -> tuple[str, str | None, str]:
    """What stands before the password, the password, and what stands behind it, from the @ on."""
    scheme = url.find("://")
    end = url.rfind("@")
    colon = url.find(":", scheme + 3)
    if (
        0 <= scheme < colon < end
        and "/" not in url[scheme + 3 : colon]
        and "@" not in url[scheme + 3 : colon]
    ):
        return url[:colon], url[colon + 1 : end], url[end:]
    return "", None, url


def _parameters(url: str) -> Iterator[tuple[str, str]]:
    for part in re.split("[?&]", url)[1:]:
        name, equals, value = part.partition("=")
        if equals and name:
            yield name, value


def _parameters_masked(url: str) -> str:
    first, *others = re.split("([?&])", url)
    shown = [first]
    for each in others:
        name, equals, value = each.partition("=")
        shown.append(f"{name}={_hidden(value)}" if equals and name else each)
    return "".join(shown)


def _hidden(secret: str) -> str:
    return secret if VARIABLE.fullmatch(secret) else HIDDEN
