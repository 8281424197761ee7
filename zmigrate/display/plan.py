"""A plan for a person: what would happen to the rows and why, the price, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from zmigrate.display.banner import banner
from zmigrate.display.console import Hanging
from zmigrate.display.summary import count_table, step_line
from zmigrate.engine.plan.plan import Plan
from zmigrate.events import BannerFacts
from zmigrate.reasons import told
from zmigrate.wording import count, counted, duration

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from zmigrate import events
    from zmigrate.engine.plan.book import RejectGroup
    from zmigrate.engine.plan.plan import FlowPlan, PlanWarning, UserMapped
    from zmigrate.engine.plan.price import PlanCounts

FATES = (
    ("creates", "would be created", "green"),
    ("updates", "would be updated", "green"),
    ("deletes", "would be deleted", "green"),
    ("skipped", "would be skipped", ""),
    ("refused", "would be refused", "red"),
    ("not_asked", "not asked for", "yellow"),
)
SKIPS_SHOWN = 3
USERS_SHOWN = 12
TEXTS_SHOWN = 3
GROUPS_SHOWN = 30
LONGEST_VALUE = 40
STOPPING = frozenset(["RUN_BEFORE", "REFERENCE_STOPS", "BREAKER", "SCOPE_LACKING"])
"""Codes of warnings after which `run` would not start, or not finish."""


@dataclass(frozen=True, slots=True)
class PlanFiles:
    """The files that were written with a plan; of a flow, those of its steps are named after them."""

    details: Path | None = None
    """Every row, with what would become of it."""
    rejects: Path | None = None
    """The rows that would be refused."""
    commands: Mapping[str, str] = field(default_factory=dict)
    """The command that loads the fixed rejects of a step, by the step's name."""


NO_FILES = PlanFiles()


def judged(event: events.RowsJudged) -> str:
    """`12,300 of 1,000,000 rows judged`."""
    total = "" if event.rows_total is None else f"of {count(event.rows_total)} "
    return f"{count(event.rows)} {total}rows judged"


def report(plan: Plan | FlowPlan, files: PlanFiles = NO_FILES, *, practice: bool = False) -> RenderableType:
    """The whole plan. Print it with `crop=False`, so that what is to be copied stays in one piece."""
    from rich.console import Group as Lines
    from rich.text import Text

    parts: list[RenderableType] = [_banner(plan, practice)]
    if isinstance(plan, Plan):
        parts += _findings(plan)
    else:
        for step in plan.steps:
            parts += [
                "",
                Text(f"{step.facts.name}  ({step.facts.file})", style="bold"),
                *_findings(step.plan),
            ]
        if plan.warnings:
            parts += ["", Text("about all steps", style="bold yellow"), *map(_warning, plan.warnings)]
        parts += ["", _step_table(plan)]
    parts += ["", *map(Text, _price(plan)), "", _verdict(plan)]
    parts += map(step_line, _details(plan, files.details))
    parts += map(step_line, _next_steps(plan))
    parts += map(step_line, _to_fix(plan, files))
    return Lines(*parts)


def _findings(plan: Plan) -> list[RenderableType]:
    """The findings about the rows of one job."""
    from rich.text import Text

    groups = plan.groups()
    parts: list[RenderableType] = ["", _counts(plan.counts)]
    parts += [Text(f"  skipped: {reason} ({count(rows)})", style="dim") for reason, rows in _skips(plan)]
    parts.append(Text(f"= {counted(plan.counts.rows, 'row')} read; {plan.asked}", style="dim"))
    if groups:
        parts += ["", Text("would be refused", style="bold red"), *map(_group, groups[:GROUPS_SHOWN])]
        if len(groups) > GROUPS_SHOWN:
            parts.append(Text(f"  and {len(groups) - GROUPS_SHOWN} more kinds: see --details"))
    if plan.warnings:
        parts += ["", Text("please note", style="bold yellow"), *map(_warning, plan.warnings)]
    if plan.users:
        parts += ["", Text("users", style="bold"), *_users(plan.users)]
    return parts


def _skips(plan: Plan) -> Iterator[tuple[str, int]]:
    """The most frequent reasons of skipped rows, and how many rows have others."""
    shown = plan.skips[:SKIPS_SHOWN]
    yield from shown
    others = plan.counts.skipped - sum(rows for _, rows in shown)
    if shown and others > 0:
        yield "for other reasons", others


