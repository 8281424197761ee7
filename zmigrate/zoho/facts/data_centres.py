"""Zoho's data centres: which hosts give tokens, and which hosts are Zoho's.

Source: zoho.com/crm/developer/docs/api/v8/multi-dc.html, the accounts multi-dc page, and the official SDK's
`dc/`. The API host is never built from this table: it is the token's `api_domain`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

ACCOUNTS_URLS: Mapping[str, str] = MappingProxyType(
    {
        "US": "https://accounts.zoho.com",
        "EU": "https://accounts.zoho.eu",
        "IN": "https://accounts.zoho.in",
        "AU": "https://accounts.zoho.com.au",
        "JP": "https://accounts.zoho.jp",
        "CN": "https://accounts.zoho.com.cn",
        "CA": "https://accounts.zohocloud.ca",
        "SA": "https://accounts.zoho.sa",
    }
)
"""The data centres whose accounts host is confirmed. UK, AE and SG are reached by `accounts_url` only."""

_TOP_LEVELS = ("com", "eu", "in", "com.au", "jp", "com.cn", "ca", "sa", "uk", "ae", "sg")

ACCOUNTS_DOMAINS = (*(f"zoho.{top}" for top in _TOP_LEVELS), "zohocloud.ca")
"""The only domains that a client secret is sent to."""

API_DOMAINS = tuple(f"zohoapis.{top}" for top in _TOP_LEVELS)
"""The only domains that a token is sent to: www., sandbox. and developer. of each data centre."""

UPLOAD_DOMAINS = (*API_DOMAINS, *ACCOUNTS_DOMAINS)
"""Hosts for files of bulk write (content.zohoapis.*, upload.zoho.*, files.zoho.sa, upload.zohocloud.ca)."""


LONGEST_URL: Final = 300  # Characters. A host has at most 253.

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine (the emulator)."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def url_fault(url: str, domains: tuple[str, ...], *, loopback_http: bool) -> str | None:
    """What is wrong with a base URL that secrets would be sent to. None if it is good.

    Good is `https://` on a host of `domains`, without path, query, user or port; with `loopback_http` also
    `http://` on this machine. `base_url` normalises a good one.
    """
    if len(url) > LONGEST_URL:
        return f"has {len(url):,} characters"
    if not all("!" <= letter <= "~" for letter in url):
        return "has a character that no address of Zoho has"
    try:
        parts = urlsplit(url)
        port = parts.port
        local = is_loopback(url)
    except ValueError:
        return "is not a URL"
    host = parts.hostname or ""
    faults = {
        "has a user name or a password": parts.username is not None or parts.password is not None,
        "must be a host without path or query": "?" in url or "#" in url or parts.path not in {"", "/"},
        "is this machine, not Zoho": local and not loopback_http,
        "is not http or https": local and parts.scheme not in {"http", "https"},
        "is not https": not local and parts.scheme != "https",
        "is not a host of Zoho": not local and not _is_under(host, domains),
        "must not name a port": not local and (port not in {None, 443} or parts.netloc.endswith(":")),
    }
    return next((fault for fault, found in faults.items() if found), None)


def base_url(url: str) -> str:
    """The normal form of a good URL, in which it is compared and used."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower()}".removesuffix(":443")


def _is_under(host: str, domains: tuple[str, ...]) -> bool:
    """Whether a host is one of the domains or below one. Zoho's hosts are never in another script
    (`xn--`).
    """
    plain = all(_LABEL.fullmatch(label) and not label.startswith("xn--") for label in host.split("."))
    return plain and any(host == domain or host.endswith("." + domain) for domain in domains)
