"""What came of a run: the accounting, where the files lie, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zmigrate.display.console import Hanging
from zmigrate.display.doubt import Reload, in_doubt
from zmigrate.display.further import NOTHING_NAMED, Named
from zmigrate.wording import count, counted, duration, nearby

if TYPE_CHECKING:
    from rich.console import RenderableType
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
    "broken": "ended by a fault of zmigrate's own",
}
RESUMABLE = frozenset({"limited", "paused", "interrupted", "refused", "broken"})
ENDED_WELL = frozenset({"finished", "limited"})
"""States whose color says that all is well, which is so where every row got in."""
CAN_GO_ON = frozenset({"paused", "interrupted"})
"""Of which the head says so; of a limited run it goes without saying."""
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
"""The result files by name, and what the end of a run calls them."""


def state_style(state: str, rows: Mapping[str, int]) -> str:
    """The color of a state; a run with rows that failed or are in doubt has not ended well."""
    if state in ENDED_WELL and (rows.get("failed") or rows.get("in_doubt")):
        return "yellow"
    return STATE_STYLE.get(state, "")


def troubles(rows: Mapping[str, int]) -> str:
    """`12 rows in doubt and 3 failed`; "" where there are none such."""
    words: list[str] = []
    for name in ("in_doubt", "failed"):
        number = rows.get(name, 0)
        if number:
            words.append(f"{count(number) if words else counted(number, 'row')} {name.replace('_', ' ')}")
    return " and ".join(words)


def accounting(rows: Mapping[str, int]) -> RenderableType:
    """Rows read, and what became of them; of the rest, only what happened."""
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("what", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_row("rows read", count(rows.get("read", 0)), style="bold")
    for name, style in OUTCOMES:
        number = rows.get(name, 0)
        if number or name == "failed":
            table.add_row(f"  {name.replace('_', ' ')}", count(number), style=style if number else "dim")
    return table


def step_table(result: Mapping[str, Any]) -> RenderableType:
    """Of a flow: a line a step, those that are still to come too, and the total; of the outcomes those that
    happened.
    """
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
    """The sentence under the table: every row accounted for, or by how much it is out."""
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
    """The end of a run, from the object that `--json` prints; in a `report`, nobody is sent to the report.

    `rows_total` is how many rows the source has, `rows_before` how many were done before this sitting, where
    that is known. `counted_only`: of time and calls nothing is known, since the run is at work or was killed.
    `commands` feed the rows in again that failed; None where no file can, of a hand-written job. `reloads`
    (by run id; of a flow by that of its steps) feed in those in doubt. Paths and commands stand on lines of
    their own and are never cut, so print it with `crop=False`.
    """
    from rich.console import Group
    from rich.text import Text

    state, rows = str(result["state"]), result["rows"]
    wrong = troubles(rows)
    words = (state if practice else STATE_WORDS.get(state, state)) + (f", {wrong}" if wrong else "")
    after = f" after {duration(result['elapsed_s'])}{rate(result, rows_before)}"
    head = Text.assemble(
        (str(result["job"]), "bold"),
        " ",
        (words, f"bold {state_style(state, rows)}".strip()),
        "" if counted_only else f",{after}" if wrong else after,
        "; can go on" if state in CAN_GO_ON and not practice else "",
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
    """`, 95 rows/s`: over the time that stands beside it, so that a person can reckon it."""
    if rows_before is None or result["elapsed_s"] <= 0:
        return ""
    rows = sum(result["rows"].get(name, 0) for name, _ in OUTCOMES if name != "pending") - rows_before
    per_s = rows / result["elapsed_s"]
    return f", {per_s:,.0f} rows/s" if per_s >= 1 else ""


def step_line(text: str) -> RenderableType:
    """A path or a command, which stands further in, stays in one piece, for it is to be copied."""
    from rich.text import Text

    if text.startswith(" "):
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
    """Where all result files that exist lie, each in one piece; the one of errors where there are any. Those
    of a flow are an overview of its steps' files.
    """
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


def mending(result: Mapping[str, Any], commands: Sequence[str] | None) -> list[str]:
    """How the rows that failed get in after all; of a flow, where each step has them."""
    if commands is None:
        return ["errors.csv tells which items failed, and why"]
    lines = [f"  {command}" for command in commands]
    if result.get("steps") is None:
        again = ":" if lines else ": it loads only what failed"
        return [f"mend the rows in errors.csv and feed that file in again{again}", *lines]
    failed = [each["files"]["errors"] for each in result["steps"] if each["rows"].get("failed")]
    return [
        "mend the rows that failed in the files of their steps, and feed those in:",
        *(lines or [f"  {nearby(path)}" for path in failed if path is not None]),
    ]


def next_steps(
    result: Mapping[str, Any],
    named: Named = NOTHING_NAMED,
    *,
    practice: bool = False,
    report: bool = False,
    commands: Sequence[str] | None = (),
) -> list[str]:
    """What a person does now."""
    steps: list[str] = []
    rows, run_id = result["rows"], result["run_id"]
    if result["state"] in RESUMABLE:
        first = "once Zoho lets you, " if result["state"] == "refused" else ""
        steps.append(
            "this was practice: its org is gone, so start it anew"
            if practice
            else f"{first}to go on: {named.resume(run_id)}"
        )
    elif not report and (rows.get("failed") or rows.get("in_doubt")):
        steps.append(f"for the reasons: {named.report(run_id)}")
    if result["state"] == "finished" and rows.get("failed") and not practice:
        steps += mending(result, commands)
    if practice and result["state"] == "finished":
        steps.append("this was practice on the embedded emulator: nothing has reached Zoho")
    return steps
