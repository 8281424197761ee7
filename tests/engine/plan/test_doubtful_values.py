"""Values that miss the pattern that Zoho prints for their type: sent by a run, counted by a plan."""

from __future__ import annotations

from tests.support import Bench, file_job, leads, write_rows
from zmigrate import Insert
from zmigrate.engine.plan.plan import Plan, PlanWarning

INSERT = Insert("Leads", key="Legacy_ID")
ODD = ["030/1234567", "030 - 1234567", "n.a.", "9999.", "+49 30 1234567"]


def doubts(plan: Plan) -> list[PlanWarning]:
    return [warning for warning in plan.warnings if warning.code == "ZOHO_MAY_REFUSE"]


def test_the_plan_says_how_many_rows_zoho_may_refuse_with_examples(bench: Bench) -> None:
    rows = leads(len(ODD))
    for row, phone in zip(rows, ODD, strict=True):
        row |= {"Phone": phone}
    rows[1]["Email"] = "jo@example.c"

    plan = bench.plan(file_job(INSERT, write_rows(bench.folder / "rows.csv", rows)))

    email, phone = doubts(plan)
    assert (email.field, email.count, email.lines) == ("Email", 1, (3,))
    assert email.message == "Zoho may refuse 1 row for the form of Email (email): 'jo@example.c'"
    assert (phone.field, phone.count, phone.lines) == ("Phone", 4, (2, 3, 4))
    assert phone.message.endswith("(phone): '030/1234567', '030 - 1234567', 'n.a.', …")
    assert plan.counts.refused == 0


def test_values_of_rows_that_are_refused_anyway_are_not_counted(bench: Bench) -> None:
    rows = leads(2)
    rows[0] |= {"Phone": "n.a.", "Email": "nope"}

    plan = bench.plan(file_job(INSERT, write_rows(bench.folder / "rows.csv", rows)))

    assert (plan.counts.refused, doubts(plan)) == (1, [])
