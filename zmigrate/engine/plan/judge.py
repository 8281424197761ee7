"""What Zoho would refuse in a record, beside the values that were converted: mandatory fields, layouts,
users, records that lookups name, values that must be unique.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from zmigrate.engine.dispatch.zoho_reasons import InTheWay, ZohoReason
from zmigrate.engine.model.keys import KeyField
from zmigrate.engine.model.outcomes import DUPLICATE_DATA, INVALID_DATA
from zmigrate.engine.plan.elsewhere import Elsewhere
from zmigrate.engine.plan.org_model import OrgModel
from zmigrate.engine.plan.record_ids import PointedAt, Pointers, invited_users, user_ids
from zmigrate.engine.preflight.first_reads import FirstReads
from zmigrate.errors import Fatal, RefusedError
from zmigrate.reasons import Reason
from zmigrate.rows.conversion.refusal import LIMIT_EXCEEDED, MANDATORY_NOT_FOUND
from zmigrate.rows.conversion.users import User
from zmigrate.zoho.metadata import Layout, ModuleFields

USER_TYPES = frozenset(["ownerlookup", "userlookup"])


class Judge:
    """Judges records of one module by the model of the org."""

    def __init__(
        self,
        model: OrgModel,
        fields: ModuleFields,
        unique: Sequence[KeyField],
        pointers: Pointers,
        reads: FirstReads,
        layouts: Sequence[Layout] | None,
        elsewhere: Elsewhere,
    ) -> None:
        """`unique`: the unique fields of the module. `layouts`: None if they can't be read."""
        self._model = model
        self._fields = fields
        self._unique = unique
        self._pointers = pointers
        self._reads = reads
        self._elsewhere = elsewhere
        self._mandatory = [field.api_name for field in fields if field.mandatory]
        self._user_fields = [field.api_name for field in fields if field.data_type in USER_TYPES]
        self._required = {layout.id: frozenset(layout.required) for layout in layouts or ()}
        self._most_rows = {layout.id: dict(layout.most_rows) for layout in layouts or ()}
        self._subforms = frozenset(name for most in self._most_rows.values() for name in most)
        self._pointing = frozenset({"Layout", *self._user_fields, *pointers.fields, *self._subforms})
        """Fields that have to be looked into."""
        every = self._required.values()
        self._wanted = sorted(frozenset.intersection(*every)) if every else []
        self.lacking: Counter[str] = Counter()
        """New records, by field, that leave it empty although every layout requires it; Zoho accepts them."""

    def of_new(self, record: Mapping[str, Any]) -> list[ZohoReason]:
        """What Zoho refuses in a new record, but for values that other records have."""
        reasons = [
            _reason(MANDATORY_NOT_FOUND, name, "a new record must have it, and the row has none")
            for name in self._mandatory
            if record.get(name) is None
        ]
        if not self._pointing.isdisjoint(record):
            reasons += self._of_layout(record, new=True)
            reasons += self._of_rows(record)
            reasons += self._of_values(record)
        return reasons

    def of_changed(self, record: Mapping[str, Any]) -> list[ZohoReason]:
        """The same for values that are written over those of a record."""
        reasons = [
            _reason(MANDATORY_NOT_FOUND, name, "the row would blank it, and it must have a value")
            for name in self._mandatory
            if name in record and record[name] is None
        ]
        if not self._pointing.isdisjoint(record):
            reasons += self._of_layout(record, new=False)
            reasons += self._of_rows(record)
            reasons += self._of_values(record)
        return reasons

    def count_lacking(self, record: Mapping[str, Any]) -> None:
        """Count what a new record lacks that only a person would have to fill in."""
        lacking = [name for name in self._wanted if record.get(name) is None]
        if lacking and _layout_of(record) is None:
            self.lacking.update(lacking)

    def taken(
        self,
        record: Mapping[str, Any],
        own: str | None = None,
        *,
        but: str | None = None,
        by_the_org_alone: bool = False,
    ) -> Iterator[ZohoReason]:
        """Values of unique fields that another record has than `own`. `but`: a field that was looked at.
        `by_the_org_alone`: records that the plan would create do not count.
        """
        for key in self._unique:
            text = None if key.name == but else key.text_of(record)
            if text is None:
                continue
            others = [
                one
                for one, _ in self._model.with_key(self._fields.module, key, text)
                if one != own and not (by_the_org_alone and self._model.is_planned(one))
            ]
            if others:
                yield self._duplicate(key.name, text, others)
        yield from self._elsewhere.taken(record, own)

    def _duplicate(self, field: str, value: str, others: Sequence[str]) -> ZohoReason:
        message = f"the record {others[0]} has this value already"
        way = InTheWay(others[0], self._fields.module, several=len(others) > 1)
        return ZohoReason(Reason(DUPLICATE_DATA, field, message, value), None, way)

    # -- fields that must be filled -------------------------------------------------------------------

    def _of_layout(self, record: Mapping[str, Any], *, new: bool) -> Iterator[ZohoReason]:
        """The fields of a layout count where the record names its layout (zoho-api 5.1)."""
        layout_id = _layout_of(record)
        if layout_id is None:
            return
        for name in self._required.get(layout_id, ()):
            lacks = record.get(name) is None and (new or name in record)
            if lacks and name not in self._mandatory:
                message = f"layout {layout_id} requires it; the row has none"
                yield _reason(MANDATORY_NOT_FOUND, name, message)
        if self._required and layout_id not in self._required:
            message = f"{self._fields.module} has no layout with this id"
            yield _reason(INVALID_DATA, "Layout", message, layout_id)

    def _of_rows(self, record: Mapping[str, Any]) -> Iterator[ZohoReason]:
        """A subform's rows are limited by layout (zoho-api 14.21). Without a named one the largest counts."""
        layout_id = _layout_of(record)
        asked = self._most_rows if layout_id is None else {layout_id: self._most_rows.get(layout_id, {})}
        for name in sorted(self._subforms & record.keys()):
            rows, allowed = record[name], [most.get(name) for most in asked.values()]
            most = max((each for each in allowed if each is not None), default=None)
            if most is None or None in allowed or not isinstance(rows, list) or len(rows) <= most:
                continue
            message = f"{len(rows)} rows, {most} is the most that the layout takes"
            yield _reason(LIMIT_EXCEEDED, name, message)

    # -- records and users that are named by id -------------------------------------------------------

    def _of_values(self, record: Mapping[str, Any]) -> Iterator[ZohoReason]:
        for name, user_id in user_ids(record, self._user_fields):
            yield from self._wrong_user(name, user_id)
        for place, user_id in invited_users(record):
            if self._users is not None and user_id not in self._users:  # one who has left was there
                yield _no_user(place, user_id)
        for pointed in self._pointers.of(record):
            if not self._is_there(pointed):
                modules = " or ".join(pointed.modules)
                message = f"{modules} has no record with this id"
                remedy = None
                if pointed.by_key:
                    message = f"the {modules} record {pointed.id} is no longer in the org"
                    remedy = "`zmigrate ids check` forgets such records"
                yield _reason(INVALID_DATA, pointed.field, message, pointed.id, remedy)

    def _is_there(self, pointed: PointedAt) -> bool:
        """Also where the org was not asked. A field may refer to several modules: one of them is enough."""
        if not pointed.modules:
            return True
        return any(
            self._model.has(module, pointed.id) or not self._model.knows_id(module, pointed.id)
            for module in pointed.modules
        )

    def _wrong_user(self, name: str, user_id: str) -> Iterable[ZohoReason]:
        if self._users is None:
            return
        user = self._users.get(user_id)
        if user is None:
            yield _no_user(name, user_id)
        elif not user.active:
            yield _reason(INVALID_DATA, name, f"{user} is not active", user_id, "name another user")

    @cached_property
    def _users(self) -> dict[str, User] | None:
        """The org's users by id; None if they can't be read."""
        try:
            return {user.id: user for user in map(User.read, self._reads.users())}
        except (RefusedError, Fatal):
            return None


def _no_user(name: str, user_id: str) -> ZohoReason:
    return _reason(INVALID_DATA, name, f"the org has no user with the id {user_id}", user_id)


def _reason(
    code: str, field: str, message: str, value: str | None = None, remedy: str | None = None
) -> ZohoReason:
    return ZohoReason(Reason(code, field, message, value, remedy), None, None)


def _layout_of(record: Mapping[str, Any]) -> str | None:
    layout = record.get("Layout")
    return str(layout.get("id")) if isinstance(layout, Mapping) else None
