"""From a row of the source to a record that may be sent: `transform`, types by metadata, the key."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any

from zmigrate.engine.batch import Pending
from zmigrate.engine.outcomes import EMPTY_KEY, ID_IN_UPSERT, SKIPPED, TRANSFORM_FAILED, Outcome
from zmigrate.engine.produce import Prepared
from zmigrate.engine.target import Target
from zmigrate.events import Emit, Log
from zmigrate.job import Skip
from zmigrate.rows.sources import Row
from zmigrate.rows.values import BadValue, Converter

TRACEBACKS_LOGGED = 20
"""Tracebacks of `transform` that go to run.log; the rows themselves are all in errors.csv."""


class Preparer:
    """Prepares one row after the other. Called with a row; gives back the row on its way, or with its
    outcome.
    """

    def __init__(
        self,
        transform: Callable[[Mapping[str, Any]], Any],
        converter: Converter,
        target: Target,
        emit: Emit,
        *,
        keep_source: bool,
    ) -> None:
        self._transform = transform
        self._convert = converter.convert
        self._target = target
        self._key = target.key
        self._emit = emit
        self._keep_source = keep_source
        self._tracebacks = 0

    def __call__(self, row: Row) -> Prepared:
        values = row.values
        source = dict(values) if self._keep_source else None
        given: Any = None
        try:
            given = self._transform(values)
            record = self._convert(given)
        except Skip as skip:
            return self._ended(row, source, Outcome("skipped", None, SKIPPED, None, skip.reason))
        except BadValue as bad:
            outcome = Outcome("failed", None, bad.code, bad.field or None, bad.message)
            return self._ended(
                row, source, outcome, given.get(self._key) if isinstance(given, Mapping) else None
            )
        except Exception as error:
            self._log_traceback(row, error)
            reason = f"transform raised {type(error).__name__}: {error}"
            return self._ended(row, source, Outcome("failed", None, TRANSFORM_FAILED, None, reason))
        key = self._key
        if key is None:
            return Pending(row.number, row.line, None, None, record, source), None
        problem = self._problem(record, key)
        if problem is not None:
            return self._ended(row, source, problem)
        value = record[key]
        text = value if type(value) is str else str(value)
        if self._target.looked_up and key != "id":
            # The key finds the record; sent along, it would only be written over itself.
            record = {name: kept for name, kept in record.items() if name != key}
        return Pending(row.number, row.line, text, self._target.fold(text), record, source), None

    def _problem(self, record: Mapping[str, Any], key: str) -> Outcome | None:
        """Why a record can't go where its key says."""
        if record.get(key) in {None, ""}:
            return Outcome("failed", None, EMPTY_KEY, key, f"the key field {key} is empty")
        if "id" in record and self._target.operation == "upsert":
            # Zoho would follow the id, past the fence of keys.
            reason = f"an upsert finds its record by {key}; leave the id out, or update by id"
            return Outcome("failed", None, ID_IN_UPSERT, "id", reason)
        return None

    @staticmethod
    def _ended(row: Row, source: Mapping[str, Any] | None, outcome: Outcome, key: object = None) -> Prepared:
        shown = None if key is None or key == "" else str(key)
        return Pending(row.number, row.line, shown, None, {}, source), outcome

    def _log_traceback(self, row: Row, error: Exception) -> None:
        self._tracebacks += 1
        if self._tracebacks <= TRACEBACKS_LOGGED:
            detail = "".join(traceback.format_exception(error))
            self._emit(Log("debug", f"transform failed on line {row.line}", detail))
