"""One call of the engine: for which client, with which settings, who listens, what stops it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zmigrate.events import EventHub
from zmigrate.private_files import scratch_folder
from zmigrate.stopping import StopSignal
from zmigrate.zoho.connection import Connection, connect

if TYPE_CHECKING:
    from zmigrate.config import Credentials, Settings


@dataclass(frozen=True, slots=True)
class Invocation:
    """What a run, a flow and a plan have in common."""

    credentials: Credentials
    settings: Settings
    hub: EventHub
    stop: StopSignal
    practice: bool
    """Against an org that is gone with this process."""

    def connect(self, scopes: Iterable[str], stack: ExitStack, scratch: Path | None = None) -> Connection:
        """A connection with a token of these scopes, closed by the stack: after a hard stop without a
        farewell. `scratch`: where a practice keeps what an org leaves behind beside its runs.
        """
        settings = self.settings
        if self.practice:
            # Of no use once the org is gone.
            scratch = scratch or stack.enter_context(scratch_folder())
            settings = replace(settings, state_dir=scratch)
        connection = connect(
            self.credentials,
            tuple(dict.fromkeys(scopes)),
            settings=settings,
            emit=self.hub.emit,
            stop=self.stop,
        )
        stack.callback(lambda: connection.close(revoke=not self.stop.aborted))
        return connection
