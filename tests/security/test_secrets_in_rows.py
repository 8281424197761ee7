"""A job that puts the value of a secret option into its rows' fields, or into their name."""

from __future__ import annotations

from typing import Any

from zmigrate import Insert, Option, RecordJob, Rows, scopes_for

SECRET = "hunter2-of-old"


class Careless(RecordJob):
    """The password in a number's field, and as the name of the rows."""

    write = Insert("Leads", key="Legacy_ID")
    scopes = scopes_for(write)

    password: str = Option(secret=True, env="OLD_PASSWORD", help="Password.")

    def source(self) -> Rows:
        return Rows([{"id": "L-1", "name": "Doe"}], name=f"old of {self.password}")

    def transform(self, row: Any) -> Any:
        revenue = f"x{self.password}"
        return {"Legacy_ID": row["id"], "Last_Name": row["name"], "Annual_Revenue": revenue}


def test_the_reason_of_a_refused_value_and_the_name_of_rows_have_no_secret(zoho, run_job, plan_job):
    job = Careless(password=SECRET)
    planned, ran = plan_job(job), run_job(job)
    for found in (planned, ran):
        (outcome,) = found.outcomes
        (reason,) = outcome.reasons
        assert (outcome.action, reason.field) == ("failed", "Annual_Revenue")
        assert SECRET not in repr(outcome)
        assert "***" in reason.message
    kept = [path for path in zoho.state_dir.rglob("*") if path.suffix in {".json", ".csv", ".log"}]
    assert len(kept) > 2
    assert [path.name for path in kept if SECRET in path.read_text(encoding="utf-8")] == []
