"""Values whose form Zoho may refuse: a run sends them, and a plan says which they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.model.outcomes import Outcome
from zmigrate.engine.plan.plan import PlanWarning
from zmigrate.wording import counted
from zmigrate.zoho.facts.patterns import PATTERNS, misses_pattern
from zmigrate.zoho.metadata import ModuleFields

EXAMPLES_KEPT = 3

MAY_REFUSE = "ZOHO_MAY_REFUSE"
"""The code of the warnings."""


@dataclass(slots=True)
class _Doubts:
    """The values of one field."""

    rows: int = 0
    examples: list[tuple[int, str]] = field(default_factory=list)
    """The first lines, with their values."""


class Doubtful:
    """Counts the values that miss the pattern of their field's type, in rows that would be sent."""

    def __init__(self, fields: ModuleFields) -> None:
        self._types = {each.api_name: each.data_type for each in fields if each.data_type in PATTERNS}
        self._found: dict[str, _Doubts] = {}

    def note(self, rows: Sequence[PreparedRow], outcomes: Sequence[Outcome]) -> None:
        for row, outcome in zip(rows, outcomes, strict=True):
            if outcome.action not in {"created", "updated"}:
                continue
            for name in self._types.keys() & row.record.keys():
                value = row.record[name]
                if isinstance(value, str) and misses_pattern(self._types[name], value):
                    self._add(name, row.line, value)

    def _add(self, name: str, line: int, value: str) -> None:
        doubts = self._found.setdefault(name, _Doubts())
        doubts.rows += 1
        if len(doubts.examples) < EXAMPLES_KEPT:
            doubts.examples.append((line, value))

    def warnings(self) -> Iterator[PlanWarning]:
        for name, doubts in sorted(self._found.items()):
            shown = ", ".join(repr(value) for _, value in doubts.examples)
            more = ", …" if doubts.rows > len(doubts.examples) else ""
            yield PlanWarning(
                MAY_REFUSE,
                f"Zoho may refuse {counted(doubts.rows, 'row')} for the form of {name} "
                f"({self._types[name]}): {shown}{more}",
                name,
                doubts.rows,
                tuple(line for line, _ in doubts.examples),
            )
