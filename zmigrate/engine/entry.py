"""The ways into the engine: what `zmigrate.run()`, `zmigrate.resume()` and the commands call."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zmigrate.config import Credentials, Secret, Settings, load_credentials, load_settings
from zmigrate.engine.preflight.admission import Confirm
from zmigrate.engine.preflight.invocation import Invocation
from zmigrate.engine.preflight.org import Banner
from zmigrate.engine.preflight.repetition import beside
from zmigrate.engine.runner.runner import Runner
from zmigrate.engine.runner.session import RunOptions
from zmigrate.engine.storage.inputs import class_of_run
from zmigrate.engine.storage.ledger import RunInfo, find_run
from zmigrate.engine.storage.run_record import RunRecord
from zmigrate.engine.storage.run_result import RunResult
from zmigrate.errors import RunError, UsageError
from zmigrate.events import EventHub, Listener
from zmigrate.job.job import Flow, Job, decode_options, encode_options, job_name
from zmigrate.rows.sources.variables import Variables
from zmigrate.signals import stop_on_signals
from zmigrate.stopping import StopSignal
from zmigrate.zoho.facts.triggers import TRIGGERS, are_triggers

if TYPE_CHECKING:
    from zmigrate.emulator import Options
    from zmigrate.engine.plan.plan import FlowPlan, Plan
    from zmigrate.engine.runner.flow_runner import FlowRunner

__all__ = ["Banner", "RunResult", "plan", "practice_org", "resume", "run"]

PRACTICE = "the embedded emulator"
CHANGED = frozenset({"SOURCE_CHANGED", "JOB_CHANGED"})
"""Codes of what keeps a run from going on as it began."""


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

    A production org wants `yes=True`, or a `confirm` that says yes. What is wrong before anything is sent is
    raised as a ZmigrateError; from the first write on, the result says how it ended. `credentials` replaces
    the look for some. `allow_env`: the variables of the environment that a database's URL may have where an
    option or a mapping names it.
    """
    stop = stop or StopSignal()
    environ = os.environ if environ is None else environ
    folder = folder or Path.cwd()
    settings = _settings(environ, folder, state_dir, concurrency, wait)
    if not are_triggers(trigger):
        raise UsageError(
            f"trigger is {str(trigger)[:80]!r}.",
            hint=f'It is a list of {", ".join(TRIGGERS)}, as in trigger=["workflow"].',
        )
    choices = RunOptions(
        limit=limit,
        trigger=tuple(trigger),
        yes=yes,
        again=again,
        keep_going=keep_going,
        allow_env=tuple(allow_env),
    )
    hub = EventHub(*listeners)
    with stop_on_signals(stop), _credentials(credentials, profile, emulator, folder, environ) as found:
        job._allow(Variables(frozenset(allow_env), environ, folder, found.client_secret))
        invocation = Invocation(found, settings, hub, stop, practice=found.place == PRACTICE)
        return _runner(job, invocation, choices, confirm).start()


def plan(
    job: Job,
    *,
    profile: str | None = None,
    emulator: bool = False,
    credentials: Credentials | None = None,
    limit: int | None = None,
    ask: int | None = None,
    concurrency: int | None = None,
    allow_env: Sequence[str] = (),
    state_dir: Path | None = None,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
    listeners: Sequence[Listener] = (),
    stop: StopSignal | None = None,
) -> Plan | FlowPlan:
    """Say beforehand what a job would do: every row is read and judged, and nothing is written.

    `limit`: rows to read. `ask`: rows whose keys the org is asked for (default: all up to 100,000). What is
    wrong before rows are looked at is raised as a ZmigrateError. Use the plan in a `with`, or close it. That
    of a flow has the plan of each step.
    """
    from zmigrate.engine.plan.planner import FlowPlanner, Planner  # noqa: PLC0415  no run needs any of it
    from zmigrate.engine.plan.record_planner import PlanOptions  # noqa: PLC0415

    stop = stop or StopSignal()
    environ = os.environ if environ is None else environ
    folder = folder or Path.cwd()
    settings = _settings(environ, folder, state_dir, concurrency, wait=False)
    hub = EventHub(*listeners)
    wish = PlanOptions(limit=limit, ask=ask, concurrency=concurrency)
    with stop_on_signals(stop), _credentials(credentials, profile, emulator, folder, environ) as found:
        job._allow(Variables(frozenset(allow_env), environ, folder, found.client_secret))
        invocation = Invocation(found, settings, hub, stop, practice=found.place == PRACTICE)
        if isinstance(job, Flow):
            return FlowPlanner(job, invocation, wish).plan()
        return Planner(job, invocation, wish).plan()


