"""Says what sources read of the environment, before the first of them is opened."""

from __future__ import annotations

from collections.abc import Iterable

from zmigrate.events import Emit, Log
from zmigrate.rows.sources import Source, Sql


def tell_of_variables(sources: Iterable[Source], emit: Emit) -> None:
    """Say which variables go to which hosts. Raises SourceError if one may not be read."""
    for spends in variables_read(sources):
        emit(Log("notice", f"reads {spends}"))


def variables_read(sources: Iterable[Source]) -> tuple[str, ...]:
    """The variables that each host gets: `DB_PASSWORD, for db.example.com:5432`."""
    spends = [source.spends for source in sources if isinstance(source, Sql)]
    return tuple(dict.fromkeys(filter(None, spends)))
