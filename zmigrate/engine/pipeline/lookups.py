"""How references are resolved: by the org's id map, and by asking the org. Deleted records are forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from zmigrate.engine.pipeline.resolver import Answers, FoundCache, Resolver, Wanted, ask
from zmigrate.engine.storage.id_map import IdMap, KeyRule
from zmigrate.events import Emit
from zmigrate.stopping import StopSignal
from zmigrate.zoho.crm import Crm
from zmigrate.zoho.facts.limits import IDS_PER_READ
from zmigrate.zoho.workers import in_parallel


class Lookups:
    """Opened on first use, since most runs have no references. Main thread only."""

    def __init__(
        self,
        state_dir: Path,
        org: tuple[str, str],
        crm: Crm,
        *,
        lasting: bool = True,
        emit: Emit | None = None,
    ) -> None:
        """`org`: see `ledger.identity`. `lasting`: the org outlives this process. `emit` gets warnings."""
        self._state_dir = state_dir
        self._org = org
        self._lasting = lasting
        self._crm = crm
        self._emit = emit
        self._ids: IdMap | None = None
        self._found = FoundCache()
        self.resolver = Resolver(self.ids, self._found, crm.fields, lambda: [*self.ids().unread])

    def ids(self) -> IdMap:
        """The org's id map, as it was when first asked for."""
        if self._ids is None:
            self._ids = IdMap.open(self._state_dir, self._org, lasting=self._lasting, emit=self._emit)
        return self._ids

    def ask(self, wanted: Wanted) -> Answers:
        """Ask the org for a `Find`'s values, now."""
        return ask(self._crm, wanted)

    def recorder(self, rule: KeyRule, at: float) -> Callable[[list[tuple[str, str]]], None]:
        """A function that adds keys and ids of this run, which began at `at`, to the id map."""
        ids = self.ids()
        return lambda keys: ids.add(rule, at, keys)

    def close(self) -> None:
        self._found.close()
        if self._ids is not None:
            self._ids.close()


Batch = tuple[str, list[str]]
"""A module, and ids of its records."""


def forget_gone(
    ids: IdMap, crm: Crm, module: str | None = None, stop: StopSignal | None = None
) -> tuple[Counter[str], Counter[str]]:
    """Look for every record of the id map, a hundred a call, and forget those that are gone from the org.
    Return how many were looked for and how many are gone, by module. After an error, what was found is kept.
    """
    looked_for: Counter[str] = Counter()
    gone: Counter[str] = Counter()
    for (name, batch), there in in_parallel(_tasks(ids, crm, module), stop or StopSignal()):
        absent = [one for one in batch if one not in there]
        ids.forget(absent)
        looked_for[name] += len(batch)
        gone[name] += len(absent)
    return looked_for, gone


def _tasks(
    ids: IdMap, crm: Crm, module: str | None
) -> Iterator[tuple[Batch, Callable[[], dict[str, dict[str, object]]]]]:
    for name in ids.modules() if module is None else [module]:
        records = ids.records(name)
        while some := list(islice(records, IDS_PER_READ)):
            yield (name, some), partial(crm.records_by_id, name, some, ["id"])
