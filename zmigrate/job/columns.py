"""The declared columns of a record job, ready for its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from zmigrate.job.job import RecordJob


class DeclaredColumns(NamedTuple):
    """The `columns` of a job, ready for its rows."""

    fields: tuple[str, ...]
    cells: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    """Takes the fields' cells out of a row."""

    @classmethod
    def of(cls, job: RecordJob) -> DeclaredColumns | None:
        """None if the job has its own `transform`, or no columns."""
        if not job._transforms_by_columns:
            return None
        declared = job._declared_columns
        return declared if declared.fields else None
