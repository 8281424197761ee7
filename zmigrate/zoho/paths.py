"""Paths of the CRM API: what one may look like, and its parts. All that decides by a path asks here.

How Zoho reads a path in another spelling (`//`, `%4c`, a slash at its end) is not documented. So none is
sent: one that is no path of records here, and is one there, would write with all workflows and mails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, unquote

from zmigrate.errors import UsageError

LONGEST_PATH: Final = 1_000
"""Characters; the longest documented one has about a hundred."""

_PATH: Final = re.compile(r"/crm(?:/[A-Za-z0-9_.~-]+)+")
_TAKEN_APART: Final = re.compile(
    r"/crm(?:/(?P<area>[a-z]+))?/v\d+(?:\.\d+)?(?P<rest>(?:/[^/]+)*)", re.I | re.A
)
_NAME: Final = re.compile(r"[A-Za-z]\w*", re.A)
_HOST: Final = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/]*")

_NOT_MODULES: Final = frozenset({"org", "users", "coql", "settings", "files", "upload", "actions"})
"""What stands behind the version and is no module (first parts of the OpenAPI files' paths)."""

_AREAS_WITHOUT_MODULES: Final = frozenset({"bulk", "email"})


@dataclass(frozen=True, slots=True)
class ApiPath:
    """A path, taken apart. Zoho's letter case is not documented, so parts are compared in lower case."""

    area: str
    """What stands before the version: "bulk", "email", or nothing."""
    parts: tuple[str, ...]
    """What stands behind the version, in lower case."""
    written: str
    """The same as one text, as it is written."""
    module: str | None
    """The module, as it is written; None where the path is none of a module's."""

    @property
    def rest(self) -> tuple[str, ...]:
        """What stands behind the module."""
        return self.parts[1:]


@dataclass(frozen=True, slots=True)
class PathFault:
    """Why a path is not sent, and how the same is written well."""

    why: str
    path: str | None
    """None where that can't be told."""
    params: tuple[tuple[str, str], ...] = ()
    """Parameters that stood in it."""


@lru_cache(256)
def taken_apart(path: str) -> ApiPath:
    """The parts of a path that `checked` let pass; of another one there may be none."""
    match = _TAKEN_APART.fullmatch(path)
    if match is None:
        return ApiPath("", (), "", None)
    area, parts = (match["area"] or "").lower(), [part for part in match["rest"].split("/") if part]
    first = parts[0] if parts and area not in _AREAS_WITHOUT_MODULES else ""
    module = first if _NAME.fullmatch(first) and first.lower() not in _NOT_MODULES else None
    return ApiPath(area, tuple(part.lower() for part in parts), "/".join(parts), module)


def checked(path: str) -> str:
    """The path itself. Raises UsageError for one that can't be sent as it is written."""
    fault = path_fault(path)
    if fault is None:
        return path
    hint = "Write it as /crm/v8/org; the host is the token's."
    if fault.path is not None:
        hint = f'Write it as "{fault.path}"'
        hint += f" with params={dict(fault.params)!r}." if fault.params else "."
    raise UsageError(f"{str(path)[:200]!r} is no path of the API: {fault.why}.", hint=hint)


def path_fault(path: object) -> PathFault | None:
    """What is wrong with a path; None where it can be sent."""
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
        f"it holds the character {odd!r}": odd is not None,
        "parameters do not belong in it": "?" in path,
        "what stands behind # is never sent": "#" in path,
        "its letters are written as percent signs and digits": "%" in path,
        "its parts are separated by /, not by \\": "\\" in path,
        "it ends with a slash": path.endswith("/") and path != "/",
        "it has two slashes in a row": "//" in path,
        "it has a part of dots only": any(part and not part.strip(".") for part in parts),
        "paths of Zoho CRM begin with /crm/": not path.startswith("/crm/"),
        "a part of it may have letters, digits and _ - . ~ only": _PATH.fullmatch(path) is None,
    }
    return next((why for why, found in faults.items() if found), None)


def _respelt(path: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The same path in the one spelling that is sent, and the parameters that stood in it."""
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
