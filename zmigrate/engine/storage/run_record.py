"""A run's record: what the run is and its state, with the checks that make it safe to rely on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import datetime
from typing import Any, Final, get_args

import orjson

from zmigrate.engine.model.outcomes import UNFINISHED, RowCounts, RunState, rows_of
from zmigrate.private_files import is_plain_name
from zmigrate.zoho.metadata import is_org_id

RUN_FORMAT: Final = 1

STAMP = "%Y%m%d-%H%M%S"
"""The beginning of a run's id: the local time."""
STAMP_LENGTH = len("20240131-235959")

LONGEST: Final = 1e12
"""Seconds, or rows a second: more than any run can have."""

STATES = frozenset(get_args(RunState))
TEXTS = ("run_id", "job", "state", "started_at", "origin", "api_domain", "place")
TABLES = ("options", "settings", "org", "versions")
OPTIONAL_TABLES = ("source", "result")
STEP_TEXTS = ("name", "file", "job")
STEP_TABLES = ("options", "write", "source", "reads")
REQUESTS = frozenset({"sent", "retried", "throttled"})
TOKENS = frozenset({"acquired", "renewed"})
RESULT_TABLES = ("rows", "requests", "tokens", "credits", "files")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What `run.json` holds. It holds no secrets: `options` are stored without them."""

    run_id: str
    job: str
    state: RunState
    started_at: str
    options: Mapping[str, Any]
    origin: str
    """Where the job class was found: a file, or a module."""
    settings: Mapping[str, Any]
    """The options of the run, see `RunOptions.to_json`. A resume keeps some of them."""
    org: Mapping[str, Any]
    api_domain: str
    place: str
    """Where the credentials came from."""
    write: Mapping[str, Any] | None
    source: Mapping[str, Any] | None
    versions: Mapping[str, str]
    code: str | None = None
    """The SHA-256 of the file of the job's class; None if it was typed in, or is zmigrate's own."""
    reads: Mapping[str, str] = field(default_factory=dict)
    """The job's input files, with the SHA-256 of each."""
    steps: Sequence[Mapping[str, Any]] | None = None
    """For a flow: its jobs in the order in which they run. None for any other run."""
    begun: Sequence[str] = ()
    """For a flow: the names of the steps that have begun, so that a missing step folder is noticed."""
    practice: bool = False
    updated_at: str = ""
    result: Mapping[str, Any] | None = None
    """The run's last result, as `--json` prints it."""
    format: int = field(default=RUN_FORMAT)

    @property
    def unfinished(self) -> bool:
        return self.state in UNFINISHED

    @property
    def by_hand(self) -> bool:
        """Whether the job is hand-written: it declares no write, and has no steps."""
        return self.write is None and self.steps is None

    def began(self, now: float) -> float:
        """When the run began, in epoch seconds: from the record, else from the run's id, else long ago. A
        time ahead of the clock counts as now.
        """
        return began_at(self.started_at, self.run_id, now)

    def to_json(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


class NotReadable(Exception):
    """There is no usable record in this place; the message says why."""

    def __init__(self, why: str, other: Mapping[str, Any] | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.other = other
        """The record, if it has another format."""


def read_record(content: bytes, place: str) -> RunRecord:
    """The record in a file. Raises NotReadable; `place` names the file in the message."""
    if not content.strip():
        raise NotReadable(f"{place} is empty")
    try:
        stored = orjson.loads(content)
    except ValueError as error:
        raise NotReadable(f"{place} is damaged: {error}") from error
    return record_of(stored, place)


def record_of(stored: object, place: str) -> RunRecord:
    """The record from a JSON value. Raises NotReadable; `place` names the value's origin in the message."""
    if not isinstance(stored, Mapping) or "job" not in stored:
        raise NotReadable(f"{place} is not the record of a run")
    if stored.get("format") != RUN_FORMAT:
        form = f"{stored.get('format')}, needed {RUN_FORMAT}"
        raise NotReadable(f"{place} was written in another format ({form})", other=stored)
    try:
        orjson.dumps(stored)
    except TypeError as error:  # values nested too deep can be neither shown nor written again
        raise NotReadable(f"{place} can't be used: {error}") from error
    fault = _fault_of(stored)
    if fault is not None:
        raise NotReadable(f"{place} {fault}")
    known = {each.name for each in fields(RunRecord)}
    return RunRecord(**{name: value for name, value in stored.items() if name in known})


def began_at(started_at: str, run_id: str, now: float) -> float:
    """See `RunRecord.began`."""
    stamp = run_id.partition("/")[0][:STAMP_LENGTH]
    for text, read in ((started_at, datetime.fromisoformat), (stamp, _from_stamp)):
        try:
            return min(read(text).timestamp(), now)
        except (
            ValueError,
            OverflowError,
            OSError,
        ):  # the last two: times beyond what the system can calculate with
            continue
    return 0.0


def _from_stamp(text: str) -> datetime:
    """The time in an id, by the local clock."""
    return datetime.fromisoformat(text.replace("-", "T"))


def _fault_of(stored: Mapping[str, Any]) -> str | None:
    """What is wrong with a record, as a clause, or None."""
    absent = [each.name for each in fields(RunRecord) if _is_needed(each) and each.name not in stored]
    if absent:
        return f"lacks the run's {', '.join(absent)}"
    odd = [
        *(name for name in TEXTS if not isinstance(stored[name], str)),
        *(name for name in TABLES if not isinstance(stored[name], Mapping)),
        *(name for name in OPTIONAL_TABLES if not _table_or_none(stored.get(name))),
    ]
    checks = {
        "settings": "settings" in odd or _are_settings(stored["settings"]),
        "state": stored["state"] in STATES if isinstance(stored["state"], str) else False,
        "practice": isinstance(stored.get("practice", False), bool),
        "updated_at": isinstance(stored.get("updated_at", ""), str),
        "code": isinstance(stored.get("code"), str | None),
        "reads": isinstance(stored.get("reads", {}), Mapping),
        "write": _is_write(stored.get("write")),
        "result": "result" in odd or _is_result(stored.get("result")),
        "steps": _are_steps(stored.get("steps")),
        "begun": _are_names(stored.get("begun", [])),
        "source": "source" in odd or _is_source(stored.get("source")),
        "org": "org" in odd or _is_org(stored["org"]),
    }
    odd += [name for name, right in checks.items() if not right]
    return f"has unreadable values for {', '.join(dict.fromkeys(odd))}" if odd else None


def _is_needed(field_: Field[Any]) -> bool:
    return field_.default is MISSING and field_.default_factory is MISSING


def _are_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


def _are_names(value: object) -> bool:
    """Whether these are plain names of folders, which lead nowhere else."""
    return isinstance(value, list | tuple) and _are_texts(value) and all(map(is_plain_name, value))


def _are_settings(settings: Mapping[str, Any]) -> bool:
    """Whether a resume can use them. Earlier versions kept fewer settings."""
    profile, concurrency = settings.get("profile"), settings.get("concurrency")
    return (
        isinstance(profile, str | None)
        and (concurrency is None or (type(concurrency) is int and concurrency > 0))
        and _are_texts(settings.get("trigger") or [])
        and all(isinstance(settings.get(name), bool | None) for name in ("keep_going", "wait"))
    )


def _is_org(org: Mapping[str, Any]) -> bool:
    """Whether the org is known. Its ids become names of folders; the zgid may be missing."""
    zgid = org.get("zgid")
    return isinstance(org.get("id"), str) and is_org_id(org["id"]) and (not zgid or is_org_id(str(zgid)))


def _is_source(source: Mapping[str, Any] | None) -> bool:
    """Whether the source's content can be recognised; a hand-written job has no source."""
    return source is None or (
        isinstance(source.get("sha256"), str) and type(source.get("rows")) in {int, type(None)}
    )


def _table_or_none(value: object) -> bool:
    return value is None or isinstance(value, Mapping)


def _is_write(write: object) -> bool:
    named = ("module", "operation")
    return write is None or (
        isinstance(write, Mapping) and all(isinstance(write.get(name), str) for name in named)
    )


def _is_result(result: Mapping[str, Any] | None) -> bool:
    """Whether a result has everything that is shown and added up."""
    if result is None:
        return True
    if any(not isinstance(result.get(name), Mapping) for name in RESULT_TABLES):
        return False
    figures = [*result["requests"].values(), *result["tokens"].values(), result["credits"].get("used")]
    times: list[Any] = [result.get("elapsed_s"), result.get("rows_per_s")]
    return (
        rows_of(result["rows"]) is not None
        and len(result["rows"]) == len(fields(RowCounts))
        and result["requests"].keys() >= REQUESTS
        and result["tokens"].keys() >= TOKENS
        and all(type(figure) is int for figure in figures)
        and type(result["credits"].get("estimated")) in {int, type(None)}
        and all(type(figure) in {int, float} and 0 <= figure <= LONGEST for figure in times)
        and _is_error(result.get("error"))
        and (result.get("steps") is None or _are_texts(result.get("not_begun")))
        and _are_steps_of_result(result.get("steps"))
    )


def _is_error(error: object) -> bool:
    return error is None or (isinstance(error, Mapping) and isinstance(error.get("message"), str))


def _are_steps_of_result(steps: object) -> bool:
    """Whether these are results of steps, each in a folder of the flow, and none of them a flow."""
    return steps is None or (
        isinstance(steps, list)
        and all(
            isinstance(step, Mapping)
            and isinstance(step.get("run_id"), str)
            and is_plain_name(step["run_id"].rpartition("/")[2])
            and isinstance(step.get("state"), str)
            and step["state"] in STATES
            and step.get("steps") is None
            and _is_result(step)
            for step in steps
        )
    )


def _are_steps(steps: object) -> bool:
    """Whether these are the jobs of a flow, each with its name, job, options and source."""
    return steps is None or (
        isinstance(steps, list)
        and all(
            isinstance(step, Mapping)
            and all(isinstance(step.get(name), str) for name in STEP_TEXTS)
            and is_plain_name(step["name"])
            and all(isinstance(step.get(name), Mapping) for name in STEP_TABLES)
            and _is_write(step["write"])
            for step in steps
        )
    )
