"""What a session needs of the org, as one value: the calls to it, its clock, and what limits the calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from zmigrate.engine.dispatch.sender import Wire
from zmigrate.events import Credits

if TYPE_CHECKING:
    from zmigrate.zoho.connection import Connection


class OrgWire(Wire, Protocol):
    """The calls of a session; `zmigrate.zoho.crm.Crm` has them."""

    def is_empty(self, module: str) -> bool: ...


class Room(Protocol):
    """How many calls may be in flight (zmigrate.zoho.limiter)."""

    def limit(self, heavy: bool) -> int: ...


class OrgClock(Protocol):
    """The bounds of Zoho's clock at a time of ours (zmigrate.zoho.clock), in epoch seconds."""

    def earliest(self, local: float) -> float: ...
    def latest(self, local: float) -> float: ...


@dataclass(frozen=True, slots=True)
class OrgAccess:
    """The calls to the org, and what limits them."""

    wire: OrgWire
    room: Room
    clock: OrgClock
    token_left_s: Callable[[], float | None]
    """Seconds until the token ends; None where there is none."""
    credits: Callable[[], Credits]
    """Credits used and left."""
    user: str | None = None
    """The id of the user that the token acts as, where known."""

    @classmethod
    def of(cls, connection: Connection, user: str | None) -> OrgAccess:
        credits = connection.credits
        return cls(
            wire=connection.crm,
            room=connection.limiter,
            clock=connection.clock,
            token_left_s=connection.tokens.left_s,
            credits=lambda: Credits(credits.used, credits.left()),
            user=user,
        )
