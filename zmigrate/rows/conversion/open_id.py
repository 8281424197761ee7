"""References to records with ids that are not known yet: they are filled in before the record is sent."""

from __future__ import annotations

from typing import Any

from zmigrate.job.references import Reference


class OpenId(dict[str, Any]):
    """`{"id": None}` inside a record: JSON of a lookup, to be filled in. `field`: the record's field."""

    __slots__ = ("field", "reference")

    def __init__(self, reference: Reference, field: str, *, names_module: bool = False) -> None:
        """`names_module`: the lookup wants its record's module beside the id."""
        super().__init__(id=None)
        if names_module:
            self["module"] = {"api_name": reference.module}
        self.reference = reference
        self.field = field

    def fill(self, record_id: str) -> None:
        self["id"] = record_id

    @property
    def names_module(self) -> bool:
        return "module" in self

    @property
    def filled(self) -> bool:
        return self["id"] is not None
