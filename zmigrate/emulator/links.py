"""Inserts into a linking module: each row links two records by its two lookups.

Facts: Zoho community, Kaizen #199 (FAQs on multi-select lookups). UNCONFIRMED: that a link which is there
already is answered with its id, since a link in a record is never made twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import nested
from .answers import Answer, Json
from .catalogue import ModuleSpec
from .checks import Invalid
from .fields import Field
from .world import World
from .writes import Problems, Writer, not_an_object, results_of


class LinkWriter:
    """Carries out one insert into a linking module, as the token's user."""

    def __init__(self, world: World, spec: ModuleSpec) -> None:
        self._world = world
        self._module, self._field = _owner_of(world, spec)
        self._rules = world.rules_of(spec)
        self._stamps = Writer(world, self._module).stamps()

    def insert(self, rows: Sequence[Any]) -> Answer:
        return results_of(rows, self._insert_one, 201)

    def _insert_one(self, row: Any, index: int) -> bytes | Problems:
        if type(row) is not dict:
            return [not_an_object(index)]
        kept, problems = self._rules.check(row, index)
        problems += self._rules.missing(kept, problems, index)
        if problems:
            return problems
        try:
            link_id = self._link(kept)
        except Invalid as bad:
            return bad.problems(self._field.back_lookup, index)
        result = b'{"code":"SUCCESS","details":{%b,"id":"%b"},"message":"record added","status":"success"}'
        return result % (self._stamps, link_id.encode())

    def _link(self, kept: Json) -> str:
        """The link's id. Raises Invalid if the record has too many."""
        field, store = self._field, self._world.stores[self._module]
        record = store.records[int(kept[field.back_lookup]["id"])]
        old, other = record.values(), kept[field.wrapped_in]
        made = nested.joined(
            field,
            old.get(field.api_name, []),
            [{field.wrapped_in: other}],
            lambda: str(self._world.new_id()),
            replace=False,
        )
        links = made or []
        store.change(record, old, {**old, field.api_name: links})
        return next(str(link["id"]) for link in links if link[field.wrapped_in]["id"] == other["id"])


def _owner_of(world: World, linking: ModuleSpec) -> tuple[str, Field]:
    """The module and its field whose links the linking module has."""
    return next(
        (name, field)
        for name, spec in world.specs.items()
        for field in spec.fields.values()
        if field.linking == linking.api_name
    )
