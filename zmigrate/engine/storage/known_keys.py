"""What the id map knows of a key, and which of its records are meant. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from zmigrate.engine.model.keys import EXACT, Matches
from zmigrate.job.key_text import fields_of_key, key_text, values_of_key
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
    def folds(self) -> bool:
        """Whether all spellings of the key are one: of a number, of an e-mail address."""
        return "n" in self.kind or "e" in self.kind

    def is_alike(self, key: str) -> bool:
        """Whether the keys differ in letter case at most."""
        return self.folded == (fold_number(key) if "n" in self.kind else fold_key(key))


def records_of(key: str, known: Iterable[KnownKey], *, ignore_case: bool) -> Matches:
    """The records with this key; of those with the same unique key the latest. `ignore_case`: a key in
    another letter case counts if none is the same.
    """
    own = EXACT(key)
    alike = [one for one in known if one.is_alike(key)]
    same = [one for one in alike if one.folds or EXACT(one.key) == own]
    if ignore_case:
        same = [one for one in alike if EXACT(one.key) == own] or alike
    ids: dict[str, None] = {}
    latest: dict[tuple[str, str], KnownKey] = {}
    for one in same:
        place = (one.field, one.folded if one.folds else EXACT(one.key))
        if "u" not in one.kind:
            ids[one.id] = None
        elif place not in latest or one.at >= latest[place].at:
            latest[place] = one
    ids |= dict.fromkeys(one.id for one in latest.values())
    return Matches([*ids], None if ids or not alike else max(alike, key=lambda one: one.at).key)


def key_after(field: str, written: Mapping[str, Any], before: str | None) -> object:
    """A record's key after a write; None if it has none any more. Of a key of several fields the write may
    have changed some: the others are as they were before.
    """
    names = fields_of_key(field)
    if len(names) == 1:
        return written[field]
    known = {} if before is None else dict(zip(names, values_of_key(before), strict=True))
    values = [written.get(name, known.get(name)) for name in names]
    if any(value is None or value == "" for value in values):
        return None
    return key_text([str(value) for value in values])
