"""What a refused record says: its reasons, and how errors.csv has them."""

from __future__ import annotations

from dataclasses import dataclass

from zmigrate.reasons import Reason
from zmigrate.rows.conversion.refusal import BadValue
from zmigrate.rows.spreadsheet import reason_cells


@dataclass(frozen=True)
class Told:
    reasons: tuple[Reason, ...]
    field: str
    code: str
    message: str

    @classmethod
    def of(cls, bad: BadValue) -> Told:
        return cls(bad.reasons, *reason_cells(bad.reasons))

    @property
    def value(self) -> str | None:
        """Of the only reason."""
        (reason,) = self.reasons
        return reason.value

    @property
    def ambiguous(self) -> bool:
        return any(reason.ambiguous for reason in self.reasons)
