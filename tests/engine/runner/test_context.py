"""Hand-written jobs: what Zoho answers to a write decides what became of the item."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import pytest

from tests.engine.by_hand import (
    LEADS,
    by_hand,
    counts,
    each_of,
    insert,
    lead,
    listed,
    no,
    numbered,
    says,
    yes,
)
from tests.support import Bench, leads
from zmigrate.engine.model.outcomes import RowCounts
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.ledger import what_again_does
from zmigrate.errors import Fatal, InDoubt, RunError
from zmigrate.events import BatchDone
from zmigrate.job.context import Context

MODULE_IS_GONE = {"code": "INVALID_MODULE", "details": {}, "message": "invalid module", "status": "error"}


# -- inside of each --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 207, 202, 200])
def test_an_item_whose_record_zoho_refuses_has_failed_whatever_the_status(bench: Bench, status: int) -> None:
    says(bench, status, no())
    result = bench.run(each_of(numbered("a", "b"), insert))
    assert counts(result) == {"read": 2, "created": 1, "failed": 1}
    assert (result.state, result.exit_code) == ("finished", 1)
    assert listed(result, "errors") == [("1", "a", "Email", "INVALID_DATA", "invalid data")]


def test_a_put_that_zoho_refuses_is_not_taken_for_unchanged(bench: Bench) -> None:
    ids = bench.seed(leads(2))

    def rename(ctx: Context, item: dict[str, Any]) -> None:
        ctx.crm.put(f"{LEADS}/{item['id']}", json={"data": [{"Last_Name": item["name"]}]})

    items = [{"id": ids[0], "name": ""}, {"id": ids[1], "name": "New"}]
    result = bench.run(each_of(items, rename))
    assert counts(result) == {"read": 2, "updated": 1, "failed": 1}
    [(line, key, field, _, _)] = listed(result, "errors")
    assert (line, key, field) == ("1", ids[0], "Last_Name")


def test_what_was_written_is_told_with_its_id(bench: Bench) -> None:
    [old, gone] = bench.seed([lead("old"), lead("gone")])

    def write(ctx: Context, item: dict[str, Any]) -> None:
        match item["id"]:
            case "upserts what is new" | "upserts what is there":
                record = lead("new" if "new" in item["id"] else "old")
                upsert = {"data": [record], "duplicate_check_fields": ["Legacy_ID"]}
                ctx.crm.post(f"{LEADS}/upsert", json=upsert)
            case "updates":
                ctx.crm.put(LEADS, json={"data": [{"id": old, "City": "Bern"}]})
            case "deletes":
                ctx.crm.delete(LEADS, {"ids": [gone]})

    items = numbered("upserts what is new", "upserts what is there", "updates", "deletes", "does nothing")
    result = bench.run(each_of(items, write))
    assert counts(result) == {"read": 5, "created": 1, "updated": 2, "deleted": 1, "unchanged": 1}
    [new] = [record["id"] for record in bench.records() if record["Legacy_ID"] == "L-new"]
    assert [row[2:] for row in listed(result, "success")] == [
        (new, "created"),
        (old, "updated"),
        (old, "updated"),
        (gone, "deleted"),
        ("", "unchanged"),
    ]


def test_one_refused_record_of_several_makes_the_item_fail_and_the_reasons_are_joined(bench: Bench) -> None:
    two = [no(), no("MANDATORY_NOT_FOUND", "Last_Name", "required field not found")]
    says(bench, 207, yes(), *two)
    records = {"data": [lead(1), lead(2), lead(3)]}
    result = bench.run(each_of(numbered("a"), lambda ctx, _: ctx.crm.post(LEADS, json=records)))
    assert counts(result) == {"read": 1, "failed": 1}
    [(_, _, field, code, message)] = listed(result, "errors")
    assert (field, code) == ("Email; Last_Name", "INVALID_DATA; MANDATORY_NOT_FOUND")
    assert "required field not found; of this item's 3 records, Zoho refused 2" in message


def test_a_refusal_without_a_code_is_not_overlooked(bench: Bench) -> None:
    says(bench, 207, {"status": "error", "message": "no"}, yes())
    records = {"data": [lead(1), lead(2)]}
    result = bench.run(each_of(numbered("a"), lambda ctx, _: ctx.crm.post(LEADS, json=records)))
    assert counts(result) == {"read": 1, "failed": 1}


def test_the_caller_sees_the_refusal_in_the_body(bench: Bench) -> None:
    says(bench, 400, no())
    seen: list[Any] = []
    bench.run(each_of(numbered("a"), lambda ctx, item: seen.append(insert(ctx, item)["data"][0]["code"])))
    assert seen == ["INVALID_DATA"]


def test_actions_and_settings_are_judged_too(bench: Bench) -> None:
    tagged = {"data": [{**yes(5), "message": "tags updated"}]}
    locked = {"data": [no("RECORD_LOCKED", "id", "locked")], "locked_count": "1"}
    taken = {"tags": [no("DUPLICATE_DATA", "name", "duplicate data")]}
    sub = {"status_code": 400, "headers": {}, "body": {"data": [no()]}}
    part = {"code": "SUCCESS", "status": "success", "details": {"response": sub}}
    answers = {
        f"{LEADS}/1/actions/add_tags": tagged,
        f"{LEADS}/2/actions/add_tags": locked,
        "/crm/v8/settings/tags": taken,
        "/crm/v8/__composite_requests": {"__composite_requests": [part]},
    }
    for path, body in answers.items():
        bench.script({"path": path, "fault": "answer", "status": 200, "body": body})
    job = each_of(numbered(*answers), lambda ctx, item: ctx.crm.post(item["id"], json={}))
    result = bench.run(job)
    assert counts(result) == {"read": 4, "updated": 1, "failed": 3}
    assert [row[3] for row in listed(result, "errors")] == ["RECORD_LOCKED", "DUPLICATE_DATA", "INVALID_DATA"]


def test_what_the_job_says_of_an_item_holds_and_is_in_the_files(bench: Bench) -> None:
    def say(ctx: Context, item: dict[str, Any]) -> None:
        insert(ctx, item)
        if item["id"] == "a":
            ctx.skip("not this one")
        if item["id"] == "b":
            ctx.fail("wrong country")

    says(bench, 400, no(), skip=1)
    result = bench.run(each_of(numbered("a", "b", "c"), say))
    assert counts(result) == {"read": 3, "created": 1, "skipped": 1, "failed": 1}
    assert listed(result, "skipped") == [("1", "a", "", "SKIPPED", "not this one")]
    assert listed(result, "errors") == [("2", "b", "", "FAILED", "wrong country")]


def test_a_refused_call_that_the_job_swallows_counts_as_failed(bench: Bench) -> None:
    bench.script({"method": "POST", "path": LEADS, "fault": "answer", "status": 400, "body": MODULE_IS_GONE})

    def careless(ctx: Context, item: dict[str, Any]) -> None:
        try:
            insert(ctx, item)
        except Fatal:
            ctx.log("never mind")

    result = bench.run(each_of(numbered("a", "b"), careless))
    assert counts(result) == {"read": 2, "created": 1, "failed": 1}
    [(_, key, _, code, _)] = listed(result, "errors")
    assert (key, code) == ("a", "INVALID_MODULE")


def test_a_refused_call_that_leaves_the_loop_ends_the_run_and_its_item_comes_again(bench: Bench) -> None:
    bench.script(
        {"method": "POST", "path": LEADS, "fault": "answer", "status": 400, "body": MODULE_IS_GONE, "skip": 1}
    )
    first = bench.run(each_of(numbered("a", "b"), insert))
    assert (first.state, first.exit_code, counts(first)) == ("refused", 3, {"read": 1, "created": 1})
    assert counts(bench.resume()) == {"read": 2, "created": 2}
    assert bench.audit()["created_twice"] == []


def test_an_item_that_came_before_fails_and_names_the_first(bench: Bench) -> None:
    job = each_of(numbered("a", "b", "a", "c", "a"), insert)
    result = bench.run(job)
    assert counts(result) == {"read": 5, "created": 3, "failed": 2}
    assert listed(result, "errors") == [
        ("3", "a", "id", "DUPLICATE_IN_SOURCE", "the key 'a' was used before, as item 1"),
        ("5", "a", "id", "DUPLICATE_IN_SOURCE", "the key 'a' was used before, as item 1"),
    ]


def test_a_limit_counts_repeated_items_and_a_resume_counts_none_twice(bench: Bench) -> None:
    job = each_of(numbered("a", "a", "b", "a", "b"), insert)
    steps = [counts(bench.run(job, limit=1)), counts(bench.resume(limit=2)), counts(bench.resume())]
    assert steps == [
        {"read": 1, "created": 1},
        {"read": 3, "created": 2, "failed": 1},
        {"read": 5, "created": 2, "failed": 3},
    ]
    assert bench.audit()["creates"] == 2


def test_items_may_be_objects_and_a_loop_may_be_inside_another(bench: Bench) -> None:
    @dataclass
    class Account:
        name: str
        contacts: list[dict[str, Any]]

    accounts = [Account("one", numbered("a", "b")), Account("two", numbered("a", "b", "c"))]

    def run(ctx: Context) -> None:
        for account in ctx.each(accounts, key="name"):
            for contact in ctx.each(account.contacts):
                if account.name == "two" and contact["id"] == "c" and not bench.audit()["updates"]:
                    ctx.crm.put(f"{LEADS}/{only}", json={"data": [{"City": "Bern"}]})
                    raise ZeroDivisionError("at the last of them")
                ctx.crm.post(LEADS, json={"data": [lead(f"{account.name}-{contact['id']}")]})

    [only] = bench.seed([lead("there")])
    first = bench.run(by_hand(run))
    assert (first.state, counts(first)) == ("broken", {"read": 5, "created": 4, "unchanged": 1})
    assert counts(bench.resume()) == {"read": 7, "created": 5, "unchanged": 2}
    assert bench.audit()["creates"] == 5


def test_an_item_that_wrote_is_in_the_journal_before_the_next_is_handed_out(bench: Bench) -> None:
    recorded: list[int] = []

    def look(ctx: Context, item: dict[str, Any]) -> None:
        [path] = bench.folder.glob(".zmigrate/runs/*/journal.db")
        recorded.append(Journal.peek(path).created)
        insert(ctx, item)

    bench.run(each_of(numbered("a", "b", "c"), look))
    assert recorded == [0, 1, 2]


# -- outside of each -------------------------------------------------------------------------------


def test_records_written_outside_of_each_are_rows_of_their_own(bench: Bench) -> None:
    says(bench, 207, yes(5), no(), yes(6))
    records = {"data": [lead(1), lead(2), lead(3)]}
    result = bench.run(by_hand(lambda ctx: ctx.crm.post(LEADS, json=records)))
    assert (counts(result), result.exit_code) == ({"read": 3, "created": 2, "failed": 1}, 1)
    assert listed(result, "errors") == [("2", "", "Email", "INVALID_DATA", "invalid data")]
    assert [row[2] for row in listed(result, "success")] == ["5", "6"]
    assert sum(event.created for event in bench.seen(BatchDone)) == 2


def test_a_refused_call_outside_of_each_counts_each_of_its_records_if_the_job_goes_on(bench: Bench) -> None:
    bench.script({"method": "POST", "path": LEADS, "fault": "answer", "status": 400, "body": MODULE_IS_GONE})

    def run(ctx: Context) -> None:
        with pytest.raises(Fatal):
            ctx.crm.post(LEADS, json={"data": [lead(1), lead(2)]})
        ctx.fail("two are missing")

    result = bench.run(by_hand(run))
    assert (counts(result), result.exit_code) == ({"read": 3, "failed": 3}, 1)
    assert [row[3] for row in listed(result, "errors")] == ["INVALID_MODULE", "INVALID_MODULE", "FAILED"]


def test_a_refused_call_outside_of_each_that_ends_the_run_leaves_no_row(bench: Bench) -> None:
    bench.script({"method": "POST", "path": LEADS, "fault": "answer", "status": 400, "body": MODULE_IS_GONE})
    job = by_hand(lambda ctx: ctx.crm.post(LEADS, json={"data": [lead(1)]}))
    first = bench.run(job)
    assert (first.state, first.exit_code, counts(first)) == ("refused", 3, {})
    assert (bench.resume().exit_code, bench.audit()["creates"]) == (0, 1)


def test_a_job_that_only_reads_has_no_result_files(bench: Bench) -> None:
    result = bench.run(by_hand(lambda ctx: list(ctx.crm.records("Leads", fields=["id"]))))
    assert (counts(result), result.files["errors"]) == ({}, None)


# -- answers that do not say what became of the records --------------------------------------------


@pytest.mark.parametrize("fault", ["short_data", "garbage", "lost_answer", "500_after"])
def test_a_write_whose_answer_can_not_be_used_is_in_doubt_though_the_job_swallows_it(
    bench: Bench, fault: str
) -> None:
    bench.script({"method": "POST", "path": LEADS, "fault": fault})

    def careless(ctx: Context, item: dict[str, Any]) -> None:
        try:
            insert(ctx, item)
        except InDoubt as error:
            ctx.fail(f"it did not work: {error}")

    result = bench.run(each_of(numbered("a", "b"), careless))
    assert (counts(result), result.exit_code) == ({"read": 2, "created": 1, "in_doubt": 1}, 1)
    [(line, key, _, code, message)] = listed(result, "in_doubt")
    assert (line, key, code) == ("1", "a", "ANSWER_LOST")
    assert "the job says: it did not work" in message


def test_an_empty_answer_to_a_write_is_no_success(bench: Bench) -> None:
    bench.script({"method": "POST", "path": LEADS, "fault": "answer", "status": 200, "body": None})
    result = bench.run(each_of(numbered("a"), insert))
    assert (result.state, counts(result)) == ("paused", {"read": 1, "in_doubt": 1})


def test_a_delete_that_was_sent_twice_and_then_refused_is_in_doubt(bench: Bench) -> None:
    [gone] = bench.seed([lead("gone")])
    bench.script({"method": "DELETE", "path": LEADS, "fault": "lost_answer"})
    result = bench.run(each_of(numbered(gone), lambda ctx, item: ctx.crm.delete(LEADS, {"ids": item["id"]})))
    assert counts(result) == {"read": 1, "in_doubt": 1}
    assert bench.records() == []


def test_a_put_whose_answer_was_lost_is_made_again_and_counts_once(bench: Bench) -> None:
    [there] = bench.seed([lead("there")])
    bench.script({"method": "PUT", "path": f"{LEADS}/{there}", "fault": "lost_answer"})
    put = {"data": [{"City": "Bern"}]}
    result = bench.run(
        each_of(numbered(there), lambda ctx, item: ctx.crm.put(f"{LEADS}/{item['id']}", json=put))
    )
    assert counts(result) == {"read": 1, "updated": 1}


def test_again_says_that_what_was_written_by_hand_would_be_there_twice(bench: Bench) -> None:
    job = each_of(numbered("a", "b"), insert)
    bench.run(job, limit=1)
    with pytest.raises(RunError) as refused:
        bench.run(job)
    assert "would be there TWICE" in (refused.value.hint or "")
    assert "not doubled" not in (refused.value.hint or "")


def test_again_promises_nothing_of_a_job_by_hand_that_may_have_written_more_than_is_known() -> None:
    assert what_again_does(RowCounts(read=1, failed=1), [{}], {}).startswith(
        "what it has written would be there TWICE"
    )
    assert "it seems to have written nothing" in what_again_does(RowCounts(), [{}], {})
    assert "nothing is doubled" in what_again_does(RowCounts(), [{"operation": "update"}], {})


def test_a_finished_job_by_hand_that_created_nothing_may_run_again(bench: Bench) -> None:
    job = by_hand(lambda ctx: list(ctx.crm.records("Leads", fields=["id"])))
    assert [bench.run(job).state, bench.run(job).state] == ["finished", "finished"]
    [there] = bench.seed([lead("there")])
    put = {"data": [{"id": there, "City": "Bern"}]}
    tidy = each_of(numbered("a"), lambda ctx, _: ctx.crm.put(LEADS, json=put))
    assert [counts(bench.run(tidy)), counts(bench.run(tidy))] == [{"read": 1, "updated": 1}] * 2


def test_a_finished_job_by_hand_that_created_records_runs_again_only_when_told(bench: Bench) -> None:
    job = by_hand(lambda ctx: ctx.crm.post(LEADS, json={"data": [{"Last_Name": "Ada", "Company": "Acme"}]}))
    first = bench.run(job)
    with pytest.raises(RunError, match=f"finished already, and created records: {first.run_id}") as refused:
        bench.run(job)
    assert refused.value.hint is not None
    assert "would be there TWICE" in refused.value.hint
    assert len(bench.records()) == 1
    assert counts(bench.run(job, again=True)) == {"read": 1, "created": 1}


def test_a_finished_job_by_hand_with_a_record_in_doubt_runs_again_only_when_told(bench: Bench) -> None:
    bench.script({"method": "POST", "path": LEADS, "fault": "lost_answer"})

    def careless(ctx: Context, item: dict[str, Any]) -> None:
        with contextlib.suppress(InDoubt):
            insert(ctx, item)

    job = each_of(numbered("a"), careless)
    assert (bench.run(job).state, len(bench.records())) == ("finished", 1)
    with pytest.raises(RunError, match="may have created records"):
        bench.run(job)


def test_an_unfinished_job_by_hand_is_not_said_to_have_a_file(bench: Bench) -> None:
    job = each_of(numbered("a", "b"), insert)
    bench.run(job, limit=1)
    with pytest.raises(RunError, match="the same job with the same options is unfinished"):
        bench.run(job)
