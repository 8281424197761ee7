"""The emulated Zoho of one test: records in and out, its audit, faults, and jobs run against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx

from zmigrate.config import STATE_FOLDER, Credentials, Secret
from zmigrate.emulator import Emulator, Options
from zmigrate.engine.entry import plan, resume, run
from zmigrate.engine.model.outcomes import RowCounts
from zmigrate.engine.plan.price import PlanCounts
from zmigrate.engine.storage.ledger import find_run
from zmigrate.engine.storage.run_result import RunResult
from zmigrate.errors import ZmigrateError
from zmigrate.events import Event, Log
from zmigrate.job.job import Job
from zmigrate.stopping import StopRequested
from zmigrate.testing.killing import Kill
from zmigrate.testing.outcomes import (
    JobPlan,
    JobResult,
    Outcomes,
    outcomes_of_plan,
    outcomes_of_run,
    warnings_of_plan,
)

QUICK: Final = {
    "ZMIGRATE_SETTLE_S": "0.1",
    "ZMIGRATE_TOKEN_LIMIT": "1000/600",
    "ZMIGRATE_READ_TIMEOUT_S": "10",
}
"""Settings with which a test need not wait as long as a real run must."""

CONTROL_TIMEOUT_S: Final = 60


@dataclass(frozen=True, slots=True)
class AuditCounts:
    """What was really written to a module since the test began. Records that the test added do not count."""

    creates: int
    updates: int
    deletes: int
    records: int
    """Records that are there now, with those that the test added."""


@dataclass(frozen=True, slots=True)
class SentWrite:
    """One write request, as Zoho saw it."""

    method: str
    path: str
    rows: int
    status: int | str
    """The HTTP status of the answer; "lost", "reset", "late" or "hung" if none was sent."""
    applied: bool
    trigger: Any
    """The `trigger` of the body; "absent" if it had none."""


class Zoho:
    """An emulated Zoho CRM on loopback, with one sandbox org, for one test. A context manager.

    `folder` keeps the state of the jobs that run against it. `options` are those of the emulator:
    `@pytest.mark.zoho(email_unique=True)` gives them to the fixture, `change` sets most of them later.
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        """Raises ValueError for a value that an option does not take."""
        self._emulator = Emulator(Options(**{"token_limit": 1000, **options}))
        self._folder = folder
        self._open = ExitStack()
        # Plain HTTP on loopback: without `verify=False` each client would load all certificates.
        self._control = httpx.Client(timeout=CONTROL_TIMEOUT_S, trust_env=False, verify=False)  # noqa: S501
        self._last_job: Job | None = None

    def __enter__(self) -> Zoho:
        self._open.enter_context(self._emulator)
        self._open.enter_context(self._control)
        return self

    def __exit__(self, *_: object) -> None:
        with self._open:
            broken = self._get("stats")["broken"]
        assert not broken, f"the emulator failed:\n{broken[0]}"  # noqa: S101  what a test must not overlook

    # -- records, users, fields -------------------------------------------------------------------

    def add(
        self,
        module: str,
        records: Sequence[Mapping[str, Any]],
        *,
        created_time: datetime | None = None,
        created_by: str | None = None,
    ) -> list[str]:
        """Put records into the org, as if they had always been there; return their ids.

        The values are Zoho's JSON: a lookup is `{"id": …}`. Zoho's rules are not applied, so a record may
        lack a mandatory field. `created_by` is the id of a user. Raises ValueError for an unknown module and
        for a value that has the wrong JSON type.
        """
        if isinstance(records, Mapping):
            raise ValueError(f"records is one record: a list of records is wanted, [{dict(records)!r}]")
        body = {
            "data": [dict(record) for record in records],
            "created_time": None if created_time is None else created_time.isoformat(),
            "created_by": created_by,
        }
        ids: list[str] = self._post(f"records/{module}", body)["ids"]
        return ids

    def records(self, module: str, **values: Any) -> list[dict[str, Any]]:
        """The records that the org has, as Zoho shows them, the oldest first. `values`: only records with
        these values: `zoho.records("Leads", Legacy_ID="L-1")`. Raises ValueError for an unknown module and
        for a field that none of its records has.
        """
        found: list[dict[str, Any]] = self._get(f"records/{module}")
        for name in values:
            if found and not any(name in each for each in found):
                raise ValueError(f"no record of {module} has a field {name!r}")
        return [each for each in found if all(each.get(name) == value for name, value in values.items())]

    def add_users(self, *users: Mapping[str, Any]) -> list[str]:
        """Add users, or change those with the same e-mail address; return their ids. A user has `full_name`
        and `email`, and may have `status`, `confirm` and `admin`.
        """
        ids: list[str] = self._post("users", list(users))["ids"]
        return ids

    def add_field(self, module: str, api_name: str, data_type: str = "text", **properties: Any) -> None:
        """Add a custom field, or change one that is there.

        `properties`: `mandatory`, `unique`, `length`, `picks` (the values of a pick list), `lookup` (the
        module that a lookup leads to), `read_only` and the like. Raises ValueError for what no field can
        have.
        """
        self._post(f"fields/{module}", {"api_name": api_name, "data_type": data_type, **properties})

    def set_fields(self, module: str, answer: Mapping[str, Any]) -> None:
        """Give a module the fields of an org's own, and their rules: `answer` is what `GET /settings/fields`
        answered there, in any API version from 2 to 8. A module that is new is made; so are those that its
        fields refer to. Raises ValueError for another answer, and for a module that has records.
        """
        self._post(f"fields/{module}", {"fields": answer.get("fields")})

    def lock(self, module: str, *ids: str, locked: bool = True) -> None:
        """Lock records, so that Zoho refuses to change them; or unlock them."""
        self._post(f"lock/{module}", {"ids": list(ids), "locked": locked})

    def convert(self, *leads: str, converted: bool = True) -> None:
        """Mark leads as converted, or take the mark away."""
        self._post("convert/Leads", {"ids": list(leads), "converted": converted})

    # -- the audit --------------------------------------------------------------------------------

    def audit(self, module: str) -> AuditCounts:
        """What was really written to a module."""
        counts = self._get("audit", module=module)
        return AuditCounts(*(counts[name] for name in ("creates", "updates", "deletes", "records")))

    def created_twice(self, module: str, key: str) -> dict[str, list[str]]:
        """The values of the field `key` with which more than one record was created, each with the ids of
        these records. Empty if all is well.
        """
        return dict(self._get("audit", module=module, key=key)["created_twice"])

    def writes(self, module: str) -> list[SentWrite]:
        """The requests that were to write to a module, in their order."""
        names = SentWrite.__slots__
        return [
            SentWrite(**{name: each[name] for name in names}) for each in self._get("writes", module=module)
        ]

    # -- faults, limits, time ---------------------------------------------------------------------

    def fault(
        self, fault: str, *, method: str | None = None, path: str | None = None, times: int = 1, **more: Any
    ) -> None:
        """Let the next matching requests meet a fault.

        `fault`: "lost_answer" (carried out, but not answered), "reset", "hang", "429", "503", "503_after"
        (carried out, then refused), "delay", "garbage", "row_error" and others: `zmigrate emulator` has the
        list. `path` may end with `*`. `more`: `contains` (text of the body), `rows_containing`, `code`,
        `delay_s`, `status`, `body`, `headers`, `skip` (matching requests to let pass first).
        """
        entry = {"fault": fault, "method": method, "path": path, "times": times, **more}
        self._post("script", [{name: value for name, value in entry.items() if value is not None}])

    def clear_faults(self) -> None:
        """Forget the faults that are still to come."""
        self._post("script/clear", None)

    def change(self, **options: Any) -> None:
        """Change options of the emulator from now on: `latency_ms=50`, `rate_lost_answer=0.2`, `credits=10`,
        `edition="free"`, `token_life_s=2`. `zmigrate emulator --help` explains them.
        """
        self._post("faults", options)

    def advance(self, seconds: float) -> None:
        """Put Zoho's clock forward. It decides about `Created_Time` and `Modified_Time`; tokens and credits
        do not grow older by it.
        """
        self.change(clock_skew_s=self._get("faults")["clock_skew_s"] + seconds)

    def expire_tokens(self) -> None:
        """End every access token that was given out."""
        self._post("expire_tokens", {})

    # -- jobs -------------------------------------------------------------------------------------

    @property
    def credentials(self) -> Credentials:
        """For `zmigrate.run(..., credentials=zoho.credentials)`, if `run_job` does not do what you need."""
        emulator = self._emulator
        return Credentials(
            client_id=emulator.client_id,
            client_secret=Secret(emulator.client_secret),
            soid=emulator.soid,
            accounts_url=emulator.accounts_url,
            place="the test",
        )

    @property
    def url(self) -> str:
        """Base URL of API and Accounts."""
        return self._emulator.url

    @property
    def state_dir(self) -> Path:
        """Where the runs of this test are."""
        return self._folder / STATE_FOLDER

    def run_job(
        self,
        job: Job,
        *,
        killed_after: int | None = None,
        environ: Mapping[str, str] | None = None,
        **options: Any,
    ) -> JobResult:
        """Run a job against this Zoho, as `zmigrate run` does it without a terminal.

        `options` are those of `zmigrate.run`: `limit`, `trigger`, `again`, `keep_going`, `concurrency`. The
        job sees nothing of your profiles, `.env` and credentials: `environ` has the only settings.

        `killed_after=2`: end the run as `kill -9` does, when Zoho has answered its second write request and
        nothing has noted the answer. `resume_job` goes on. A job that sends fewer writes fails the test.
        """
        self._last_job = job
        kill = None if killed_after is None else Kill(self.state_dir, killed_after)
        return self._run(partial(run, job, yes=True, **options), environ, kill)

    def resume_job(
        self,
        job: Job | None = None,
        *,
        killed_after: int | None = None,
        environ: Mapping[str, str] | None = None,
        **options: Any,
    ) -> JobResult:
        """Resume the last run, as `zmigrate resume last` does. `job`: built as for that run; if it is left
        out, the one that ran. `options` are those of `zmigrate.resume`; the others as for `run_job`.
        """
        job = job or self._last_job
        kill = None if killed_after is None else Kill(self.state_dir, killed_after)
        return self._run(
            lambda **common: resume("last", job=job, yes=True, **options, **common), environ, kill
        )

    def plan_job(self, job: Job, *, environ: Mapping[str, str] | None = None, **options: Any) -> JobPlan:
        """Plan a job against this Zoho; nothing is written. `options` are those of `zmigrate.plan`."""
        try:
            with plan(job, **options, **self._common(environ)) as found:
                return JobPlan(found, found.counts, outcomes_of_plan(found), warnings_of_plan(found), None)
        except ZmigrateError as error:
            return JobPlan(None, PlanCounts(0), Outcomes(), (), error)
        except StopRequested:
            raise KeyboardInterrupt from None

    def _run(
        self, work: Callable[..., RunResult], environ: Mapping[str, str] | None, kill: Kill | None
    ) -> JobResult:
        told: list[str] = []

        def listen(event: Event) -> None:
            if isinstance(event, Log) and event.level != "debug":
                told.append(event.message)

        common = {**self._common(environ), "listeners": [listen]}
        if kill is not None:
            common |= {"stop": kill.stop, "listeners": [listen, kill]}
        try:
            result = work(**common)
        except ZmigrateError as error:
            return JobResult(None, None, RowCounts(), Outcomes(), error, tuple(told))
        except StopRequested:
            raise KeyboardInterrupt from None
        if kill is not None:
            kill.leave_only_the_image()
            info = find_run(self.state_dir, result.run_id)
            outcomes = outcomes_of_run(info.folder)
            return JobResult(None, info.record.state, info.rows, outcomes, None, tuple(told))
        if result.state == "interrupted":  # the person who runs the tests pressed Ctrl-C
            raise KeyboardInterrupt
        outcomes = outcomes_of_run(find_run(self.state_dir, result.run_id).folder)
        return JobResult(result, result.state, result.rows, outcomes, result.error, tuple(told))

    def _common(self, environ: Mapping[str, str] | None) -> dict[str, Any]:
        return {
            "credentials": self.credentials,
            "folder": self._folder,
            "environ": {**QUICK, **(environ or {})},
        }

    # -- the emulator's control -------------------------------------------------------------------

    def _get(self, path: str, **params: str) -> Any:
        return self._answer("GET", path, params=params)

    def _post(self, path: str, content: Any) -> Any:
        return self._answer("POST", path, json=content)

    def _answer(self, method: str, path: str, **request: Any) -> Any:
        """The emulator's answer. Raises ValueError with its words if it refuses."""
        answer = self._control.request(method, f"{self.url}/_emulator/{path}", **request)
        content = answer.json()
        if answer.is_error:
            raise ValueError(content["error"])
        return content
