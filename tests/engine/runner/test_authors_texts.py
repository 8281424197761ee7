"""What an author is told of an exception or a value: what to do, and the same at each run."""

from __future__ import annotations

from typing import Any

from zmigrate import Context, Insert, Job, RecordJob, Skip, scopes_for
from zmigrate.errors import UsageError


class SkipsByHand(Job):
    """Raises what only `transform` may raise."""

    scopes = ("ZohoCRM.modules.leads.READ",)

    def run(self, ctx: Context) -> None:
        for _ in ctx.each(["a"]):
            raise Skip("not this one")


class Misuse(Job):
    """A refused call whose hint is no sentence."""

    scopes = ("ZohoCRM.modules.leads.READ",)

    def run(self, ctx: Context) -> None:
        raise UsageError("so not", hint="write it so")


class Functions(RecordJob):
    """A function where a text belongs."""

    write = Insert("Leads")
    scopes = scopes_for(write)

    def source(self) -> Any:
        return [{"name": "Doe"}]

    def transform(self, row: Any) -> Any:
        return {"Last_Name": "Doe", "Company": len, "City": self.transform, "Street": object()}


def test_a_skip_raised_in_run_points_to_the_one_of_ctx(run_job):
    error = run_job(SkipsByHand()).error
    assert "ctx.skip(reason)" in error.hint
    assert "then resume the run" in error.hint


def test_the_line_follows_a_hint_as_a_sentence_of_its_own(run_job):
    assert run_job(Misuse()).error.hint.startswith("write it so. It is line ")


def test_no_address_of_memory_is_told(run_job, plan_job):
    for found in (plan_job(Functions()), run_job(Functions())):
        assert "<object object" in repr(found.outcomes[0])
        assert " at 0x" not in repr(found.outcomes[0])
