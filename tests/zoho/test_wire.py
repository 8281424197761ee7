from __future__ import annotations

import os
import subprocess
import sys

import httpx
import pytest

from zmigrate.zoho.wire import trouble_of

BUILD = """
from zmigrate.errors import ConfigError
from zmigrate.zoho.wire import build_client
build_client(read_timeout_s=1.0, local=True).close()
try:
    build_client(read_timeout_s=1.0).close()
except ConfigError as error:
    print(error.message, error.hint)
"""


@pytest.mark.parametrize("variable", ["ALL_PROXY", "SSL_CERT_FILE"])
def test_a_proxy_or_certificate_that_can_not_be_used_is_a_usage_error(variable: str) -> None:
    environ = {**os.environ, variable: "gopher://127.0.0.1:1"}

    done = subprocess.run(
        [sys.executable, "-c", BUILD], env=environ, capture_output=True, text=True, check=True
    )

    assert variable in done.stdout


@pytest.mark.parametrize(
    ("error", "sent", "timed_out"),
    [
        (httpx.ConnectError, False, False),
        (httpx.ConnectTimeout, False, True),
        (httpx.PoolTimeout, False, True),
        (httpx.ProxyError, False, False),
        (httpx.ReadError, True, False),
        (httpx.ReadTimeout, True, True),
        (httpx.WriteError, True, False),
        (httpx.WriteTimeout, True, True),
        (httpx.CloseError, True, False),
        (httpx.RemoteProtocolError, True, False),
        (httpx.DecodingError, True, False),
    ],
)
def test_only_what_failed_before_a_connection_stood_is_certainly_not_sent(
    error: type[httpx.RequestError], sent: bool, timed_out: bool
) -> None:
    trouble = trouble_of(error("what it says"))

    assert (trouble.sent, trouble.timed_out, trouble.malformed) == (sent, timed_out, False)
    assert "what it says" not in trouble.why
