"""One call of the engine: for which client, with which settings, who listens, who is asked, what stops it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zmigrate.events import EventHub
from zmigrate.stopping import StopSignal
from zmigrate.zoho.clock import steady_time
from zmigrate.zoho.connection import Connection, connect

if TYPE_CHECKING:
    from zmigrate.config import Credentials, Settings
    from zmigrate.engine.preflight.admission import Confirm


@dataclass(frozen=True, slots=True)
class Invocation:
    """What a run, a flow and a plan have in common."""

    credentials: Credentials
    settings: Settings
    hub: EventHub
    stop: StopSignal
    confirm: Confirm | None = None
    """Asks a person before a write to a production org."""
    scratch: Path | None = None
    """In practice: where the org leaves what is of no use once it is gone."""
    now: Callable[[], float] = steady_time

    @property
    def practice(self) -> bool:
        """Against an org that is gone with this process."""
        return self.scratch is not None

    def connect(self, scopes: Iterable[str], stack: ExitStack) -> Connection:
        """A connection with a token of these scopes. The stack closes it, and after a hard stop does not
        revoke the token.
        """
        settings = self.settings
        if self.scratch is not None:
            settings = replace(settings, state_dir=self.scratch)
        connection = connect(
            self.credentials,
            tuple(dict.fromkeys(scopes)),
            settings=settings,
            emit=self.hub.emit,
            stop=self.stop,
        )
        stack.callback(lambda: connection.close(revoke=not self.stop.aborted))
        return connection
