"""The benchmark itself is run by hand; here only that its command is there, and that the loop with the duties
does them."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing

import orjson
import pytest

from tests.bench import dutiful
from tests.bench.__main__ import main
from tests.bench.data import COLUMNS, KEY, record, write_csv
from tests.bench.rivals import Org
from tests.bench.table import at_most, drawn
from tests.support import read_rows


@pytest.fixture
def org(bench, monkeypatch):
    for name in ("accounts_url", "client_id", "client_secret", "soid"):
        monkeypatch.setenv(f"ZMIGRATE_{name.upper()}", getattr(bench.emulator, name))
    return Org.of_environment()


def test_help_names_every_measurement(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    assert "{speed,latency,size,resume,start,relations,plan}" in capsys.readouterr().out


def test_what_falls_short_is_plain_in_the_table():
    assert drawn([at_most("memory", 120.0, 100, "120.0 MiB", " MiB")]).endswith("| ≤ 100 MiB | NO  |")


def test_the_loop_with_the_duties_accounts_for_every_row_in_its_result_file(bench, org, tmp_path):
    created, _ = dutiful.insert(org, write_csv(tmp_path, 1_250), tmp_path, in_flight=3)
    told = read_rows(tmp_path / "success.csv")
    assert created == len(told) == bench.audit()["creates"] == 1_250
    assert [{name: row[name] for name in COLUMNS} for row in told] == [record(n) for n in range(1, 1_251)]
    assert [(int(row["line"]), row["key"]) for row in told[98:101]] == [
        (number + 1, record(number)[KEY]) for number in (99, 100, 101)
    ]
    assert {row["id"]: row["key"] for row in told} == {
        each["id"]: each[KEY] for each in bench.records("Leads")
    }


def test_the_loop_with_the_duties_journals_what_it_sent(org, tmp_path):
    dutiful.insert(org, write_csv(tmp_path, 250), tmp_path, in_flight=3)
    with closing(sqlite3.connect(tmp_path / "journal.db")) as journal:
        assert journal.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert journal.execute("SELECT rows FROM source").fetchone() == (250,)
        rows, body = journal.execute("SELECT rows, body FROM batch ORDER BY id DESC").fetchone()
    assert orjson.loads(rows)[-1] == [250, 251, record(250)[KEY]]
    assert orjson.loads(zlib.decompress(body))["data"] == [record(number) for number in range(201, 251)]


def test_the_loop_with_the_duties_ends_at_an_unsound_file(org, tmp_path):
    path = write_csv(tmp_path, 10)
    path.write_text(path.read_text() + "one cell\n")
    with pytest.raises(ValueError, match="not every row"):
        dutiful.insert(org, path, tmp_path, in_flight=3)


def test_the_loop_with_the_duties_ends_at_the_first_trouble(bench, org, tmp_path):
    bench.script({"method": "POST", "path": "/crm/v8/Leads", "fault": "500", "skip": 1})
    with pytest.raises(KeyError):
        dutiful.insert(org, write_csv(tmp_path, 1_000), tmp_path, in_flight=3)
