"""A row for each field of whole answers about fields is planned and run against an org that gives them.

What the answer says can be written is stored; what it says can't be is refused before the first write.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from zmigrate.ready_jobs.import_file import ImportFile

from tests.support import Bench, read_rows, write_rows
from tests.zoho.fields_answers import ANSWERS, FieldsAnswer
from zmigrate.emulator import Emulator, Options
from zmigrate.errors import UsageError

Row = dict[str, Any]
TOLD_AT_ONCE = 20
"""A usage error names this many columns."""
OF_ROWS = frozenset({"Niederlassungen", "Quoted_Items", "Projektdetails"})
"""Modules of subform rows. No record of theirs is written by itself."""
WITH_RECORDS = [answer for answer in ANSWERS if answer.module not in OF_ROWS]


def writable(answer: FieldsAnswer) -> list[str]:
    return sorted(answer.fields.keys() - refused(answer))


def refused(answer: FieldsAnswer) -> list[str]:
    return sorted(answer.read_only | answer.not_in_inserts | answer.unused)


def answers(chosen: list[FieldsAnswer]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("answer", chosen, ids=lambda answer: answer.name)


each_answer = answers(WITH_RECORDS)
each_answer_that_refuses = answers([answer for answer in WITH_RECORDS if refused(answer)])


@pytest.fixture(scope="module")
def org() -> Iterator[Emulator]:
    with Emulator(Options(token_limit=10_000)) as emulator:
        yield emulator


@pytest.fixture
def bench(org: Emulator, tmp_path: Path) -> Bench:
    made = Bench(org, tmp_path)
    made.post("reset", {})
    return made


class Filling:
    """Values for the fields of an answer, and what the org must have afterwards."""

    def __init__(self, bench: Bench, answer: FieldsAnswer, ids: dict[str, str] | None = None) -> None:
        self.answer = answer
        self.fields = answer.fields
        self._bench = bench
        self._ids = {} if ids is None else ids
        """A record of each module that a value refers to."""
        self._user: str = bench.get("users")[1]["id"]

    def value(self, name: str) -> Any:
        """A value that fits the field by its metadata."""
        raw = self.fields[name]
        special = SPECIAL.get(name)
        if special is not None:
            return special
        match raw["data_type"]:
            case "picklist":
                return self._pick(raw)["display_value"]
            case "multiselectpicklist":
                return [self._pick(raw)["actual_value"]]
            case "lookup" | "multi_module_lookup" as kind:
                module = self._target(name)
                by_id: Row = {"id": self._record(module)}
                names_module = kind != "lookup" or name == "Parent_Id"
                return {**by_id, "module": {"api_name": module}} if names_module else by_id
            case "ownerlookup" | "userlookup":
                return {"id": self._user}
            case "multiselectlookup" | "multiuserlookup":
                module, around = self.answer.linked[name]
                return [{around: {"id": self._record(module) if module else self._user}}]
            case "subform":
                return self._rows(self.answer.rows[name])
        return OF_TYPES.get(raw["data_type"], f"Text of {name}")

    def stored(self, name: str) -> Any:
        """What a read shows of it."""
        raw = self.fields[name]
        return self._pick(raw)["actual_value"] if raw["data_type"] == "picklist" else self.value(name)

    def row(self, name: str) -> Row:
        """A row that fills one field, beside those without which Zoho takes no record."""
        filled = {*self.answer.mandatory, name}
        row = {each: self.value(each) for each in sorted(filled)}
        return {**row, "$se_module": "Accounts"} if "What_Id" in filled else row

    @staticmethod
    def _pick(raw: Row) -> Row:
        values: list[Row] = raw["pick_list_values"]
        return [one for one in values if one["actual_value"] != "-None-" and one.get("type") != "unused"][-1]

    def _target(self, name: str) -> str:
        found = min(self.answer.refers_to[name])
        return "Accounts" if found == "se_module" else found

    def _record(self, module: str) -> str:
        """The id of a record of the module."""
        if module not in self._ids:
            (self._ids[module],) = self._bench.seed([{}], module)
        return self._ids[module]

    def _rows(self, module: str) -> list[Row]:
        """One row of a subform, with a value for each of its fields that can be written."""
        (answer,) = [one for one in ANSWERS if one.module == module]
        filling = Filling(self._bench, answer, self._ids)
        return [{name: filling.value(name) for name in writable(answer)}]


SPECIAL: dict[str, Any] = {
    "Tag": [{"name": "alt"}],
    "Participants": [{"type": "email", "Email": "a@example.com"}],
    "Layout": {"id": "5545974000000091001"},
    "Tax": [{"id": "5545974000000021003", "value": "Vat - 19.0 %"}],
    "Pricing_Details": [{"from_range": 1, "to_range": 9, "discount": 5}],
    "Call_Duration": "10:05",
    "Wizard": {"id": "5545974000000095001"},
}
OF_TYPES: dict[str, Any] = {
    "textarea": "first\nsecond",
    "email": "a@example.com",
    "phone": "+49 30 1234567",
    "website": "https://example.com/a",
    "integer": 7,
    "bigint": "12345",
    "double": 1.5,
    "currency": 12.5,
    "percent": 12.5,
    "date": "2024-02-29",
    "datetime": "2024-02-29T10:00:00+02:00",
    "boolean": True,
    "fileupload": [{"File_Id__s": "ab" * 32}],
    "imageupload": [{"File_Id__s": "cd" * 32}],
    "RRULE": {"RRULE": "FREQ=DAILY;INTERVAL=1;DTSTART=2024-05-01;UNTIL=2024-05-03"},
    "ALARM": {"ALARM": "ACTION=EMAIL;TRIGGER=-P1D;TRIGGER_TIME=22:52"},
    "multireminder": [{"unit": 15, "period": "minutes"}],
}


def file_of(folder: Path, rows: Iterable[Row]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def job_of(answer: FieldsAnswer, path: Path) -> ImportFile:
    declared = ["$se_module=$se_module"] if "What_Id" in answer.fields and path.suffix == ".jsonl" else []
    return ImportFile(file=str(path), module=answer.module, operation="insert", map=declared)


def contains(found: Any, wanted: Any) -> bool:
    """Whether a value that was read is the wanted one, or an object or a list of objects with more keys."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            contains(found.get(key), value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return len(found or ()) == len(wanted) and all(map(contains, found, wanted))
    return bool(found == wanted)


