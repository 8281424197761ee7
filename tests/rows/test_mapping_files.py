"""The files that a mapping names by a home, as in `~/exports/old.csv`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rows.mappings import csv_of, put
from zmigrate.errors import ConfigError, JobError
from zmigrate.rows.mapping import Load, read_folder, read_mapping

MAPPING = """
[[load]]
file = "~/exports/old.csv"
module = "Deals"
operation = "insert"
[load.fields]
Deal_Name = "Name"
Legacy = "id"
[load.fields.Items]
rows = "~/exports/items.csv"
match = { quote = "id" }
fields = { Product = "what" }
"""


@pytest.fixture
def exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in the home; the command works in another one."""
    home, work = tmp_path / "home", tmp_path / "work"
    exports = home / "exports"
    for folder in (exports, work):
        folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(work)
    csv_of(exports, ["id", "Name"], ["1", "one"])
    csv_of(exports, ["quote", "what"], ["1", "A"], name="items.csv")
    return exports


def records(load: Load) -> list[object]:
    return [load.transform(row.values) for row in load.source().rows()]


MADE = [{"Deal_Name": "one", "Legacy": "1", "Items": [{"Product": "A"}]}]


def test_the_home_stands_for_its_sign(exports: Path) -> None:
    for path in (Path("old.toml"), exports / "mapping.toml"):
        put(path, MAPPING.replace('"~/exports/items.csv"', '"items.csv"'))
    (load,) = read_folder(exports)
    assert records(load) == MADE
    (load,) = read_mapping("old.toml")
    assert load.location == exports / "old.csv"
    assert load.file == "~/exports/old.csv"


def test_rows_of_a_subform_too_if_they_are_beside_the_main_file(exports: Path) -> None:
    put(exports / "mapping.toml", MAPPING)
    (load,) = read_folder(exports)
    assert records(load) == MADE
    assert exports / "items.csv" in load.reads
    csv_of(exports.parent, ["quote", "what"], ["1", "A"], name="items.csv")
    (exports / "items.csv").unlink()
    put(exports / "mapping.toml", MAPPING.replace("~/exports/items", "~/items"))
    (load,) = read_folder(exports)
    with pytest.raises(JobError, match=r"~/items\.csv is not in"):
        records(load)


def test_a_folder_that_has_this_very_name_is_meant(exports: Path) -> None:
    (exports / "~/exports").mkdir(parents=True)
    csv_of(exports / "~/exports", ["id", "Name"], ["2", "two"])
    put(exports / "old.toml", MAPPING.replace('"~/exports/items.csv"', '"items.csv"'))
    (load,) = read_mapping(exports / "old.toml")
    assert [row.values["id"] for row in load.source().rows()] == ["2"]


def test_a_home_outside_of_the_folder_is_refused(exports: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    path = put(folder / "mapping.toml", MAPPING)
    with pytest.raises(JobError, match="is not in") as refused:
        read_folder(folder)
    assert refused.value.message.startswith(f"{path}:3: file: ~/exports/old.csv")


def test_a_home_that_is_not_there_is_told(exports: Path) -> None:
    path = put(exports / "old.toml", MAPPING.replace("~/exports/old", "~nosuchuser/old"))
    with pytest.raises(ConfigError, match="names the home of a user who does not exist"):
        read_mapping(path)
