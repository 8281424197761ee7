"""The entry points of the engine: what `zmigrate.run()`, `zmigrate.resume()` and the commands call."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zmigrate.config import Credentials, Secret, Settings, load_credentials, load_settings
from zmigrate.engine.model.run_options import PlanOptions, RunOptions
from zmigrate.engine.preflight.admission import Confirm
from zmigrate.engine.preflight.invocation import Invocation
from zmigrate.engine.preflight.repetition import beside
from zmigrate.engine.runner.runner import Runner
from zmigrate.engine.storage.inputs import class_of_run
from zmigrate.engine.storage.ledger import RunInfo, find_run
from zmigrate.engine.storage.run_result import RunResult
from zmigrate.errors import JobError, RunError, UsageError
from zmigrate.events import EventHub, Listener
from zmigrate.job.author_code import told_as_authors
from zmigrate.job.job import Job, decode_options, encode_options, job_name
from zmigrate.private_files import scratch_folder
from zmigrate.rows.sources.variables import Variables
from zmigrate.signals import end_waiting, handled_by, stop_on_signals
from zmigrate.stopping import StopSignal

if TYPE_CHECKING:
    from zmigrate.emulator import Options
    from zmigrate.engine.plan.plan import FlowPlan, Plan

__all__ = ["RunResult", "plan", "practice_org", "resume", "run"]

PRACTICE = "the embedded emulator"
CHANGED = frozenset({"SOURCE_CHANGED", "JOB_CHANGED"})
"""Codes of what keeps a run from going on as it began."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls the engine, and from where."""

    listeners: Sequence[Listener] = ()
    confirm: Confirm | None = None
    """Asks a person before a write to a production org; None where nobody can be asked."""
    stop: StopSignal = field(default_factory=StopSignal)
    credentials: Credentials | None = None
    """Used instead of searching for credentials."""
    folder: Path = field(default_factory=Path.cwd)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)


def run(
    job: Job,
    *,
    profile: str | None = None,
    emulator: bool = False,
    credentials: Credentials | None = None,
    limit: int | None = None,
    concurrency: int | None = None,
    trigger: Sequence[str] = (),
    yes: bool = False,
    again: bool = False,
    keep_going: bool = False,
    wait: bool = False,
    allow_env: Sequence[str] = (),
    state_dir: Path | None = None,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
    listeners: Sequence[Listener] = (),
    confirm: Confirm | None = None,
    stop: StopSignal | None = None,
) -> RunResult:
    """Run a job against the org of a profile (or of the environment), or against an embedded emulator.

    A production org needs `yes=True`, or a `confirm` that says yes. Problems before anything is sent are
    raised as a ZmigrateError; from the first write on, they are in the result. `credentials` replaces the
    search for some. `allow_env`: the variables of the environment that a database's URL may have, if an
    option or a mapping names it.
    """
    options = RunOptions(
        profile=profile,
        emulator=emulator,
        limit=limit,
        concurrency=concurrency,
        trigger=trigger,
        yes=yes,
        again=again,
        keep_going=keep_going or None,
        wait=wait or None,
        allow_env=tuple(allow_env),
        state_dir=state_dir,
    )
    return start(job, options, _caller(credentials, folder, environ, listeners, confirm, stop))


def plan(
    job: Job,
    *,
    profile: str | None = None,
    emulator: bool = False,
    credentials: Credentials | None = None,
    limit: int | None = None,
    ask: int | None = None,
    concurrency: int | None = None,
    trigger: Sequence[str] = (),
    yes: bool = False,
    again: bool = False,
    keep_going: bool = False,
    wait: bool = False,
    allow_env: Sequence[str] = (),
    state_dir: Path | None = None,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
    listeners: Sequence[Listener] = (),
    stop: StopSignal | None = None,
) -> Plan | FlowPlan:
    """Say beforehand what a job would do: a dry run of all its rows against a model of the org. Nothing is
    written.

    It takes the options of the run that it foresees. `limit`: rows to read. `ask`: rows whose keys the org
    is asked for (default: all up to 100,000). Problems before rows are looked at are raised as a
    ZmigrateError. Use the plan in a `with`, or close it. A flow's plan has the plan of each step.
    """
    options = PlanOptions(
        profile=profile,
        emulator=emulator,
        limit=limit,
        ask=ask,
        concurrency=concurrency,
        trigger=trigger,
        yes=yes,
        again=again,
        keep_going=keep_going or None,
        wait=wait or None,
        allow_env=tuple(allow_env),
        state_dir=state_dir,
    )
    return foresee(job, options, _caller(credentials, folder, environ, listeners, None, stop))


def resume(
    reference: str,
    *,
    job: Job | None = None,
    profile: str | None = None,
    credentials: Credentials | None = None,
    limit: int | None = None,
    concurrency: int | None = None,
    trigger: Sequence[str] | None = None,
    yes: bool = False,
    keep_going: bool | None = None,
    wait: bool | None = None,
    allow_env: Sequence[str] = (),
    jobs: Path | None = None,
    secrets: Mapping[str, str] | None = None,
    state_dir: Path | None = None,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
    listeners: Sequence[Listener] = (),
    confirm: Confirm | None = None,
    stop: StopSignal | None = None,
) -> RunResult:
    """Go on with an unfinished run, named by its id, a unique prefix, or "last". Raises RunError if it
    can't go on.

    The job is found by its name, never by the file that the run's folder names; a `job` defined elsewhere
    is given as it was built for the run. `profile`, `concurrency`, `trigger`, `keep_going` and `wait` are
    taken from the run if they are None. `limit` is a number of further rows. `secrets` are the job's
    secret options, which no run stores.
    """
    options = RunOptions(
        profile=profile,
        limit=limit,
        concurrency=concurrency,
        trigger=trigger,
        yes=yes,
        keep_going=keep_going,
        wait=wait,
        allow_env=tuple(allow_env),
        state_dir=state_dir,
    )
    caller = _caller(credentials, folder, environ, listeners, confirm, stop)
    return go_on(reference, options, caller, job=job, jobs=jobs, secrets=secrets or {})


