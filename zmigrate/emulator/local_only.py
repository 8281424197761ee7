"""Only programs on this machine are answered; a web page in the user's browser is not.

A browser lets any page send requests to this machine. The browser adds headers that the page cannot change:
`Origin`, `Sec-Fetch-Site`, and `Host`, which names the page's own host after DNS rebinding.
`Sec-Fetch-Site: none` is an address that the user typed, and is answered. Zoho refuses none of this: the
codes are the emulator's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address

from .answers import Refused
from .options import shown

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[0-9a-z.-]+)(?::[0-9]{1,5})?", re.IGNORECASE)
OWN_SITES = frozenset({"same-origin", "none"})
WHO = "The emulator answers programs on this machine, not web pages"

RawHeaders = Sequence[tuple[bytes, bytes]]


def is_loopback(host: str) -> bool:
    """Whether a name or an address, in brackets or not, is this machine and nothing else."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_sender(headers: RawHeaders) -> None:
    """Raises Refused for a request that a web page sent."""
    hosts = values(headers, b"host")
    found = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if found is None or not is_loopback(found[1]):
        why = "the request's Host must be 127.0.0.1, [::1] or localhost"
        raise refused("INVALID_HOST", why, host=", ".join(hosts))
    for origin in values(headers, b"origin"):
        if origin.lower() != f"http://{hosts[0]}".lower():
            raise refused("FOREIGN_ORIGIN", f"the request's Origin is {shown(origin)}", origin=origin)
    for site in values(headers, b"sec-fetch-site"):
        if site.lower() not in OWN_SITES:
            raise refused("FOREIGN_SITE", f"the request's Sec-Fetch-Site is {shown(site)}", site=site)


def values(headers: RawHeaders, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for other, value in headers if other == name]


def refused(code: str, why: str, **details: str) -> Refused:
    return Refused(code, f"{WHO}: {why}.", {name: text[:100] for name, text in details.items()}, status=403)
