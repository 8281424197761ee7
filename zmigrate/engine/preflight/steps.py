"""A job's record jobs as steps: a record job is one step, a flow has several, a hand-written job none."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import orjson

from zmigrate.engine.preflight.admission import refuse_lacking
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.inputs import hashes_of, refuse_changed
from zmigrate.errors import RunError, UsageError
from zmigrate.events import StepFacts
from zmigrate.job.job import Flow, Job, RecordJob, encode_options, fills_of, job_name, steps_of
from zmigrate.rows.key_slots import KeySlots
from zmigrate.rows.sources import Csv, Fingerprint, Source
from zmigrate.rows.sources.of_job import source_of
from zmigrate.zoho.connection import Connection

Given = TypeVar("Given")


class Placed(Protocol):
    """Something that belongs to one step."""

    @property
    def place(self) -> str:
        """The step, for messages; "" if it is the only one."""


Each = TypeVar("Each", bound=Placed)


@dataclass(frozen=True, slots=True)
class Step:
    """One record job: of a flow, or by itself."""

    name: str
    """`02-contacts`: its folder. "" outside of a flow."""
    file: str
    """Where its rows come from: `contacts.csv`. "" outside of a flow."""
    job: RecordJob
    source: Source

    @property
    def place(self) -> str:
        """For messages: `02-contacts (contacts.csv)`. "" outside of a flow."""
        return f"{self.name} ({self.file})" if self.name else ""

    def facts(self, rows: int | None) -> StepFacts:
        write = self.job.write
        return StepFacts(self.name, self.file, write.module, write.operation, rows)

    def to_json(self, fingerprint: Fingerprint) -> dict[str, Any]:
        """The step in the flow's run.json."""
        return {**self._what(), "reads": hashes_of(self.job), "source": fingerprint.to_json()}

    def _what(self) -> dict[str, Any]:
        write = self.job.write
        return {
            "name": self.name,
            "file": self.file,
            "job": job_name(type(self.job)),
            "options": encode_options(self.job),
            "write": {"operation": write.operation, **asdict(write)},
        }

    def refuse_changed(self, stored: Mapping[str, Any], run_id: str) -> None:
        """Raise RunError, saying what changed, unless this is the step in the flow's run.json."""
        refuse_changed(stored["reads"], self.job, run_id)
        for what, now in self._what().items():
            if stored.get(what) != orjson.loads(orjson.dumps(now, default=str)):
                raise RunError(
                    f"{self.place} is not what it was when run {run_id} began: "
                    f"its {what} was {stored.get(what)}, and is {now} now",
                    hint="Put the flow back as it was, or begin a new run.",
                    code="JOB_CHANGED",
                )


class ReadStep(NamedTuple):
    """A step, and the fingerprint of its source at the first reading."""

    step: Step
    fingerprint: Fingerprint
    repeated: str | None = None
    """Which keys may come more than once in the source, for `RepeatedKeys`; None if that is not known."""

    @property
    def place(self) -> str:
        return self.step.place


class StepContext(NamedTuple):
    """Where a step of a flow runs, and what the flow has checked."""

    flow: RunFolder
    read: ReadStep
    title: str
    """For the display: `migrate-all 2/3: 02-contacts`."""
    org: tuple[str, str]
    """The org of the flow, see `ledger.identity`."""
    connection: Connection | None = None
    """The connection of the flow's checks, which the first step goes on with."""


def steps_in(job: Job) -> list[Step]:
    """The steps of a job, in order. Raises what is wrong with a flow's jobs."""
    if isinstance(job, RecordJob):
        return [Step("", "", job, source_of(job))]
    if not isinstance(job, Flow):
        return []
    jobs = steps_of(job)
    width = max(2, len(str(len(jobs))))
    steps = []
    for number, each in enumerate(jobs, start=1):
        source = source_of(each)
        name = f"{number:0{width}}-{_slug(Path(source.name).stem) or _slug(each.write.module)}"
        steps.append(Step(name, source.name, each, source))
    return steps


def _slug(text: str) -> str:
    """The text as part of a folder's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]


def refuse_changed_steps(steps: Sequence[Step], stored: Sequence[Mapping[str, Any]], run_id: str) -> None:
    """Raise RunError, saying what changed, unless these are the steps in the flow's run.json."""
    then, now = [str(known["name"]) for known in stored], [step.name for step in steps]
    if then != now:
        raise RunError(
            f"the flow has changed since run {run_id} began: its steps were {', '.join(then)}, "
            f"and are {', '.join(now)} now",
            hint="Put the flow back as it was, or begin a new run.",
            code="JOB_CHANGED",
        )
    for step, known in zip(steps, stored, strict=True):
        step.refuse_changed(known, run_id)


def combined(fingerprints: Sequence[Fingerprint]) -> dict[str, Any]:
    """A flow's sources as one source: what identifies them, and how many rows they have."""
    digest = hashlib.sha256("\n".join(found.sha256 for found in fingerprints).encode())
    rows = [found.rows for found in fingerprints]
    known = [count for count in rows if count is not None]
    return {"sha256": digest.hexdigest(), "rows": sum(known) if len(known) == len(rows) else None}


def for_each(steps: Sequence[Each], do: Callable[[Each], Given]) -> list[Given]:
    """What `do` gives for each step. Raises one UsageError that says all that is wrong."""
    given: list[Given] = []
    wrong: list[tuple[Each, UsageError]] = []
    for step in steps:
        try:
            given.append(do(step))
        except UsageError as error:
            if not step.place:
                raise
            wrong.append((step, error))
    if wrong:
        raise _all_of(wrong)
    return given


def _all_of(wrong: Sequence[tuple[Each, UsageError]]) -> UsageError:
    codes = dict.fromkeys(error.code for _, error in wrong)
    hints = dict.fromkeys(error.hint for _, error in wrong if error.hint)
    return UsageError(
        "\n".join(f"{step.place}: {error.message}" for step, error in wrong),
        hint="\n".join(hints) or None,
        code=next(iter(codes)) if len(codes) == 1 else "STEPS",
    )


def read_step(step: Step) -> ReadStep:
    """Read a step's source once, strictly, and check what needs no call."""
    fills_of(step.job)
    source, column = step.source, step.job._key_column
    if type(source) is Csv and column is not None:
        keys = KeySlots(column)
        read = ReadStep(step, source.scan(keys), keys.packed())
    else:
        read = ReadStep(step, source.scan())
    refuse_lacking(step.job, source)
    return read
