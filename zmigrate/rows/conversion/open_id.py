"""References to records with ids that are not known yet: they are filled in before the record is sent."""

from __future__ import annotations

from zmigrate.job.references import Reference


class OpenId(dict[str, str | None]):
    """`{"id": None}` inside a record: JSON of a lookup, to be filled in. `field`: the record's field."""

    __slots__ = ("field", "reference")

    def __init__(self, reference: Reference, field: str) -> None:
        super().__init__(id=None)
        self.reference = reference
        self.field = field

    def fill(self, record_id: str) -> None:
        self["id"] = record_id

    @property
    def filled(self) -> bool:
        return self["id"] is not None
