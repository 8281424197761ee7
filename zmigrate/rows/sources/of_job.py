"""The source of a record job, whatever its author's `source` gives: a source, a list, a generator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from zmigrate.errors import JobError
from zmigrate.job.author_code import hidden
from zmigrate.job.checks import SOURCES, said_of, value_of
from zmigrate.job.job import Job, RecordJob, call_author, encode_options, job_name
from zmigrate.job.writes import scopes_for
from zmigrate.rows.sources.rows import NOT_NAMED, Rows
from zmigrate.zoho.facts import scopes as scope_facts

if TYPE_CHECKING:
    from zmigrate.rows.sources.base import Source
    from zmigrate.rows.sources.variables import Variables


def source_of(job: RecordJob) -> Source:
    """The job's source: what the author's `source` gives, or is. Raises JobError for anything else."""
    given: Any = call_author(job, "source", lambda: value_of(job.source))
    if (
        not _is_source(given)
        and isinstance(given, Iterable)
        and not isinstance(given, str | bytes | Mapping | type)
    ):
        given = Rows(given)
    if not _is_source(given):
        raise JobError(
            f"{type(job).__name__}.source() gave {said_of(given)}, which is no source.",
            hint=f"{'Does it lack a `return`? ' if given is None else ''}{SOURCES}",
        )
    if isinstance(given, Rows):
        name = job_name(type(job))
        told = name if given.name == NOT_NAMED else hidden(job._secrets, given.name)
        return given.of_job(told, f"{name} {json.dumps(encode_options(job), sort_keys=True)}")
    source: Source = given
    hand_over: Callable[[Variables], Source] | None = getattr(source, "with_variables", None)
    return source if hand_over is None or job._variables is None else hand_over(job._variables)


def _is_source(given: Any) -> bool:
    names = ("scan", "check", "rows", "scopes")
    return not isinstance(given, type) and all(hasattr(given, name) for name in names)


def missing_scopes(job: Job, source: Source | None = None) -> tuple[str, ...]:
    """The scopes that the job's write and source need, but that the job does not declare."""
    if not isinstance(job, RecordJob):
        return ()
    wanted = scopes_for(job.write, source if source is not None else source_of(job))
    return tuple(scope_facts.missing(job.scopes, wanted))
