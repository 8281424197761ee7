"""What is no file is refused before it is waited for: pipes, devices, sockets, folders."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import thorough
from zmigrate.errors import SourceError, ZmigrateError
from zmigrate.rows.mapping.toml_lines import read_toml
from zmigrate.rows.sources import Csv, Excel, JsonLines, Parquet, open_source

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")

GIVES_UP_AFTER_S = 20
TO_MAP = ("--module", "Leads", "--emulator")
TO_LEADS = ("--module", "Leads", "--operation", "insert", "--emulator")


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def listening(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def device(path: Path) -> Path:
    path.symlink_to("/dev/zero")
    return path


KINDS = [(pipe, "a pipe"), (listening, "a socket"), (device, "a device"), (folder, "a folder")]
READERS: list[tuple[str, Callable[[Path], object]]] = [
    ("leads.csv", lambda path: Csv(path).scan()),
    ("leads.csv.gz", lambda path: Csv(path).scan()),
    ("leads.zip", open_source),
    ("leads.jsonl", lambda path: JsonLines(path).scan()),
    ("leads.xlsx", lambda path: Excel(path).scan()),
    ("leads.parquet", lambda path: Parquet(path).scan()),
    ("mapping.toml", read_toml),
]


@pytest.mark.parametrize(("make", "what"), KINDS)
@pytest.mark.parametrize(("name", "read"), READERS)
def test_what_is_no_file_is_told_by_its_kind(
    tmp_path: Path, name: str, read: Callable[[Path], object], make: Callable[[Path], Path], what: str
) -> None:
    path = make(tmp_path / name)
    with pytest.raises(SourceError) as caught:
        read(path)
    assert str(path) in caught.value.message
    assert what in caught.value.message


def zmigrate(folder: Path, *words: str, **pipes: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zmigrate", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=GIVES_UP_AFTER_S,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
        **pipes,
    )


@pytest.mark.parametrize("job", thorough(["import-csv", "import-file"]))
def test_a_process_substitution_is_told_to_be_saved_first(tmp_path: Path, job: str) -> None:
    read_end, write_end = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "zmigrate", "plan", job, f"/dev/fd/{read_end}", *TO_LEADS, "--json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=GIVES_UP_AFTER_S,
            check=False,
            pass_fds=[read_end],
        )
    finally:
        os.close(read_end)
        os.close(write_end)
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 2
    assert "is a pipe, but a run reads a file several times" in error["message"]
    assert "Save its content to a file first" in error["hint"]


def test_standard_input_as_a_file_is_told_to_be_saved_first(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    try:
        done = zmigrate(
            tmp_path,
            *("plan", "import-csv", "/dev/stdin", *TO_LEADS),
            stdin=read_end,
        )
    finally:
        os.close(read_end)
        os.close(write_end)
    assert done.returncode == 2
    assert "/dev/stdin is a pipe" in done.stderr


@pytest.mark.parametrize(
    "words",
    [("plan", "import-csv", "-", *TO_LEADS), ("plan", "import-file", "-", *TO_LEADS), ("map", "-", *TO_MAP)],
)
def test_a_dash_is_no_standard_input(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = zmigrate(tmp_path, *words)
    assert done.returncode == 2
    assert "-: there is no such file" in done.stderr
    assert "it takes none from a pipe. Save its content to a file first" in done.stderr


def test_a_body_in_a_pipe_is_refused(tmp_path: Path) -> None:
    pipe(tmp_path / "body.json")
    done = zmigrate(tmp_path, "api", "POST", "/crm/v8/Leads", "--emulator", "--data", "@body.json")
    assert done.returncode == 2
    assert "body.json is a pipe, not a file" in done.stderr


def test_fields_for_the_emulator_in_a_pipe_are_refused(tmp_path: Path) -> None:
    pipe(tmp_path / "fields.json")
    done = zmigrate(tmp_path, "emulator", "--fields", "Leads=fields.json")
    assert done.returncode == 2
    assert "fields.json can't be read: a pipe, not a file" in done.stderr


def test_a_profile_file_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    """Unlike `.env`, which password managers serve through one."""
    pipe(tmp_path / "zmigrate.toml")
    done = zmigrate(tmp_path, "check")
    assert done.returncode == 2
    assert "zmigrate.toml can't be read: a pipe, not a file" in done.stderr


def test_a_pipe_that_takes_the_place_of_a_scanned_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("a,b\n1,2\n", "utf-8")
    source = Csv(path)
    source.scan()
    path.unlink()
    pipe(path)
    with pytest.raises(ZmigrateError, match="is a pipe"):
        list(source.rows())


def test_a_redirected_file_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("Last_Name,Company\nDoe,Acme\n", "utf-8")
    with path.open("rb") as opened:
        done = zmigrate(
            tmp_path,
            *("plan", "import-csv", "/dev/stdin", *TO_LEADS),
            stdin=opened.fileno(),
        )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("place", "what"), [("pipe", "a pipe"), ("/dev/full", "a device"), ("/dev/stdout", "a stream")]
)
def test_a_place_that_no_file_can_take_is_refused_before_the_work(
    tmp_path: Path, place: str, what: str
) -> None:
    """`/dev/stdout` is a link: whoever works as root would replace it for the whole machine."""
    if place == "pipe":
        pipe(tmp_path / place)
    (tmp_path / "leads.csv").write_text("Last_Name,Company\nDoe,Acme\n", "utf-8")
    plan = ("plan", "import-csv", "leads.csv", *TO_LEADS)
    of_map = ("map", "leads.csv", "--module", "Leads", "--emulator")
    for words in ((*plan, "--details", place), (*plan, "--rejects", place), (*of_map, "--out", place)):
        done = zmigrate(tmp_path, *words, "--force")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{place} is {what}, not a file" in done.stderr
