"""Opens and closes the connection of one job: tokens, limits, transport and calls together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from zmigrate.errors import ConfigError, UsageError
from zmigrate.events import Emit
from zmigrate.stopping import StopSignal
from zmigrate.zoho import wire
from zmigrate.zoho.accounts import Accounts
from zmigrate.zoho.backoff import Backoff
from zmigrate.zoho.clock import ZohoClock
from zmigrate.zoho.credits import CreditLedger
from zmigrate.zoho.crm import Crm
from zmigrate.zoho.facts.data_centres import is_loopback
from zmigrate.zoho.limiter import Limiter
from zmigrate.zoho.metadata import Org, is_org_id
from zmigrate.zoho.oauth import TokenProvider
from zmigrate.zoho.org_check import refuse_other_org
from zmigrate.zoho.token_budget import MintLedger
from zmigrate.zoho.transport import OrgMeters, Transport

if TYPE_CHECKING:
    from zmigrate.config import Credentials, Settings


_SCOPE: Final = re.compile(r"[!-+\--~]{1,200}")
"""Visible characters without the comma, which separates scopes."""


class Connection:
    """One job's connection to one org. Leaving it revokes the token (best effort) and closes everything."""

    def __init__(
        self,
        http: wire.HttpClient,
        transport: Transport,
        state_dir: Path,
        credentials: Credentials,
    ) -> None:
        self._credentials = credentials
        self._http = http
        self._state_dir = state_dir
        self._closed = False
        self.transport = transport
        self.tokens = transport.tokens
        self.limiter = transport.limiter
        self.clock = transport.clock
        self.credits = transport.credits
        self.crm = Crm(transport, on_org=self._take_org)

    @property
    def api_domain(self) -> str:
        """The host of all calls: the token's own `api_domain`."""
        return self.tokens.api_domain

    def close(self, *, revoke: bool = True) -> None:
        """Write the credits, revoke the token (some seconds at most), close the connections.

        Zoho's answers raise nothing here.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self.credits.close()
            if revoke:
                self.tokens.revoke()
        finally:
            self._http.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take_org(self, org: Org) -> None:
        """Check that the org is the one asked for. Every command whose token opens an org comes through
        here.
        """
        refuse_other_org(org, self._credentials)
        self.credits.open(
            org_folder(self._state_dir, org.id, org.zgid), org.credit_allowance, self._state_dir
        )


def org_folder(state_dir: Path, org_id: str, zgid: str) -> Path:
    """The folder for an org's data. A portal's org may have no zgid; its id may be another org's zgid, and so
    gets a prefix. Raises ConfigError for an invalid id, since it becomes a path.
    """
    for said in filter(None, (org_id, zgid)):
        if not is_org_id(said):
            raise ConfigError(
                f"{said[:60]!r} is not an org's id, which has digits only.",
                hint="The record of a run may be damaged: see zmigrate runs.",
            )
    return state_dir / "orgs" / (zgid or f"id-{org_id}")


def connect(
    credentials: Credentials,
    scopes: Sequence[str],
    *,
    settings: Settings,
    emit: Emit,
    stop: StopSignal,
    transport: httpx.BaseTransport | None = None,
    backoff: Backoff | None = None,
    optional: Sequence[str] = (),
) -> Connection:
    """Get a token with these scopes, and everything that needs it. `optional`: more scopes, without which
    the token is good, too.

    `transport` and `backoff` replace the real ones in tests. Raises what `TokenProvider.token` raises, and
    UsageError for an invalid scope.
    """
    for scope in (*scopes, *optional):
        if _SCOPE.fullmatch(scope) is None:
            raise UsageError(
                f"{scope[:80]!r} is not a scope.", hint="A scope looks like ZohoCRM.modules.leads.READ."
            )
    local = is_loopback(credentials.accounts_url)
    backoff = backoff or Backoff(budget_s=settings.retry_budget_s)
    http = wire.build_client(read_timeout_s=settings.read_timeout_s, local=local, transport=transport)
    tokens = TokenProvider(
        Accounts(http, credentials),
        tuple(dict.fromkeys(scopes)),
        ledger=MintLedger(settings.state_dir, credentials.client_id, settings.token_limit),
        stop=stop,
        emit=emit,
        local=local,
        backoff=backoff,
        optional=tuple(optional),
    )
    sender = Transport(
        http,
        tokens,
        OrgMeters(Limiter(ceiling=settings.concurrency), ZohoClock(), CreditLedger()),
        stop=stop,
        emit=emit,
        backoff=backoff,
        wait_for_credits=settings.wait_for_credits,
    )
    connection = Connection(http, sender, settings.state_dir, credentials)
    try:
        tokens.token()
    except BaseException:
        connection.close()
        raise
    return connection
