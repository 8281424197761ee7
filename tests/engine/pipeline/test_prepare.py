"""Rows of a job that declares `columns` are prepared together; what comes of them is what each would give."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.rows.fields import LEADS
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.prepare import Prepared, Preparer
from zmigrate.job.columns import DeclaredColumns
from zmigrate.job.job import RecordJob
from zmigrate.job.writes import Insert
from zmigrate.reasons import Reason
from zmigrate.rows.conversion.converter import Converter
from zmigrate.rows.sources import Csv, Row

COLUMNS = {"old id": "Legacy_ID", "name": "Last_Name", "mail": "Email", "state": "Lead_Source"}


class Declared(RecordJob):
    """Loads leads."""

    scopes = ("ZohoCRM.modules.leads.CREATE",)
    write = Insert("Leads")
    columns = COLUMNS

    def source(self) -> Csv:
        return Csv("leads.csv")


class Transformed(Declared):
    """The same, by a transform."""

    def transform(self, row: Any) -> Any:
        return {field: row[column] for column, field in COLUMNS.items()}


def prepared(job: RecordJob, rows: Sequence[Row], operation: Any, key: str | None, kind: Any) -> Prepared:
    target = Target("Leads", operation, key, kind, str.casefold)
    return Preparer(
        job.transform,
        Converter(LEADS, operation, key),
        target,
        lambda event: None,
        keep_source=False,
        columns=DeclaredColumns.of(job),
    )(rows)


def without(reason: Reason, place: re.Pattern[str]) -> Reason:
    return reason._replace(message=place.sub("", reason.message))


def without_places(found: Prepared) -> Prepared:
    """Without the line of the code that raised, which only a job's own transform has."""
    on_their_way, ended = found
    place = re.compile(r" \(\S+\.py:\d+\)")
    return on_their_way, [
        (row, outcome._replace(reasons=tuple(without(reason, place) for reason in outcome.reasons)))
        for row, outcome in ended
    ]


CELLS = st.sampled_from(["", "A", "b ", "x" * 300, "jo@example.com", "jo@", "Partner", "Nonsense"])


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "old id": st.sampled_from(["", "L-1", " L-2", "4.7E+11"]),
                "name": CELLS,
                "mail": st.sampled_from(["jo@example.com", "JO@example.com", "jo@", ""]),
                "state": st.sampled_from(["Partner", "", "Nonsense"]),
            }
        ),
        max_size=4,
    ),
    st.booleans(),
    st.sampled_from(
        [
            ("insert", None, "none"),
            ("insert", "Legacy_ID", "unique"),
            ("upsert", "Email", "plain"),
            ("update", "Legacy_ID", "unique"),
            ("delete", "Legacy_ID", "unique"),
        ]
    ),
)
def test_rows_prepared_together_are_what_they_are_alone(
    values: list[dict[str, str]], complete: bool, write: tuple[str, str | None, str]
) -> None:
    rows = [Row(number, number * 2, each) for number, each in enumerate(values, start=1)]
    if rows and not complete:
        rows[-1] = rows[-1]._replace(values={"name": "A"})
    together, alone = prepared(Declared(), rows, *write), prepared(Transformed(), rows, *write)
    assert without_places(together) == without_places(alone)


def test_a_job_with_a_transform_has_no_declared_columns() -> None:
    assert DeclaredColumns.of(Transformed()) is None
    declared = DeclaredColumns.of(Declared())
    assert declared is not None
    assert declared.fields == tuple(COLUMNS.values())