def resume(
    reference: str,
    *,
    job: Job | None = None,
    profile: str | None = None,
    credentials: Credentials | None = None,
    limit: int | None = None,
    concurrency: int | None = None,
    yes: bool = False,
    keep_going: bool = False,
    wait: bool = False,
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
    """Go on with an unfinished run, named by its id, a unique prefix, or "last". Raises RunError if it can't
    go on.

    The job is found by its name, as for the command, never by what the run's folder says of its file; a `job`
    defined elsewhere is handed in as it was built for the run. `limit` is a number of further rows. `secrets`
    are the job's secret options, which no run stores.
    """
    stop = stop or StopSignal()
    environ = os.environ if environ is None else environ
    folder = folder or Path.cwd()
    settings = _settings(environ, folder, state_dir, concurrency, wait)
    info = find_run(settings.state_dir, reference)
    flow, slash, _ = info.run_id.partition("/")
    if slash:
        raise RunError(
            f"{info.run_id} is a step of a flow, which goes on as a whole",
            hint=f"Go on with: zmigrate resume {flow}",
        )
    info.folder.lock()
    try:
        record = info.folder.mend()
        if not record.unfinished:
            raise RunError(f"run {info.run_id} is finished; there is nothing to go on with")
        if record.practice:
            raise RunError(
                f"run {info.run_id} was practice on the embedded emulator, whose org is gone",
                hint="Run the job again; or use `zmigrate emulator`, which stays.",
            )
        if job is None:
            job = _job_of(record, jobs, folder, secrets or {})
        elif (job_name(type(job)), encode_options(job)) != (record.job, record.options):
            raise RunError(f"{job!r} is not the job of run {info.run_id}")
        choices = RunOptions(
            limit=limit,
            trigger=tuple(record.settings.get("trigger") or ()),
            yes=yes,
            keep_going=keep_going,
            allow_env=tuple(allow_env),
        )
        wanted = profile or record.settings.get("profile")
        with stop_on_signals(stop), _credentials(credentials, wanted, False, folder, environ) as found:
            job._allow(Variables(frozenset(allow_env), environ, folder, found.client_secret))
            hub = EventHub(*listeners)
            runner = _runner(job, Invocation(found, settings, hub, stop, practice=False), choices, confirm)
            return runner.go_on(info.folder, record)
    except UsageError as error:
        if error.code in CHANGED:
            error.hint = f"{error.hint or ''} {_anew(info)}".strip()
        raise
    finally:
        info.folder.unlock()


def _anew(info: RunInfo) -> str:
    """How a run begins anew where this one can't go on as it began, and what that does."""
    return f"A new run: the command that began this one, with --again; {beside(info)}."


def _runner(
    job: Job, invocation: Invocation, choices: RunOptions, confirm: Confirm | None
) -> Runner | FlowRunner:
    if isinstance(job, Flow):
        from zmigrate.engine.runner.flow_runner import FlowRunner  # noqa: PLC0415  most jobs are none

        return FlowRunner(job, invocation, choices, confirm=confirm)
    return Runner(job, invocation, choices, confirm=confirm)


def _job_of(record: RunRecord, jobs: Path | None, folder: Path, secrets: Mapping[str, str]) -> Job:
    """The job as it was built."""
    return decode_options(class_of_run(record, jobs, folder), record.options, secrets)


def _settings(
    environ: Mapping[str, str], folder: Path, state_dir: Path | None, concurrency: int | None, wait: bool
) -> Settings:
    return load_settings(
        environ=environ,
        folder=folder,
        state_dir=state_dir,
        concurrency=concurrency,
        wait_for_credits=wait or None,
    )


@contextmanager
def _credentials(
    given: Credentials | None, profile: str | None, emulator: bool, folder: Path, environ: Mapping[str, str]
) -> Iterator[Credentials]:
    if given is not None:
        yield given
    elif emulator:
        with practice_org() as credentials:
            yield credentials
    else:
        yield load_credentials(profile, folder=folder, environ=environ)


@contextmanager
def practice_org(options: Options | None = None) -> Iterator[Credentials]:
    """An embedded emulator that lives as long as the block; gives its credentials."""
    from zmigrate.emulator import Emulator, Options  # noqa: PLC0415  a web server, wanted only here

    with Emulator(options or Options()) as local:
        yield Credentials(
            client_id=local.client_id,
            client_secret=Secret(local.client_secret),
            soid=local.soid,
            accounts_url=local.accounts_url,
            place=PRACTICE,
        )
