"""How references are resolved: by the org's id map, and by asking the org. Deleted records are forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

from zmigrate.engine.pipeline.resolver import Answers, Finds, FoundCache, Resolver, Wanted, ask
from zmigrate.engine.storage.id_map import IdMap, KeyRule
from zmigrate.stopping import StopSignal
from zmigrate.zoho.crm import Crm
from zmigrate.zoho.facts.limits import IDS_PER_READ
from zmigrate.zoho.metadata import ModuleFields
from zmigrate.zoho.workers import in_parallel


class Lookups:
    """Opened on first use, since most runs have no references. Main thread only."""

    def __init__(
        self, open_ids: Callable[[], IdMap], finds: Finds, fields_of: Callable[[str], ModuleFields]
    ) -> None:
        """`finds` answers what `Find`s ask."""
        self._open_ids = open_ids
        self._finds = finds
        self._ids: IdMap | None = None
        self._found = FoundCache()
        self.resolver = Resolver(self.ids, self._found, fields_of, lambda: [*self.ids().unread])

    def ids(self) -> IdMap:
        """The org's id map, as it was when first asked for."""
        if self._ids is None:
            self._ids = self._open_ids()
        return self._ids

    def ask(self, wanted: Wanted) -> Answers:
        """Ask the org for a `Find`'s values, now."""
        return ask(self._finds, wanted)

    def recorder(self, rule: KeyRule, at: float) -> Callable[[list[tuple[str, str]]], None]:
        """A function that adds keys and ids of this run, which began at `at`, to the id map."""
        ids = self.ids()
        return lambda keys: ids.add(rule, at, keys)

    def close(self, *, ids: bool = True) -> None:
        """`ids` False: others still use the id map."""
        self._found.close()
        if ids and self._ids is not None:
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
