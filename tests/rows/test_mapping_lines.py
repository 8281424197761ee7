"""The line of each key of a TOML text, and syntax errors with line and column."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmigrate.errors import JobError
from zmigrate.rows.mapping.toml_lines import parse_toml, read_toml

TEXT = '''# a comment with [[brackets]] and "quotes"
default_user = "x" # another
[users]
"anna@old.example" = "ben"

[[load]]
file = "a.csv"
ignore = [
  "a", # x ] }
  "b",
]
skip_if = [ { column = "x", is = "y" },
  { column = "z",   empty = true } ]
  [load.fields]
  Stage = { column = "s", values = { Won = "x", 'L ost' = 'y' } }
  Price.column = 3.5
  "q\\u0041" = """
many = 1
""\\""" = 3
"""
  Day = 2024-01-01 00:00:00

[[load]]
[load.fields.Long]
column = "c"
[[load.fields.Many]]
a = 1
[[load.fields.Many]]
a = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("default_user",), 2),
        (("users",), 3),
        (("users", "anna@old.example"), 4),
        (("load",), 6),
        (("load", 0), 6),
        (("load", 0, "file"), 7),
        (("load", 0, "ignore", 1), 10),
        (("load", 0, "skip_if", 0, "is"), 12),
        (("load", 0, "skip_if", 1, "empty"), 13),
        (("load", 0, "fields"), 14),
        (("load", 0, "fields", "Stage", "values", "L ost"), 15),
        (("load", 0, "fields", "Price", "column"), 16),
        (("load", 0, "fields", "qA"), 17),
        (("load", 0, "fields", "Day"), 21),
        (("load", 1), 23),
        (("load", 1, "fields", "Long", "column"), 25),
        (("load", 1, "fields", "Many", 1, "a"), 29),
        (("load", 1, "fields", "Long", "unheard", "of"), 24),
    ],
)
def test_each_key_is_found_on_its_line(path: tuple[Any, ...], line: int) -> None:
    assert parse_toml(TEXT, "m.toml").line(path) == line
    assert parse_toml(TEXT.replace("\n", "\r\n"), "m.toml").line(path) == line


def test_fractions_are_decimals() -> None:
    assert parse_toml("a = 0.10", "m.toml").values == {"a": Decimal("0.10")}


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-9, 9), TEXTS, st.sampled_from(["a\nb", '"""', "'#", "]}", "\\"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


class Writer:
    """Writes TOML, and knows on which line it puts each key."""

    def __init__(self) -> None:
        self.text = ""
        self.lines: dict[tuple[Any, ...], int] = {}

    def pair(self, path: tuple[Any, ...], value: Any) -> None:
        self.lines[path] = self.text.count("\n") + 1
        self.text += f"{quoted(path[-1])} = "
        self.value(path, value)

    def value(self, path: tuple[Any, ...], value: Any) -> None:
        if isinstance(value, list):
            self.text += "[ # [a comment\n"
            for number, item in enumerate(value):
                self.lines[*path, number] = self.text.count("\n") + 1
                self.value((*path, number), item)
                self.text += " ,\n"
            self.text += "]"
        elif isinstance(value, dict):
            self.text += "{ "
            for number, (key, item) in enumerate(value.items()):
                self.text += ", " if number else ""
                self.pair((*path, key), item)
            self.text += " }"
        elif isinstance(value, str) and "\n" in value:
            self.text += f"'''{value}'''"
        else:
            self.text += quoted(value) if isinstance(value, str) else str(value).lower()


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@given(
    st.dictionaries(TEXTS, VALUES, max_size=4),
    st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), max_size=3),
)
def test_whatever_toml_there_is_each_key_is_found_on_its_line(
    values: dict[str, Any], tables: list[dict[str, Any]]
) -> None:
    writer = Writer()
    for key, value in values.items():
        writer.pair((f"top {key}",), value)
        writer.text += "  # of [[the]] file\n\n"
    for number, table in enumerate(tables):
        writer.lines["load", number] = writer.text.count("\n") + 1
        writer.text += " [[load]]\n"
        for key, value in table.items():
            writer.pair(("load", number, key), value)
            writer.text += "\n"
    read = parse_toml(writer.text, "m.toml")
    assert read.values == {
        **{f"top {key}": value for key, value in values.items()},
        **({"load": tables} if tables else {}),
    }
    assert {path: read.line(path) for path in writer.lines} == writer.lines


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\nb = ", "m.toml:2:5: not valid TOML: invalid value."),
        ('x = {a = 1,\n b = "y"}', "m.toml:1:12: not valid TOML: "),
        ("Deal Name = 3", "m.toml:1:6: not valid TOML: "),
        ('a = "x', "m.toml:1:7: not valid TOML: "),
        ("a = [1,\n", "m.toml:1:8: not valid TOML: "),
    ],
)
def test_what_is_no_toml_is_told_with_line_and_column(text: str, message: str) -> None:
    with pytest.raises(JobError) as error:
        parse_toml(text, "m.toml")
    assert error.value.message.startswith(message)
    assert "on one line" in str(error.value.hint)


def test_a_number_longer_than_python_reads_is_told() -> None:
    with pytest.raises(JobError, match=r"m\.toml: a number in it has too many digits"):
        parse_toml(f"a = {'9' * 5000}", "m.toml")


def test_a_file_that_is_not_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_bytes("a = 1\nb = 'Köln'\n".encode("latin-1"))
    with pytest.raises(JobError, match=r"m\.toml:2: byte 0xf6 is not UTF-8"):
        read_toml(path)
    path.write_bytes("a = 'Köln'\n".encode("utf-8-sig"))
    assert read_toml(path).values == {"a": "Köln"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\nb = 2\na = 2\n", "m.toml:3:6: `a` is there twice, first on line 1."),
        ("a = 1\na = 2", "m.toml:2:6: `a` is there twice, first on line 1."),
        ("a = 1\n[t]\n'a' = 1\na = [\n2]\n", "m.toml:5:3: `a` is there twice, first on line 3."),
        ("[t]\na = 1\n[t]\n", "m.toml:3:3: `[t]` is there twice, first on line 1."),
        ("[t]\nS = 1\n[t.S]\na = 1\n", "m.toml:3:5: `[t.S]` is there twice."),
        ("x = { a = 1, a = 2 }\n", "m.toml:1:19: `a` is there twice."),
    ],
)
def test_a_key_that_stands_twice_is_told_with_both_lines(text: str, message: str) -> None:
    with pytest.raises(JobError) as error:
        parse_toml(text, "m.toml")
    assert (error.value.message, error.value.hint) == (
        message,
        "Leave one of them out, or put both together.",
    )
