"""References and letter case: it counts unless a reference ignores it; in e-mail addresses it never does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support import Bench, read_rows, write_rows
from zmigrate import Csv, Find, Insert, RecordJob, Ref, Upsert, scopes_for
from zmigrate.emulator import Emulator, Options
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.resolver import FoundCache
from zmigrate.engine.pipeline.survey import own_key
from zmigrate.engine.storage.run_result import RunResult
from zmigrate.errors import UsageError
from zmigrate.job.references import Reference, WhenOpen
from zmigrate.job.writes import Write
from zmigrate.rows.conversion.keys import fold_key

ONE, OTHER = "001D000000IRab1", "001D000000IRAB1"
"""Ids of two records of an old CRM that differ in letter case only."""
CONTACTS = Insert("Contacts", key="Legacy_ID")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Emulator(Options(legacy_case_sensitive=True)) as emulator:
        yield Bench(emulator, tmp_path)


@pytest.fixture(params=["folding", "exact"])
def either(request: pytest.FixtureRequest, bench: Bench) -> Bench:
    """How Zoho's search compares text is not documented: it may go either way."""
    bench.options(coql_case_sensitive=request.param == "exact")
    return bench


def load(bench: Bench, write: Write, rows: Sequence[Mapping[str, Any]], **references: Any) -> RunResult:
    """Write rows, some of whose cells become references. `references`: by field a function of the cell."""
    finds = ("Accounts", "Contacts")
    path = write_rows(bench.folder / f"{write.module}.csv", rows)

    def transform(self: RecordJob, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: references[name](cell) if name in references else cell for name, cell in row.items()}

    members = {
        "__module__": __name__,
        "write": write,
        "scopes": scopes_for(write, finds=finds, refers_to=(write.module,)),
        "source": lambda self: Csv(path),
        "transform": transform,
    }
    job: RecordJob = type(f"Load{write.module}", (RecordJob,), members)()
    return bench.run(job, again=True)


def load_accounts(bench: Bench, *keys: str, key: str = "Legacy_ID") -> RunResult:
    return load(bench, Insert("Accounts", key=key), [{key: each, "Account_Name": each} for each in keys])


def load_contacts(bench: Bench, *cells: str, reference: Any) -> RunResult:
    """Contacts 0, 1, 2, ... that refer to these accounts."""
    rows = [
        {"Legacy_ID": str(number), "Last_Name": "Doe", "Account_Name": cell}
        for number, cell in enumerate(cells)
    ]
    return load(bench, CONTACTS, rows, Account_Name=reference)


def accounts_of(bench: Bench) -> dict[str, str | None]:
    """Each contact's account by name, as the org has it."""
    names = {record["id"]: record["Account_Name"] for record in bench.records("Accounts")}
    return {
        record["Legacy_ID"]: names[record["Account_Name"]["id"]] if record.get("Account_Name") else None
        for record in bench.records("Contacts")
    }


def failed(result: RunResult) -> dict[str, str]:
    [row] = read_rows(result.files["errors"])
    return row


def by_key(key: str, *, when_open: WhenOpen = "fail", ignore_case: bool = False) -> Reference:
    return Ref("Accounts", key, when_open=when_open, ignore_case=ignore_case)


def by_key_in_any_case(key: str) -> Reference:
    return Ref("Accounts", key, ignore_case=True)


def by_name(name: str) -> Reference:
    return Find("Accounts", "Account_Name", name)


def by_name_in_any_case(name: str) -> Reference:
    return Find("Accounts", "Account_Name", name, ignore_case=True)


# -- what zmigrate wrote ---------------------------------------------------------------------------


@pytest.mark.parametrize("reference", [by_key, by_key_in_any_case])
def test_of_two_keys_that_differ_in_case_each_has_its_own_children(bench: Bench, reference: Any) -> None:
    load_accounts(bench, ONE, OTHER)
    result = load_contacts(bench, OTHER, ONE, f" {OTHER} ", reference=reference)
    assert result.rows.created == 3
    assert accounts_of(bench) == {"0": OTHER, "1": ONE, "2": OTHER}


def test_a_key_that_is_known_in_another_case_fails_its_row_with_the_spelling(bench: Bench) -> None:
    load_accounts(bench, "K0016")
    row = failed(load_contacts(bench, "k0016", reference=by_key))
    assert (row["code"], row["field"]) == ("REFERENCE_OPEN", "Account_Name")
    assert "there is no Accounts record with the key 'k0016'" in row["message"]
    assert "this run or an earlier one wrote 'K0016'" in row["message"]
    assert "ignore_case = true" in row["message"]
    assert "ignore_case=True" in row["message"]


