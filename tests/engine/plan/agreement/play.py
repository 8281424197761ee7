"""Plans a case, runs it, and compares what both say about each row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from zmigrate.ready_jobs.import_csv import ImportCsv
from zmigrate.ready_jobs.import_folder import ImportFolder

from tests.engine.plan.agreement.cases import CODE, UNKNOWN_ID, Case, Load
from tests.engine.plan.agreement.links import wrong_links
from tests.support import Bench, read_rows, write_rows
from zmigrate import FlowPlan, Plan, RunResult
from zmigrate.emulator import Emulator, Options

ROOMY: Final = {"token_limit": 100_000, "edition": "ultimate", "users_purchased": 100_000}
CALLS_IN_FLIGHT: Final = 10
LATENCY_MS: Final = 4.0
"""So long that several calls are under way at once."""

FATE_OF: Final = {
    "created": "create",
    "updated": "update",
    "deleted": "delete",
    "skipped": "skip",
    "failed": "refuse",
}

Line = tuple[str, int]
"""A file and a line of it."""


class Told(NamedTuple):
    """What a plan, or a run, says about a row. `id` of a run: None if its files don't say it."""

    fate: str
    id: str | None
    codes: frozenset[str]
    message: str

    def __str__(self) -> str:
        return " ".join(filter(None, [self.kind, self.id, self.message]))

    @property
    def kind(self) -> str:
        return " ".join([self.fate, *sorted(self.codes)])


@dataclass(slots=True)
class Played:
    """What came of a case."""

    case: Case
    ids: list[str]
    """Of the records that were there before."""
    planned: dict[Line, Told]
    ran: dict[Line, Told]
    wrong: list[str] = field(default_factory=list)
    """What does not agree, a line each."""
    kinds: Counter[str] = field(default_factory=Counter)
    """How the fates and codes of a row differ, and of how many rows."""


@contextmanager
def an_emulator() -> Iterator[Emulator]:
    with Emulator(Options(**ROOMY)) as emulator:
        yield emulator


