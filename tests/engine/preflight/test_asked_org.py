"""Nothing is written to, or planned for, an org that was not asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from zmigrate.ready_jobs.import_folder import ImportFolder

from tests.support import Bench, credentials_of, file_job, leads, write_rows
from zmigrate import Insert, Job
from zmigrate.errors import OrgError
from zmigrate.events import Log

INSERT = Insert("Leads", key="Legacy_ID")
MAPPING = """\
[[load]]
file = "leads.csv"
module = "Leads"
operation = "insert"
key = "Legacy_ID"
[load.fields]
Legacy_ID = "Legacy_ID"
Last_Name = "Last_Name"
Company = "Company"
"""


class ByHand(Job):
    """Creates a lead by a call of its own."""

    scopes = ("ZohoCRM.modules.leads.CREATE",)

    def run(self, ctx):  # type: ignore[no-untyped-def]
        ctx.crm.post("/crm/v8/Leads", json={"data": [{"Last_Name": "Ada", "Company": "A"}]})


def one_file(folder: Path) -> Job:
    return file_job(INSERT, write_rows(folder / "leads.csv", leads(3)))


def flow(folder: Path) -> Job:
    write_rows(folder / "leads.csv", leads(3))
    (folder / "mapping.toml").write_text(MAPPING)
    return ImportFolder(folder=folder)


def by_hand(folder: Path) -> Job:
    return ByHand()


@pytest.mark.parametrize("job", [one_file, flow, by_hand])
def test_a_run_stops_before_it_writes_anything(
    job: Callable[[Path], Job], bench_with: Callable[..., Bench]
) -> None:
    bench = bench_with(wrong_zgid=True)
    with pytest.raises(OrgError) as refused:
        bench.run(job(bench.folder))
    assert refused.value.exit_code == 3
    assert bench.emulator.soid in refused.value.message
    assert "Emulated Trading" in refused.value.message
    assert bench.records() == []
    assert not list(bench.folder.glob(".zmigrate/orgs/*")), "nothing is kept of an org that was not meant"


@pytest.mark.parametrize("job", [one_file, flow])
def test_a_plan_stops_too(job: Callable[[Path], Job], bench_with: Callable[..., Bench]) -> None:
    bench = bench_with(wrong_zgid=True)
    with pytest.raises(OrgError):
        bench.plan(job(bench.folder))


@pytest.mark.parametrize("job", [one_file, flow])
def test_a_run_that_finds_another_org_behind_its_soid_does_not_go_on(
    job: Callable[[Path], Job], bench: Bench
) -> None:
    bench.run(job(bench.folder), limit=1)
    bench.post("faults", {"wrong_zgid": True})
    with pytest.raises(OrgError):
        bench.resume()
    assert len(bench.records()) == 1


@pytest.mark.parametrize("job", [one_file, flow])
def test_a_portals_run_goes_on_and_says_once_that_the_org_was_not_compared(
    job: Callable[[Path], Job], bench_with: Callable[..., Bench]
) -> None:
    bench = bench_with(wrong_zgid=True)
    portal = replace(credentials_of(bench.emulator), portal=True)
    assert bench.run(job(bench.folder), credentials=portal).rows.created == 3
    told = [log.message for log in bench.seen(Log) if "portal" in log.message]
    assert len(told) == 1
    assert bench.emulator.soid in told[0]
    assert "Emulated Trading" in told[0]


def test_an_org_that_is_the_one_asked_for_is_no_news_to_a_portals_run(bench: Bench) -> None:
    portal = replace(credentials_of(bench.emulator), portal=True)
    bench.run(one_file(bench.folder), credentials=portal)
    assert not [log for log in bench.seen(Log) if "portal" in log.message]
