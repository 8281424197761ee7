"""What a run needs to resolve references: the org's id map, what the org was asked, and who fills them in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zmigrate.engine.idmap import IdMap, KeyRule
from zmigrate.engine.resolve import FoundCache, Resolver, Wanted, ask
from zmigrate.events import Emit
from zmigrate.zoho.crm import Crm


class Lookups:
    """Opened when first used: most runs have no references. Used by the main thread alone."""

    def __init__(
        self,
        state_dir: Path,
        org: tuple[str, str],
        crm: Crm,
        *,
        lasting: bool = True,
        emit: Emit | None = None,
    ) -> None:
        """`org`: see `ledger.identity`; `lasting` False: the org is gone with this process; `emit` is warned
        of what the id map does not know.
        """
        self._state_dir = state_dir
        self._org = org
        self._lasting = lasting
        self._crm = crm
        self._emit = emit
        self._ids: IdMap | None = None
        self._found = FoundCache()
        self.resolver = Resolver(self.ids, self._found, crm.fields, lambda: [*self.ids().unread])

    def ids(self) -> IdMap:
        """The org's id map, as its runs had it when it was first asked for."""
        if self._ids is None:
            self._ids = IdMap.open(self._state_dir, self._org, lasting=self._lasting, emit=self._emit)
        return self._ids

    def ask(self, wanted: Wanted) -> dict[str, list[str]]:
        """Put a `Find`'s values to the org, now."""
        return ask(self._crm, wanted)

    def recorder(self, rule: KeyRule, at: float) -> Callable[[list[tuple[str, str]]], None]:
        """Takes keys with their ids as the run at work, which began at that time, gets to know them."""
        ids = self.ids()
        return lambda keys: ids.add(rule, at, keys)

    def close(self) -> None:
        self._found.close()
        if self._ids is not None:
            self._ids.close()
