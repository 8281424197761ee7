"""Whole answers about fields, of API versions 2 to 8, are read as they are meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tests.zoho.fields_answers import ANSWERS, FieldsAnswer
from zmigrate.zoho.metadata import Field, read_fields

each_answer = pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)


def fields_of(answer: FieldsAnswer) -> list[Field]:
    """The fields, read from the two calls that the client makes."""
    everything = answer.read()["fields"]
    unused: list[Any] = [one for one in everything if one["api_name"] in answer.unused]
    return list(read_fields(answer.module, {"fields": everything}, {"fields": unused}))


def such(fields: Iterable[Field], has: str) -> set[str]:
    return {one.api_name for one in fields if getattr(one, has)}


@each_answer
def test_what_inserts_and_updates_may_write(answer: FieldsAnswer) -> None:
    fields = fields_of(answer)
    everything = {one.api_name for one in fields}

    assert everything - such(fields, "creatable") - answer.unused == answer.read_only | answer.not_in_inserts
    assert everything - such(fields, "updatable") - answer.unused == answer.read_only | answer.not_in_updates


@each_answer
def test_which_fields_are_unused_hidden_and_mandatory(answer: FieldsAnswer) -> None:
    fields = fields_of(answer)

    assert {one.api_name for one in fields} - such(fields, "on_layout") == answer.unused
    assert {one.api_name for one in fields} - such(fields, "visible") - answer.unused == answer.hidden
    assert such(fields, "mandatory") == answer.mandatory


@each_answer
def test_which_fields_are_encrypted(answer: FieldsAnswer) -> None:
    assert such(fields_of(answer), "encrypted") == answer.encrypted


@each_answer
def test_which_fields_are_unique_and_whether_letter_case_counts(answer: FieldsAnswer) -> None:
    assert {one.api_name: one.case_sensitive for one in fields_of(answer) if one.unique} == answer.unique


@each_answer
def test_what_lookups_and_rows_point_to(answer: FieldsAnswer) -> None:
    fields = fields_of(answer)
    references = {
        one.api_name: one.lookup_modules or {one.lookup_module}
        for one in fields
        if (one.lookup_modules or one.lookup_module) and not one.connected_lookup
    }

    assert references == answer.refers_to
    assert {
        one.api_name: (one.lookup_module, one.connected_lookup) for one in fields if one.connected_lookup
    } == answer.linked
    assert {one.api_name: one.subform_module for one in fields if one.data_type == "subform"} == answer.rows


@each_answer
def test_values_of_pick_lists_that_are_shown_and_stored(answer: FieldsAnswer) -> None:
    for read in fields_of(answer):
        raw = answer.fields[read.api_name].get("pick_list_values", [])

        assert [(value.display, value.actual, value.used) for value in read.pick_list] == [
            (one["display_value"], one["actual_value"], one.get("type") != "unused") for one in raw
        ]
