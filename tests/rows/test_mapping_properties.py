"""Whatever a mapping says, a row becomes a record, is left out, or fails for a reason that is told."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from zmigrate import Load, Skip
from zmigrate.errors import JobError
from zmigrate.rows.conversion.refusal import BadValue
from zmigrate.rows.mapping import read_mapping

COLUMNS = ("a", "b c", "{d}")
TEXTS = st.text(st.sampled_from("ab ,;{}\"\\'\n.é1-"), max_size=5)
NAMES = st.sampled_from([*COLUMNS, "zzz", ""]) | TEXTS
SCALARS = TEXTS | st.booleans() | st.integers(-3, 3)
WORDS: dict[str, st.SearchStrategy[Any]] = {
    "column": NAMES,
    "columns": st.lists(NAMES, max_size=3),
    "join": TEXTS,
    "template": st.lists(st.sampled_from(["{a}", "{b c}", "{{", "}}", "{", "x"]), max_size=4).map("".join),
    "constant": SCALARS | st.lists(SCALARS, max_size=2),
    "values": st.dictionaries(TEXTS, SCALARS, max_size=3),
    "otherwise": SCALARS,
    "strict": st.booleans(),
    "split": TEXTS,
    "part": st.integers(-3, 3),
    "trim": st.booleans(),
    "case": st.sampled_from(["lower", "upper", "title", "Lower"]),
    "default": SCALARS | st.lists(SCALARS, max_size=2),
    "empty": st.sampled_from(["leave", "blank"]),
    "format": st.sampled_from(["%d/%m/%Y", "%Y", "x"]),
    "decimal": st.sampled_from([",", "."]),
    "ref": st.sampled_from(["Accounts", "A B"]),
    "find": st.just("Contacts"),
    "by": st.just("Email"),
    "when_open": st.sampled_from(["fail", "stop", "x"]),
}
LIKELY = st.sampled_from(
    [
        {"column": "a", "split": ",", "part": 2},
        {"column": "a", "split": ";", "values": {"a": "b"}},
        {"column": "b c", "values": {"a": "", "": "x"}, "otherwise": 1},
        {"column": "b c", "values": {"a": True}, "strict": True},
        {"columns": ["a", "{d}"], "join": "-", "case": "title", "trim": True},
        {"template": "{a}{b c}", "default": "none"},
        {"column": "a", "ref": "Accounts", "split": ",", "empty": "blank"},
        {"column": "a", "find": "Contacts", "by": "Email", "values": {"a": "x@y.z"}},
    ]
)
RULES = (
    LIKELY
    | NAMES
    | st.lists(st.sampled_from(sorted(WORDS)), max_size=4, unique=True).flatmap(
        lambda words: st.fixed_dictionaries({word: WORDS[word] for word in words})
    )
)
CELLS = st.one_of(
    TEXTS,
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.just(date(2024, 3, 31)),
    st.just(Decimal("1.50")),
    st.lists(TEXTS, max_size=2),
    st.dictionaries(TEXTS, TEXTS, max_size=1),
)
ROWS = st.lists(
    st.fixed_dictionaries(dict.fromkeys(COLUMNS, CELLS)) | st.dictionaries(NAMES, CELLS), max_size=3
)
CONDITIONS = st.none() | st.fixed_dictionaries(
    {"column": NAMES}, optional={"is": TEXTS, "empty": st.just(True), "matches": TEXTS}
)


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {toml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def source(folder: Path) -> Path:
    path = folder / "old.csv"
    path.write_text(",".join(COLUMNS) + "\nx,y,z\n", encoding="utf-8")
    return path


def made_of(load: Load, row: dict[str, Any]) -> Any:
    try:
        return load.transform(row)
    except Skip as skip:
        return skip.reason
    except BadValue as bad:
        return bad.reasons


@given(st.dictionaries(st.sampled_from(["F", "G", "a"]), RULES, max_size=3), CONDITIONS, ROWS)
def test_a_mapping_is_refused_or_makes_records_and_options_say_the_same(
    fields: dict[str, Any], condition: dict[str, Any] | None, rows: list[dict[str, Any]]
) -> None:
    with TemporaryDirectory() as name:
        old = source(Path(name))
        text = '[[load]]\nfile = "old.csv"\nmodule = "Deals"\noperation = "insert"\n'
        text += "" if condition is None else f"skip_if = {toml(condition)}\n"
        text += "[load.fields]\n" + "".join(f"{field} = {toml(rule)}\n" for field, rule in fields.items())
        path = Path(name, "old.toml")
        path.write_text(text, encoding="utf-8", newline="\n")
        loads: list[Load | None] = []
        for read in (
            lambda: read_mapping(path)[0],
            lambda: Load.from_options(
                old,
                module="Deals",
                operation="insert",
                field=[f"{field} = {toml(rule)}" for field, rule in fields.items()],
                skip_if=[] if condition is None else [toml(condition)],
            ),
        ):
            try:
                load = read()
                loads.append(load if load.fills else None)
            except JobError:
                loads.append(None)
        by_file, by_options = loads
        assert (by_file is None) == (by_options is None)
        if by_file is None or by_options is None:
            return
        assert by_file.columns == by_options.columns
        for row in rows:
            made = made_of(by_file, row)
            assert repr(made) == repr(made_of(by_options, row))
            if isinstance(made, dict):
                assert made.keys() == {fill.field for fill in by_file.fills}
