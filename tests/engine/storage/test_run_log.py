"""run.log: what is written when."""

from __future__ import annotations

from pathlib import Path

import orjson

from zmigrate.engine.storage.run_log import RunLog
from zmigrate.events import BatchDone, BatchSent, Log, RequestSent, Tick


def said(path: Path) -> list[str]:
    return [orjson.loads(line)["event"] for line in path.read_bytes().splitlines()]


def test_what_a_batch_goes_through_is_in_the_log_by_the_next_tick(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    log = RunLog(path)
    log(BatchSent(1, 100))
    log(RequestSent("POST", "/crm/v8/Leads", 201, 0.2, 10))
    log(BatchDone(1, created=100))
    log(Tick(0, 5, 0, None))
    assert said(path) == ["BatchSent", "BatchDone"]
    log.close()


def test_anything_else_is_in_the_log_at_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    log = RunLog(path)
    log(BatchSent(1, 100))
    log(Log("warning", "the clock is off"))
    assert said(path) == ["BatchSent", "Log"]
    log(BatchDone(1, created=100))
    log.close()
    assert said(path) == ["BatchSent", "Log", "BatchDone"]
