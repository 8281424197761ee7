"""A damaged file is the file's fault: exit code 2, its name, what to do, and nothing of the libraries."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.rows.files import write
from tests.security.test_fuzzed_files import KINDS, mutant
from tests.security.test_sizes import xlsx_of
from tests.support import thorough
from zmigrate.rows.sources import Excel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is Linux's")

MEMORY = 1_536 << 20
PANICS, ABORTS, FILLS_THE_MEMORY = 49, 234, 25
"""Seeds of damaged .xls files, by what python-calamine 0.9 does with them in the process that it runs in."""


def zmigrate(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zmigrate", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )


def refused(path: Path) -> None:
    words = ("--module", "Leads", "--operation", "insert", "--emulator", "--json")
    done = zmigrate(path.parent, "plan", "import-file", str(path), *words)
    assert done.returncode == 2, done.stderr
    error = json.loads(done.stdout)["error"]
    assert str(path) in error["message"]
    assert error["hint"]
    assert not any(word in done.stderr for word in ("panicked", "Traceback", "memory allocation"))
    assert str(path) in done.stderr


@pytest.mark.parametrize("seed", thorough([PANICS, ABORTS, FILLS_THE_MEMORY]))
def test_an_xls_that_its_reader_dies_of_is_told_in_a_sentence(tmp_path: Path, seed: int) -> None:
    path = KINDS["xls"](tmp_path)
    path.write_bytes(mutant(path.read_bytes(), seed))
    refused(path)


@pytest.mark.parametrize("kind", thorough(["xlsx", "csv.gz", "ods", "xlsb", "parquet", "zip"], 2))
def test_a_file_that_is_cut_off_is_told_in_a_sentence(tmp_path: Path, kind: str) -> None:
    path = KINDS[kind](tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    refused(path)


def test_a_workbook_of_bad_xml_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = KINDS["xlsx"](tmp_path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content[:-20] if name.endswith("sheet1.xml") else content)
    refused(path)


def test_an_error_cell_without_a_value_beyond_the_columns_is_none(tmp_path: Path) -> None:
    path = xlsx_of(tmp_path / "leads.xlsx", '<row r="3"><c r="A3"><v>2</v></c><c r="Z3" t="e"/></row>')
    assert [row.values for row in Excel(path).rows()] == [{"id": 1}, {"id": 2}]


def test_a_mapping_that_is_no_toml_is_told_in_a_sentence(tmp_path: Path) -> None:
    leads = write(tmp_path, "id,name\n1,Doe\n")
    mapping = write(tmp_path, 'module = "Leads\n', "leads.toml")
    done = zmigrate(
        tmp_path, "plan", "import-csv", str(leads), "--mapping", str(mapping), "--emulator", "--json"
    )
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 2
    assert f"{mapping}:1:" in error["message"]
    assert error["hint"]


FAULTY_JOB = """
from zmigrate import Csv, Insert, RecordJob, scopes_for

class Panic(BaseException):
    pass

class LoadLeads(RecordJob):
    "Loads leads, and panics as native code does."
    write = Insert("Leads")
    scopes = scopes_for(write)

    def source(self):
        return Csv("leads.csv")

    def transform(self, row):
        raise Panic("far down")
"""


def test_a_panic_in_a_jobs_code_is_told_as_the_jobs(tmp_path: Path) -> None:
    write(tmp_path, "Last_Name,Company\nDoe,Acme\n")
    write(tmp_path, FAULTY_JOB, "load_leads.py")
    done = zmigrate(tmp_path, "run", "load-leads", "--jobs", "load_leads.py", "--emulator", "--yes", "--json")
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "JOB_FAILED"
    assert "load_leads.py:16: the job's code raised Panic: far down" in done.stderr
    assert "Traceback" not in done.stderr
