"""Searches the org for the records of rows, by key and by id, and decides whether our requests made them.
Runs on a worker: nothing is stored here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from zmigrate.engine.dispatch.made_by import changed_by_us, in_second_of, made_by_us
from zmigrate.engine.dispatch.verdicts import Verdict
from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.keys import TAKE_KEY, UNASKABLE, askable, askable_together
from zmigrate.engine.model.outcomes import DUPLICATE_DATA, Outcome, failed, lost, zoho_says
from zmigrate.engine.model.target import Target
from zmigrate.errors import InDoubt, ZmigrateError
from zmigrate.reasons import Reason
from zmigrate.stopping import StopRequested
from zmigrate.zoho.coql import can_query
from zmigrate.zoho.facts.limits import COQL_IN_VALUES
from zmigrate.zoho.ids import id_text

CREATED = ("Created_Time", "Created_By")
CHANGED = ("Modified_Time", "Modified_By")

Hit = Mapping[str, Any]
"""A record with the fields that were asked for; its id is text."""


class Reads(Protocol):
    """The calls that look for records; `zmigrate.zoho.crm.Crm` has them."""

    def find(
        self, module: str, field: str, values: Sequence[str | int], extra_fields: Sequence[str] = ()
    ) -> list[dict[str, Any]]: ...
    def find_together(
        self,
        module: str,
        fields: Sequence[str],
        keys: Sequence[Sequence[str | int]],
        extra_fields: Sequence[str] = (),
    ) -> list[dict[str, Any]]: ...
    def records_by_id(
        self, module: str, ids: Sequence[str], fields: Sequence[str] | None
    ) -> dict[str, dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Search:
    """Looks for the records of one target's rows. `user` is the id of the user that the token acts as, where
    known."""

    reads: Reads
    target: Target
    user: str | None

    def by_key(self, rows: Sequence[PreparedRow], extra: Sequence[str] = ()) -> dict[str, list[Hit]]:
        """The records that have the rows' keys, in whatever letter case: by the key without it."""
        hits: dict[str, dict[str, Hit]] = {}
        for hit in self._found([row.key for row in rows if row.key is not None], extra):
            record_id = id_text(hit.get("id"))
            if record_id is None:
                raise InDoubt(f"Zoho names a record of {self.target.module} without its id")
            text = self.target.key_of(hit)
            if text is not None:
                hits.setdefault(self.target.alike(text), {})[record_id] = {**hit, "id": record_id}
        return {alike: list(found.values()) for alike, found in hits.items()}

    def _found(self, keys: Sequence[str], extra: Sequence[str]) -> Iterator[Hit]:
        """The records with these keys, maybe several times; of keys of several fields, others too."""
        module, several = self.target.module, self.target.several
        if several is not None:
            for group in askable_together(keys, several):
                yield from self.reads.find_together(module, several.names, group, extra)
            return
        values = askable(keys, number=self.target.number)
        for start in range(0, len(values), COQL_IN_VALUES):
            some = values[start : start + COQL_IN_VALUES]
            yield from self.reads.find(module, self.target.key or "id", some, extra)

    def alike(self, row: PreparedRow, hits: Mapping[str, list[Hit]]) -> list[Hit]:
        """Of the records that `by_key` found those with the row's key, in whatever letter case."""
        return [] if row.key is None else hits.get(self.target.alike(row.key), [])

    def _same(self, row: PreparedRow, hits: Sequence[Hit]) -> list[Hit]:
        """The records that have the row's key as the row wrote it. An upsert may have found its record by a
        key in another letter case."""
        same = self.target.fold if self.target.operation == "upsert" else self.target.match
        return [hit for hit in hits if same(self.target.key_of(hit) or "") == same(row.key or "")]

    # -- batches in doubt -------------------------------------------------------------------------

    def written(self, batch: Batch) -> list[Verdict | None]:
        """Which records our lost request has inserted. None: the row has no record of ours."""
        hits = self.by_key(batch.rows, CREATED)
        return [self._made(row, self._same(row, self.alike(row, hits)), batch) for row in batch.rows]

    def changed(self, batch: Batch) -> list[Verdict | None]:
        """Which records our lost request has changed or made, of a batch that updates or upserts. None: no
        record was changed by us."""
        times = [*CREATED, *CHANGED]
        ids = [str(row.record["id"]) for row in batch.rows if "id" in row.record]
        if ids:
            known = self.reads.records_by_id(self.target.module, ids, ["id", *times])
            hits: list[list[Hit]] = [
                [{**known[found], "id": found}] if (found := str(row.record.get("id"))) in known else []
                for row in batch.rows
            ]
        else:
            by_key = self.by_key(batch.rows, times)
            hits = [self._same(row, self.alike(row, by_key)) for row in batch.rows]
        return [self._changed(row, found, batch) for row, found in zip(batch.rows, hits, strict=True)]

    def _made(self, row: PreparedRow, hits: Sequence[Hit], batch: Batch) -> Verdict | None:
        key = self.target.key
        if not can_query(row.key or ""):
            return Verdict(lost(UNASKABLE, key))
        ours = [(hit["id"], made_by_us(hit, batch.first_intent, self.user)) for hit in hits]
        made = [record_id for record_id, is_ours in ours if is_ours]
        unknown = [record_id for record_id, is_ours in ours if is_ours is None]
        if len(made) > 1:
            return Verdict(lost(f"several records with this key appeared since: {', '.join(made)}", key))
        if not made:
            return Verdict(_untold(unknown[0], key)) if unknown else None
        owned = lost("the record with this key belongs to another row", key)
        if self.target.key_kind == "unique":  # then there is no second one: Zoho refused this row
            owned = failed(
                DUPLICATE_DATA, key, f"the record {made[0]} has this key", row.key, record_id=made[0]
            )
        return Verdict(Outcome("created", made[0]), unless_owned=owned)

    def _changed(self, row: PreparedRow, hits: Sequence[Hit], batch: Batch) -> Verdict | None:
        key = self.target.key
        if "id" not in row.record and not can_query(row.key or ""):
            return Verdict(lost(UNASKABLE, key))
        ours = [hit for hit in hits if changed_by_us(hit, batch.first_intent, self.user)]
        if len(ours) > 1:
            ids = ", ".join(str(hit["id"]) for hit in ours)
            return Verdict(lost(f"several records with this key were changed: {ids}", key))
        if not ours:
            unknown = [hit for hit in hits if changed_by_us(hit, batch.first_intent, self.user) is None]
            return Verdict(_untold(unknown[0]["id"], key)) if unknown else None
        return self._as_changed(ours[0], batch)

    def _as_changed(self, hit: Hit, batch: Batch) -> Verdict:
        same_second = in_second_of(hit, batch.first_intent)
        if batch.closes_circles and same_second:
            reason = "the record was written in the same second before; whether this write came is not known"
            return Verdict(lost(reason))
        upsert = batch.second is None and self.target.operation == "upsert"
        made = upsert and made_by_us(hit, batch.first_intent, self.user)
        outcome = Outcome("created" if made else "updated", hit["id"])
        # Rows with this key before ours had ended by then, and those after ours wait behind the fence.
        if not same_second:
            return Verdict(outcome)
        owned = lost("another row changed the record in the same second; whether this row did is not known")
        return Verdict(outcome, unless_owned=owned)

    # -- questions --------------------------------------------------------------------------------

    def answered(self, batch: Batch, verdicts: Sequence[Verdict], looked_for: bool) -> list[Verdict]:
        """The verdicts on a batch with their questions answered. `looked_for`: its records were searched for
        a while ago, and not found. Raises InDoubt if the org can't be asked.
        """
        try:
            return self._answered(batch, verdicts, looked_for)
        except (ZmigrateError, StopRequested) as error:
            # The write itself was answered: whether an earlier request was applied is still the question.
            raise InDoubt(f"the records could not be read back: {error}") from error

    def _answered(self, batch: Batch, verdicts: Sequence[Verdict], looked_for: bool) -> list[Verdict]:
        ids = {each.question.record_id for each in verdicts if each.question is not None}
        wanted = sorted(one for one in ids if one is not None)
        fields = [*(self.target.key_fields or ("id",)), *CREATED]
        known = self.reads.records_by_id(self.target.module, wanted, fields) if wanted else {}
        told = [
            self._by_id(row, verdict, batch, known) for row, verdict in zip(batch.rows, verdicts, strict=True)
        ]
        open_rows = [
            row for row, verdict in zip(batch.rows, told, strict=True) if verdict.question is not None
        ]
        if not open_rows:
            return told
        hits = self.by_key(open_rows, CREATED if self.target.operation == "insert" else [*CREATED, *CHANGED])
        return [
            self._by_key(row, verdict, self.alike(row, hits), batch, looked_for)
            for row, verdict in zip(batch.rows, told, strict=True)
        ]

    def _by_id(
        self, row: PreparedRow, verdict: Verdict, batch: Batch, known: Mapping[str, Mapping[str, Any]]
    ) -> Verdict:
        """The verdict after a look at the record by id. The question stays open if the record that Zoho named
        can't be seen: then the key is searched for."""
        question, refused = verdict.question, verdict.outcome
        if question is None or question.record_id is None:
            return verdict
        record_id, record = question.record_id, known.get(question.record_id)
        if question.kind == "gone":
            deleted = Verdict(Outcome("deleted", record_id), unless_owned=refused)
            return deleted if record is None else Verdict(refused)
        if record is None:  # it is of another module, or gone: in no case the row's
            nobodys = refused._replace(id=None)
            return Verdict(nobodys) if question.kind == "there" else verdict._replace(outcome=nobodys)
        is_ours = question.kind == "ours" and self._is_ours(record, row, batch)
        if is_ours is None:
            return Verdict(_untold(record_id, self.target.key))
        if is_ours:
            return Verdict(Outcome("created", record_id), unless_owned=refused)
        return Verdict(self._refused_by(record, row, refused) if self.target.on_existing else refused)

    def _refused_by(self, record: Mapping[str, Any], row: PreparedRow, refused: Outcome) -> Outcome:
        """The refusal of a row. It names the record only if that has the row's key."""
        target, key, own = self.target, self.target.key_of(record), row.key or ""
        if key is not None and target.same_record(key, own):
            return refused
        if key is not None and target.alike(key) == target.alike(own):
            return self._taken_in_another_case(refused, key)
        return refused._replace(id=None)

    def _taken_in_another_case(self, refused: Outcome, key: str) -> Outcome:
        """The refusal of a row by a record whose key differs in letter case."""
        reasons = [
            reason._replace(message=f"{reason.message}: the org has {key!r}", remedy=TAKE_KEY)
            if reason.field == self.target.key
            else reason
            for reason in refused.reasons
        ]
        return refused._replace(id=None, reasons=tuple(reasons))

    def _is_ours(self, record: Mapping[str, Any], row: PreparedRow, batch: Batch) -> bool | None:
        """Whether our request made the record for this row. None: the record does not tell."""
        made = made_by_us(record, batch.first_intent, self.user)
        if any(name not in record for name in self.target.key_fields):
            return None if made is not False else False
        key = self.target.key_of(record)
        same = key is not None and self.target.match(key) == self.target.match(row.key or "")
        return made if same else False

    def _by_key(
        self, row: PreparedRow, verdict: Verdict, alike: Sequence[Hit], batch: Batch, looked_for: bool
    ) -> Verdict:
        """The verdict after a search for the key. `alike`: the records that have it in any letter case."""
        question, refused = verdict.question, verdict.outcome
        if question is None:
            return verdict
        hits = self._same(row, alike)
        inserts = self.target.operation == "insert"
        found = self._made(row, hits, batch) if inserts else self._upserted(row, hits, batch, refused)
        if found is not None:
            return _with_answer(found, refused)
        in_the_way = hits or ([] if self.target.case_sensitive else alike)
        if in_the_way and not question.stands:
            ids = ", ".join(hit["id"] for hit in in_the_way)
            one = in_the_way[0]["id"] if len(in_the_way) == 1 else None
            remark = Reason("", None, f"the key belongs to the record {ids}")
            refused = refused._replace(id=one, reasons=(*refused.reasons, remark))
            if one is not None and self.target.on_existing:
                refused = self._refused_by(in_the_way[0], row, refused)
        if in_the_way or (question.stands and looked_for):
            return Verdict(refused)
        unseen = _with_answer(Verdict(lost("no record with this key can be seen", self.target.key)), refused)
        return unseen if looked_for else unseen._replace(left_open="absent")

    def _upserted(
        self, row: PreparedRow, hits: Sequence[Hit], batch: Batch, refused: Outcome
    ) -> Verdict | None:
        """The verdict on an upsert that was refused when it was repeated: its first request may have been
        applied."""
        made = self._made(row, hits, batch)
        if made is not None:
            return made
        changed = self._changed(row, hits, batch)
        return None if changed is None else changed._replace(unless_owned=changed.unless_owned or refused)


def _untold(record_id: str, field: str | None) -> Outcome:
    return lost(f"whether the record {record_id} is ours is not known: its times can't be read", field)


def _with_answer(verdict: Verdict, refused: Outcome) -> Verdict:
    """The same verdict; if it leaves the row in doubt, with Zoho's answer about the row."""
    outcome = verdict.outcome
    if outcome.action != "in_doubt":
        return verdict
    reasons = (*outcome.reasons, *zoho_says(refused.reasons))
    return verdict._replace(outcome=outcome._replace(reasons=reasons))
