"""Which keys of a source may come more than once: none that does is missed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import write_rows
from zmigrate.rows.conversion.keys import fold_key, fold_number
from zmigrate.rows.key_slots import KeySlots, RepeatedKeys, slot_of
from zmigrate.rows.sources import Csv

CELLS = st.text(max_size=12) | st.from_regex(r"[ \t]*[+-]?0{0,3}[0-9]{1,9}[ \t]*", fullmatch=True)


def repeated(cells: list[str], keys: list[str]) -> list[str]:
    """Which of the keys may come more than once among the cells."""
    slots = KeySlots("key")
    slots.add(cells)
    packed = slots.packed()
    assert packed is not None
    return [keys[place] for place in RepeatedKeys(packed).among(keys)]


@given(cell=CELLS)
def test_a_key_has_the_slot_of_every_cell_that_is_compared_as_it(cell: str) -> None:
    for key in (
        cell.strip(),
        cell.upper(),
        fold_key(cell),
        fold_key(cell, case_sensitive=True),
        fold_number(cell),
    ):
        if fold_key(key) == fold_key(cell) or key == fold_number(cell):
            assert slot_of(key) == slot_of(cell)


@pytest.mark.parametrize(
    "forms",
    [
        ["1234567", "1,234,567", "1.234.567", "1 234 567", "1'234'567", "1’234’567", "1\u202f234\xa0567"],
        ["7", "007", "+7", " 7 "],
        ["K0016", "k0016 ", "\tK0016"],
        ["Größe", "GRÖSSE", "Gro\u0308ße"],
        ["a\nb", "A\nB"],
    ],
)
def test_the_forms_of_a_key_share_a_slot(forms: list[str]) -> None:
    assert len(set(map(slot_of, forms))) == 1
    for form in forms[1:]:
        assert repeated([forms[0], "other", form], [forms[0], form]) == [forms[0], form]


@given(keys=st.lists(CELLS, min_size=1, max_size=50))
def test_no_key_that_comes_again_is_missed(keys: list[str]) -> None:
    cells = [cell for key in keys for cell in (key, f" {key}")]
    random.Random(1).shuffle(cells)
    assert repeated(cells, keys) == keys


def test_few_keys_are_watched_without_need() -> None:
    dice = random.Random(1)
    keys = [f"{dice.getrandbits(60):x}" for _ in range(20_000)]
    assert len(repeated(keys, keys)) < 100


def test_the_scan_of_a_file_notes_the_cells_of_a_column(tmp_path: Path) -> None:
    rows = [{"name": "x", "key": key} for key in ["a", "b", "A ", *map(str, range(500)), "0499"]]
    slots = KeySlots("key")
    source = Csv(write_rows(tmp_path / "rows.csv", rows))
    assert source.scan(slots) == source.scan()
    assert slots.packed() is not None
    again = RepeatedKeys(slots.packed() or "")
    assert list(again.among(["a", "b", "499", "498"])) == [0, 2]


@pytest.mark.parametrize("header", ["line,key,id,action,Legacy_ID", "Legacy_ID"])
def test_a_file_without_the_column_or_with_escapes_notes_none(header: str, tmp_path: Path) -> None:
    path = tmp_path / "success.csv"
    path.write_text(f"{header}\n" + ",".join("1" * len(header.split(","))) + "\n")
    slots = KeySlots("Legacy_ID" if "line" in header else "key")
    Csv(path).scan(slots)
    assert slots.packed() is None