def test_a_reference_that_ignores_case_takes_the_other_spelling(bench: Bench) -> None:
    load_accounts(bench, "K0016")
    assert load_contacts(bench, "k0016", reference=by_key_in_any_case).rows.created == 1
    assert accounts_of(bench) == {"0": "K0016"}


def test_of_several_other_spellings_none_is_chosen(bench: Bench) -> None:
    load_accounts(bench, "Key", "KEY")
    assert failed(load_contacts(bench, "key", reference=by_key_in_any_case))["code"] == "REFERENCE_AMBIGUOUS"


def test_a_reference_is_left_out_only_if_no_spelling_of_it_is_known(bench: Bench) -> None:
    load_accounts(bench, "K1")

    def leave_out(key: str) -> Reference:
        return by_key(key, when_open="leave_out")

    row = failed(load_contacts(bench, "k1", "K2", "K1", reference=leave_out))
    assert (row["Legacy_ID"], row["code"]) == ("0", "REFERENCE_OPEN")
    assert accounts_of(bench) == {"1": None, "2": "K1"}


def test_a_required_reference_in_another_case_stops_the_run_unless_it_ignores_case(bench: Bench) -> None:
    load_accounts(bench, "K1")

    def stop(ignore_case: bool) -> Any:
        return lambda key: by_key(key, when_open="stop", ignore_case=ignore_case)

    with pytest.raises(UsageError, match="wrote 'K1'"):
        load_contacts(bench, "k1", reference=stop(False))
    assert not bench.records("Contacts")
    assert load_contacts(bench, "k1", reference=stop(True)).rows.created == 1


def test_a_composed_letter_is_the_same_as_its_parts(bench: Bench) -> None:
    load_accounts(bench, "M\u00fcller")
    assert load_contacts(bench, "Mu\u0308ller", reference=by_key).rows.created == 1


def test_a_whole_number_goes_by_its_value(bench: Bench) -> None:
    bench.post("fields/Accounts", {"api_name": "Old_No", "data_type": "integer"})
    load_accounts(bench, "7", key="Old_No")
    assert load_contacts(bench, "007", reference=by_key).rows.created == 1


def test_a_key_that_is_an_email_address_ignores_case(tmp_path: Path) -> None:
    with Emulator(Options(email_unique=True)) as emulator:
        bench = Bench(emulator, tmp_path)
        people = [{"Email": "Anna@Example.com", "Last_Name": "Anna"}]
        load(bench, Upsert("Contacts", match_on="Email"), people)
        deal = {
            "Legacy_ID": "1",
            "Deal_Name": "Big",
            "Stage": "Closed Won",
            "Contact_Name": "anna@example.com",
        }
        result = load(
            bench,
            Insert("Deals", key="Legacy_ID"),
            [deal],
            Contact_Name=lambda cell: Ref("Contacts", cell),
        )
        assert result.rows.created == 1


# -- rows of one file ------------------------------------------------------------------------------


def tree(bench: Bench, *pairs: tuple[str, str], ignore_case: bool = False) -> RunResult:
    """Accounts by key and the key of their parent."""
    rows = [{"Legacy_ID": key, "Account_Name": key, "Parent_Account": parent} for key, parent in pairs]
    return load(
        bench,
        Insert("Accounts", key="Legacy_ID"),
        rows,
        Parent_Account=lambda key: by_key(key, ignore_case=ignore_case),
    )


def parents_of(bench: Bench) -> dict[str, str | None]:
    records = bench.records("Accounts")
    names = {record["id"]: record["Account_Name"] for record in records}
    return {
        record["Account_Name"]: names[record["Parent_Account"]["id"]]
        if record.get("Parent_Account")
        else None
        for record in records
    }


@pytest.mark.parametrize("ignore_case", [False, True])
def test_children_of_rows_that_differ_in_case_have_their_own_parents(bench: Bench, ignore_case: bool) -> None:
    pairs = [("c1", OTHER), ("c2", ONE), (ONE, ""), (OTHER, ONE), ("c3", OTHER)]
    assert tree(bench, *pairs, ignore_case=ignore_case).rows.created == 5
    assert parents_of(bench) == {"c1": OTHER, "c2": ONE, ONE: None, OTHER: ONE, "c3": OTHER}
    assert bench.audit("Accounts")["updates"] == 0


def test_a_reference_to_a_row_of_the_file_goes_by_its_letters_where_zoho_would_fold() -> None:
    target = Target("Accounts", "insert", "Legacy_ID", "unique", fold_key)
    assert own_key(target, Ref("Accounts", " K1 ")) == "K1"
    assert own_key(target, Ref("Accounts", "k1")) == "k1"


