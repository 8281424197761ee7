"""The forms of client ids, secrets, orgs and addresses. Each is checked before it is used or sent."""

from __future__ import annotations

import re
from typing import Final

from zmigrate.errors import ConfigError
from zmigrate.zoho.facts.data_centres import UPLOAD_DOMAINS, base_url, url_fault
from zmigrate.zoho.secret import Secret

_WORD: Final = re.compile(r"[!-~]{1,1000}")  # A client id: letters, digits and marks without spaces

_SECRET: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,1000}")


def normalise_soid(text: str, where: str) -> str:
    """`ZohoCRM.123` from `ZohoCRM.123` or `123`. `where`: the place, for the ConfigError."""
    match = re.fullmatch(r"(?:zohocrm\.)?([0-9]{1,30})", text.strip(), re.IGNORECASE)
    if match is None:
        raise ConfigError(
            f"{where} is not an org: {text.strip()[:60]!r}.",
            hint="Write it as ZohoCRM.123456 or 123456: the org id of Setup > Company Details.",
        )
    return f"ZohoCRM.{match.group(1)}"


def client_id(text: str, where: str) -> str:
    """The client id itself. Raises ConfigError for a text that can't be one."""
    if _WORD.fullmatch(text) is None:
        raise ConfigError(
            f"{where} is {text[:40]!r}, not a client id.", hint="Copy it again from Zoho's API console."
        )
    return text


def client_secret(text: str, where: str) -> Secret:
    """The client secret. Raises ConfigError, which does not show it, for a text that can't be one."""
    if _SECRET.fullmatch(text) is None:
        raise ConfigError(
            f"{where} is not a client secret: it has line breaks or other odd characters, or too many.",
            hint="Copy it again from Zoho's API console.",
        )
    return Secret(text)


def address(text: str, domains: tuple[str, ...], where: str) -> str:
    """The base URL of a host in these domains, or of this machine. Raises ConfigError."""
    url = text.strip().rstrip("/")
    fault = url_fault(url, domains, loopback_http=True)
    if fault is not None:
        raise ConfigError(
            f"{where} {fault}." if "@" in url else f"{where} is {url[:80]!r}, which {fault}.",
            hint="It looks like https://accounts.zoho.com; secrets are sent to Zoho only.",
        )
    return base_url(url)


def upload_address(text: str | None, where: str) -> str | None:
    """The address for files of a bulk write, if there is one."""
    return address(text, UPLOAD_DOMAINS, where) if text and text.strip() else None
