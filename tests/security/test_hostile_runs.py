"""Run folders that somebody else has made: what a record says leads nowhere, and hides no other run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.test_any_record import JSON, RECORD
from zmigrate.cli import main
from zmigrate.engine.model.outcomes import RowCounts
from zmigrate.engine.storage.ledger import RunInfo, list_runs

GOOD = "20240102-000000-file-job-0000"
HOSTILE = RECORD["run_id"]
RESULT: dict[str, Any] = {
    "run_id": HOSTILE,
    "job": "file-job",
    "state": "finished",
    "rows": RowCounts().to_json(),
    "requests": {"sent": 1, "retried": 0, "throttled": 0},
    "tokens": {"acquired": 1, "renewed": 0},
    "credits": {"estimated": None, "used": 1},
    "elapsed_s": 1.0,
    "rows_per_s": 1.0,
    "files": {"run": "run.json", "success": None, "errors": None, "in_doubt": None, "report": None},
    "error": None,
}
DONE = {**RECORD, "state": "finished", "result": RESULT}
STEP = {"name": "01-a", "file": "a.csv", "job": "j", "options": {}, "source": {}, "reads": {}}


def record(**changes: Any) -> bytes:
    return json.dumps({**DONE, **changes}).encode()


def result(**changes: Any) -> bytes:
    return record(result={**RESULT, **changes})


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


CONTENTS: dict[str, bytes] = {
    "a time of no calendar": record(started_at="99999-01-01T00:00:00+00:00"),
    "a number for a time": record(started_at=1e300),
    "a time long ago": record(started_at="0001-01-01T00:00:00+14:00"),
    "a time far ahead": record(started_at="9999-12-31T23:59:59-14:00"),
    "NaN": record(started_at="x").replace(b'"x"', b"NaN"),
    "infinity": record(started_at="x").replace(b'"x"', b"1e999"),
    "nested a million deep": b'{"job": ' + deep(1_000_000).encode() + b"}",
    "nested 900 deep": record(options="x").replace(b'"x"', b'{"a": ' + deep(900).encode() + b"}"),
    "nested 300 deep": record(options="x").replace(b'"x"', b'{"a": ' + deep(300).encode() + b"}"),
    "took for ever": result(elapsed_s=1e300),
    "took less than nothing": result(elapsed_s=-1e300),
    "quicker than light": result(rows_per_s=1.7e308),
    "an error without a message": result(error={"code": 1}),
    "an error that is a number": result(error={"message": 5}),
    "a file that is a number": result(files={"success": 7, "in_doubt": ["x"]}),
    "steps that are numbers": result(steps=[1, 2]),
    "steps without figures": result(steps=[{"run_id": "x/y"}]),
    "steps that lead out": result(steps=[{**RESULT, "run_id": "x/.."}]),
    "steps within steps": result(steps=[{**RESULT, "steps": [RESULT]}]),
    "rows that are no number": record(source={**RECORD["source"], "rows": "many"}),
    "no requests": result(requests={}),
    "no tokens": result(tokens={}),
    "no files": result(files={}),
    "steps in no state": result(steps=[{**RESULT, "state": []}], not_begun=[]),
    "steps to come that are numbers": result(steps=[], not_begun=[1]),
    "an org of another place": record(org={**RECORD["org"], "zgid": "../../x"}),
    "an org that is no number": record(org={"id": "/tmp/x", "zgid": "2"}),
    "a step that leads out": record(steps=[{**STEP, "name": "../../x", "write": RECORD["write"]}]),
    "a step begun that leads out": record(begun=["../../x"]),
    "an enormous number": record(practice="x").replace(b'"x"', b"9" * 10_000),
    "half of a letter": b'{"job": "\\ud800"}',
    "bytes": bytes(range(256)),
}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with one good run and the folder of a hostile one."""
    for name in (GOOD, HOSTILE):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.log").touch()
    (tmp_path / "runs" / GOOD / "run.json").write_bytes(record(run_id=GOOD))
    return tmp_path


@pytest.fixture
def shown(state: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """All that `runs` and `report` say; no internal error, and both runs are named."""

    def look() -> str:
        told = ""
        for words in (
            ["runs"],
            ["runs", "--json"],
            ["report", HOSTILE],
            ["report", GOOD],
            ["report", HOSTILE, "--json"],
        ):
            code = main([*words, "--state-dir", str(state)])
            captured = capsys.readouterr()
            assert code == 0 or words[:2] == ["report", HOSTILE], captured.err
            assert not (state / "crashes").exists(), captured.err
            if words == ["runs"]:
                assert GOOD in captured.out
                assert HOSTILE in captured.out
            told += captured.out + captured.err
        return told

    return look


@pytest.mark.parametrize("what", CONTENTS)
def test_a_nonsensical_record_hides_no_other_run(what: str, state: Path, shown: Callable[[], str]) -> None:
    (state / "runs" / HOSTILE / "run.json").write_bytes(CONTENTS[what])
    shown()
    assert any(isinstance(run, RunInfo) and run.run_id == GOOD for run in list_runs(state))


UNREADABLE = sorted(
    name for name in CONTENTS if name.startswith(("nested", "steps", "an org", "a step", "took"))
)


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_can_not_be_gone_by_is_told_as_unreadable(
    what: str, state: Path, shown: Callable[[], str]
) -> None:
    (state / "runs" / HOSTILE / "run.json").write_bytes(CONTENTS[what])
    assert "unreadable" in shown()


def test_a_record_of_a_gigabyte_is_not_read(state: Path, shown: Callable[[], str]) -> None:
    with (state / "runs" / HOSTILE / "run.json").open("wb") as file:
        file.truncate(1 << 30)
    assert "it has more than 64 MiB" in shown()


@pytest.mark.slow
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(RESULT)), value=JSON)
def test_anything_in_a_result_hides_no_other_run(
    name: str, value: object, state: Path, shown: Callable[[], str]
) -> None:
    (state / "runs" / HOSTILE / "run.json").write_bytes(
        orjson.dumps({**DONE, "result": {**RESULT, name: value}})
    )
    shown()


def test_a_file_that_a_record_names_elsewhere_is_not_read(
    state: Path, tmp_path_factory: pytest.TempPathFactory, shown: Callable[[], str]
) -> None:
    outside = tmp_path_factory.mktemp("elsewhere") / "in_doubt.csv"
    outside.write_text("line,key,field,code,message\n1,k,f,C,foreign words\n")
    rows = {**RESULT["rows"], "read": 1, "in_doubt": 1}
    files = {**RESULT["files"], "in_doubt": str(outside), "errors": f"{outside.parent}/../errors.csv"}
    run = state / "runs" / HOSTILE
    (run / "run.json").write_bytes(result(rows=rows, files=files))
    told = shown()
    assert "foreign words" not in told
    assert str(outside.parent) not in told
    (run / "in_doubt.csv").write_text("line,key,field,code,message\n1,k,f,C,own words\n")
    assert "own words" in shown()