def play(case: Case, emulator: Emulator) -> Played:
    """Plan the case, then run it."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        bench = Bench(emulator, folder)
        ids = prepare_org(bench, case)
        before = [len(bench.records(module)) for module in case.unique]
        job = job_of(case, folder, ids)
        found = bench.plan(job, concurrency=CALLS_IN_FLIGHT)
        with closing(found):
            planned = told_by_plan(found, case, folder)
            counts = counts_of_plan(found)
        played = Played(case, ids, planned, {})
        if [len(bench.records(module)) for module in case.unique] != before:
            played.wrong.append("the plan created a record")
        result = bench.run(job, concurrency=CALLS_IN_FLIGHT, keep_going=True)
        played.ran = told_by_run(result, case)
        compare(played, counts, counts_of_run(result))
        played.wrong += created_twice(bench, case)
        played.wrong += wrong_links(bench, case, ids, *ids_written(played.ran))
        return played


# -- the org ---------------------------------------------------------------------------------------------


def prepare_org(bench: Bench, case: Case) -> list[str]:
    """Set the unique fields and the records that are there; gives the ids of the records."""
    bench.post("reset", None)
    bench.options(latency_ms=LATENCY_MS)
    for module, second in case.unique.items():
        exact = module in case.case_sensitive
        bench.post(f"fields/{module}", {"api_name": CODE, "case_sensitive": exact})
        bench.post(
            f"fields/{module}",
            {"api_name": second, "unique": True, "case_sensitive": exact and second != "Email"},
        )
    ids: list[str] = []
    for module, records in groupby(case.there, attrgetter("module")):
        values = [dict(known.values) for known in records]
        put = _write_earlier if case.earlier else _seed
        ids += put(bench, module, values)
    return ids


def _seed(bench: Bench, module: str, records: list[dict[str, str]]) -> list[str]:
    return bench.seed(records, module, created_time="2024-01-01T00:00:00Z")


def _write_earlier(bench: Bench, module: str, records: list[dict[str, str]]) -> list[str]:
    """Let a run write those that have a code."""
    columns = {name: "" for record in records for name in record}
    written = [columns | record for record in records if CODE in record]
    path = write_rows(bench.folder / f"earlier-{module}.csv", written)
    bench.run(ImportCsv(file=path, module=module, operation="insert", key=CODE))
    known = {record[CODE]: record["id"] for record in bench.records(module)}
    assert len(known) == len(written)
    return [known.get(record.get(CODE)) or _seed(bench, module, [record])[0] for record in records]


def created_twice(bench: Bench, case: Case) -> list[str]:
    """Two records with one value that is unique, or with one key."""
    found = []
    for load in case.loads:
        module = load.module
        for name in (CODE, module.second):
            twice = bench.audit(module.name, name)["created_twice"]
            found += [f"{module.name}.{name} {value!r} was created twice: {ids}" for value, ids in twice]
    return found


# -- the job ---------------------------------------------------------------------------------------------


def job_of(case: Case, folder: Path, ids: list[str]) -> Any:
    """Write the files and the mapping; gives the job that loads them."""
    data = folder / "data"
    data.mkdir()
    for load in case.loads:
        write_rows(data / load.module.file, rows_with_ids(load, ids))
    mapping = data / "mapping.toml"
    mapping.write_text(mapping_of(case), "utf-8")
    if case.as_folder:
        return ImportFolder(folder=data)
    return ImportCsv(file=data / case.loads[0].module.file, mapping=mapping)


def mapping_of(case: Case) -> str:
    if not case.as_folder:
        return case.loads[0].mapping("", file=False)
    return "\n".join("[[load]]\n" + load.mapping("load.", file=True) for load in case.loads)


def rows_with_ids(load: Load, ids: list[str]) -> list[dict[str, str]]:
    def real(cell: str) -> str:
        return re.sub(r"^\{(\d+)\}$", lambda found: ids[int(found[1])], cell)

    return [{name: real(cell) for name, cell in row.items()} for row in load.rows]


# -- what both say ---------------------------------------------------------------------------------------


def told_by_plan(found: Plan | FlowPlan, case: Case, folder: Path) -> dict[Line, Told]:
    """What `--details` says about each row."""
    path = folder / "details.csv"
    written = found.write_details(path)
    files = (
        {step.facts.file: folder / f"details-{step.facts.name}.csv" for step in found.steps}
        if isinstance(found, FlowPlan)
        else {case.loads[0].module.file: path}
    )
    told = {
        (file, int(row["line"])): Told(row["fate"], row["id"], codes_of(row), row["message"])
        for file, details in files.items()
        for row in read_rows(details)
    }
    assert written == len(told)
    return told


def told_by_run(result: RunResult, case: Case) -> dict[Line, Told]:
    """What the result files say about each row."""
    told: dict[Line, Told] = {}
    for name, fate in (("success", None), ("errors", "failed"), ("skipped", "skipped"), ("in_doubt", "?")):
        for row in read_rows(result.files[name]) if result.files.get(name) else []:
            place = (row.get("file", case.loads[0].module.file), int(row["line"]))
            assert place not in told, f"{place} is in two files"
            action = fate or row["action"]
            fate_ = FATE_OF.get(action, action)
            told[place] = Told(fate_, row.get("id"), codes_of(row), row.get("message", ""))
    return told


def ids_written(ran: Mapping[Line, Told]) -> tuple[dict[Line, str], dict[Line, str]]:
    """The records that rows created or updated; and those that failed rows created, without a link that
    closes a circle.
    """
    written = {place: told.id for place, told in ran.items() if told.id and told.fate in ("create", "update")}
    half = {place: re.match(r"written as (\d+)", told.message) for place, told in ran.items()}
    return written, {place: found[1] for place, found in half.items() if found}


def codes_of(row: Mapping[str, str]) -> frozenset[str]:
    return frozenset(filter(None, row.get("code", "").split("; ")))


def counts_of_plan(found: Plan | FlowPlan) -> dict[str, int]:
    counts = found.counts
    return {
        "create": counts.creates,
        "update": counts.updates,
        "delete": counts.deletes,
        "skip": counts.skipped,
        "refuse": counts.refused,
    }


def counts_of_run(result: RunResult) -> dict[str, int]:
    rows = result.rows
    return {
        "create": rows.created,
        "update": rows.updated,
        "delete": rows.deleted,
        "skip": rows.skipped,
        "refuse": rows.failed,
    }


# -- the comparison --------------------------------------------------------------------------------------


def compare(played: Played, planned: Mapping[str, int], ran: Mapping[str, int]) -> None:
    """Note every row that differs, and counts that do."""
    case, wrong = played.case, played.wrong
    every = [(load.module.file, line) for load in case.loads for line in range(2, len(load.rows) + 2)]
    for who, told in (("plan", played.planned), ("run", played.ran)):
        if sorted(told) != sorted(every):
            wrong.append(f"the {who} tells of {len(told)} rows, not of {len(every)}")
    known = set(played.ids)
    for place in every:
        plan, run = played.planned.get(place), played.ran.get(place)
        if plan is not None and run is not None and not agree(plan, run, known):
            wrong.append(f"{place[0]}:{place[1]}: plan: {plan}\n    run: {run}")
            played.kinds[f"plan {plan.kind}, run {run.kind}"] += 1
    if planned != ran:
        wrong.append(f"counts: plan {dict(planned)}, run {dict(ran)}")


def agree(plan: Told, run: Told, known: set[str]) -> bool:
    """Fate and codes; and the id of a record that was there before (`known`). The plan shows no other, but
    for one that the row itself names. A run's skipped rows name their records in the message, if anywhere.
    """
    if plan.fate != run.fate or not run.codes <= plan.codes:
        return False
    if plan.id not in known | {"", UNKNOWN_ID}:
        return False
    shown = known.intersection([run.id] if run.id is not None else re.findall(r"\d{10,}", run.message))
    if run.fate == "refuse" or (run.fate == "skip" and not shown):
        return True
    return plan.id in shown if len(shown) == 1 else plan.id == ""


def shown(played: Played) -> str:
    """All that is needed to understand a case that failed."""
    case = played.case
    parts = [
        f"seed {case.seed}; unique by letter case: {sorted(case.case_sensitive) or 'nowhere'}"
        f"{'; an earlier run wrote what is there' if case.earlier else ''}"
    ]
    parts += [
        f"there: {known.module} {record_id} {dict(known.values)}"
        for known, record_id in zip(case.there, played.ids, strict=True)
    ]
    parts.append(mapping_of(case))
    for load in case.loads:
        parts.append(f"{load.module.file}:")
        for line, row in enumerate(rows_with_ids(load, played.ids), start=2):
            cells = {name: cell for name, cell in row.items() if cell}
            place = (load.module.file, line)
            same = (
                "   " if not any(text.startswith(f"{place[0]}:{line}:") for text in played.wrong) else "!!!"
            )
            parts.append(f"{same} {line}: {cells}")
    return "\n".join([*parts, "", f"{len(played.wrong)} differences:", *played.wrong])
