"""JSON Lines: one object a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rows.files import write
from zmigrate.errors import SourceError
from zmigrate.rows.sources import Cursor, JsonLines


def source(folder: Path, content: str | bytes) -> JsonLines:
    return JsonLines(write(folder, content, "people.jsonl"))


def test_each_line_is_a_row_with_its_line(tmp_path: Path) -> None:
    people = source(tmp_path, '\ufeff{"a": 1}\n\n{"a": [true, null], "b": "é"}\n{"a": 2}')
    assert [(row.number, row.line, row.values) for row in people.rows()] == [
        (1, 1, {"a": 1}),
        (2, 3, {"a": [True, None], "b": "é"}),
        (3, 4, {"a": 2}),
    ]
    assert [row.number for row in people.rows(Cursor(1))] == [2, 3]
    assert (people.scan().rows, people.columns, people.stable, people.name) == (3, None, True, "people.jsonl")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "people.jsonl is empty"),
        ("\n \n", "people.jsonl is empty"),
        ('{"a": 1}\n{"a": }\n', "people.jsonl:2: not valid JSON"),
        ('{"a": 1}\n[1]\n', "people.jsonl:2: every line is one JSON object, this is a list"),
        ('{"a": NaN}\n', "people.jsonl:1: not valid JSON"),
        ('{"a": 1}\n"text"\n', "this is a text"),
        ('{"a":\n1}\n', "people.jsonl:1: not valid JSON"),
        (b'{"a": 1}\n{"a": "\xff"}\n', "people.jsonl:2: byte 16 (0xff) is not UTF-8"),
        (b'{"a": "\0"}\n', "people.jsonl:1: there is a NUL byte"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(SourceError) as error:
        source(tmp_path, content).scan()
    assert message in error.value.message


def test_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    then = source(tmp_path, '{"a": 1}\n').scan()
    source(tmp_path, '{"a": 1}\n').check(then)
    with pytest.raises(SourceError, match="1 rows then, 2 now"):
        source(tmp_path, '{"a": 1}\n{"a": 2}\n').check(then)
    with pytest.raises(SourceError, match="can't be read now"):
        source(tmp_path, "{").check(then)
