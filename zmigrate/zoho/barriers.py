"""What stands between this machine and Zoho and does not go away by itself: certificates, proxies, unknown
hosts, block pages. To try again would only make a person wait for the same answer.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.request import getproxies, proxy_bypass

import httpx

from zmigrate.errors import ConfigError, Outage

_UNKNOWN_HOST: Final = frozenset(
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, name)
)
"""Not EAI_AGAIN (no name server answers) and not EAI_FAIL (it failed): these pass by themselves."""

_PLAIN_HTTP_THERE: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST"})
"""OpenSSL's reasons if the other side does not speak TLS."""
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_HOST: Final = frozenset({62, 64})
"""OpenSSL's verification results (X509_verify_cert_error_string(3))."""

_SOCKS_LOGIN: Final = ("Invalid username/password", "Requested ")
_SOCKS_REFUSED: Final = "not allowed"
"""In httpcore's words about a SOCKS proxy."""

_PASSES: Final = frozenset({408, 425, 429})
"""Refusals of a proxy that pass by themselves, as all from 500 on do."""

_PORTAL_LOGIN: Final = 511
"""Network Authentication Required: sent by captive portals (RFC 6585)."""


BLOCK_PAGE: Final = "BLOCK_PAGE"  # our own code: a firewall or proxy answers in Zoho's place

FIREWALL_STATUSES: Final = frozenset({400, 403, 405, 406, 451})
"""Statuses with which a firewall's page comes. Zoho's own refusals with these statuses are JSON."""

REFUSING_PAGES: Final = FIREWALL_STATUSES.union(range(300, 400))
"""Statuses of pages by which a call is refused: it was not let through."""

_OF_THE_REQUEST: Final = frozenset({408, 413, 414, 415, 429})


@dataclass(frozen=True, slots=True)
class Barrier:
    """Why Zoho can't be reached, and what a person has to do."""

    code: str
    what: str
    hint: str
    may_pass: bool = False
    """It looks the same for a while on a machine whose network is changing, such as a laptop's. So it counts
    as lasting only if Zoho has not been reached before.
    """

    def stops(self, *, reached_before: bool) -> bool:
        """Whether to try again would be pointless."""
        return not (self.may_pass and reached_before)

    def error(self, *, reached_before: bool) -> ConfigError | Outage:
        """At the beginning the machine is not set up for Zoho; later on, a run pauses."""
        return (Outage if reached_before else ConfigError)(self.what, hint=self.hint, code=self.code)


def barrier_of(error: Exception, host: str) -> Barrier | None:
    """The barrier behind an error of httpx on the way to a host. None for what may pass by itself.

    "Network is unreachable" may pass, and often hides another error: of a host with several addresses, only
    the last one's error is known.
    """
    if isinstance(error, httpx.ProxyError):
        return _of_proxy(str(error), host)
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _of_certificate(cause, host)
        if isinstance(cause, ssl.SSLError) and cause.reason in _PLAIN_HTTP_THERE:
            return _no_tls(host)
        if isinstance(cause, socket.gaierror) and cause.errno in _UNKNOWN_HOST:
            return _unknown_host(host)
        if isinstance(cause, ConnectionRefusedError) and _goes_through_proxy(host):
            return _no_proxy(host)
    return None


def is_page(status: int, content: bytes) -> bool:
    """Whether an answer is a web page, or leads to one, where JSON belongs. Those of a server that fails, and
    those about the size of a request, are none: Zoho's own web servers may send them.
    """
    if status >= 500:
        return status == _PORTAL_LOGIN
    if status in _OF_THE_REQUEST:
        return False
    return (300 <= status < 400 and status != 304) or begins_as_page(content)


