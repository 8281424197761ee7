"""URLs of databases: which parts may be shown, and variables in place of passwords."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, unquote_plus

from zmigrate.errors import SourceError
from zmigrate.rows.sources.url_parameters import is_secret

VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
HIDDEN: Final = "***"
_OF_FILES: Final = frozenset({"sqlite", "duckdb"})
_ADDRESS: Final = re.compile(r"\w{2,}:|:")  # `file:`, `https:`, `md:`, but not a drive letter
LONGEST: Final = 4_000  # characters of a URL


def masked(url: str) -> str:
    """The URL for display: without its password and its parameters' values, but with variables' names."""
    begin, password, rest = _parts(url)
    if password is not None:
        begin = f"{begin}:{_hidden(password)}"
    return begin + _parameters_masked(rest)


def secret_in(url: str) -> str | None:
    """What in a URL is a secret or may be one: "a password", or a parameter's name."""
    _, password, rest = _parts(url)
    if password is not None and _hidden(password) == HIDDEN:
        return "a password"
    return next(
        (
            f"the parameter {name}"
            for name, value in parameters_of(rest)
            if is_secret(name) and _hidden(value) == HIDDEN
        ),
        None,
    )


def variables_of(url: str) -> tuple[str, ...]:
    """The names of its variables, each once."""
    return tuple(dict.fromkeys(VARIABLE.findall(url)))


def expanded(url: str, value_of: Callable[[str], str]) -> str:
    """The URL with its variables' values. Values in user and password are quoted for a URL."""
    if len(url) > LONGEST:
        raise SourceError(f"the URL has {len(url):,} characters; {LONGEST:,} are allowed.")
    begin, end = url.find("://"), url.rfind("@")

    def fill(found: re.Match[str]) -> str:
        value = value_of(found[1])
        return quote(value, safe="") if begin >= 0 and begin < found.start() < end else value

    return VARIABLE.sub(fill, url)


def file_of(url: str) -> Path | None:
    """The file of a URL of SQLite or another database without a server. None if the URL names a host, or has
    a variable in place of the file.
    """
    if not _is_of_file(url):
        return None
    path = _file_part(url)
    if path.startswith("file:"):
        path = unquote(path.removeprefix("file:"))
    return Path(path) if path not in {"", ":memory:"} else None


def check_file(url: str, shown: str, said_in: str | None) -> None:
    """Raise SourceError if a mapping or an option names a database file in a way that could mean another file
    than the one that is shown, or none of this machine: `file:x?vfs=...`, `https://...`.
    """
    if said_in is None or VARIABLE.fullmatch(url):
        return
    scheme, _, rest = url.partition("://")
    path = unquote(_file_part(url))
    if variables_of(scheme):
        what = "a variable in the kind of database"
    elif not _is_of_file(url):
        return
    elif not re.match(r"/|\?|$", rest):
        what = "a user, a password or a host, but is a file"
    elif path != ":memory:" and _ADDRESS.match(path):
        what = "an address in place of a file"
    else:
        return
    raise SourceError(
        f"{said_in}: {shown} has {what}.",
        hint="Write sqlite:///old.db; or write your own job with Sql(...) for it.",
    )


def _is_of_file(url: str) -> bool:
    return url.partition("://")[0].partition("+")[0].lower() in _OF_FILES


def _file_part(url: str) -> str:
    return url.partition("://")[2].partition("/")[2].partition("?")[0]


def _parts(url: str) -> tuple[str, str | None, str]:
    """The part before the password, the password, and the part after it, from the @ on. As in SQLAlchemy, a
    user may have an @ (`me@server`, as on Azure). A user with a slash (`DOMAIN/me`) is none for
    SQLAlchemy, but what follows must be hidden all the same.
    """
    scheme, slashes, rest = url.partition("://")
    if not slashes or scheme.partition("+")[0].lower() in _OF_FILES:
        return "", None, url
    place = re.match("[^:/]*", rest)
    user, behind = (place.end(), rest[place.end() : place.end() + 1]) if place else (0, "")
    end = rest.rfind("@") if behind == ":" else rest.partition("?")[0].rfind("@")
    if user < end and behind:
        before = len(scheme) + len(slashes)
        return url[: before + user], url[before + user + 1 : before + end], url[before + end :]
    return "", None, url


def parameters_of(url: str) -> Iterator[tuple[str, str]]:
    """Names and values of everything that may be a parameter of a URL, before its variables are filled in."""
    for part in re.split("[?&]", url)[1:]:
        name, equals, value = part.partition("=")
        if equals and name:
            yield unquote_plus(name), unquote_plus(value)


def _parameters_masked(url: str) -> str:
    first, *others = re.split("([?&])", url)
    shown = [first]
    for each in others:
        name, equals, value = each.partition("=")
        shown.append(f"{name}={_hidden(value)}" if equals and name else each)
    return "".join(shown)


def _hidden(secret: str) -> str:
    return secret if VARIABLE.fullmatch(secret) else HIDDEN