def test_a_row_waits_for_its_parent_not_for_a_row_in_another_case(tmp_path: Path) -> None:
    """`K1` is refused, and `k1` is written on the second level."""
    with Emulator(Options()) as emulator:
        bench = Bench(emulator, tmp_path)
        result = tree(bench, ("child", "k1"), ("root", ""), ("K1", "nobody"), ("k1", "root"))
        assert (result.rows.created, failed(result)["Legacy_ID"]) == (3, "K1")
        assert parents_of(bench) == {"root": None, "k1": "root", "child": "k1"}


def test_a_row_whose_parent_stands_in_the_file_in_another_case_fails(bench: Bench) -> None:
    row = failed(tree(bench, ("child", "parent"), ("Parent", "")))
    assert (row["Legacy_ID"], row["code"]) == ("child", "REFERENCE_OPEN")


def test_a_parent_in_another_case_goes_first_if_the_reference_ignores_case(bench: Bench) -> None:
    assert tree(bench, ("child", "parent"), ("Parent", ""), ignore_case=True).rows.created == 2
    assert parents_of(bench) == {"child": "Parent", "Parent": None}
    assert bench.audit("Accounts")["updates"] == 0


def test_a_circle_of_references_that_ignore_case_is_closed(bench: Bench) -> None:
    assert tree(bench, ("a", "B"), ("b", "A"), ignore_case=True).rows.created == 2
    assert parents_of(bench) == {"a": "b", "b": "a"}


# -- what the org has ------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", [by_name, by_name_in_any_case])
def test_a_find_takes_the_record_with_the_same_letters(either: Bench, reference: Any) -> None:
    either.seed([{"Account_Name": name} for name in ("Acme", "ACME")], "Accounts")
    load_contacts(either, "ACME", "Acme", reference=reference)
    assert accounts_of(either) == {"0": "ACME", "1": "Acme"}


def test_a_value_that_the_org_has_in_another_case_fails_its_row_with_the_spelling(bench: Bench) -> None:
    bench.seed([{"Account_Name": "Acme"}], "Accounts")
    row = failed(load_contacts(bench, "ACME", reference=by_name))
    assert row["code"] == "REFERENCE_OPEN"
    assert "there is no Accounts record with Account_Name 'ACME'; the org has 'Acme'" in row["message"]
    assert "ignore_case = true beside `find`" in row["message"]


def test_where_zohos_search_goes_by_case_the_other_spelling_is_not_known(bench: Bench) -> None:
    bench.options(coql_case_sensitive=True)
    bench.seed([{"Account_Name": "Acme"}], "Accounts")
    row = failed(load_contacts(bench, "ACME", reference=by_name))
    assert (row["code"], "not in the org" in row["message"]) == ("REFERENCE_OPEN", True)


def test_a_spelling_that_is_asked_for_later_is_asked_for_all_the_same(bench: Bench) -> None:
    """Of 'ACME' the org knows nothing; that says nothing about 'Acme', two batches further down."""
    bench.options(coql_case_sensitive=True)
    bench.seed([{"Account_Name": "Acme"}], "Accounts")
    result = load_contacts(bench, "ACME", *[""] * 250, "Acme", reference=by_name)
    assert (result.rows.created, result.rows.failed) == (251, 1)
    assert accounts_of(bench)["251"] == "Acme"


def test_an_answer_about_one_spelling_is_none_about_another() -> None:
    with closing(FoundCache()) as found:
        found.put(("Accounts", "Account_Name"), {"ACME": []})
        assert found.get(("Accounts", "Account_Name"), "ACME ") == []
        assert found.get(("Accounts", "Account_Name"), "Acme") is None


def test_a_find_that_ignores_case_takes_the_only_spelling(bench: Bench) -> None:
    bench.seed([{"Account_Name": "Acme"}], "Accounts")
    assert load_contacts(bench, "ACME", "acme", reference=by_name_in_any_case).rows.created == 2
    assert accounts_of(bench) == {"0": "Acme", "1": "Acme"}


def test_of_several_spellings_a_find_chooses_none(bench: Bench) -> None:
    bench.seed([{"Account_Name": name} for name in ("Acme", "ACME")], "Accounts")
    row = failed(load_contacts(bench, "acme", reference=by_name_in_any_case))
    assert row["code"] == "REFERENCE_AMBIGUOUS"


def test_a_find_by_an_email_address_ignores_case(bench: Bench) -> None:
    bench.seed([{"Last_Name": "Anna", "Email": "Anna@Example.com"}], "Contacts")
    deal = {
        "Legacy_ID": "1",
        "Deal_Name": "Big",
        "Stage": "Closed Won",
        "Contact_Name": "anna@example.com",
    }
    result = load(
        bench,
        Insert("Deals", key="Legacy_ID"),
        [deal],
        Contact_Name=lambda cell: Find("Contacts", "Email", cell),
    )
    assert result.rows.created == 1
