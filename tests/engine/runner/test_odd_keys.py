"""Rows of a list whose keys are no texts: as `csv.DictReader` gives them for lines with too many cells."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.runner.test_own_rows import job_with
from tests.support import Bench
from zmigrate.errors import SourceError


@pytest.mark.parametrize("key", [None, 5])
def test_they_are_refused_before_the_first_write(key: Any, bench: Bench) -> None:
    rows: list[dict[Any, Any]] = [
        {"Legacy_ID": "1", "Last_Name": "Doe"},
        {"Legacy_ID": "2", "Last_Name": "Roe", key: "x"},
    ]
    job = job_with(rows, transform=lambda self, row: dict(row))
    with pytest.raises(SourceError, match=f"row 2 has a column {key}"):
        bench.plan(job)
    with pytest.raises(SourceError, match=f"row 2 has a column {key}"):
        bench.run(job)
    assert bench.audit()["creates"] == 0
