"""`zmigrate init` and `zmigrate check`: tries credentials, and writes a profile once they work."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zmigrate.cli import errors, prompts, streams
from zmigrate.cli.commands import Command
from zmigrate.cli.options import CheckProfile, Json, State
from zmigrate.errors import ConfigError, RefusedError, UsageError, ZmigrateError

if TYPE_CHECKING:
    from zmigrate.config import Credentials
    from zmigrate.zoho.metadata import Org

ORG_SCOPE = "ZohoCRM.org.READ"
SECRET_VARIABLE = "ZMIGRATE_CLIENT_SECRET"  # noqa: S105 - a name, not a secret
TRIES = 5

INTRODUCTION = """\
zmigrate talks to Zoho CRM as a Self Client. If there is none yet:
  1. open Zoho's API console in your data centre (its address follows)
  2. Add Client > Self Client > Create; its tab "Client Secret" has both values
  3. the org id is in Zoho CRM under Setup > Company Details; a sandbox has an
     org id of its own
"""


def add_to(app: typer.Typer) -> None:
    @app.command(cls=Command)
    def init(
        profile: Annotated[
            str | None, typer.Option("--profile", metavar="NAME", help="Name of the profile.")
        ] = None,
    ) -> None:
        """Set up a profile: ask for client and org, try them."""
        set_up(Path.cwd(), os.environ, profile)

    @app.command(cls=Command)
    def check(
        profile: CheckProfile = None,
        scope: Annotated[
            list[str] | None,
            typer.Option("--scope", metavar="S", help="Ask for this scope too; several times for several."),
        ] = None,
        state_dir: State = None,
        as_json: Json = False,
    ) -> None:
        """Check credentials, scopes, org, clock and reachability."""
        from zmigrate.cli.connection_check import check_all, lines_of

        found, fault = check_all(profile, scope or [], state_dir)
        if as_json:
            streams.print_json(found)
        else:
            for line in lines_of(found):
                streams.echo(line)
        if fault is not None:
            errors.tell(errors.problem_of(fault), sys.stderr)
            raise typer.Exit(fault.exit_code)


def set_up(folder: Path, environ: Mapping[str, str], profile: str | None) -> None:
    """Ask, try, and write. On a terminal a refusal is shown and the questions come again."""
    from zmigrate.cli.git_ignore import keep_from_git
    from zmigrate.cli.profile_file import check_profile_name

    streams.say(INTRODUCTION)
    name = profile or prompts.ask("profile name", default="default")
    check_profile_name(name)
    if profile_exists(folder, name) and not prompts.ask_yes(
        f"profile '{name}' exists in zmigrate.toml; replace it?"
    ):
        raise UsageError(
            f"profile '{name}' is unchanged", hint="give another name: zmigrate init --profile NAME"
        )
    answers: dict[str, str] = {}
    for _ in range(TRIES):
        try:
            credentials = asked_credentials(answers, environ, name)
            org = try_out(credentials)
            credentials = replace(credentials, portal=names_portal(org, credentials))
        except ZmigrateError as error:
            if not streams.can_ask():
                raise
            errors.tell(errors.problem_of(error), sys.stderr)
            streams.say("\nOnce more; Enter keeps what is in brackets.\n")
            continue
        keep(folder, name, answers, credentials)
        streams.say(f"\nThe token works: {org.name}, {environment_text(org)}, {org.edition} edition.")
        streams.say(f"Profile '{name}' is in zmigrate.toml, its secret in .env (readable by you alone).")
        for line in keep_from_git(folder / ".env"):
            streams.say(line)
        streams.say("Next: zmigrate check" + ("" if name == "default" else f" --profile {name}"))
        return
    raise RefusedError("the credentials were refused several times", hint="check them in Zoho's API console")


def asked_credentials(answers: dict[str, str], environ: Mapping[str, str], name: str) -> Credentials:
    """Ask for the four values. Earlier answers are the defaults, unless they can't be right: a secret pasted
    in the wrong place would be shown. Raises ConfigError.
    """
    from zmigrate.config import Credentials, Secret, accounts_url_of
    from zmigrate.zoho.credential_formats import client_id, client_secret, normalise_soid

    place = prompts.ask(
        "data centre (US EU IN AU JP CN CA SA) or accounts URL", default=answers.get("place", "US")
    )
    accounts_url = accounts_url_of(
        *dc_or_url(place), "the answer", names=("the data centre", "the accounts URL")
    )
    answers["place"] = place
    if "//accounts.zoho" in accounts_url:
        streams.say(f"Zoho's API console there: {accounts_url.replace('//accounts.', '//api-console.')}")
    client = prompts.ask("client id", default=answers.get("client_id"))
    secret = Secret(environ.get(SECRET_VARIABLE) or prompts.ask_hidden("client secret"))
    org = prompts.ask("org id", default=answers.get("soid"))
    if not (client and secret and org):
        raise ConfigError("client id, client secret and org id are all needed")
    answers["client_id"] = client_id(client, "the client id")
    answers["soid"] = normalise_soid(org, "the org id")
    return Credentials(
        client_id=answers["client_id"],
        client_secret=client_secret(secret.reveal(), "the client secret"),
        soid=answers["soid"],
        accounts_url=accounts_url,
        place=f"profile '{name}' in zmigrate.toml",
        profile=name,
        upload_url=None,
    )


def try_out(credentials: Credentials) -> Org:
    """Get a token for reading the org, and read the org, whichever it is. Raises RefusedError."""
    from zmigrate.cli.connections import patient_settings, teller
    from zmigrate.stopping import StopSignal
    from zmigrate.zoho.connection import connect

    settings = patient_settings()
    any_org = replace(credentials, portal=True)
    with connect(any_org, (ORG_SCOPE,), settings=settings, emit=teller(), stop=StopSignal()) as connection:
        return connection.crm.org()


def names_portal(org: Org, credentials: Credentials) -> bool:
    """Whether the soid is a portal's id. If it is not the org's, a person is asked. Raises OrgError."""
    from zmigrate.zoho.org_check import org_fault

    fault = org_fault(org, credentials)
    if fault is None:
        return False
    if not streams.can_ask():
        raise fault
    streams.say(f"\n{fault.message}")
    if not prompts.ask_yes(f"Is {credentials.soid} the id of a portal?"):
        raise fault
    return True


def keep(folder: Path, name: str, answers: Mapping[str, str], credentials: Credentials) -> None:
    """Write the profile into zmigrate.toml and the secret into .env."""
    from zmigrate.cli.profile_file import write_profile

    values: dict[str, str | bool] = {"client_id": credentials.client_id, "soid": credentials.soid}
    dc, _ = dc_or_url(answers["place"])
    values |= {"dc": dc.upper()} if dc else {"accounts_url": credentials.accounts_url}
    if credentials.portal:
        values["portal"] = True
    write_profile(folder, name, values, credentials.client_secret)


def dc_or_url(place: str) -> tuple[str | None, str | None]:
    """One of the two is None: a data centre is a short word, an accounts URL has a dot or a slash."""
    return (None, place) if "." in place or "/" in place else (place, None)


def profile_exists(folder: Path, name: str) -> bool:
    """Whether zmigrate.toml has this profile."""
    from zmigrate.config import read_profiles

    return name in read_profiles(folder)


def environment_text(org: Org) -> str:
    """`production`, `sandbox`, or what the org says it is."""
    return "production" if org.production else (org.type or "sandbox")
