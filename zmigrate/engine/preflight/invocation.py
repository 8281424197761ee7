"""One call of the engine: its client and settings, who listens, who is asked, what stops it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zmigrate.engine.storage.id_map import IdMap
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
    """In practice: the folder for everything that is useless once the org is gone."""
    now: Callable[[], float] = steady_time

    @property
    def practice(self) -> bool:
        """Whether the org is gone with this process."""
        return self.scratch is not None

    def id_map(self, org: tuple[str, str]) -> IdMap:
        """The id map of an org, see `ledger.identity`. The caller closes it."""
        state_dir = self.settings.state_dir
        return IdMap.open(state_dir, org, lasting=not self.practice, emit=self.hub.emit)

    def connect(self, scopes: Iterable[str], stack: ExitStack, *, optional: Sequence[str] = ()) -> Connection:
        """A connection with these scopes. The stack closes it; after a hard stop its token is not revoked.
        `optional`: scopes without which the work goes on.
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
            optional=optional,
        )
        self.closes(connection, stack)
        return connection

    def closes(self, connection: Connection, stack: ExitStack) -> None:
        """From now on the stack closes the connection."""
        stack.callback(lambda: connection.close(revoke=not self.stop.aborted))
