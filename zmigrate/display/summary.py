"""The end of a run: the accounting, where the files are, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zmigrate.display.console import Hanging
from zmigrate.display.in_doubt import Reload, in_doubt
from zmigrate.display.next_commands import NOTHING_NAMED, Named
from zmigrate.wording import count, counted, duration, nearby
from zmigrate.zoho.facts.codes import SCOPE_CODE

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

OUTCOMES = (
    ("created", "green"),
    ("updated", "green"),
    ("unchanged", ""),
    ("deleted", "green"),
    ("skipped", ""),
    ("failed", "red"),
    ("in_doubt", "yellow"),
    ("pending", "yellow"),
)
STATE_STYLE = {
    "finished": "green",
    "limited": "cyan",
    "paused": "yellow",
    "interrupted": "yellow",
    "refused": "red",
    "broken": "red",
}
STATE_WORDS = {
    "running": "at work",
    "limited": "stopped at --limit",
    "paused": "stopped early",
    "refused": "refused by Zoho",
    "broken": "ended by an error in zmigrate",
}
BROKEN_BY = {
    "JOB": "ended by an error in the job",
    "JOB_FAILED": "ended by an error in the job",
    "SOURCE": "ended by an error in its source",
}
"""What a broken run says instead, by the code of its error: zmigrate is not at fault."""
RESUMABLE = frozenset({"limited", "paused", "interrupted", "refused", "broken"})
ENDED_WELL = frozenset({"finished", "limited"})  # states with a good color, if every row was written
CAN_GO_ON = frozenset({"paused", "interrupted"})
"""States after which the head says that nothing is lost."""
FILES = {
    "run": "run",
    "success": "success",
    "errors": "errors",
    "skipped": "skipped",
    "in_doubt": "in doubt",
    "report": "report",
}
FLOW_FILES = FILES | {
    "success": "all successes",
    "errors": "all errors",
    "skipped": "all skipped",
    "in_doubt": "all in doubt",
}
"""The titles of the result files, by their names."""


def state_style(state: str, rows: Mapping[str, int]) -> str:
    """The color of a state: yellow if rows failed or are in doubt, though the run finished."""
    if state in ENDED_WELL and (rows.get("failed") or rows.get("in_doubt")):
        return "yellow"
    return STATE_STYLE.get(state, "")


def troubles(rows: Mapping[str, int]) -> str:
    """`12 rows in doubt and 3 failed`; "" if there are none."""
    words: list[str] = []
    for name in ("in_doubt", "failed"):
        number = rows.get(name, 0)
        if number:
            words.append(f"{count(number) if words else counted(number, 'row')} {name.replace('_', ' ')}")
    return " and ".join(words)


def count_table() -> Table:
    """An empty table for counts: what, and how many."""
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("what", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    return table


def accounting(rows: Mapping[str, int]) -> RenderableType:
    """The rows read and their outcomes, without zeros."""
    table = count_table()
    table.add_row("rows read", count(rows.get("read", 0)), style="bold")
    for name, style in OUTCOMES:
        number = rows.get(name, 0)
        if number or name == "failed":
            table.add_row(f"  {name.replace('_', ' ')}", count(number), style=style if number else "dim")
    return table


def step_table(result: Mapping[str, Any]) -> RenderableType:
    """A flow's steps, a line each, also those that have not begun, and the total. Outcomes without zeros."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows = result["rows"]
    shown = [(name, style) for name, style in OUTCOMES if rows.get(name) or name == "failed"]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_footer=True)
    table.add_column("step", "total", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for name, style in [("read", ""), *shown]:
        total = Text(count(rows[name]), style=f"bold {style}".strip() if rows[name] else "dim")
        table.add_column(name.replace("_", " "), total, justify="right", no_wrap=True)
    for step in result["steps"]:
        state = Text(step["state"], style=state_style(step["state"], step["rows"]))
        figures = [
            Text(count(step["rows"][name]), style=style if step["rows"][name] else "dim")
            for name, style in [("read", ""), *shown]
        ]
        table.add_row(step["run_id"].rpartition("/")[2], state, *figures)
    for name in result["not_begun"]:
        table.add_row(name, Text("not begun", style="dim"))
    return table


def balance(rows: Mapping[str, int], rows_total: int | None = None) -> Text:
    """The sentence under the table: every row is accounted for, or the numbers do not add up."""
    from rich.text import Text

    total = sum(rows.get(name, 0) for name, _ in OUTCOMES)
    read = rows.get("read", 0)
    pending = rows.get("pending", 0)
    unread = max(rows_total - read, 0) if rows_total is not None else 0
    known = f"{count(read)} of {counted(rows_total or 0, 'row')} read" if unread else counted(read, "row")
    rest = f", {count(unread)} not read yet" if unread else ""
    if total == read and pending:
        return Text(f"= {known}; {count(pending)} of them have no outcome yet{rest}", style="dim")
    if total == read:
        return Text(f"= {known}: every row read is accounted for{rest}", style="dim")
    return Text(f"the outcomes add up to {count(total)}, not to {count(read)}", style="bold red")


def summary(
    result: Mapping[str, Any],
    *,
    practice: bool = False,
    report: bool = False,
    rows_total: int | None = None,
    rows_before: int | None = None,
    counted_only: bool = False,
    commands: Sequence[str] | None = (),
    reloads: Mapping[str, Reload] = {},
    named: Named = NOTHING_NAMED,
) -> RenderableType:
    """The end of a run, from the object that `--json` prints. `report`: this is the report itself.

    `rows_total`: how many rows the source has. `rows_before`: how many were done before this session, if
    known. `counted_only`: the run is at work or was killed, so time and calls are not known. `commands` load
    the failed rows again; None for a hand-written job, which has no such file. `reloads` load the rows in
    doubt, by run id. Print it with `crop=False`, so that paths and commands are not cut.
    """
    from rich.console import Group
    from rich.text import Text

    state, rows = str(result["state"]), result["rows"]
    wrong = troubles(rows)
    words = (state if practice else _state_words(result)) + (f", {wrong}" if wrong else "")
    after = f" after {duration(result['elapsed_s'])}{rate(result, rows_before)}"
    head = Text.assemble(
        (str(result["job"]), "bold"),
        " ",
        (words, f"bold {state_style(state, rows)}".strip()),
        "" if counted_only else f",{after}" if wrong else after,
        ". Nothing is lost." if state in CAN_GO_ON and not practice else "",
    )
    parts: list[RenderableType] = [
        "",
        head,
        "",
        accounting(rows) if result.get("steps") is None else step_table(result),
        balance(rows, rows_total),
        "",
    ]
    if not counted_only:
        parts.append(Text(cost(result), style="dim"))
    parts += files(result)
    if rows.get("in_doubt"):
        parts += ["", *in_doubt(result, reloads, practice=practice, by_hand=commands is None), ""]
    parts += map(step_line, next_steps(result, named, practice=practice, report=report, commands=commands))
    return Group(*parts)


def rate(result: Mapping[str, Any], rows_before: int | None) -> str:
    """`, 95 rows/s`, over the elapsed time that is shown beside it."""
    if rows_before is None or result["elapsed_s"] <= 0:
        return ""
    rows = sum(result["rows"].get(name, 0) for name, _ in OUTCOMES if name != "pending") - rows_before
    per_s = rows / result["elapsed_s"]
    return f", {per_s:,.0f} rows/s" if per_s >= 1 else ""


def step_line(text: str) -> RenderableType:
    """A line of advice. A path or a command to copy, indented or behind its words, is never cut."""
    from rich.text import Text

    if text.startswith(" ") or ": zmigrate " in text:
        return Text(text, no_wrap=True, overflow="ignore")
    return Hanging(Text(), Text(text))


def cost(result: Mapping[str, Any]) -> str:
    """`312 requests (14 retried, 3 throttled), 3 tokens (2 renewed), 45 credits`."""
    requests, tokens, credits = result["requests"], result["tokens"], result["credits"]
    extra = [f"{count(requests[name])} {name}" for name in ("retried", "throttled") if requests[name]]
    sent = counted(requests["sent"], "request") + (f" ({', '.join(extra)})" if extra else "")
    minted = tokens["acquired"]
    renewed = f" ({count(tokens['renewed'])} renewed)" if tokens["renewed"] else ""
    return f"{sent}, {counted(minted, 'token')}{renewed}, {counted(credits['used'], 'credit')}"


def files(result: Mapping[str, Any]) -> list[RenderableType]:
    """The paths of the result files; the one of errors only if rows failed. A flow's cover all its steps."""
    from rich.text import Text

    flow = result.get("steps") is not None
    titles = FLOW_FILES if flow else FILES
    shown = {title: path for name, title in titles.items() if (path := result["files"].get(name))}
    if not result["rows"].get("failed"):
        shown.pop(titles["errors"], None)
    width = max(map(len, (titles["success"], *shown)))
    return [
        Text.assemble(f"{title:{width}}  ", (nearby(path), "cyan"), no_wrap=True, overflow="ignore")
        for title, path in shown.items()
    ]


def load_again(result: Mapping[str, Any], commands: Sequence[str] | None) -> list[str]:
    """How to load the failed rows once they are fixed. A flow has them in its steps' files."""
    if commands is None:
        return ["errors.csv says which items failed, and why"]
    lines = [f"  {command}" for command in commands]
    if result.get("steps") is None:
        return [f"Fix the rows in errors.csv, then load it again{':' if lines else ''}", *lines]
    failed = [each["files"]["errors"] for each in result["steps"] if each["rows"].get("failed")]
    return [
        "Fix the rows that failed in the files of their steps, then load these again:",
        *(lines or [f"  {nearby(path)}" for path in failed if path is not None]),
    ]


def _options_to_go_on(result: Mapping[str, Any]) -> list[str]:
    """Without --keep-going the breaker would stop a resume as well."""
    return ["--keep-going"] if (result.get("error") or {}).get("code") == "BREAKER" else []


def _before_going_on(result: Mapping[str, Any]) -> str:
    if result["state"] != "refused":
        return "Continue"
    lacking = (result.get("error") or {}).get("code") == SCOPE_CODE
    return "Declare the scope in the job, then continue" if lacking else "Once Zoho lets you, continue"


def _state_words(result: Mapping[str, Any]) -> str:
    state = str(result["state"])
    whose = BROKEN_BY.get((result.get("error") or {}).get("code", "")) if state == "broken" else None
    return whose or STATE_WORDS.get(state, state)


def next_steps(
    result: Mapping[str, Any],
    named: Named = NOTHING_NAMED,
    *,
    practice: bool = False,
    report: bool = False,
    commands: Sequence[str] | None = (),
) -> list[str]:
    """What a person does next."""
    steps: list[str] = []
    rows, run_id = result["rows"], result["run_id"]
    if result["state"] in RESUMABLE:
        first = _before_going_on(result)
        steps.append(
            "this was practice: its org is gone, so start again"
            if practice
            else f"{first} with: {named.resume(run_id, *_options_to_go_on(result))}"
        )
    elif not report and (rows.get("failed") or rows.get("in_doubt")):
        steps.append(f"for the reasons: {named.report(run_id)}")
    if result["state"] == "finished" and rows.get("failed") and not practice:
        steps += load_again(result, commands)
    if practice and result["state"] == "finished":
        steps.append("this was practice on the embedded emulator: nothing has reached Zoho")
    return steps
