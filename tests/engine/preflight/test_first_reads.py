"""What the checks read of an org goes side by side, each thing once, and is judged in the checks' order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support import Bench, file_job, leads, write_rows
from zmigrate import Flow, Insert, RecordJob, Update, Upsert, Users, scopes_for
from zmigrate.engine.preflight.first_reads import FirstReads
from zmigrate.errors import OrgError, RefusedError, UsageError
from zmigrate.rows.sources import Csv
from zmigrate.stopping import StopRequested, StopSignal
from zmigrate.zoho.crm import Crm

INSERT = Insert("Leads", key="Legacy_ID")
FIELDS, ORG, USERS = "GET /crm/v8/settings/fields", "GET /crm/v8/org", "GET /crm/v8/users"


class Org:
    """Answers calls once all that are expected have come; or fails."""

    def __init__(self, expected: int = 1) -> None:
        self.asked: list[str] = []
        self.failing: dict[str, Exception] = {}
        self.all_there = threading.Barrier(expected)

    def _answer(self, name: str) -> Any:
        self.asked.append(name)
        self.all_there.wait(timeout=20)
        if name in self.failing:
            raise self.failing[name]
        return {"it": name}

    def org(self) -> Any:
        return self._answer("org")

    def field_list(self, module: str, which: str) -> Any:
        return self._answer(f"{which} fields of {module}")

    def fields(self, module: str) -> Any:
        return f"the fields of {module}"

    def layouts(self, module: str) -> Any:
        return self._answer(f"layouts of {module}")

    def current_user(self) -> Any:
        return self._answer("the user")

    def users(self, kind: str) -> Any:
        return iter([self._answer(kind)])


def reads_of(org: Org, stop: StopSignal | None = None) -> FirstReads:
    return FirstReads(cast("Crm", org), stop or StopSignal(), lambda: None)


def test_all_are_under_way_before_the_first_is_answered() -> None:
    org = Org(expected=6)
    reads = reads_of(org)
    reads.begin(["Leads"], ["Leads"], users=True, current_user=True)
    assert reads.org() == {"it": "org"}
    assert reads.fields("Leads") == "the fields of Leads"
    assert reads.layouts("Leads") == {"it": "layouts of Leads"}
    assert reads.current_user() == {"it": "the user"}
    assert reads.users() == reads.users() == [{"it": "AllUsers"}]
    reads.close()
    assert len(org.asked) == len(set(org.asked)) == 6


def test_what_was_not_begun_is_read_once_when_it_is_asked_for() -> None:
    org = Org()
    reads = reads_of(org)
    reads.begin()
    reads.org()
    assert org.asked == ["org"]
    reads.users()
    reads.users()
    assert org.asked == ["org", "AllUsers"]
    reads.close()


def test_an_error_is_raised_where_the_answer_is_used_and_nothing_is_asked_again() -> None:
    org = Org(expected=4)
    org.failing = {"unused fields of Leads": RefusedError("no"), "the user": RefusedError("nor this")}
    reads = reads_of(org)
    reads.begin(["Leads"], current_user=True)
    assert reads.org() == {"it": "org"}
    for _ in range(2):
        with pytest.raises(RefusedError, match="nor this"):
            reads.current_user()
    with pytest.raises(RefusedError, match=r"^no$"):
        reads.fields("Leads")
    reads.close()
    assert len(org.asked) == 4


def test_a_stop_ends_the_wait() -> None:
    stop = StopSignal()
    org = Org(expected=99)  # never answers
    reads = reads_of(org, stop)
    reads.begin()
    while not org.asked:
        time.sleep(0.001)
    stop.request()
    with pytest.raises(StopRequested):
        reads.org()
    stop.request()  # the second one is a hard stop
    reads.close()
    org.all_there.abort()


# -- over the emulator ---------------------------------------------------------------------------------------


def requests(bench: Bench) -> dict[str, int]:
    found: dict[str, int] = bench.stats()["requests"]
    return {name: found.get(name, 0) for name in (ORG, FIELDS, USERS)}


def test_a_run_reads_side_by_side_and_nothing_twice(bench_with: Callable[..., Bench], tmp_path: Path) -> None:
    bench = bench_with(latency_ms=100)
    bench.run(file_job(INSERT, write_rows(tmp_path / "leads.csv", leads(3))))
    assert requests(bench) == {ORG: 1, FIELDS: 2, USERS: 1}
    assert bench.stats()["in_flight_max"] >= 3  # one batch is all that is written


@pytest.mark.parametrize("write", [Insert("Leads"), Update("Leads", key="Legacy_ID")])
def test_the_user_is_not_read_where_nothing_is_told_by_it(bench: Bench, tmp_path: Path, write: Any) -> None:
    bench.seed([{"Legacy_ID": "L-000001", "Last_Name": "There"}])
    rows = [{"Legacy_ID": "L-000001", "Last_Name": "Name", "Company": "C"}]
    bench.run(file_job(write, write_rows(tmp_path / "leads.csv", rows)))
    assert requests(bench) == {ORG: 1, FIELDS: 2, USERS: 0}


def with_users(path: Path) -> RecordJob:
    members = {
        "__module__": __name__,
        "write": INSERT,
        "scopes": (*scopes_for(INSERT), "ZohoCRM.users.READ"),
        "users": Users(default="ada@example.com"),
        "source": lambda self: Csv(path),
        "columns": {name: name for name in ("Legacy_ID", "Last_Name", "Company", "Email")},
    }
    made: RecordJob = type("WithUsers", (RecordJob,), members)()
    return made


def test_declared_users_are_read_once_for_the_check_and_the_rows(bench: Bench, tmp_path: Path) -> None:
    job = with_users(write_rows(tmp_path / "leads.csv", leads(2)))
    with pytest.raises(UsageError, match="not a user of the org"):
        bench.run(job)
    assert requests(bench) == {ORG: 1, FIELDS: 2, USERS: 2}  # the token's user, and all


class Twice(Flow):
    """Loads two files into one module."""

    def jobs(self) -> list[RecordJob]:
        folder = Path.cwd()
        return [
            file_job(INSERT, folder / "a.csv"),
            file_job(Upsert("Leads", match_on="Legacy_ID"), folder / "b.csv"),
        ]


def test_the_checks_of_a_flow_read_each_module_once(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "a.csv", leads(2))
    write_rows(tmp_path / "b.csv", leads(2))
    with bench.plan(Twice()):
        assert requests(bench) == {ORG: 1, FIELDS: 2, USERS: 0}
    bench.run(Twice())
    steps = 2  # each with reads of its own; the first goes on with the token and the org of the checks
    assert requests(bench) == {ORG: 1 + steps, FIELDS: 2 * (2 + steps), USERS: 1 + steps}


def test_the_wrong_org_is_told_before_a_module_that_it_does_not_have(
    bench_with: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = bench_with(wrong_zgid=True)
    job = file_job(Insert("Nonsense"), write_rows(tmp_path / "rows.csv", leads(1)))
    with pytest.raises(OrgError):
        bench.run(job)
    with pytest.raises(OrgError):
        bench.plan(job)
