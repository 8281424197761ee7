"""A connection for commands other than runs: to the org of the credentials, or to an embedded emulator."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zmigrate.errors import ScopeError
from zmigrate.private_files import scratch_folder

if TYPE_CHECKING:
    from zmigrate.config import Credentials, Settings
    from zmigrate.events import Event, Listener
    from zmigrate.zoho.connection import Connection


PATIENCE_S = 20.0
"""How long such a command keeps trying if Zoho can't be reached. A person waits for it."""


def teller() -> Listener:
    """A listener that says on stderr what the command waits for."""
    from zmigrate.display.console import stderr_console
    from zmigrate.display.notes import Notes

    console, notes = stderr_console(), Notes()

    def tell(event: Event) -> None:
        line = notes.line(event)
        if line is not None:
            console.print(line, soft_wrap=True)

    return tell


def found_credentials(profile: str | None) -> Credentials:
    """The credentials for this folder. Raises ConfigError if there are none."""
    from zmigrate.config import load_credentials

    return load_credentials(profile, folder=Path.cwd(), environ=os.environ)


def patient_settings(state_dir: Path | None = None) -> Settings:
    """The settings for this folder, for a command that a person waits for."""
    settings = found_settings(state_dir)
    return replace(settings, retry_budget_s=min(settings.retry_budget_s, PATIENCE_S))


def found_settings(state_dir: Path | None = None) -> Settings:
    """The settings for this folder."""
    from zmigrate.config import load_settings

    return load_settings(environ=os.environ, folder=Path.cwd(), state_dir=state_dir)


@contextmanager
def connected(
    scopes: Sequence[str],
    *,
    profile: str | None = None,
    emulator: bool = False,
    state_dir: Path | None = None,
    credentials: Credentials | None = None,
) -> Iterator[Connection]:
    """A connection with one token for these scopes, revoked at the end. `credentials`: use these."""
    from zmigrate.engine.entry import practice_org
    from zmigrate.stopping import StopSignal
    from zmigrate.zoho.connection import connect

    with ExitStack() as stack:
        if emulator:
            credentials = stack.enter_context(practice_org())
            settings = found_settings(stack.enter_context(scratch_folder()))
        else:
            credentials = credentials or found_credentials(profile)
            settings = patient_settings(state_dir)
        yield stack.enter_context(
            connect(credentials, scopes, settings=settings, emit=teller(), stop=StopSignal())
        )


@contextmanager
def granted_connection(
    needed: Sequence[str], wished: Sequence[str], *, profile: str | None = None, emulator: bool = False
) -> Iterator[tuple[Connection, ScopeError | None]]:
    """A connection with one token for all these scopes. If the client may not have the `wished` ones, the
    token is for the `needed` ones alone, and the refusal is returned too.
    """
    refused: ScopeError | None = None
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(
                connected((*needed, *wished), profile=profile, emulator=emulator)
            )
        except ScopeError as error:
            refused = error
            connection = stack.enter_context(connected(needed, profile=profile, emulator=emulator))
        yield connection, refused
