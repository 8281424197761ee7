"""The guard against doing work twice: what is under way or done, or may be, does not start again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zmigrate.engine.storage.folder import STEPS, cannot_write, make_private
from zmigrate.engine.storage.ledger import (
    CREATED_BY_HAND,
    RunInfo,
    UnreadableRun,
    all_runs,
    doubles,
    identity,
    insert_once_more,
    list_steps,
    readable,
    touched,
    what_again_does,
)
from zmigrate.engine.storage.lock import Lock, LockHeld
from zmigrate.engine.storage.run_record import RunRecord
from zmigrate.errors import RunError

REPEATABLE = frozenset({"update", "upsert", "delete"})
"""Operations that make no second record if they are repeated."""


def refuse_repetition(
    state_dir: Path,
    job: str,
    options: Mapping[str, Any],
    write: Mapping[str, Any] | None,
    source: Mapping[str, Any] | None,
    org: tuple[str, str],
    *,
    once: bool,
    again: bool,
) -> None:
    """Raise RunError, naming the run, for work that is under way or done already.

    An unfinished run of the same job, options, write, source content and org has to be resumed, or
    overridden with `again`. A finished run blocks without `again` if it inserted something, or if it is a
    hand-written job that created records or may have. A job that runs once does not run again. The steps
    of flows count, too, and so does a folder of which nothing is known.
    """
    for run in reversed(list(all_runs(state_dir))):
        if isinstance(run, UnreadableRun):
            if not again and _may_be(run, job, source) and (once or _may_create(write)):
                raise _unknown(run)
            continue
        record = run.record
        if record.practice or record.job != job or identity(record.org) != org:
            continue
        if once and record.state == "finished":
            raise RunError(
                f"{job} runs once in an org, and has finished here: {run.run_id}",
                hint="To run it again anyway, set `once = False` in the job.",
            )
        if again:
            continue
        if not _same_work(record, options, write, source):
            _refuse_changed_file(run, options, write, source)
            continue
        if run.running:
            raise RunError(f"the same job is running now: {run.run_id}", hint="Wait for it to end.")
        if record.unfinished:
            raise RunError(
                f"the same job with the same {_named(source)} is unfinished ({record.state}): {run.run_id}",
                hint=f"Go on with: zmigrate resume {run.run_id.partition('/')[0]}   "
                f"(or start again with --again: {beside(run)})",
            )
        inserted = (record.write or {}).get("operation") == "insert" and _may_have_written(run)
        if inserted and not (write or {}).get("on_existing"):
            raise RunError(
                f"the same {_named(source)} was inserted already: {run.run_id}",
                hint=insert_once_more(record.write or {}, options),
            )
        if record.by_hand and (run.rows.created or run.rows.in_doubt):
            created = "created records" if run.rows.created else "may have created records"
            raise RunError(
                f"the same job has finished already, and {created}: {run.run_id}",
                hint=CREATED_BY_HAND,
            )


def _refuse_changed_file(
    run: RunInfo,
    options: Mapping[str, Any],
    write: Mapping[str, Any] | None,
    source: Mapping[str, Any] | None,
) -> None:
    """Raise RunError if this file was inserted and changed since: the rows that stayed would be doubled."""
    record = run.record
    path = (source or {}).get("path")
    same_place = path and _named(source) == "file" and (record.source or {}).get("path") == path
    if write is None or not doubles(write) or not same_place or _where(record.write) != _where(write):
        return
    if _may_have_written(run):
        raise RunError(
            f"{path} was inserted by run {run.run_id}, and has changed since",
            hint="Rows that are in both would be there TWICE. To load only what failed, fix errors.csv of"
            f" that run and load it. {insert_once_more(write, options)}",
        )


def beside(run: RunInfo) -> str:
    """What `--again` would do, given this earlier run, for a hint."""
    if run.uncounted is not None:
        return "what it has written is not known, and would be there TWICE unless a key prevents that"
    writes = [each.record.write or {} for each in (readable(list_steps(run.folder)) or [run])]
    return what_again_does(run.rows, writes, run.record.options)


def _named(source: Mapping[str, Any] | None) -> str:
    """What two runs have in common, for a message: a hand-written job has no source."""
    if source is None:
        return "options"
    return "file" if Path(source.get("path") or "").is_absolute() else "source"


def _may_have_written(run: RunInfo) -> bool:
    return run.record.result is None or touched(run.rows) > 0


def _may_create(write: Mapping[str, Any] | None) -> bool:
    """Whether the work creates records; a flow, or a hand-written job, may."""
    return write is None or write.get("operation") not in REPEATABLE


def _may_be(run: UnreadableRun, job: str, source: Mapping[str, Any] | None) -> bool:
    """Whether an unknown run may be one of this job, and of this file, if its flow names the file."""
    if not run.may_have_sent or run.job not in (None, job):
        return False
    if run.step is None:
        return True
    return bool(_content(run.step["source"]) == _content(source))


def _unknown(run: UnreadableRun) -> RunError:
    """The refusal beside a run of which nothing is known."""
    restart = (
        "Once you know what it has written, move its folder away. To start anyway: --again; what it has"
        " written may then be there TWICE."
    )
    return RunError(
        f"{run.error.message.rstrip('.')}: it may have sent the same rows",
        hint=f"{run.error.hint or ''} {restart}".strip(),
    )


def _same_work(
    record: RunRecord,
    options: Mapping[str, Any],
    write: Mapping[str, Any] | None,
    source: Mapping[str, Any] | None,
) -> bool:
    """Whether a run did this work: the same content, written the same way. (Options only for non-inserts.)"""
    if _where(record.write) != _where(write):
        return False
    if not _same_content(record, options, source) or _of_another_step(record.source, source):
        return False
    if _of_other_loads(record.options.get("load_of"), options.get("load_of")):
        return False
    inserts = write is not None and write.get("operation") == "insert" and source is not None
    return inserts or record.options == options


def _of_other_loads(one: object, other: object) -> bool:
    """Whether these name two loads of one file. Only numbers tell such loads apart: a file's name may stand
    for the same load as a number, or as nothing at all.
    """
    return one != other and all(isinstance(name, str) and name.isdecimal() for name in (one, other))


def _of_another_step(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether these are result files of two steps of a flow: two loads may refuse rows of one file alike."""
    steps = [Path((source or {}).get("path") or "").parent for source in (one, other)]
    return steps[0] != steps[1] and steps[0].parent == steps[1].parent and steps[0].parent.name == STEPS


