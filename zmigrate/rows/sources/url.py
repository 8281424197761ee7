"""URLs of databases: what of them may be shown, and the variables that keep a password out of them."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

from zmigrate.errors import SourceError

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_USER_INFO = re.compile(r"(?P<begin>://[^:/@]*):(?P<password>.*)(?=@)", re.S)
_PARAMETER = re.compile(r"(?<=[?&])(?P<name>[^=&]+)=(?P<value>[^&]*)")
_SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|auth|cred|connect", re.I)
HIDDEN = "***"


def masked(url: str) -> str:
    """The URL as it may be shown: no password, and none of its parameters' values; variables by name."""
    url = _USER_INFO.sub(lambda found: f"{found['begin']}:{_hidden(found['password'])}", url)
    return _PARAMETER.sub(lambda found: f"{found['name']}={_hidden(found['value'])}", url)


def _hidden(secret: str) -> str:
    return secret if _VARIABLE.fullmatch(secret) else HIDDEN


def holds_secret(url: str) -> bool:
    """Whether the URL itself holds a password, or a parameter that may be one."""
    user_info = _USER_INFO.search(url)
    if user_info is not None and _hidden(user_info["password"]) == HIDDEN:
        return True
    return any(
        _SECRET_NAME.search(found["name"]) and _hidden(found["value"]) == HIDDEN
        for found in _PARAMETER.finditer(url)
    )


def values_of_variables(url: str) -> list[str]:
    """What its variables hold, those that are set."""
    return [os.environ.get(name, "") for name in _VARIABLE.findall(url)]


def expanded(url: str) -> str:
    """The URL with its variables' values: those of user and password as they are, quoted for a URL.

    Raises SourceError for a variable that is not set.
    """
    begin, end = url.find("://"), url.rfind("@")

    def value_of(found: re.Match[str]) -> str:
        value = os.environ.get(found[1])
        if value is None:
            raise SourceError(
                f"the variable {found[1]}, which {masked(url)} names, is not set.",
                hint=f"Set it in the environment: export {found[1]}=...",
            )
        return quote(value, safe="") if begin >= 0 and begin < found.start() < end else value

    return _VARIABLE.sub(value_of, url)
