"""`ctx.crm` of a hand-written job: an outcome for each record, told and counted alike; and `ctx.ids`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.engine.by_hand import LEADS, by_hand, counts, each_of, lead, listed, no, numbered, says
from tests.support import Bench, leads
from zmigrate import Context, Csv, Insert, RecordJob, WrittenRecord, scopes_for
from zmigrate.errors import Fatal

LOST = {"method": "POST", "path": LEADS, "fault": "lost_answer"}


def told(bench: Bench, write: Any) -> list[WrittenRecord]:
    """What one write of a job without loops is told."""
    written: list[WrittenRecord] = []
    bench.run(by_hand(lambda ctx: written.extend(write(ctx))))
    return written


def test_each_record_has_its_outcome_in_the_order_given_over_several_calls(bench: Bench) -> None:
    records = ({**lead(n), **({"Email": "bad"} if n % 100 == 7 else {})} for n in range(250))
    seen: list[WrittenRecord] = []
    result = bench.run(by_hand(lambda ctx: seen.extend(ctx.crm.insert("Leads", records))))
    assert [n for n, each in enumerate(seen) if not each.ok] == [7, 107, 207]
    assert (seen[7].action, seen[7].code, seen[7].field, seen[7].id) == (
        "failed",
        "INVALID_DATA",
        "Email",
        None,
    )
    ids = {record["id"]: record["Legacy_ID"] for record in bench.records()}
    assert [ids[each.id] for each in seen if each.id] == [f"L-{n}" for n in range(250) if n % 100 != 7]
    assert counts(result) == {"read": 250, "created": 247, "failed": 3}
    assert len(bench.get("writes", module="Leads")) == 3


def test_update_upsert_and_delete_tell_what_was_done(bench: Bench) -> None:
    [old, gone] = bench.seed([lead("old"), lead("gone")])

    def write(ctx: Context) -> list[WrittenRecord]:
        return [
            *ctx.crm.update("Leads", [{"id": old, "City": "Bern"}, {"id": "123", "City": "Bern"}]),
            *ctx.crm.upsert("Leads", [lead("old"), lead("new")], match_on="Legacy_ID"),
            *ctx.crm.delete("Leads", [gone]),
            *ctx.crm.delete("Leads", [{"id": gone}]),
        ]

    seen = told(bench, write)
    assert [each.action for each in seen] == ["updated", "failed", "updated", "created", "deleted", "failed"]
    assert [each.id for each in seen[:3]] == [old, "123", old]
    assert seen[5].code == "INVALID_DATA"
    assert [each.code for each in seen[2:5]] == [None, None, None]


@pytest.mark.parametrize(("match_on", "said"), [("Legacy_ID", "Email"), ("Email", None), (None, None)])
def test_an_upsert_says_when_another_field_than_the_named_one_found_the_record(
    bench_with: Callable[..., Bench], match_on: str | None, said: str | None
) -> None:
    bench = bench_with(email_unique=True)
    bench.seed([{**lead("old"), "Email": "a@example.com"}])
    record = {**lead("new"), "Email": "a@example.com"}
    (seen,) = told(bench, lambda ctx: ctx.crm.upsert("Leads", [record], match_on=match_on))
    assert (seen.action, seen.field) == ("updated", said)


@pytest.mark.parametrize("trigger", [[], ["workflow"]])
def test_writes_set_off_what_the_run_says_and_nothing_else(bench: Bench, trigger: list[str]) -> None:
    [there, gone] = bench.seed([lead("there"), lead("gone")])

    def write(ctx: Context) -> None:
        ctx.crm.insert("Leads", [lead(1)])
        ctx.crm.update("Leads", [{"id": there, "City": "Bern"}])
        ctx.crm.upsert("Leads", [lead(2)])
        ctx.crm.delete("Leads", [gone])

    bench.run(by_hand(write), trigger=trigger)
    writes = bench.get("writes", module="Leads")
    assert [each.get("trigger") for each in writes[-4:-1]] == [trigger] * 3
    assert writes[-1]["wf_trigger"] == ("true" if trigger else "false")


def test_a_lost_answer_is_in_doubt_and_nothing_is_sent_again(bench: Bench) -> None:
    bench.script({**LOST, "skip": 1})
    seen: list[WrittenRecord] = []
    result = bench.run(by_hand(lambda ctx: seen.extend(ctx.crm.insert("Leads", map(lead, range(250))))))
    assert [each.action for each in seen] == ["created"] * 100 + ["in_doubt"] * 100 + ["created"] * 50
    assert seen[100].in_doubt
    assert not seen[100].ok
    assert counts(result) == {"read": 250, "created": 150, "in_doubt": 100}
    assert bench.audit()["created_twice"] == []


def test_an_item_whose_answer_was_lost_is_in_doubt_and_the_others_go_on(bench: Bench) -> None:
    bench.script({**LOST, "skip": 1})
    job = each_of(numbered("a", "b", "c"), lambda ctx, item: ctx.crm.insert("Leads", [lead(item["id"])]))
    result = bench.run(job)
    assert (result.state, counts(result)) == ("finished", {"read": 3, "created": 2, "in_doubt": 1})
    assert [row[1] for row in listed(result, "in_doubt")] == ["b"]


def test_a_refused_record_fails_its_item_and_the_job_may_say_otherwise(bench: Bench) -> None:
    says(bench, 207, no())
    says(bench, 207, no("DUPLICATE_DATA", "Legacy_ID", "duplicate data"))

    def body(ctx: Context, item: dict[str, Any]) -> None:
        [written] = ctx.crm.insert("Leads", [lead(item["id"])])
        if written.code == "DUPLICATE_DATA":
            ctx.skip("is there")

    result = bench.run(each_of(numbered("a", "b", "c"), body))
    assert counts(result) == {"read": 3, "created": 1, "failed": 1, "skipped": 1}


def test_a_call_that_is_refused_as_a_whole_raises(bench: Bench) -> None:
    def run(ctx: Context) -> None:
        with pytest.raises(Fatal):
            ctx.crm.insert("No_Such_Module", [{"Name": "x"}])

    assert bench.run(by_hand(run)).rows.failed == 1


def test_no_records_are_no_call(bench: Bench) -> None:
    assert told(bench, lambda ctx: ctx.crm.insert("Leads", [])) == []
    assert bench.get("writes", module="Leads") == []


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda ctx: ctx.crm.insert("Leads", lead(1)), "takes a list of records"),
        (lambda ctx: ctx.crm.insert("Leads", 5), "ctx.crm.insert was given int"),
        (lambda ctx: ctx.crm.update("Leads", ["1"]), "with str in it"),
        (lambda ctx: ctx.crm.delete("Leads", [{"Name": "x"}]), "neither an id nor a record"),
        (lambda ctx: ctx.crm.delete("Leads", "123"), "takes a list of records"),
        (lambda ctx: ctx.each(5), "ctx.each was given int, which has no items"),
        (lambda ctx: ctx.each(None), "ctx.each was given None"),
        (lambda ctx: list(ctx.each([{"a": 1}])), "an item of ctx.each has no 'id'"),
        (lambda ctx: list(ctx.each([1], key=lambda item: None)), "the function `key` gave None"),
    ],
)
def test_wrong_use_is_told_with_the_right_shape(bench: Bench, write: Any, said: str) -> None:
    result = bench.run(by_hand(write))
    assert (result.state, result.exit_code, bench.audit()["creates"]) == ("broken", 2, 0)
    assert result.error is not None
    assert said in result.error.message
    assert "test_author_crm.py:" in (result.error.hint or "")


def test_the_context_is_the_public_one(bench: Bench) -> None:
    seen: list[bool] = []
    bench.run(by_hand(lambda ctx: seen.append(isinstance(ctx, Context))))
    assert seen == [True]


def test_records_are_counted_and_read(bench: Bench) -> None:
    ids = bench.seed(leads(3))

    def run(ctx: Context) -> None:
        assert ctx.crm.count("Leads") == 3
        assert {each["id"] for each in ctx.crm.records("Leads", fields=["id"])} == set(ids)
        rows = ctx.crm.query("select id from Leads where Last_Name is not null")
        assert {each["id"] for each in rows} == set(ids)
        assert ctx.crm.get("/crm/v8/org")["org"]

    job = by_hand(run)
    type(job).scopes = ("ZohoCRM.modules.leads.ALL", "ZohoCRM.coql.READ", "ZohoCRM.org.READ")  # type: ignore[misc,assignment]
    assert bench.run(job).state == "finished"


# -- items ------------------------------------------------------------------------------------------


class Pair(NamedTuple):
    code: str
    number: int


@pytest.mark.parametrize(
    ("items", "key", "keys"),
    [
        (["a", "b"], "id", ["a", "b"]),
        ({"a": 1, "b": 2}, "id", ["a", "b"]),
        (range(2), "id", ["0", "1"]),
        ([("a", 1), ("a", 2)], "id", ["('a', 1)", "('a', 2)"]),
        ([date(2024, 1, 1)], "id", ["2024-01-01"]),
        ([Pair("a", 1), Pair("b", 1)], "code", ["a", "b"]),
        ([("a", {}), ("b", {})], lambda item: item[0], ["a", "b"]),
        (
            [{"a": "x", "b": 1}, {"a": "x", "b": 2}],
            lambda item: (item["a"], item["b"]),
            ["('x', 1)", "('x', 2)"],
        ),
        ((text for text in "ab"), "id", ["a", "b"]),
    ],
)
def test_items_may_be_plain_values_and_the_key_a_function(
    bench: Bench, items: Any, key: Any, keys: list[str]
) -> None:
    def run(ctx: Context) -> None:
        for number, _ in enumerate(ctx.each(items, key=key)):
            ctx.crm.insert("Leads", [lead(number)])

    result = bench.run(by_hand(run))
    assert [row[1] for row in listed(result, "success")] == keys


def test_a_loop_over_plain_values_goes_on_where_it_ended(bench: Bench) -> None:
    def run(ctx: Context) -> None:
        for name in ctx.each(["a", "b", "c"]):
            ctx.crm.insert("Leads", [lead(name)])

    job = by_hand(run)
    assert counts(bench.run(job, limit=2)) == {"read": 2, "created": 2}
    assert counts(bench.resume()) == {"read": 3, "created": 3}
    assert bench.audit()["created_twice"] == []


def test_a_source_gives_its_rows_as_items(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("id,name\n1,Ada\n2,Bo\n")

    def run(ctx: Context) -> None:
        for row in ctx.each(Csv(tmp_path / "leads.csv")):
            ctx.crm.insert("Leads", [{"Last_Name": row["name"]}])

    assert counts(bench.run(by_hand(run))) == {"read": 2, "created": 2}
    assert {record["Last_Name"] for record in bench.records()} == {"Ada", "Bo"}


# -- the id map -------------------------------------------------------------------------------------


class LoadKeyed(RecordJob):
    """Leads with keys."""

    write = Insert("Leads", key="Legacy_ID")
    scopes = scopes_for(write)
    source = Csv("unused.csv")

    def transform(self, row: Any) -> Any:
        return {"Last_Name": row["name"], "Legacy_ID": row["id"]}


def test_ids_are_found_by_the_keys_that_earlier_runs_wrote(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("id,name\nK1,Ada\nK2,Bo\n")

    class Load(LoadKeyed):
        source = Csv(tmp_path / "leads.csv")

    bench.run(Load())
    ids = {record["Legacy_ID"]: record["id"] for record in bench.records()}
    seen: list[Any] = []

    def run(ctx: Context) -> None:
        seen.extend(ctx.ids.find("Leads", key) for key in ("K1", "k1", "K9"))
        seen.append(ctx.ids.find("Leads", "k2", "Legacy_ID", ignore_case=True))
        seen.append(ctx.ids.find("Leads", "K2", "Other_Field"))

    assert bench.run(by_hand(run)).state == "finished"
    assert seen == [ids["K1"], None, None, ids["K2"], None]


@pytest.mark.parametrize(
    "call",
    [
        lambda ctx: ctx.crm.get("/crm/v8/Nowhere"),
        lambda ctx: ctx.crm.get("nowhere"),
        lambda ctx: ctx.crm.insert("Contacts", [{"Last_Name": "x"}]),
    ],
    ids=["module", "path", "scope"],
)
def test_a_call_that_is_refused_as_a_whole_names_the_authors_line(bench: Bench, call: Any) -> None:
    result = bench.run(by_hand(call))

    assert result.error is not None
    line = call.__code__.co_firstlineno
    assert f"test_author_crm.py:{line}" in (result.error.hint or "")
