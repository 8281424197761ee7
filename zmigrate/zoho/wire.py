"""The httpx side of the wire: the client, and the meaning of its exceptions. No policy.

Frames of httpx and httpcore hold headers and bodies with secrets. So a transport error becomes a value here,
and an error raised from it later has no cause and no context.
"""

from __future__ import annotations

import errno
import logging
import os
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar
from typing import Any

import httpx

from zmigrate.errors import ConfigError
from zmigrate.zoho import body
from zmigrate.zoho.barriers import Barrier, barrier_of, kind_of_error

CONNECTIONS = 32  # 25 calls in flight, the accounts server, and a reserve

_FAILED_CONNECTIONS = 5  # After so many the client is made anew: fewer than the reserve

_KEEPALIVE_S = 4.0
"""Shorter than servers keep idle connections (usually 5 s), so that a request seldom meets a closing one."""

_CONNECT_TIMEOUT_S = 20.0

_READS_AN_ANSWER = 5  # An answer that comes drop by drop is given up after this many read timeouts

_CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
"""OpenSSL's own, which httpx reads, then that of `requests`, which companies set on their machines."""

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_MALFORMED = (httpx.LocalProtocolError, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a request got no answer."""

    why: str
    sent: bool  # False: it certainly never reached Zoho
    timed_out: bool = False
    malformed: bool = False  # True: it can't be sent at all
    status: int | None = None  # the status of an unusable answer; `why` then says what is wrong with it
    barrier: Barrier | None = None  # what stands in the way, if it does not go away by itself


class _NoCookies(CookieJar):
    """Stores no cookies: a call needs only its token, and httpx would read the cookies of every answer."""

    def extract_cookies(self, response: object, request: object) -> None:
        pass


class HttpClient:
    """A client of httpx for all threads. After some connections that could not be made it is made anew: a
    tunnel through a proxy whose TLS fails stays in httpcore's pool for ever, and a pool full of them sends
    nothing.
    """

    def __init__(self, make: Callable[[], httpx.Client]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._current = _Made(make())
        self._older: set[_Made] = set()

    @property
    def timeout(self) -> httpx.Timeout:
        return self._current.http.timeout

    def build_request(self, method: str, url: str, **more: Any) -> httpx.Request:
        return self._current.http.build_request(method, url, **more)

    def send(self, request: httpx.Request, auth: httpx.Auth | None = None) -> httpx.Response:
        """Send, and read the whole answer. Raises what httpx raises."""
        with self._lock:
            made = self._current
            made.calls += 1
        try:
            return made.http.send(request, auth=auth)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            self._note_failed(made)
            raise
        finally:
            self._end_call(made)

    def _note_failed(self, made: _Made) -> None:
        with self._lock:
            made.failed += 1
            if made is self._current and made.failed >= _FAILED_CONNECTIONS:
                self._older.add(made)
                self._current = _Made(self._make())

    def _end_call(self, made: _Made) -> None:
        with self._lock:
            made.calls -= 1
            if made.calls or made not in self._older:
                return
            self._older.remove(made)
        made.http.close()

    def close(self) -> None:
        with self._lock:
            every = [self._current, *self._older]
            self._older.clear()
        for made in every:
            made.http.close()

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(slots=True, eq=False)
class _Made:
    """A client of httpx, the calls that it is sending, and the connections that it could not make."""

    http: httpx.Client
    calls: int = 0
    failed: int = 0


def build_client(
    *, read_timeout_s: float, local: bool = False, transport: httpx.BaseTransport | None = None
) -> HttpClient:
    """The client of a connection, shared by all threads: HTTP/1.1, no redirects, httpx's own logging off. An
    answer must end within five read timeouts, and its size is limited (`body`).

    The environment's proxies and certificates (HTTPS_PROXY, SSL_CERT_FILE) count, unless Zoho is this
    machine. Raises ConfigError if they can't be used. Its message shows no value: a proxy's URL may have a
    password.
    """
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    limits = httpx.Limits(
        max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=_KEEPALIVE_S
    )

    def bound(response: httpx.Response) -> None:
        body.bound(response, time.monotonic() + _READS_AN_ANSWER * read_timeout_s)

    verify = _certificates() if local or transport is not None else _trusted(os.environ)

    def make() -> httpx.Client:
        return httpx.Client(
            transport=transport,
            verify=verify,
            cookies=_NoCookies(),
            headers={"accept-encoding": body.ACCEPTED_ENCODING},
            event_hooks={"response": [bound]},
            trust_env=not local,
            follow_redirects=False,
            timeout=httpx.Timeout(read_timeout_s, connect=min(_CONNECT_TIMEOUT_S, read_timeout_s)),
            limits=limits,
        )

    try:
        return HttpClient(make)
    except ImportError:
        raise ConfigError(
            "The proxy of the environment is a SOCKS proxy, and the package for it is not installed.",
            hint="Install it: pip install 'httpx[socks]'. Or name an HTTP proxy in HTTPS_PROXY or ALL_PROXY.",
        ) from None
    except (ValueError, OSError, httpx.InvalidURL) as error:
        raise ConfigError(
            f"The proxy of the environment can't be used ({type(error).__name__}).",
            hint="Check HTTPS_PROXY, ALL_PROXY and NO_PROXY. A proxy is given as http://HOST:PORT or, after"
            " pip install 'httpx[socks]', as socks5://HOST:PORT.",
        ) from None


def _trusted(environ: Mapping[str, str]) -> ssl.SSLContext:
    """The certificates that the environment names, else httpx's own. Raises ConfigError."""
    for variable in _CERTIFICATE_VARIABLES:
        place = environ.get(variable)
        if place:
            return _context_of(place, variable)
    return httpx.create_ssl_context(trust_env=False)


def _context_of(place: str, variable: str) -> ssl.SSLContext:
    is_folder = os.path.isdir(place)
    try:
        if not os.path.exists(place):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return ssl.create_default_context(
            cafile=None if is_folder else place, capath=place if is_folder else None
        )
    except OSError as error:
        why = "it has no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError(
            f"{variable} names certificates that can't be used: {place}: {why}.",
            hint="Name a PEM file (-----BEGIN CERTIFICATE-----), or a folder that `openssl rehash` has"
            " prepared; or remove the variable.",
        ) from None


@cache
def _certificates() -> ssl.SSLContext:
    """httpx's own certificates, loaded once: that takes 20 ms, and plain HTTP does not need them."""
    return httpx.create_ssl_context(trust_env=False)


def send(client: HttpClient, request: httpx.Request, auth: httpx.Auth | None) -> httpx.Response | Trouble:
    """Send once and read the whole answer. Errors on the way are returned, not raised."""
    try:
        return client.send(request, auth=auth)
    except (httpx.RequestError, httpx.StreamError) as error:
        return trouble_of(error, request.url.host)


def trouble_of(error: Exception, host: str = "Zoho") -> Trouble:
    """What an exception of httpx means for the request to a host.

    Only a request that failed before the connection was made is certainly not sent. If a connection broke
    later, even an idle one that the server closed before reading, it is unknown.
    """
    if isinstance(error, body.Unusable):
        return Trouble(error.why, sent=True, status=error.status)
    why = kind_of_error(error)
    if isinstance(error, _MALFORMED):
        return Trouble(why, sent=False, malformed=True)
    if isinstance(error, _NOT_SENT):
        barrier = barrier_of(error, host)
        timed_out = isinstance(error, httpx.TimeoutException)
        return Trouble(why, sent=False, timed_out=timed_out, barrier=barrier)
    return Trouble(why, sent=True, timed_out=isinstance(error, httpx.TimeoutException))