def _step_table(plan: FlowPlan) -> RenderableType:
    """A line for each step, and the total."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    total = plan.counts
    shown = [fate for fate in FATES if getattr(total, fate[0]) or fate[0] == "refused"]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_footer=True)
    table.add_column("step", "total", no_wrap=True)
    table.add_column("rows", count(total.rows), justify="right", no_wrap=True)
    for name, _, style in shown:
        title = name.replace("_", " ")
        table.add_column(title, Text(count(getattr(total, name)), style=style), justify="right", no_wrap=True)
    for step in plan.steps:
        counts = step.plan.counts
        figures = [count(getattr(counts, name)) for name in ("rows", *(name for name, _, _ in shown))]
        table.add_row(step.facts.name, *figures)
    return table


def _banner(plan: Plan | FlowPlan, practice: bool) -> RenderableType:
    return banner(
        BannerFacts(
            job=f"plan of {plan.job}",
            code=plan.code,
            org=str(plan.org["name"]),
            environment=plan.environment,
            place=plan.profile,
            module=plan.module if isinstance(plan, Plan) else None,
            operation=plan.operation if isinstance(plan, Plan) else None,
            rows=plan.counts.rows,
            practice=practice,
            steps=() if isinstance(plan, Plan) else [step.facts for step in plan.steps],
            reads=plan.variables
            if isinstance(plan, Plan)
            else list(dict.fromkeys(each for step in plan.steps for each in step.plan.variables)),
        )
    )


def _counts(counts: PlanCounts) -> RenderableType:
    table = count_table()
    for name, words, style in FATES:
        rows = getattr(counts, name)
        if rows or name == "refused":
            table.add_row(f"  {words}", count(rows), style=style if rows else "dim")
        if name == "updates" and counts.unchanged:
            change = "changes" if counts.unchanged == 1 else "change"
            table.add_row(f"    {count(counts.unchanged)} of them {change} nothing", "", style="dim")
    return table


def _group(group: RejectGroup) -> RenderableType:
    """Two lines: how many rows and where; then why, with a value."""
    from rich.console import Group as Lines
    from rich.text import Text

    reason = group.reason
    where = reason.field or "the row"
    if group.column and group.column != reason.field:
        where += f" (column {group.column!r})"
    head = Text.assemble(
        (f"{where}  ", "bold"),
        (reason.code, "red"),
        (f"  {_lines(group.lines, group.rejects)}", "dim"),
    )
    value = "" if reason.value is None else repr(_short(reason.value))
    message = told(reason)
    shown = f"{value}: " if value and value not in message else ""
    lead = Text(f"  {count(group.rejects):>7}  ", style="red")
    return Lines(Hanging(lead, head), Hanging(Text(" " * 11), Text(shown + message)))


def _short(value: str) -> str:
    return value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "…"


def _lines(lines: Sequence[int], times: int | None) -> str:
    if not lines:
        return ""
    more = ", …" if times is not None and times > len(lines) else ""
    return f"line{'' if len(lines) == 1 and not more else 's'} {', '.join(map(str, lines))}{more}"


def _warning(warning: PlanWarning) -> RenderableType:
    from rich.text import Text

    facts = [_lines(warning.lines, warning.count)] if warning.lines else []
    if warning.count is not None and (facts or warning.code == "NOT_ASKED"):
        facts.insert(0, counted(warning.count, "row"))
    behind = f" ({'; '.join(facts)})" if facts else ""
    return Hanging(Text("  - ", style="yellow"), Text.assemble(warning.message, (behind, "dim")))


def _users(users: Sequence[UserMapped]) -> Iterator[RenderableType]:
    from rich.text import Text

    together = _by_fate(users)
    for several in together[:USERS_SHOWN]:
        first = several[0]
        texts = ", ".join(repr(each.text) for each in several[:TEXTS_SHOWN])
        if len(several) > TEXTS_SHOWN:
            texts += f" and {len(several) - TEXTS_SHOWN} more"
        who = (f"no user: {first.problem}", "red") if first.user is None else (first.user, "")
        rows = f"  ({counted(sum(each.rows for each in several), 'row')})"
        yield Hanging(Text("  "), Text.assemble(f"{texts} → ", who, (rows, "dim")))
    if len(together) > USERS_SHOWN:
        yield Text(f"  and {sum(map(len, together[USERS_SHOWN:]))} more", style="dim")


def _by_fate(users: Sequence[UserMapped]) -> list[list[UserMapped]]:
    """Users with the same result together: first unknown users, then replaced ones."""
    together: dict[tuple[str | None, str | None], list[UserMapped]] = {}
    for each in users:
        together.setdefault((each.user, each.problem), []).append(each)
    return sorted(together.values(), key=_goes_without_saying)


def _goes_without_saying(several: Sequence[UserMapped]) -> int:
    if several[0].user is None:
        return 0
    return 2 if all(each.text.casefold() in (each.user or "").casefold() for each in several) else 1


def _price(plan: Plan | FlowPlan) -> Iterator[str]:
    price = plan.price
    if not plan.counts.sent:
        yield f"this plan took {counted(price.credits_used, 'credit')}"
        return
    known = price.credits_left is not None
    left = (
        f"of the {count(price.credits_left or 0)} that are left" if known else "(what is left is not known)"
    )
    calls, credits = counted(price.requests, "call"), counted(price.credits, "credit")
    yield f"a run makes about {calls} and takes {credits} {left}"
    lasts = duration(max(price.minutes * 60, 1))
    yield (
        f"it lasts about {lasts}: {counted(price.in_flight, 'call')} at a time, "
        f"{price.seconds_per_call:.1f} s each. This plan took {counted(price.credits_used, 'credit')}"
    )


def _verdict(plan: Plan | FlowPlan) -> Text:
    from rich.text import Text

    counts = plan.counts
    if counts.refused:
        return Text(
            f"{count(counts.refused)} of {counted(counts.rows, 'row')} would be refused; nothing was written",
            style="bold red",
        )
    return Text("no row would be refused; nothing was written", style="bold green")


def _details(plan: Plan | FlowPlan, details: Path | None) -> Iterator[str]:
    if details is None:
        return
    yield "Every row, with what would become of it:"
    if isinstance(plan, Plan):
        yield f"  {details}  ({counted(plan.counts.rows, 'row')})"
        return
    for step in plan.steps:
        yield f"  {step.rows_file(details)}  ({counted(step.plan.counts.rows, 'row')})"


def _next_steps(plan: Plan | FlowPlan) -> Iterator[str]:
    if plan.limited:
        yield "only the first rows were read: leave --limit out for all"
    if not plan.counts.sent:
        yield "a run would write nothing"
    elif _refused_as_a_whole(plan):
        yield "This run cannot start yet; see `please note` above"
    else:
        rows = counted(plan.counts.sent, "row")
        deletes = isinstance(plan, Plan) and plan.operation == "delete"
        yield f"to {'delete' if deletes else 'write'} {rows}: the same command with `run` instead of `plan`"


def _to_fix(plan: Plan | FlowPlan, files: PlanFiles) -> Iterator[str]:
    """Where the refused rows are, and how to load them: after the run, as they may refer to its records."""
    rejects = files.rejects
    if not plan.counts.refused:
        return
    if rejects is None:
        yield "To get the refused rows as a file that you can correct: add --rejects FILE.csv"
        return
    fix = "After the run, fix" if plan.counts.sent and not _refused_as_a_whole(plan) else "Fix"
    if isinstance(plan, Plan):
        yield f"{fix} the rows that would be refused in this file, then load it with the same command:"
        yield f"  {rejects}"
        return
    for step in plan.steps:
        if step.plan.counts.refused:
            command = files.commands.get(step.facts.name)
            rows = f"the rows of {step.facts.file} that would be refused"
            yield f"{fix} {rows}, then load them:" if command else f"{rows[0].upper()}{rows[1:]}:"
            yield f"  {command or step.rows_file(rejects)}"


def _refused_as_a_whole(plan: Plan | FlowPlan) -> bool:
    """Whether `run` would not start, or stop soon, by its warnings."""
    plans = [plan] if isinstance(plan, Plan) else [step.plan for step in plan.steps]
    warnings = [*plan.warnings, *(warning for each in plans for warning in each.warnings)]
    return any(warning.code in STOPPING for warning in warnings)
