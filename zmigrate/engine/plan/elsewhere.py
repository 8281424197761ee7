"""Records of other modules that Zoho holds unique values against, by its duplicate check preference: leads
against contacts. The org is asked for them, the model finds them, and the plan says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from zmigrate.engine.dispatch.zoho_reasons import InTheWay, ZohoReason
from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.model.keys import KeyField
from zmigrate.engine.model.outcomes import DUPLICATE_DATA
from zmigrate.engine.pipeline.resolver import Wanted
from zmigrate.engine.plan.org_model import OrgModel
from zmigrate.engine.preflight.record_work import RecordWork
from zmigrate.errors import Fatal, RefusedError
from zmigrate.reasons import Reason
from zmigrate.zoho.coql import can_query

if TYPE_CHECKING:
    from zmigrate.engine.preflight.first_reads import FirstReads


class HeldAgainst(NamedTuple):
    """A unique field of ours, and the field of the other module that it is compared with."""

    own: KeyField
    module: str
    other: KeyField


class Elsewhere:
    """The values that one record job writes, and the records of other modules that have them."""

    def __init__(self, work: RecordWork, reads: FirstReads, model: OrgModel) -> None:
        self._model = model
        self._module = work.fields.module
        self._pairs = list(_pairs(work, reads))
        for pair in self._pairs:
            model.index(pair.module, pair.other.name, number=pair.other.number)

    def wanted(self, rows: Sequence[PreparedRow]) -> list[Wanted]:
        """The values of these rows to look for in other modules."""
        found = []
        for pair in self._pairs:
            texts = (pair.own.text_of(row.record) for row in rows)
            values = list(dict.fromkeys(text for text in texts if text is not None and can_query(text)))
            if values:
                found.append(Wanted((pair.module, pair.other.name), values, pair.other.number))
        return found

    def taken(self, record: Mapping[str, Any], own: str | None) -> Iterator[ZohoReason]:
        """Values that a record of another module has. `own`: the record that is changed; Zoho is taken to
        compare only values that it does not have yet (not documented)."""
        for pair in self._pairs:
            text = pair.own.text_of(record)
            if text is None or (own is not None and not self._is_new(own, pair.own, text)):
                continue
            ids = [one for one, _ in self._model.with_key(pair.module, pair.other, text)]
            if ids:
                message = f"a record of {pair.module}, {ids[0]}, has this value already"
                way = InTheWay(ids[0], pair.module, several=len(ids) > 1)
                yield ZohoReason(Reason(DUPLICATE_DATA, pair.own.name, message, text), None, way)

    def _is_new(self, own: str, key: KeyField, text: str) -> bool:
        """Whether the record is known to have another value, or none."""
        known = self._model.record(self._module, own)
        if known is None or key.name not in known.body:
            return False
        before = key.text_of(known.body)
        return before is None or key.fold(before) != key.fold(text)


def _pairs(work: RecordWork, reads: FirstReads) -> Iterator[HeldAgainst]:
    for each in work.duplicate_check.mapped:
        own = work.fields.get(each.field)
        with suppress(RefusedError, Fatal):
            other = reads.fields(each.module).get(each.other)
            if own is not None and other is not None:
                yield HeldAgainst(KeyField.of(own), each.module, KeyField.of(other))
