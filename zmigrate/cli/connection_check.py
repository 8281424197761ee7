"""What `zmigrate check` finds out, as data and as lines. Never shows a credential's value, only its place."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zmigrate.cli.connections import connected, found_credentials
from zmigrate.errors import OrgError
from zmigrate.wording import count, duration
from zmigrate.zoho.org_check import org_fault

ORG_SCOPE = "ZohoCRM.org.READ"
SKEW_WARNING_S = 300.0
LATENCY_CALLS = 3


def check_all(
    profile: str | None, scopes: Sequence[str], state_dir: Path | None
) -> tuple[dict[str, Any], OrgError | None]:
    """Find credentials, get a token for the scopes, read the org, time some calls.

    Raises whatever refuses one of these. If the org is not the one asked for, returns that as an error too.
    """
    credentials = found_credentials(profile)
    wanted = tuple(dict.fromkeys((ORG_SCOPE, *scopes)))
    # Any org may be read here, so that the check can report a wrong one.
    any_org = replace(credentials, portal=True)
    with connected(wanted, credentials=any_org, state_dir=state_dir) as connection:
        org = connection.crm.org()
        fault = None if credentials.portal else org_fault(org, credentials)
        token = connection.tokens.token()
        return {
            "credentials": {
                "place": credentials.place,
                "accounts_url": credentials.accounts_url,
                "soid": credentials.soid,
                "portal": credentials.portal,
            },
            "scopes": sorted(token.scopes),
            "org": {
                "id": org.id,
                "zgid": org.zgid,
                "name": org.name,
                "type": org.type,
                "sandbox": org.sandbox,
                "production": org.production,
                "edition": org.edition,
            },
            "api_domain": token.api_domain,
            "latency_ms": round(latency_s(lambda: connection.crm.get("/crm/v8/org")) * 1000),
            "clock_skew_s": rounded(connection.clock.skew()),
            "token_life_s": rounded(connection.tokens.left_s()),
            "tokens_left": connection.tokens.budget_left(),
            "credits_left": connection.credits.left(),
            "error": fault and fault.to_json(),
        }, fault


def latency_s(call: Callable[[], object]) -> float:
    """The shortest of a few calls, in seconds: the time of a call that nothing disturbs."""
    times = []
    for _ in range(LATENCY_CALLS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def lines_of(found: dict[str, Any]) -> list[str]:
    """The result for a person, one fact a line."""
    org, asked = found["org"], found["credentials"]
    kind = "PRODUCTION" if org["production"] else org["type"]
    other = "" if found["error"] is None else "NOT the one asked for: "
    portal = f"{asked['soid']} names a portal; of the org: " if asked["portal"] else ""
    lines = [
        f"credentials   {asked['place']}",
        f"accounts      {asked['accounts_url']}",
        f"token         ok, for {', '.join(found['scopes'])}; {duration(found['token_life_s'] or 0)} left",
        f"org           {other}{org['name']}, {kind}, {org['edition']} edition",
        f"org ids       {portal}soid ZohoCRM.{org['zgid'] or '?'}; id {org['id']}",
        f"api domain    {found['api_domain']}",
        f"latency       {found['latency_ms']} ms a call",
        f"clock         {skew_text(found['clock_skew_s'])}",
    ]
    left = found["credits_left"]
    known = "unknown" if left is None else f"about {count(left)} left, by the edition and what was spent here"
    return [
        *lines,
        f"token budget  {found['tokens_left']} more may be asked for now",
        f"API credits   {known}",
    ]


def skew_text(skew_s: float | None) -> str:
    """How far this machine's clock is off, and what to do if it is far off."""
    if skew_s is None:
        return "Zoho's answers did not say the time"
    if abs(skew_s) < 1:
        return "in step with Zoho's"
    side = "behind" if skew_s > 0 else "ahead of"
    off = f"{duration(abs(skew_s))} {side} Zoho's"
    if abs(skew_s) <= SKEW_WARNING_S:
        return off
    return f"WARNING: {off}; set this machine's clock (runs allow for it, but your logs will mislead)"
