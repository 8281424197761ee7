"""The commands that load a run's failed or doubtful rows again, each ready to be pasted."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zmigrate.events import StepFacts
from zmigrate.private_files import open_private
from zmigrate.wording import nearby

if TYPE_CHECKING:
    from zmigrate.display.in_doubt import Reload
    from zmigrate.display.next_commands import Named
    from zmigrate.engine.storage.ledger import RunInfo
    from zmigrate.engine.storage.run_record import RunRecord
    from zmigrate.job.options import OptionSpec
    from zmigrate.rows.mapping.merging import GivenWords

TAKES_A_KEY = frozenset({"import-csv", "import-file"})  # jobs with an option for the key

TELLS_APART = ("Legacy_ID", "Email")  # columns that identify records, in order of preference

OF_OTHER_FILES = frozenset({"sheet", "header", "select", "order_by"})
"""Options of import-file for workbooks and databases; result files are CSV."""


def commands(info: RunInfo, named: Named) -> list[str]:
    """A command for each errors.csv of the run, or of a flow's steps. Nothing for a job that takes no such
    file, or that is not found from here.
    """
    from zmigrate.engine.storage.ledger import list_steps, readable

    flow = info.record if info.record.steps is not None else None
    made = []
    for run in readable(list_steps(info.folder)) or [info]:
        if run.rows.failed:
            words = words_of(run.record, flow, run.folder.result_file("errors"), named.jobs)
            if words is not None:
                made.append(named.run([*words, *common(info.record)]))
    return made


def reloads(info: RunInfo, named: Named) -> dict[str, Reload]:
    """How to load the rows in doubt again, by run id (of a flow, by its steps')."""
    from zmigrate.display.in_doubt import Reload
    from zmigrate.engine.storage.ledger import doubles, list_steps, readable

    flow = info.record if info.record.steps is not None else None
    made = {}
    for run in readable(list_steps(info.folder)) or [info]:
        write = run.record.write
        if not run.rows.in_doubt or write is None:
            continue
        file = run.folder.result_file("in_doubt")
        words = words_of(run.record, flow, file, named.jobs)
        by = field_to_look_by(words, write, file) if doubles(write) else None
        looks = [] if by is None else ["--on-existing", "skip"]
        if by is not None and not write["key"]:
            looks = ["--key", by, *looks]
        command = None if words is None else named.run([*words, *looks, *common(info.record)])
        made[run.run_id] = Reload(write["operation"], write["key"], doubles(write), command, by)
    return made


def field_to_look_by(words: Sequence[str] | None, write: Mapping[str, Any], file: Path) -> str | None:
    """The field by which an insert can leave out records that Zoho has: its key, or another identifying
    column. None if there is none, or if a mapping defines the load.
    """
    if words is None or words[0] not in TAKES_A_KEY or "--mapping" in words:
        return None
    if write["key"]:
        return str(write["key"])
    with suppress(OSError, UnicodeDecodeError, csv.Error):
        with open(file, encoding="utf-8-sig", newline="", opener=open_private) as opened:
            header = next(csv.reader(opened), [])
        return next((name for name in TELLS_APART if name in header), None)
    return None


def common(record: RunRecord) -> Iterator[str]:
    """The runner's options that the command must repeat."""
    profile = record.settings.get("profile")
    if profile:
        yield from ("--profile", profile)
    for name in record.settings.get("trigger") or ():
        yield from ("--trigger", name)


def words_of(record: RunRecord, flow: RunRecord | None, file: Path, jobs: Path | None) -> list[str] | None:
    """The job and options that load this file as the run loaded its source."""
    if flow is not None and record.job == "load-file":
        return words_of_load(record, flow, file)
    from zmigrate.engine.storage.inputs import class_of_run
    from zmigrate.errors import JobError
    from zmigrate.job.job import options

    try:
        cls = class_of_run(record, jobs, Path.cwd())
    except JobError:
        return None
    words, takes_it = [record.job], False
    source = record.source or {}
    for spec in options(cls):
        value = record.options.get(spec.name)
        if spec.name in OF_OTHER_FILES and record.job == "import-file":
            continue
        if spec.kind == "argument" and value is not None and same_place(value, source.get("path")):
            words.append(nearby(str(file)))
            takes_it = True
        else:
            words += written(spec, value)
    takes_csv = source.get("delimiter") is not None or record.job == "import-file"
    return words if takes_it and takes_csv else None


def words_of_load(record: RunRecord, flow: RunRecord, file: Path) -> list[str] | None:
    """The job and options for a step of import-folder: the mapping, and which load of it."""
    mapping = next(iter(record.reads), None)
    steps = [step for step in flow.steps or () if mapping in step["reads"]]
    names = [step["name"] for step in steps]
    if mapping is None or file.parent.name not in names:
        return None
    facts = list(map(StepFacts.of_record, steps))
    return load_words(file, Path(mapping), facts, names.index(file.parent.name))


def load_words(file: Path, mapping: Path, steps: Sequence[StepFacts], place: int) -> list[str]:
    """The job and options that load a file by one load of a mapping, with no more options than needed.

    `steps`: those of the mapping; `place`: that of the load among them.
    """
    from zmigrate.errors import ZmigrateError
    from zmigrate.rows.mapping.merging import choose_load, loads_in_file

    words = ["import-csv", nearby(str(file)), "--mapping", nearby(str(mapping))]
    load = steps[place]
    every = ["--load-of", load.file, "--module", load.module, "--operation", load.operation]
    try:
        loads = loads_in_file(mapping)
    except ZmigrateError:  # changed since: it may need all of them now
        return [*words, *every]
    # Loads of one module run in the mapping's order, so the second such step is by the second such load.
    alike = [number for number, each in enumerate(loads) if _is_of(each, load)]
    before = sum(_same(each, load) for each in steps[:place])
    if before >= len(alike):
        return [*words, *every]  # the mapping has changed since
    for given in ([], every[:2], every[:4], every):
        said = dict(zip(given[::2], given[1::2], strict=True))
        chosen_by = said.get("--load-of", str(file)), said.get("--module"), said.get("--operation")
        with suppress(ZmigrateError):
            if choose_load(loads, mapping, *chosen_by) is loads[alike[before]]:
                return [*words, *given]
    return [*words, "--load-of", str(alike[before] + 1)]


def _same(one: StepFacts, other: StepFacts) -> bool:
    return (one.file, one.module, one.operation) == (other.file, other.module, other.operation)


def _is_of(words: GivenWords, load: StepFacts) -> bool:
    """Whether a load of a mapping may be the one of a step."""
    said = words.words
    names = (said.get("file"), Path(str(said.get("file"))).name)
    return load.file in names and (said.get("module"), said.get("operation")) == (load.module, load.operation)


def written(spec: OptionSpec, value: Any) -> Iterator[str]:
    """An option as it is typed; nothing if it has its default value."""
    default = list(spec.default) if isinstance(spec.default, tuple) else spec.default
    if spec.secret or value is None or value == default:
        return
    if isinstance(value, bool) and spec.base is bool:
        yield spec.flag if value else f"--no-{spec.flag[2:]}"
        return
    for each in value if isinstance(value, list) else [value]:
        if spec.kind == "option":
            yield spec.flag
        yield nearby(str(each)) if spec.base is Path else str(each)


def same_place(value: Any, path: str | None) -> bool:
    """Whether an option's value is the file or URL of a source."""
    return path is not None and (value == path or str(Path(str(value)).absolute()) == path)
