"""Whatever stands in the place of a run's record: the run is named, it guards, and nothing falls over."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from zmigrate.cli.runs import as_data, description, table, troubles
from zmigrate.display.next_commands import Named
from zmigrate.engine.preflight.repetition import refuse_repetition
from zmigrate.engine.storage.ledger import UnreadableRun, list_runs
from zmigrate.errors import RunError

RECORD: dict[str, Any] = {
    "run_id": "20240101-000000-file-job-0000",
    "job": "file-job",
    "state": "paused",
    "started_at": "2024-01-01T00:00:00+00:00",
    "options": {},
    "origin": "x.py",
    "settings": {"profile": None, "trigger": [], "limit": None},
    "org": {"id": "1", "name": "Org", "zgid": "2", "type": "sandbox", "sandbox": True},
    "api_domain": "http://127.0.0.1",
    "place": "the test",
    "write": {"module": "Leads", "operation": "insert", "key": None},
    "source": {"path": "x.csv", "size": 1, "sha256": "0", "rows": 3},
    "versions": {"zmigrate": "1.0"},
    "code": None,
    "reads": {},
    "steps": None,
    "practice": False,
    "updated_at": "",
    "result": None,
    "format": 1,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


def told_of(state_dir: Path) -> str:
    """All that `runs` and `report` say of the one run."""
    (run,) = list_runs(state_dir)
    assert (run.run_id, json.loads(json.dumps(as_data(run)))["run_id"]) == (RECORD["run_id"],) * 2
    console = Console(file=io.StringIO(), width=200)
    console.print(table([run]), *troubles([run]))
    if not isinstance(run, UnreadableRun):
        console.print(description(run, Named(state_dir)))
    with pytest.raises(RunError, match=RECORD["run_id"]):
        refuse(state_dir)
    found: str = console.file.getvalue()  # type: ignore[attr-defined]  # as was given above
    return found


def refuse(state_dir: Path) -> None:
    write, source, org = RECORD["write"], RECORD["source"], ("1", "2")
    refuse_repetition(state_dir, "file-job", {}, write, source, org, once=False, again=False)


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    path = tmp_path / "runs" / RECORD["run_id"] / "run.json"
    path.parent.mkdir(parents=True)
    (path.parent / "run.log").touch()
    return path


def test_a_whole_record_is_read(run_file: Path, tmp_path: Path) -> None:
    run_file.write_bytes(orjson.dumps(RECORD))
    assert "unreadable" not in told_of(tmp_path)


HYPOTHESIS = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
COMPARED = {"job", "org", "write", "source", "practice", "state", "options"}
"""Where another value makes it other work."""


@HYPOTHESIS
@given(name=st.sampled_from(sorted(RECORD.keys() - COMPARED)), value=JSON)
def test_a_record_with_anything_in_one_of_its_places_is_named_and_guards(
    name: str, value: object, run_file: Path, tmp_path: Path
) -> None:
    run_file.write_bytes(orjson.dumps({**RECORD, name: value}))
    told_of(tmp_path)


@HYPOTHESIS
@given(content=st.binary(max_size=40) | JSON.map(json.dumps).map(str.encode))
def test_anything_in_the_place_of_a_record_is_named_and_guards(
    content: bytes, run_file: Path, tmp_path: Path
) -> None:
    run_file.write_bytes(content)
    assert "unreadable" in told_of(tmp_path)
