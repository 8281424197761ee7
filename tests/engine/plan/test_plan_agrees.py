"""Plan, run and emulator agree: what the plan passes is accepted, what it rejects with a code of Zoho's is
refused with that code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import Bench, credentials_of, file_job, read_rows, write_rows
from zmigrate import Insert, Update, Upsert
from zmigrate.config import load_settings
from zmigrate.emulator import Emulator, Options
from zmigrate.stopping import StopSignal
from zmigrate.zoho.connection import Connection, connect

OF_ZOHO = {"INVALID_DATA", "MANDATORY_NOT_FOUND", "DUPLICATE_DATA"}

CELLS: dict[str, Sequence[str]] = {
    "Legacy_ID": ["A", "a", "B", "C", "D", "E", "F", "G", "H", "there", "THERE", "there too"],
    "Last_Name": ["Doe", "", "x" * 80, "x" * 81, "O'Neil", "Größe"],
    "Email": ["", "jo@example.com", "nope", "a@", "UP@EXAMPLE.COM"],
    "Phone": ["", "+1 (555) 010-0", "0" * 31],
    "Website": ["", "example.com", "https://example.com/a?b=c", "example.com/" + "x" * 450],
    "Lead_Source": ["", "Partner", "partner", "Nonsense"],
    "Interests": ["", "Hardware;Software", "Hardware;Nonsense"],
    "No_of_Employees": ["", "0", "-5", "123456789", "1234567890", "1.5", "many"],
    "Annual_Revenue": ["", "12.5", "1,000", "0", "99999999999999999"],
    "First_Contact": ["", "2024-02-29", "2023-02-29", "3/4/2024"],
    "Legacy_Created_Time": ["", "2024-03-31T09:30:00+02:00", "2024-03-31T09:30:00"],
    "Email_Opt_Out": ["", "yes", "0", "perhaps"],
}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.sampled_from(cells) for name, cells in CELLS.items()}),
    min_size=10,
    max_size=60,
)
THERE = [
    {"Legacy_ID": "there", "Last_Name": "T"},
    {"Legacy_ID": "there too", "Last_Name": "U", "Email": "jo@example.com"},
]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(Options(token_limit=100_000)) as served:
        yield served


@contextmanager
def connected(bench: Bench, scopes: Sequence[str]) -> Iterator[Connection]:
    settings_ = load_settings(environ=bench.environ, folder=bench.folder)
    with connect(
        credentials_of(bench.emulator), scopes, settings=settings_, emit=lambda event: None, stop=StopSignal()
    ) as connection:
        yield connection


def raw_errors(
    bench: Bench, operation: Any, record: Mapping[str, Any], key: str | None
) -> set[tuple[str, str]]:
    """The codes and fields with which the emulator refuses a record that is sent as it stands."""
    body: dict[str, Any] = {"data": [record]}
    if operation == "upsert":
        body["duplicate_check_fields"] = [key]
    with connected(bench, ["ZohoCRM.modules.ALL"]) as connection:
        answer = connection.crm.write("Leads", operation, orjson.dumps(body), rows=1, repeatable=False)
    (element,) = answer.body["data"]
    errors = element["details"].get("errors") or [element]
    return {
        (error["code"], error["details"].get("api_name")) for error in errors if error["code"] != "SUCCESS"
    }


def fresh(emulator: Emulator, folder: Path) -> Bench:
    bench = Bench(emulator, folder)
    bench.post("reset", {})
    bench.seed(THERE)
    return bench


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=ROWS,
    write=st.sampled_from(
        [
            Insert("Leads", key="Legacy_ID"),
            Upsert("Leads", match_on="Legacy_ID"),
            Update("Leads", key="Legacy_ID", on_repeated="each"),
            Insert("Leads", key="Legacy_ID", on_existing="skip"),
            Insert("Leads", key="Legacy_ID", on_existing="update"),
        ]
    ),
)
def test_a_run_does_what_the_plan_said(
    emulator: Emulator, tmp_path: Path, rows: list[dict[str, str]], write: Any
) -> None:
    bench = fresh(emulator, tmp_path)
    rows = [{**row, "City": str(n)} for n, row in enumerate(rows)]  # none is the same as another
    job = file_job(write, write_rows(tmp_path / "rows.csv", rows))
    with bench.plan(job) as plan:
        counts = plan.counts
        refused = {reject.line for reject in plan.rejects}
    result = bench.run(job, again=True, keep_going=True)
    came = result.rows
    assert (came.created, came.updated, came.skipped, came.failed) == (
        counts.creates,
        counts.updates,
        counts.skipped,
        counts.refused,
    )
    failed = [int(row["line"]) for row in read_rows(result.files["errors"])]
    assert len(failed) == counts.refused
    assert set(failed) == refused


@pytest.mark.parametrize(
    ("field", "cell"),
    [(field, cell) for field, cells in CELLS.items() for cell in cells if field != "Legacy_ID"],
)
def test_what_the_plan_rejects_zoho_refuses_with_the_same_code(
    emulator: Emulator, tmp_path: Path, field: str, cell: str
) -> None:
    bench = fresh(emulator, tmp_path)
    row = {"Legacy_ID": "N", "Last_Name": "Doe", field: cell}
    job = file_job(Insert("Leads", key="Legacy_ID"), write_rows(tmp_path / "rows.csv", [row]))
    with bench.plan(job) as plan:
        rejects = list(plan.rejects)
    if not rejects:
        return  # the next test sends it
    raw = {name: value.split(";") if name == "Interests" else value for name, value in row.items() if value}
    said = {(reject.reason.code, reject.reason.field) for reject in rejects}
    assert {code for code, _ in said} <= OF_ZOHO
    assert said <= raw_errors(bench, "insert", raw, None)


def test_what_the_plan_passes_zoho_takes(emulator: Emulator, tmp_path: Path) -> None:
    bench = fresh(emulator, tmp_path)
    plain = dict.fromkeys(CELLS, "") | {"Last_Name": "Doe"}
    cells = [(field, cell) for field, cells in CELLS.items() for cell in cells if field != "Legacy_ID"]
    rows = [{**plain, "Legacy_ID": str(number), name: cell} for number, (name, cell) in enumerate(cells)]
    job = file_job(Insert("Leads", key="Legacy_ID"), write_rows(tmp_path / "rows.csv", rows))
    with bench.plan(job) as plan:
        refused = [str(reject.line) for reject in plan.rejects]
    result = bench.run(job, again=True)
    assert [row["line"] for row in read_rows(result.files["errors"])] == refused
    assert result.rows.created == len(rows) - len(refused) > 20


@pytest.mark.parametrize(
    ("field", "cell"),
    [("Email", "a@b"), ("Email", "jo@example"), ("Phone", "12_34"), ("Website", "no site")],
)
def test_what_the_plan_says_that_zoho_may_refuse_is_sent_and_zoho_decides(
    emulator: Emulator, tmp_path: Path, field: str, cell: str
) -> None:
    bench = fresh(emulator, tmp_path)
    row = {"Legacy_ID": "N", "Last_Name": "Doe", field: cell}
    job = file_job(Insert("Leads", key="Legacy_ID"), write_rows(tmp_path / "rows.csv", [row]))
    with bench.plan(job) as plan:
        said = [(each.field, each.lines) for each in plan.warnings if each.code == "ZOHO_MAY_REFUSE"]
    (error,) = read_rows(bench.run(job, again=True).files["errors"])
    assert said == [(field, (2,))]
    assert {(error["code"], error["field"])} == raw_errors(bench, "insert", row, None)


@pytest.mark.parametrize("key", ["there", "THERE"])
def test_a_key_that_is_taken_is_refused_alike(emulator: Emulator, tmp_path: Path, key: str) -> None:
    bench = fresh(emulator, tmp_path)
    row = {"Legacy_ID": key, "Last_Name": "Doe"}
    with bench.plan(
        file_job(Insert("Leads", key="Legacy_ID"), write_rows(tmp_path / "rows.csv", [row]))
    ) as plan:
        said = {(reject.reason.code, reject.reason.field) for reject in plan.rejects}
    assert said == raw_errors(bench, "insert", row, None) == {("DUPLICATE_DATA", "Legacy_ID")}


def test_a_new_record_by_upsert_lacks_what_it_must_have(emulator: Emulator, tmp_path: Path) -> None:
    bench = fresh(emulator, tmp_path)
    rows = [{"Legacy_ID": key, "Company": "x"} for key in ("there", "new")]
    job = file_job(Upsert("Leads", match_on="Legacy_ID"), write_rows(tmp_path / "rows.csv", rows))
    with bench.plan(job) as plan:
        said = [(reject.line, reject.reason.code, reject.reason.field) for reject in plan.rejects]
    assert said == [(3, "MANDATORY_NOT_FOUND", "Last_Name")]
    assert raw_errors(bench, "upsert", rows[1], "Legacy_ID") == {("MANDATORY_NOT_FOUND", "Last_Name")}
    assert raw_errors(bench, "upsert", rows[0], "Legacy_ID") == set()
