"""The cases hold what they promise: every option, collisions of every kind, and no thefts."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from tests.engine.plan.agreement.cases import CODE, MODULES, Cells, Load, make_case, without_thefts
from tests.engine.plan.agreement.seeds import SEEDS

CASES = [make_case(seed) for seed in SEEDS]
LOADS = [load for case in CASES for load in case.loads]


def update_of_contacts(*rows: Cells) -> Load:
    return Load(MODULES["Contacts"], "update", CODE, None, "first", "fail", False, (), {}, rows)


def kept(load: Load, *there: Cells) -> list[str]:
    return [row["Email"] for row in without_thefts(load, load.rows, there, fold=True)]


def test_a_seed_gives_the_same_case_every_time() -> None:
    assert [make_case(case.seed) for case in CASES[:20]] == CASES[:20]


def test_every_operation_meets_every_option() -> None:
    existing, repeated = (None, "skip", "update", "fail"), (None, "first", "last", "each", "fail")
    met = {(load.operation, load.on_existing, load.on_repeated) for load in LOADS}
    assert met >= {("insert", *each) for each in product(existing, repeated)}
    assert met >= {(operation, None, each) for operation in ("update", "upsert") for each in repeated}
    assert met >= {("delete", None, None)}


def test_keys_of_several_fields_meet_every_operation_that_takes_them() -> None:
    assert {load.operation for load in LOADS if load.key_parts} == {"insert", "update", "delete"}


def test_there_are_folders_and_single_files_with_several_batches() -> None:
    assert {len(case.loads) for case in CASES} == {1, 3}
    assert max(len(load.rows) for load in LOADS) > 300
    assert {case.earlier for case in CASES} == {True, False}


def test_rows_collide_by_key_by_key_in_other_letters_and_by_another_unique_value() -> None:
    def repeats(load: Load, name: str) -> int:
        values = [row[name] for row in load.rows if row.get(name)]
        return len(values) - len(set(values))

    assert sum(repeats(load, CODE) > 3 for load in LOADS) > len(LOADS) / 2
    assert sum(repeats(load, load.module.second) > 3 for load in LOADS) > len(LOADS) / 2
    assert any(
        {row[CODE], row[CODE].swapcase()} <= {other.get(CODE) for other in load.rows}
        for load in LOADS
        for row in load.rows
        if row.get(CODE)
    )


def test_a_row_that_takes_a_value_from_a_record_loses_its_own_if_another_row_wants_that_value() -> None:
    load = update_of_contacts({CODE: "c1", "Email": "new@x.de"}, {CODE: "c2", "Email": "Old@x.de"})
    assert kept(load, {CODE: "c1", "Email": "old@x.de"}) == ["", "Old@x.de"]
    assert kept(load, {CODE: "c1", "Email": "other@x.de"}) == ["new@x.de", "Old@x.de"]


def test_rows_that_are_written_in_order_may_take_values_from_one_another() -> None:
    rows = ({CODE: "c1", "Email": "a@x.de"}, {CODE: "c1", "Email": "b@x.de"})
    each = replace(update_of_contacts(*rows), on_repeated="each")
    assert kept(each) == ["a@x.de", "b@x.de"]
    third = replace(each, rows=(*rows, {CODE: "c2", "Email": "a@x.de"}))
    assert kept(third) == ["a@x.de", "", "a@x.de"]