# -- the same with values, as the commands call it -------------------------------------------------------


def start(job: Job, options: RunOptions, caller: Caller) -> RunResult:
    """See `run`."""
    with _invocation(job, options, caller) as invocation:
        return Runner(job, invocation, options).start()


def foresee(job: Job, options: PlanOptions, caller: Caller) -> Plan | FlowPlan:
    """See `plan`."""
    from zmigrate.engine.plan.planner import Planner  # noqa: PLC0415  no run needs any of it

    with _invocation(job, replace(options, wait=None), caller) as invocation:  # only the run would wait
        return Planner(job, invocation, options).plan()


def go_on(
    reference: str,
    options: RunOptions,
    caller: Caller,
    *,
    job: Job | None = None,
    jobs: Path | None = None,
    secrets: Mapping[str, str],
) -> RunResult:
    """See `resume`."""
    info = find_run(_settings(options, caller).state_dir, reference)
    flow, slash, _ = info.run_id.partition("/")
    if slash:
        raise RunError(
            f"{info.run_id} is a step of a flow, which can only go on as a whole",
            hint=f"Go on with: zmigrate resume {flow}",
        )
    info.folder.lock()
    try:
        record = info.folder.repair()
        if not record.unfinished:
            raise RunError(f"run {info.run_id} is finished; there is nothing to go on with")
        if record.practice:
            raise RunError(
                f"run {info.run_id} was practice on the embedded emulator, and its org is gone",
                hint="Run the job again; or use `zmigrate emulator`, which stays.",
            )
        if job is None:
            job = decode_options(class_of_run(record, jobs, caller.folder), record.options, secrets)
        elif (job_name(type(job)), encode_options(job)) != (record.job, record.options):
            raise RunError(f"{job!r} is not the job of run {info.run_id}")
        options = options.with_kept(record.settings)
        with _invocation(job, options, caller) as invocation:
            return Runner(job, invocation, options).go_on(info.folder, record)
    except UsageError as error:
        if error.code in CHANGED:
            error.hint = f"{error.hint or ''} {_start_again(info)}".strip()
        raise
    finally:
        info.folder.unlock()


def _start_again(info: RunInfo) -> str:
    """How to start again if this run can't go on, and what that would do."""
    return f"A new run: the command that began this one, with --again; {beside(info)}."


def _caller(
    credentials: Credentials | None,
    folder: Path | None,
    environ: Mapping[str, str] | None,
    listeners: Sequence[Listener],
    confirm: Confirm | None,
    stop: StopSignal | None,
) -> Caller:
    return Caller(
        listeners,
        confirm,
        stop or StopSignal(),
        credentials,
        folder or Path.cwd(),
        os.environ if environ is None else environ,
    )


def _settings(options: RunOptions, caller: Caller) -> Settings:
    return load_settings(
        environ=caller.environ,
        folder=caller.folder,
        state_dir=options.state_dir,
        concurrency=options.concurrency,
        wait_for_credits=options.wait,
    )


@contextmanager
def _invocation(job: Job, options: RunOptions, caller: Caller) -> Iterator[Invocation]:
    """One call of the engine, until it is done: signals stop it, and an embedded emulator lives as long."""
    if isinstance(job, type):
        name = job.__name__
        raise JobError(f"{name} is a class, not a job", hint=f"Give its options to it: {name}(...)")
    if not isinstance(job, Job):
        raise JobError(f"{type(job).__name__} is no job", hint="Give an instance: MyJob(...)")
    hub = EventHub(*caller.listeners, hide=job._secrets.redacted_text)
    settings = _settings(options, caller)
    with told_as_authors(job._secrets), ExitStack() as stack:
        stack.enter_context(stop_on_signals(caller.stop))
        found = stack.enter_context(_credentials(options, caller))
        allowed = frozenset(options.allow_env)
        job._allow(Variables(allowed, caller.environ, caller.folder, found.client_secret))
        scratch = stack.enter_context(scratch_folder()) if found.place == PRACTICE else None
        yield Invocation(found, settings, hub, caller.stop, caller.confirm, scratch)


@contextmanager
def _credentials(options: RunOptions, caller: Caller) -> Iterator[Credentials]:
    if caller.credentials is not None:
        yield caller.credentials
    elif options.emulator:
        with practice_org() as credentials:
            yield credentials
    else:
        with handled_by(end_waiting):  # another program may have to be waited for, and ends with this
            found = load_credentials(options.profile, folder=caller.folder, environ=caller.environ)
        yield found


@contextmanager
def practice_org(options: Options | None = None) -> Iterator[Credentials]:
    """An embedded emulator that lives as long as the block; gives its credentials."""
    from zmigrate.emulator import Emulator, Options  # noqa: PLC0415  a web server, needed only here

    with Emulator(options or Options()) as local:
        yield Credentials(
            client_id=local.client_id,
            client_secret=Secret(local.client_secret),
            soid=local.soid,
            accounts_url=local.accounts_url,
            place=PRACTICE,
        )
