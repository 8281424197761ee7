"""Paths of the CRM API: which are allowed, and their parts. All code that decides by a path asks here.

How Zoho reads other spellings of a path (`//`, `%4c`, a slash at its end) is not documented. So none is sent:
it might be a path of records for Zoho and not here, and would write with all workflows and mails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, unquote

from zmigrate.errors import UsageError

LONGEST_PATH: Final = 1_000  # Characters. The longest documented path has about a hundred.

_PATH: Final = re.compile(r"/crm(?:/[A-Za-z0-9_.~-]+)+")
_TAKEN_APART: Final = re.compile(
    r"/crm(?:/(?P<area>[a-z]+))?/v\d+(?:\.\d+)?(?P<rest>(?:/[^/]+)*)", re.I | re.A
)
_NAME: Final = re.compile(r"[A-Za-z]\w*", re.A)
_HOST: Final = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/]*")

_NOT_MODULES: Final = frozenset({"org", "users", "coql", "settings", "files", "upload", "actions"})
"""Names after the version that are not modules (first parts of the OpenAPI files' paths)."""

_AREAS_WITHOUT_MODULES: Final = frozenset({"bulk", "email"})


@dataclass(frozen=True, slots=True)
class ApiPath:
    """A path in parts. Zoho does not document its letter case, so parts are compared in lower case."""

    area: str  # the part before the version: "bulk", "email", or ""
    parts: tuple[str, ...]  # the parts after the version, in lower case
    written: str  # the text after the version, as written
    module: str | None  # The module, as written. None if the path has none.

    @property
    def rest(self) -> tuple[str, ...]:
        """The parts after the module."""
        return self.parts[1:]


@dataclass(frozen=True, slots=True)
class PathFault:
    """Why a path is not sent, and the right way to write it."""

    why: str
    path: str | None  # None if the right path is not known
    params: tuple[tuple[str, str], ...] = ()  # Parameters that were in the path


@lru_cache(256)
def taken_apart(path: str) -> ApiPath:
    """The parts of a path that `checked` accepts; another one may have none."""
    match = _TAKEN_APART.fullmatch(path)
    if match is None:
        return ApiPath("", (), "", None)
    area, parts = (match["area"] or "").lower(), [part for part in match["rest"].split("/") if part]
    first = parts[0] if parts and area not in _AREAS_WITHOUT_MODULES else ""
    module = first if _NAME.fullmatch(first) and first.lower() not in _NOT_MODULES else None
    return ApiPath(area, tuple(part.lower() for part in parts), "/".join(parts), module)


def checked(path: str) -> str:
    """The path itself. Raises UsageError if it can't be sent as written."""
    fault = path_fault(path)
    if fault is None:
        return path
    hint = "Write it as /crm/v8/org; the host is the token's."
    if fault.path is not None:
        hint = f'Write it as "{fault.path}"'
        hint += f" with params={dict(fault.params)!r}." if fault.params else "."
    raise UsageError(f"{str(path)[:200]!r} is not an API path: {fault.why}.", hint=hint)


def path_fault(path: object) -> PathFault | None:
    """What is wrong with a path. None if it can be sent."""
    if not isinstance(path, str):
        return PathFault("it is not a text", None)
    if len(path) > LONGEST_PATH:
        return PathFault(f"it has {len(path):,} characters", None)
    why = _why_not(path)
    if why is None:
        return None
    right, params = _respelt(path)
    return PathFault(why, right if _why_not(right) is None else None, params)


def _why_not(path: str) -> str | None:
    odd = next((letter for letter in path if not "!" <= letter <= "~"), None)
    parts = path.split("/")[1:]
    faults = {
        "it does not begin with a slash": not path.startswith("/"),
        "it names a host, and the host is the token's": path.startswith("//"),
        f"it has the character {odd!r}": odd is not None,
        "parameters do not belong in it": "?" in path,
        "the text after # is never sent": "#" in path,
        "its letters are written as percent signs and digits": "%" in path,
        "its parts are separated by /, not by \\": "\\" in path,
        "it ends with a slash": path.endswith("/") and path != "/",
        "it has two slashes in a row": "//" in path,
        "it has a part of dots only": any(part and not part.strip(".") for part in parts),
        "paths of Zoho CRM begin with /crm/": not path.startswith("/crm/"),
        "its parts may have only letters, digits and _ - . ~": _PATH.fullmatch(path) is None,
    }
    return next((why for why, found in faults.items() if found), None)


def _respelt(path: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The path in its normal spelling, and the parameters that were in it."""
    bare, _, query = _HOST.sub("", path.strip(), count=1).partition("#")[0].partition("?")
    parts: list[str] = []
    for part in unquote(bare.replace("\\", "/")).split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part.strip())
    if parts and parts[0] != "crm":
        parts[:0] = ["crm"] if re.fullmatch(r"v[0-9.]+", parts[0]) else ["crm", "v8"]
    return "/" + "/".join(parts), tuple(parse_qsl(query, keep_blank_values=True))
