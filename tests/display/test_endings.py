"""Banner, summary and report: what a person reads before and after."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from zmigrate.display.banner import banner, confirm
from zmigrate.display.in_doubt import KEY_NEXT_TIME, LOAD, LOOK_FIRST, MEANING, ROWS_WITHIN, Reload
from zmigrate.display.report import reason_list, reasons_of
from zmigrate.display.summary import next_steps, step_table, summary
from zmigrate.events import BannerFacts
from zmigrate.wording import duration

FILES = dict.fromkeys(("run", "success", "errors", "report"))


def text_of(renderable, width: int = 80) -> str:
    out = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    out.print(renderable, crop=False)
    return out.file.getvalue()


def result(**changes):
    rows = dict.fromkeys(
        ("read", "created", "updated", "unchanged", "deleted", "skipped", "failed", "in_doubt", "pending"), 0
    )
    values = {
        "run_id": "20260101-120000-import-csv-ab12",
        "job": "import-csv",
        "code": "ready-made",
        "state": "finished",
        "rows": rows | changes.pop("rows", {}),
        "requests": {"sent": 12, "retried": 2, "throttled": 0},
        "tokens": {"acquired": 3, "renewed": 2},
        "credits": {"estimated": 10, "used": 1},
        "elapsed_s": 61.0,
        "rows_per_s": 1234.5,
        "files": {"run": "a/run.json", "success": "a/success.csv", "errors": "a/errors.csv", "report": None},
        "error": None,
    }
    return values | changes


def test_a_flow_names_the_files_of_those_steps_that_have_failed_rows():
    steps = [
        result(files={"errors": f"steps/{name}/errors.csv"}, rows={"failed": failed})
        for name, failed in (("01-accounts", 0), ("02-deals", 3))
    ]
    text = "\n".join(next_steps(result(steps=steps, rows={"failed": 3})))
    assert "steps/02-deals/errors.csv" in text
    assert "01-accounts" not in text


def facts(**changes) -> BannerFacts:
    values = {
        "job": "import-csv",
        "code": "ready-made",
        "org": "Acme",
        "environment": "production",
        "place": "profile `prod` in zmigrate.toml",
        "module": "Leads",
        "operation": "delete",
        "rows": 3000,
        "rows_done": 0,
        "practice": False,
    }
    return BannerFacts(**values | changes)


def test_the_banner_says_org_environment_place_write_and_rows():
    text = text_of(banner(facts()))
    for part in ("Acme", "production", "profile `prod`", "DELETE from Leads", "3,000"):
        assert part in text


def test_the_banner_of_a_resumed_run_says_what_is_done():
    assert "3,000, of which 1,200 are done" in text_of(banner(facts(rows_done=1200)))
    assert "as many as the source has" in text_of(banner(facts(rows=None)))


@pytest.mark.parametrize(
    ("typed", "agreed"), [("y\n", True), ("YES\n", True), ("\n", False), ("no\n", False), ("", False)]
)
def test_only_yes_is_yes(monkeypatch, typed, agreed):
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert confirm(Console(file=io.StringIO()), "Go on?") is agreed


def test_the_summary_accounts_for_every_row():
    text = text_of(summary(result(rows={"read": 10, "created": 7, "skipped": 1, "failed": 2})))
    assert "= 10 rows: every row read is accounted for" in text
    assert "updated" not in text
    assert "12 requests (2 retried), 3 tokens (2 renewed), 1 credit" in text
    assert "import-csv finished, 2 rows failed, after 1 min 1 s\n" in text


def test_the_rate_is_that_of_the_time_which_stands_beside_it():
    rows = {"read": 7200, "created": 7000, "failed": 200}
    assert "after 1 min 1 s, 100 rows/s" in text_of(summary(result(rows=rows), rows_before=1100))
    few = result(rows={"read": 7, "created": 7}, elapsed_s=0.5, rows_per_s=1528.0)
    assert "after 0.5 s, 14 rows/s" in text_of(summary(few, rows_before=0))


@pytest.mark.parametrize("state", ["interrupted", "paused"])
def test_that_nothing_is_lost_does_not_read_as_wait_so_long(state):
    assert "after 1 min 1 s. Nothing is lost." in text_of(summary(result(state=state)))


def test_of_a_run_at_work_or_killed_only_what_is_known_is_shown():
    text = text_of(summary(result(state="running", rows={"read": 9, "created": 9}), counted_only=True))
    assert "import-csv at work" in text
    assert "created  9" in text
    for unknown in ("after", "requests", "resume"):
        assert unknown not in text


def test_a_sum_that_is_out_is_said_aloud():
    assert "add up to 9, not to 10" in text_of(summary(result(rows={"read": 10, "created": 9})))


def test_rows_that_are_still_to_do_are_named():
    text = text_of(summary(result(state="interrupted", rows={"read": 10, "created": 7, "pending": 3})))
    assert "3 of them have no outcome yet" in text
    assert "zmigrate resume 20260101-120000-import-csv-ab12" in text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("limited", "zmigrate resume"),
        ("paused", "zmigrate resume"),
        ("interrupted", "zmigrate resume"),
        ("broken", "zmigrate resume"),
        ("finished", "zmigrate report"),
    ],
)
def test_each_state_has_its_next_step(state, words):
    assert words in "\n".join(next_steps(result(state=state, rows={"failed": 1})))


@pytest.mark.parametrize(
    ("code", "whose"),
    [
        ("JOB_FAILED", "ended by an error in the job"),
        ("JOB", "ended by an error in the job"),
        ("SOURCE", "ended by an error in its source"),
        ("UNEXPECTED", "ended by an error in zmigrate"),
    ],
)
def test_a_broken_run_says_whose_error_ended_it(code, whose):
    text = text_of(summary(result(state="broken", error={"code": code, "message": "m", "hint": None})))
    assert whose in text


def test_practice_can_not_be_resumed():
    steps = "\n".join(next_steps(result(state="interrupted"), practice=True))
    assert "resume" not in steps
    assert "start again" in steps


def test_files_below_the_current_folder_are_shown_as_they_are_typed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    errors = str(tmp_path / "runs" / "errors.csv")
    text = text_of(summary(result(files=FILES | {"errors": errors}, rows={"failed": 1})))
    assert "errors   runs/errors.csv" in text


def test_paths_and_commands_are_whole_however_narrow_the_screen():
    deep = "very/deep/" * 12 + "errors.csv"
    command = f"zmigrate run import-csv {deep} --module Leads"
    shown = summary(result(files=FILES | {"errors": deep}, rows={"failed": 1}), commands=[command])
    lines = text_of(shown).splitlines()
    assert f"errors   {deep}" in lines
    assert f"  {command}" in lines


def test_no_file_of_errors_is_named_where_nothing_failed():
    assert "errors" not in text_of(summary(result(rows={"read": 3, "created": 3})))


def test_the_files_over_all_steps_of_a_flow_are_no_files_to_mend():
    text = text_of(summary(result(steps=[], not_begun=[], rows={"read": 1, "failed": 1})))
    assert "all errors     a/errors.csv" in text


def styled(shown) -> str:
    """What a terminal gets, its colors as escape codes."""
    out = Console(file=io.StringIO(), width=80, highlight=False, force_terminal=True, color_system="standard")
    out.print(shown, crop=False)
    return out.file.getvalue()


GREEN, YELLOW = "\x1b[1;32m", "\x1b[1;33m"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"in_doubt": 1}, "finished, 1 row in doubt"),
        ({"in_doubt": 1200, "failed": 3}, "finished, 1,200 rows in doubt and 3 failed"),
        ({"failed": 2000}, "finished, 2,000 rows failed"),
    ],
)
def test_a_run_with_rows_in_doubt_or_failed_is_no_green_finished(rows, words):
    text = styled(summary(result(rows=rows)))
    assert f"{YELLOW}{words}" in text
    assert GREEN not in text.splitlines()[1]
    assert f"{GREEN}finished" in styled(summary(result(rows={"created": 3})))


@pytest.mark.parametrize("state", ["limited", "paused", "interrupted", "refused"])
def test_however_a_run_ends_its_rows_in_doubt_stand_in_the_first_line(state):
    shown = text_of(summary(result(state=state, rows={"in_doubt": 12})))
    assert ", 12 rows in doubt, after 1 min 1 s" in shown.splitlines()[1]
    assert "12 rows in doubt: Zoho may have them, or not" in shown


def test_a_run_that_zoho_refused_says_how_it_goes_on():
    assert "Once Zoho lets you, continue with: zmigrate resume" in text_of(summary(result(state="refused")))


def test_the_steps_of_a_flow_are_yellow_by_the_same_rule():
    steps = [result(run_id="f/01-accounts", rows={"in_doubt": 3}), result(run_id="f/02-deals")]
    text = styled(step_table(result(steps=steps, not_begun=[])))
    first, second = (line for line in text.splitlines() if "01-acc" in line or "02-deals" in line)
    assert "\x1b[33mfinished" in first
    assert "\x1b[32mfinished" in second


LOST = "the answer was lost (connection reset), and there is no key to look for"


@pytest.fixture
def in_doubt_file(tmp_path) -> str:
    path = tmp_path / "in_doubt.csv"
    rows = [f'{2 + at},,,ANSWER_LOST,"{LOST}",x' for at in range(11)]
    first = ["line,key,field,code,message,Name", "1,,,ANSWER_LOST,another,x"]
    path.write_text("\n".join([*first, *rows]) + "\n")
    return str(path)


def doubtful(path: str | None, **changes):
    return result(files=FILES | {"in_doubt": path}, rows={"read": 12, "in_doubt": 12}, **changes)


def lines_of(shown) -> list[str]:
    lines = text_of(shown).splitlines()
    assert [line for line in lines if len(line) > 80 and not line.startswith(("  ", "in doubt"))] == []
    return lines


def test_rows_in_doubt_are_explained_with_cause_file_and_what_to_do(in_doubt_file):
    command = f"zmigrate run import-csv {in_doubt_file} --module Leads --again"
    reload = Reload("insert", None, doubles=True, command=command)
    run = doubtful(in_doubt_file)
    lines = lines_of(summary(run, reloads={run["run_id"]: reload}))
    text = " ".join(line.strip() for line in lines)
    assert MEANING in text
    assert f"11  {LOST} 1  another Listed in: {in_doubt_file}" in text, "most frequent first"
    assert f"  {in_doubt_file}" in lines
    assert LOOK_FIRST.format(field="name or e-mail address") in text
    assert f"  {command}" in lines
    assert KEY_NEXT_TIME in text


@pytest.mark.parametrize("operation", ["insert", "update", "upsert", "delete"])
def test_what_has_a_key_is_loaded_again_as_it_is(in_doubt_file, operation):
    run = doubtful(in_doubt_file)
    reload = Reload(operation, "Legacy_ID", doubles=False, command="zmigrate run it")
    text = " ".join(line.strip() for line in lines_of(summary(run, reloads={run["run_id"]: reload})))
    assert LOAD in text
    assert "look for each" not in text
    assert KEY_NEXT_TIME not in text
    assert (ROWS_WITHIN in text) is (operation in {"update", "upsert"})


def test_of_a_job_that_is_not_known_the_rows_are_looked_for_first(in_doubt_file):
    text = " ".join(text_of(summary(doubtful(in_doubt_file))).split("\n"))
    assert LOOK_FIRST.format(field="name or e-mail address") in text


def test_rows_are_looked_for_by_their_key_where_they_have_one(in_doubt_file):
    run = doubtful(in_doubt_file)
    reload = Reload("insert", "Old_Ref", doubles=True, command=None)
    text = " ".join(line.strip() for line in lines_of(summary(run, reloads={run["run_id"]: reload})))
    assert LOOK_FIRST.format(field="Old_Ref") in text
    assert KEY_NEXT_TIME not in text


def test_in_practice_there_is_nothing_to_look_for(in_doubt_file):
    text = text_of(summary(doubtful(in_doubt_file), practice=True))
    assert "What to do" not in text
    assert in_doubt_file in text


def test_rows_in_doubt_whose_file_is_not_written_yet_are_told_all_the_same():
    text = text_of(summary(doubtful(None, state="interrupted")))
    assert "once the run has been resumed" in text


def test_a_flow_tells_of_each_step_that_has_rows_in_doubt(in_doubt_file):
    steps = [
        result(run_id="f/01-accounts", files=FILES | {"in_doubt": in_doubt_file}, rows={"in_doubt": 12}),
        result(run_id="f/02-deals"),
    ]
    flow = result(run_id="f", steps=steps, not_begun=[], rows={"in_doubt": 12})
    reloads = {"f/01-accounts": Reload("insert", None, doubles=True, command="zmigrate run the-step")}
    text = text_of(summary(flow, reloads=reloads))
    assert "01-accounts: 12 rows in doubt: Zoho may have them, or not" in text
    assert "02-deals: " not in text
    assert "  zmigrate run the-step\n" in text


def test_every_result_file_that_exists_is_listed():
    paths = FILES | {name: f"a/{name}.csv" for name in ("success", "errors", "skipped", "in_doubt")}
    rows = {"failed": 1, "skipped": 1, "in_doubt": 1}
    lines = text_of(summary(result(files=paths, rows=rows))).splitlines()
    for line in ("success   a/success.csv", "errors    a/errors.csv", "skipped   a/skipped.csv"):
        assert line in lines
    assert "in doubt  a/in_doubt.csv" in lines
    flow = text_of(summary(result(files=paths, rows=rows, steps=[], not_begun=[]))).splitlines()
    assert "all skipped    a/skipped.csv" in flow
    assert "all in doubt   a/in_doubt.csv" in flow


def test_reasons_are_grouped_by_field_and_code_most_frequent_first(tmp_path):
    path = tmp_path / "errors.csv"
    path.write_text(
        "line,key,field,code,message,Email\n"
        "2,a,Email,INVALID_DATA,not an address,x\n"
        "3,b,Last_Name,MANDATORY_NOT_FOUND,required,y\n" + "4,c,Email,INVALID_DATA,not an address,z\n" * 8
    )
    first, second = reasons_of(path)
    assert (first.field, first.code, first.rows) == ("Email", "INVALID_DATA", 9)
    assert [kind.lines for kind in first.kinds] == [["2", "4", "4", "4", "4"]]
    assert (second.field, second.rows) == ("Last_Name", 1)
    assert "lines 2, 4, 4, 4, 4, …" in text_of(reason_list([first, second]))


def test_each_thing_said_within_a_group_shows_with_its_count_and_lines_in_eighty_columns(tmp_path):
    path = tmp_path / "errors.csv"
    values = ["retail", "technolgy", "retail", *(f"odd {number}" for number in range(7))]
    said = [
        f"{2 + at},k,Industry,INVALID_DATA,'{value}' is no value of the pick list of Industry"
        for at, value in enumerate(values)
    ]
    path.write_text("\n".join(["line,key,field,code,message", *said]) + "\n")
    lines = text_of(reason_list(reasons_of(path))).splitlines()
    assert lines[0].split() == ["10", "Industry", "INVALID_DATA"]
    assert "2  'retail' is no value" in lines[1]
    assert "lines 2, 4" in lines[1]
    assert any("1  'technolgy' is no value" in line and "line 3" in line for line in lines)
    assert lines[-1].strip() == "and 4 more kinds: see the file"
    assert max(map(len, lines)) <= 80


def test_a_source_with_columns_of_our_names_is_read_by_the_prefixed_ones(tmp_path):
    path = tmp_path / "errors.csv"
    path.write_text(
        "zmigrate_line,key,zmigrate_field,zmigrate_code,zmigrate_message,line,code\n7,k,Email,BAD,no,theirs,theirs\n"
    )
    (reason,) = reasons_of(path)
    assert (reason.kinds[0].lines, reason.code) == (["7"], "BAD")


def test_no_file_means_no_reasons():
    assert reasons_of(Path("nowhere.csv")) == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (4.25, "4.2 s"),
        (59.4, "59 s"),
        (61, "1 min 1 s"),
        (2700, "45 min"),
        (12_000, "3 h 20 min"),
    ],
)
def test_durations_are_written_as_a_person_says_them(seconds, text):
    assert duration(seconds) == text