def given(bench: Bench, answer: FieldsAnswer) -> Filling:
    """The org describes the module by the answer, and the modules of its subforms by theirs."""
    for other in (*ANSWERS, answer):
        if other is answer or (other.module in OF_ROWS and other.module in answer.rows.values()):
            bench.post(f"fields/{other.module}", other.read())
    return Filling(bench, answer)


@each_answer
def test_a_row_for_each_field_that_can_be_written_is_planned_and_stored(
    bench: Bench, answer: FieldsAnswer
) -> None:
    filling = given(bench, answer)
    fields = writable(answer)
    job = job_of(answer, file_of(bench.folder, map(filling.row, fields)))

    planned = bench.plan(job).to_json()
    ran = bench.run(job).to_json()

    assert (planned["rejects"], planned["creates"]) == ([], len(fields))
    assert (ran["rows"]["created"], ran["rows"]["failed"]) == (len(fields), 0), read_rows(
        ran["files"]["errors"]
    )
    found = {record["id"]: record for record in bench.records(answer.module)}
    for name, row in zip(fields, read_rows(ran["files"]["success"]), strict=True):
        assert contains(found[row["id"]].get(name), filling.stored(name)), name


@each_answer_that_refuses
def test_a_row_for_each_other_field_is_refused_before_the_first_write(
    bench: Bench, answer: FieldsAnswer
) -> None:
    filling = given(bench, answer)
    fields = refused(answer)
    job = job_of(answer, file_of(bench.folder, map(filling.row, fields)))

    planned = bench.plan(job).to_json()
    ran = bench.run(job).to_json()

    assert planned["creates"] == 0
    assert [(one["line"], one["field"]) for one in planned["rejects"]] == list(enumerate(fields, 1))
    assert [row["field"] for row in read_rows(ran["files"]["errors"])] == fields
    assert ran["rows"]["failed"] == len(fields)
    assert not [
        call for call in bench.stats()["requests"] if call.startswith("POST /crm/v8/" + answer.module)
    ]


@each_answer_that_refuses
def test_a_column_for_another_field_is_refused_before_any_row_is_read(
    bench: Bench, answer: FieldsAnswer
) -> None:
    given(bench, answer)
    fields = refused(answer)

    for first in range(0, len(fields), TOLD_AT_ONCE):
        told = fields[first : first + TOLD_AT_ONCE]
        row = dict.fromkeys((*answer.mandatory, *told), "x")
        job = job_of(answer, write_rows(bench.folder / "rows.csv", [row]))
        with pytest.raises(UsageError) as raised:
            bench.plan(job)
        lines = raised.value.message.splitlines()
        assert [line.partition(" ")[2].partition(" ")[0] for line in lines] == [repr(name) for name in told]


def test_an_update_writes_what_only_updates_may_and_refuses_what_only_inserts_may(bench: Bench) -> None:
    (answer,) = [one for one in ANSWERS if one.not_in_updates]
    (only_in_updates,), (only_in_inserts,) = answer.not_in_inserts, answer.not_in_updates
    filling = given(bench, answer)
    (record,) = bench.seed([{"Last_Name": "A"}], answer.module)
    rows = [{"id": record, name: filling.value(name)} for name in (only_in_updates, only_in_inserts)]
    job = ImportFile(file=str(file_of(bench.folder, rows)), module=answer.module, operation="update")

    planned = bench.plan(job).to_json()
    ran = bench.run(job).to_json()

    assert (planned["updates"], [one["field"] for one in planned["rejects"]]) == (1, [only_in_inserts])
    assert (ran["rows"]["updated"], ran["rows"]["failed"]) == (1, 1)
    (found,) = bench.records(answer.module)
    assert found[only_in_updates] == filling.stored(only_in_updates)
    assert not found[only_in_inserts]
