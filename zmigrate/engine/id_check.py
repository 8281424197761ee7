"""Which records of the id map the org still has: those that somebody deleted there are forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

from zmigrate.engine.idmap import IdMap
from zmigrate.engine.planning.parallel import in_parallel
from zmigrate.stopping import StopSignal
from zmigrate.zoho.crm import Crm
from zmigrate.zoho.facts.limits import IDS_PER_READ

Batch = tuple[str, list[str]]
"""A module, and ids of its records."""


def forget_gone(
    ids: IdMap, crm: Crm, module: str | None = None, stop: StopSignal | None = None
) -> tuple[Counter[str], Counter[str]]:
    """Look for every record, a hundred a call, and forget those that the org does not show.

    Gives how many were looked for, and how many are gone, by module. Raises what reading raises; what was
    found out by then is kept.
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
