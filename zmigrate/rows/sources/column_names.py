"""Names of columns: each column has one, and all are different."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from zmigrate.errors import SourceError


def check_names(where: str, names: Sequence[str], *, empty: bool = False) -> None:
    """Raise SourceError, beginning with `where`, for a repeated name, and for an empty one unless `empty`."""
    for place, name in enumerate(names, start=1):
        if not (name or empty):
            raise SourceError(
                f"{where}: column {place} of {len(names)} has no name.",
                hint="Give every column of the header a name, or take the column out.",
            )
    for name, times in Counter(names).items():
        if times > 1:
            places = " and ".join(str(place) for place, cell in enumerate(names, start=1) if cell == name)
            raise SourceError(
                f"{where}: {times} columns are called {name!r}: {places}.",
                hint="Give every column a name of its own.",
            )
