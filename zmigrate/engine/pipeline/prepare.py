"""From rows of the source to records that can be sent: `transform`, conversion by metadata, the key."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.model.outcomes import EMPTY_KEY, ID_IN_UPSERT, TRANSFORM_FAILED, Outcome, failed, skipped
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.escapes import Escapes
from zmigrate.engine.pipeline.producer import Prepared
from zmigrate.errors import PausedError
from zmigrate.events import Emit, Log
from zmigrate.job.author_code import raised_by_author
from zmigrate.job.columns import DeclaredColumns
from zmigrate.job.context import Skip
from zmigrate.job.options import nearest
from zmigrate.reasons import without_secrets
from zmigrate.rows.conversion.converter import BadValue, Converter
from zmigrate.rows.conversion.open_id import OpenId
from zmigrate.rows.sources import Row
from zmigrate.wording import as_text, name_of

TRACEBACKS_LOGGED = 20
"""How many tracebacks of `transform` go to run.log. The rows themselves are all in errors.csv."""

ENDS = (repeat(None), repeat(()), repeat(()))
"""The last parts of a `PreparedRow` that is not kept and refers to nothing."""


class Preparer:
    """Called with source rows. Returns the rows that can be sent, and the rows that end here with
    outcomes.

    `columns`: the columns of a job without its own `transform`: rows are prepared a column at a time,
    unless one of them has a problem. `hide`: an author's words as text, without secrets. `escapes`: counts
    values that seem to be escaped.
    """

    def __init__(
        self,
        transform: Callable[[Mapping[str, Any]], Any],
        converter: Converter,
        target: Target,
        emit: Emit,
        *,
        keep_source: bool,
        columns: DeclaredColumns | None = None,
        hide: Callable[[object], str] = as_text,
        escapes: Escapes | None = None,
    ) -> None:
        self._hide = hide
        self._transform = transform
        self._converter = converter
        self._target = target
        self._key = target.key
        self._key_fields = target.key_fields
        self._emit = emit
        self._keep_source = keep_source
        self._columns = None if keep_source or target.several is not None else columns
        self._escapes = escapes
        self._tracebacks = 0

    def __call__(self, rows: Sequence[Row]) -> Prepared:
        prepared = self._prepared(rows)
        if self._escapes is not None:
            self._escapes.note(prepared[0])
        return prepared

    def _prepared(self, rows: Sequence[Row]) -> Prepared:
        together = self._together(rows, self._columns) if self._columns is not None and rows else None
        if together is not None:
            return together, []
        on_their_way: list[PreparedRow] = []
        ended: list[tuple[PreparedRow, Outcome]] = []
        for row in rows:
            pending, outcome = self._prepare(row)
            if outcome is None:
                on_their_way.append(pending)
            else:
                ended.append((pending, outcome))
        return on_their_way, ended

    def _together(self, rows: Sequence[Row], columns: DeclaredColumns) -> list[PreparedRow] | None:
        """The prepared rows, or None if one of them can't be prepared."""
        fields, cells = columns
        numbers, lines, values = zip(*rows, strict=True)
        try:
            by_column = list(zip(*map(cells, values), strict=True))
            records = self._converter.convert_columns(fields, by_column)
        except Exception:  # whatever it is: going row by row finds the row
            return None
        key, target = self._key, self._target
        if records is None or (target.operation == "upsert" and "id" in fields):
            return None
        fill_others = any(field.name in fields for field in target.others)
        others: Iterable[tuple[str, ...]] = map(target.other_values, records) if fill_others else repeat(())
        if key is None:
            parts = zip(numbers, lines, repeat(None), repeat(None), records, *ENDS, others, repeat(None))
        else:
            keys = [record[key] for record in records]
            texts = [value if type(value) is str else str(value) for value in keys]
            if target.looked_up and key != "id":
                for record in records:
                    del record[key]
            folded = map(target.fold, texts)
            parts = zip(numbers, lines, texts, folded, records, *ENDS, others, repeat(None))
        return list(map(tuple.__new__, repeat(PreparedRow), parts))

    def _prepare(self, row: Row) -> tuple[PreparedRow, Outcome | None]:
        values = row.values
        source = dict(values) if self._keep_source else None
        given: Any = None
        try:
            given = self._transform(values)
            record = self._converter.convert(given)
        except Skip as skip:
            return self._ended(row, source, skipped(self._hide(skip.reason)))
        except BadValue as bad:
            if given is None and bad.record:
                given, bad = bad.record, self._with_the_rest(bad)
            # A refusal of `transform` alone comes before the record's references are met.
            met = () if given is None else self._converter.open
            reasons = tuple(without_secrets(reason, self._hide) for reason in bad.reasons)
            outcome = Outcome("failed", None, reasons)
            return self._ended(row, source, outcome, self._key_given(given), bad.record, met)
        except PausedError:  # the org's users, or a subform's fields, can't be read just now
            raise
        except Exception as error:
            self._log_traceback(row, error)
            reason = why_transform_failed(error, values)
            return self._ended(row, source, failed(TRANSFORM_FAILED, None, self._hide(reason)))
        key = self._key
        waiting = self._converter.open
        if key is None:
            others = self._target.other_values(record)
            return PreparedRow(row.number, row.line, None, None, record, source, waiting, (), others), None
        problem = self._problem(record)
        if problem is not None:
            return self._ended(row, source, problem, None, record, waiting)
        if self._target.several is None:
            value = record[key]
            text = value if type(value) is str else str(value)
        else:
            text = self._target.key_of(record) or ""
        if self._target.looked_up and key != "id":
            # The key finds the record; sent as well, it would only overwrite itself.
            record = {name: kept for name, kept in record.items() if name not in self._key_fields}
        folded, others = self._target.fold(text), self._target.other_values(record)
        return PreparedRow(row.number, row.line, text, folded, record, source, waiting, (), others), None

    def _with_the_rest(self, refused: BadValue) -> BadValue:
        """What `transform` refused, and what is wrong with the rest of the record."""
        known = {reason.field for reason in refused.reasons}
        try:
            return BadValue(*refused.reasons, record=self._converter.convert(refused.record))
        except BadValue as bad:
            more = (one for one in bad.reasons if one.field not in known)
            return BadValue(*refused.reasons, *more, record=bad.record)

    def _key_given(self, given: Any) -> object:
        """The key in what `transform` returned, if that is a record."""
        if not isinstance(given, Mapping) or self._key is None:
            return None
        several = self._target.several
        return given.get(self._key) if several is None else several.text_of(given)

    def _problem(self, record: Mapping[str, Any]) -> Outcome | None:
        """Why a record can't be written by its key; None if it can."""
        for name in self._key_fields:
            if record.get(name) in {None, ""}:
                return failed(EMPTY_KEY, name, f"{name} is empty; it is needed as the key")
        if "id" in record and self._target.operation == "upsert":
            # Zoho would go by the id, and the fence knows nothing of ids.
            remedy = "leave the id out, or update by id"
            return failed(ID_IN_UPSERT, "id", f"an upsert finds its record by {self._key}", None, remedy)
        return None

    @staticmethod
    def _ended(
        row: Row,
        source: Mapping[str, Any] | None,
        outcome: Outcome,
        key: object = None,
        record: dict[str, Any] | None = None,
        met: tuple[OpenId, ...] = (),
    ) -> tuple[PreparedRow, Outcome]:
        """`record` and `met`: the good values of a row that is refused for others, and its references. A plan
        reports all that is wrong."""
        shown = None if key is None or key == "" else as_text(key)
        return PreparedRow(row.number, row.line, shown, None, record or {}, source, met), outcome

    def _log_traceback(self, row: Row, error: Exception) -> None:
        self._tracebacks += 1
        if self._tracebacks <= TRACEBACKS_LOGGED:
            detail = "".join(traceback.format_exception(error))
            self._emit(Log("debug", f"transform failed on line {row.line}", detail))


def why_transform_failed(error: Exception, values: Mapping[str, Any]) -> str:
    """What the job's code raised, and where; for a missing column also the nearest name."""
    said = f"transform raised {name_of(error)}"
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is ours
    raised = raised_by_author(error)
    if raised is not None:
        said += f" ({raised.place})"
    missing = error.args[0] if isinstance(error, KeyError) and error.args else None
    line = (frames[-1].line or "") if frames else ""
    of_the_row = any(f"[{quote}{missing}{quote}]" in line for quote in "\"'")
    if isinstance(missing, str) and missing not in values and of_the_row:
        near = nearest(missing, values) or f" It has: {', '.join(values)}."
        said += f"; the row has no column {missing!r}.{near}"
    return as_text(said)