def _same_content(record: RunRecord, options: Mapping[str, Any], source: Mapping[str, Any] | None) -> bool:
    """Whether a run read these rows. The order of a select does not count, but zmigrate 0.1 hashed it too."""
    if _content(record.source) in (_content(source), (source or {}).get("former_sha256", _content(source))):
        return True
    return bool(options.get("select")) and _without_order(record.options) == _without_order(options)


def _without_order(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "order_by"}


def _content(source: Mapping[str, Any] | None) -> Any:
    return (source or {}).get("sha256")


def _where(write: Mapping[str, Any] | None) -> list[Any]:
    return [(write or {}).get(name) for name in ("module", "operation", "key")]


START_WAIT_S = 10.0


@contextlib.contextmanager
def starting(state_dir: Path) -> Iterator[None]:
    """Let one process at a time open a run, so that two can't start the same work. Waits for the other;
    raises RunError if that takes too long.
    """
    gate = Lock(make_private(state_dir, state_dir) / "start.lock")
    end = time.monotonic() + START_WAIT_S
    while True:
        try:
            gate.take()
            break
        except LockHeld as held:
            if time.monotonic() >= end:
                raise RunError(f"another process (pid {held.holder}) is starting a run") from None
            time.sleep(0.05)
        except OSError as error:
            raise cannot_write(state_dir, error) from error
    try:
        yield
    finally:
        gate.release()
