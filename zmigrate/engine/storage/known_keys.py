"""What the id map knows of a key, and which of its records are meant. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from zmigrate.engine.model.keys import EXACT, Matches
from zmigrate.rows.conversion.keys import fold_key, fold_number


class KnownKey(NamedTuple):
    """One spelling of a key, with its record."""

    folded: str
    field: str
    key: str
    id: str
    kind: str
    """See `KeyRule`."""
    at: float

    @property
    def value(self) -> str:
        """The same text for all spellings of the key: e-mail addresses ignore letter case."""
        return self.folded if "n" in self.kind or "e" in self.kind else EXACT(self.key)

    def is_alike(self, key: str) -> bool:
        """Whether the keys differ in letter case at most."""
        return self.folded == (fold_number(key) if "n" in self.kind else fold_key(key))


def records_of(key: str, known: Iterable[KnownKey], *, ignore_case: bool) -> Matches:
    """The records with this key; of those with the same unique key the latest. `ignore_case`: a key in
    another letter case counts if none is the same.
    """
    alike = [one for one in known if one.is_alike(key)]
    same = [one for one in alike if one.value == one._replace(key=key).value]
    if ignore_case:
        same = [one for one in alike if EXACT(one.key) == EXACT(key)] or alike
    ids: dict[str, None] = {}
    latest: dict[tuple[str, str], KnownKey] = {}
    for one in same:
        place = (one.field, one.value)
        if "u" not in one.kind:
            ids[one.id] = None
        elif place not in latest or one.at >= latest[place].at:
            latest[place] = one
    ids |= dict.fromkeys(one.id for one in latest.values())
    return Matches([*ids], None if ids or not alike else max(alike, key=lambda one: one.at).key)