def begins_as_page(content: bytes) -> bool:
    """Whether a body is HTML and no JSON."""
    return content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def block_page(host: str, status: int) -> Barrier:
    """For a host that answers every call with a page."""
    return Barrier(
        BLOCK_PAGE,
        f"A web page comes instead of an answer from {host} (status {status}).",
        f"A firewall, a proxy or the login page of a Wi-Fi answers in Zoho's place. Open https://{host} in a"
        " browser: log in where the network asks for it, or let its administrators allow the host.",
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _of_proxy(said: str, host: str) -> Barrier | None:
    """httpcore's words about a proxy: "407 Proxy Authentication Required", or a sentence for SOCKS."""
    status = _proxy_status(said)
    if status == 407 or said.startswith(_SOCKS_LOGIN):
        return Barrier(
            "PROXY_LOGIN",
            f"The proxy on the way to {host} wants another login" + (" (status 407)." if status else "."),
            "Put user and password into its URL: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT (write %40 for @"
            " and %3A for : in them). A proxy that wants NTLM or Kerberos needs a local proxy that logs in.",
        )
    if (status and status < 500 and status not in _PASSES) or _SOCKS_REFUSED in said:
        return Barrier(
            "PROXY_REFUSED",
            f"The proxy refuses to connect to {host}" + (f" (status {status})." if status else "."),
            f"Let its administrators allow {host} and Zoho's API (www.zohoapis.com, or that of your data"
            " centre) on port 443; or name another one in HTTPS_PROXY.",
        )
    return None


def _proxy_status(said: str) -> int:
    found = re.match(r"[1-9][0-9]{2}\b", said)
    return int(found[0]) if found else 0


def kind_of_error(error: Exception) -> str:
    """The kind of an error of httpx, with the status that a proxy gave; no other words of it."""
    status = _proxy_status(str(error)) if isinstance(error, httpx.ProxyError) else 0
    return type(error).__name__ + (f" {status}" if status else "")


def _of_certificate(error: ssl.SSLCertVerificationError, host: str) -> Barrier:
    if error.verify_code in (_NOT_YET_VALID, _EXPIRED):
        state = "has expired" if error.verify_code == _EXPIRED else "is not valid yet"
        now = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
        return Barrier(
            "CERTIFICATE",
            f"The certificate of {host} {state}.",
            f"Check the clock of this machine: it says {now} UTC. If that is right, the certificate is not"
            " Zoho's: ask your network's administrators.",
        )
    if error.verify_code in _OTHER_HOST:
        return Barrier(
            "CERTIFICATE",
            f"The certificate that came from {host} belongs to another host.",
            "A proxy, a firewall or the login page of a Wi-Fi answers in Zoho's place, or accounts_url is"
            f" wrong. Open https://{host} in a browser to see.",
        )
    return Barrier(
        "CERTIFICATE",
        f"The certificate of {host} is not trusted by this machine ({error.verify_message}).",
        "Most likely a company's proxy or virus scanner shows a certificate of its own. Save its CA"
        " certificate as a PEM file, and name the file: SSL_CERT_FILE=/path/to/ca.pem (REQUESTS_CA_BUNDLE and"
        " SSL_CERT_DIR are honoured too).",
    )


def _no_tls(host: str) -> Barrier:
    hint = "A firewall or the login page of a Wi-Fi may answer in Zoho's place."
    if _goes_through_proxy(host):
        hint = "If HTTPS_PROXY begins with https://, write http:// there: most proxies speak plain HTTP."
    return Barrier("NO_TLS", f"What answers on the way to {host} does not speak TLS.", hint)


# The name of a proxy is not shown: a mistyped URL has a password in its place.
_CHECK_PROXY: Final = "Check HTTPS_PROXY (or ALL_PROXY), and that the company's network or VPN is on."


def _no_proxy(host: str) -> Barrier:
    what = f"Nothing answers at the address of the proxy on the way to {host}."
    return Barrier("NO_PROXY", what, _CHECK_PROXY, may_pass=True)


def _unknown_host(host: str) -> Barrier:
    if _goes_through_proxy(host):
        what = f"The proxy on the way to {host} has an unknown host."
        return Barrier("UNKNOWN_HOST", what, _CHECK_PROXY, may_pass=True)
    return Barrier(
        "UNKNOWN_HOST",
        f"The host {host} is unknown.",
        "Check the internet connection, and dc or accounts_url. Behind a company's proxy set"
        " HTTPS_PROXY=http://HOST:PORT.",
        may_pass=True,
    )


def network_hint(url: str) -> str:
    """What to check where a URL of Zoho's could not be reached for long."""
    scheme, _, host = url.partition("://")
    if scheme == "https" and _goes_through_proxy(host):
        return "Check the network, the proxy (HTTPS_PROXY or ALL_PROXY) and status.zoho.com."
    return "Check the network and status.zoho.com."


def _goes_through_proxy(host: str) -> bool:
    proxies = getproxies()
    return bool(proxies.get("https") or proxies.get("all")) and not proxy_bypass(host)
