"""A request whose answer was lost is repeated, and the first one may be applied when the run has ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.victim import Victim
from tests.support import Bench, file_job, thorough, write_rows
from zmigrate import Argument, Flow, Insert, RecordJob, Update, Upsert
from zmigrate.events import Waiting
from zmigrate.job.writes import Write

UPSERT = Upsert("Leads", match_on="Legacy_ID")
LATE = {"fault": "late", "delay_s": 0.4, "times": 1}


class Both(Flow):
    """Two loads of the same records."""

    folder: Path = Argument()

    def jobs(self) -> tuple[RecordJob, ...]:
        return load(self.folder, "old"), load(self.folder, "new")


def load(folder: Path, city: str, write: Write = UPSERT, **more: Any) -> RecordJob:
    row = {"Legacy_ID": "1", "Last_Name": "Doe", "City": city, **more}
    return file_job(write, write_rows(folder / f"{city}.csv", [row]))


@pytest.mark.parametrize("kind", thorough(["a flow", "two runs"]))
def test_what_comes_after_is_not_overwritten_by_a_late_request(bench: Bench, kind: str) -> None:
    bench.seed([{"Legacy_ID": "1", "Last_Name": "Doe"}])
    bench.script({**LATE, "method": "POST", "path": "/crm/v8/Leads/upsert"})
    if kind == "a flow":
        assert bench.run(Both(folder=bench.folder)).rows.updated == 2
    else:
        assert bench.run(load(bench.folder, "old")).rows.updated == 1
        assert bench.run(load(bench.folder, "new")).rows.updated == 1
    assert [event.what for event in bench.seen(Waiting)] == ["late requests"]
    assert [record["City"] for record in bench.records()] == ["new"]


def test_a_request_of_a_killed_run_does_not_overwrite_what_comes_after(bench: Bench) -> None:
    bench.seed([{"Legacy_ID": "1", "Last_Name": "Doe"}])
    bench.script({**LATE, "method": "POST", "path": "/crm/v8/Leads/upsert"})
    load(bench.folder, "old")
    options = ["--module", "Leads", "--operation", "upsert", "--match-on", "Legacy_ID"]
    victim = Victim(bench, "run", "import-csv", "old.csv", *options, settle_s=5.0)
    victim.wait_until(lambda: "POST /crm/v8/Leads/upsert" in bench.stats()["requests"])
    victim.kill()
    victim.gone()
    assert bench.run(load(bench.folder, "new")).rows.updated == 1
    assert [event.what for event in bench.seen(Waiting)] == ["late requests"]
    assert [record["City"] for record in bench.records()] == ["new"]


@pytest.mark.parametrize("write", [Insert("Contacts", key="Legacy_ID"), Update("Contacts", key="Legacy_ID")])
def test_other_modules_do_not_wait(bench: Bench, write: Write) -> None:
    bench.seed([{"Legacy_ID": "1", "Last_Name": "Doe"}], "Contacts")
    bench.script({**LATE, "method": "POST", "path": "/crm/v8/Leads/upsert"})
    bench.run(load(bench.folder, "old"))
    bench.run(file_job(write, write_rows(bench.folder / "c.csv", [{"Legacy_ID": "1", "Last_Name": "Roe"}])))
    assert not bench.seen(Waiting)
