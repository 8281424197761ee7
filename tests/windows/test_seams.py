"""What Windows does otherwise, tried where zmigrate meets it: `sys.platform` says win32 for a test."""

from __future__ import annotations

import errno
import io
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import credentials_of, leads, write_rows
from zmigrate import Csv, Excel, open_source
from zmigrate.cli import main, streams
from zmigrate.cli.emulator import serve
from zmigrate.cli.git_ignore import keep_from_git
from zmigrate.cli.scaffold import write_scaffold
from zmigrate.config import load_credentials, load_settings
from zmigrate.display.next_commands import Named
from zmigrate.emulator import Emulator, Options
from zmigrate.engine.storage.folder import write_whole
from zmigrate.errors import ConfigError, DiskFull, PausedError, UsageError
from zmigrate.file_owner import why
from zmigrate.private_files import Draft, is_plain_name, read_whole, replace_whole
from zmigrate.rows.mapping import read_folder
from zmigrate.rows.sources.url import check_file, file_of
from zmigrate.wording import shell_variable, shell_word


@pytest.fixture
def on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")


class InUse:
    """`os.replace` while a program has the file open, for so many attempts."""

    def __init__(self, attempts: int) -> None:
        self.attempts = attempts
        self._replace = os.replace

    def __call__(self, source: Any, target: Any) -> None:
        self.attempts -= 1
        if self.attempts >= 0:
            raise PermissionError(errno.EACCES, "used by another process", str(target))
        self._replace(source, target)


# -- a file in use -----------------------------------------------------------------------------------


def test_a_file_that_is_in_use_for_a_moment_is_replaced_after_it(
    on_windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for write in (lambda path: replace_whole(path, b"new"), lambda path: drafted(path, "new")):
        path = tmp_path / "run.json"
        path.write_text("old")
        monkeypatch.setattr("os.replace", InUse(2))
        write(path)
        monkeypatch.undo()
        monkeypatch.setattr("sys.platform", "win32")
        assert path.read_text() == "new"
        assert [each.name for each in tmp_path.iterdir()] == ["run.json"]


def drafted(path: Path, text: str) -> None:
    with Draft(path) as file:
        file.write(text)


def test_a_file_that_is_being_replaced_is_read_after_it(
    on_windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.json"
    path.write_text("new")
    opened, refusals = os.open, iter([True, True])

    def being_replaced(place: Any, *more: Any) -> int:
        if next(refusals, False):
            raise PermissionError(errno.EACCES, "Access is denied", str(place))
        return opened(place, *more)

    monkeypatch.setattr("os.open", being_replaced)
    assert read_whole(path, 100) == b"new"


def test_a_file_that_stays_in_use_is_no_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.replace", InUse(1_000))
    with pytest.raises(PausedError, match="used by another process") as caught:
        write_whole(tmp_path / "run.json", b"new")
    assert not isinstance(caught.value, DiskFull)
    assert "if a program has it open" in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("--details", "out.csv"), ("--rejects", "out.csv")])
def test_a_file_of_a_plan_that_stays_in_use_is_told_with_what_to_do(
    words: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "leads.csv", [*leads(1), {**leads(1)[0], "Legacy_ID": "L-2", "Last_Name": ""}])
    to = ["--module", "Leads", "--operation", "upsert", "--match-on", "Legacy_ID", "--emulator"]
    replace = os.replace

    def in_use(source: Path, target: Path) -> None:
        if Path(target).name == "out.csv":
            raise PermissionError(errno.EACCES, "used by another process", str(target))
        replace(source, target)

    monkeypatch.setattr("os.replace", in_use)
    assert main(["plan", "import-csv", "leads.csv", *to, *words]) == 2
    assert "out.csv can't be written: used by another process" in (said := capsys.readouterr().err)
    assert "close it there" in said


def test_a_file_in_use_is_not_said_to_belong_to_somebody(on_windows: None, tmp_path: Path) -> None:
    error = PermissionError(errno.EACCES, "used by another process", str(tmp_path))
    assert why(tmp_path, error) == "used by another process"


# -- names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["NUL", "con", "con.csv", "COM1", "lpt9.txt", "success.", "a ", ".. ", "C:x"]
)
def test_a_name_that_windows_reads_otherwise_is_not_plain(name: str) -> None:
    assert not is_plain_name(name)


@pytest.mark.parametrize("name", ["console.csv", "02-con", "nullable", "com", "lpt"])
def test_other_names_are_plain(name: str) -> None:
    assert is_plain_name(name)


@pytest.mark.parametrize("name", ["con", "nul", "com1"])
def test_new_makes_no_file_that_windows_takes_for_a_device(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="device on Windows"):
        write_scaffold(name, tmp_path)


def test_no_name_that_a_run_makes_has_a_sign_that_windows_refuses(bench: Any, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "leads.csv", leads(3))
    words = ["--module", "Leads", "--operation", "upsert", "--match-on", "Legacy_ID", "--emulator"]
    state = tmp_path / "state"
    main(["run", "import-csv", str(path), *words, "--state-dir", str(state)])
    made = [each.name for each in state.rglob("*")]
    assert len(made) > 8
    assert [name for name in made if set(name) & set('<>:"|?*\\') or name.endswith((".", " "))] == []


# -- paths -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [r"C:\data\leads.csv", "C:/data/leads.csv", "D:leads.csv", r"\\host\x\y.csv"]
)
def test_a_path_with_a_drive_is_a_file(path: str) -> None:
    assert isinstance(open_source(path), Csv)


def test_a_workbook_with_a_drive_is_one() -> None:
    assert isinstance(open_source(r"D:\data\leads.xlsx", sheet="A"), Excel)


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///C:/data/old.db", "C:/data/old.db"),
        (r"sqlite:///C:\data\old.db", r"C:\data\old.db"),
        ("duckdb:///D:old.duckdb", "D:old.duckdb"),
    ],
)
def test_the_url_of_a_database_may_have_a_drive(url: str, file: str) -> None:
    check_file(url, url, "mapping.toml")
    assert file_of(url) == Path(file)


def test_a_database_without_a_url_is_told_the_one_with_its_drive() -> None:
    with pytest.raises(UsageError) as caught:
        open_source(r"C:\data\old.db")
    assert caught.value.hint == r"sqlite:///C:\data\old.db"


def test_a_missing_file_with_a_drive_is_not_taken_for_the_url_of_a_database() -> None:
    with pytest.raises(UsageError) as caught:
        next(iter(open_source("C:/data/leads.csv").rows()))
    assert "database" not in (caught.value.hint or "")


def test_backslashes_in_a_mapping_are_told_how_to_be_written(tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text('[[load]]\nfile = "C:\\data\\x.csv"\n', encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_folder(tmp_path)
    assert "mapping.toml:2:" in caught.value.message
    assert "'" in (caught.value.hint or ""), caught.value.hint


def test_a_file_is_known_in_another_letter_case_where_the_system_ignores_it(tmp_path: Path) -> None:
    """A second name of the same file is what such a system shows."""
    write_rows(tmp_path / "leads.csv", leads(1))
    (tmp_path / "Leads.csv").hardlink_to(tmp_path / "leads.csv")
    (tmp_path / "mapping.toml").write_text(
        '[[load]]\nfile = "Leads.csv"\nmodule = "Leads"\noperation = "insert"\nkey = "Legacy_ID"\n'
        '[load.fields]\nLegacy_ID = "Legacy_ID"\nLast_Name = "Last_Name"\n',
        encoding="utf-8",
    )
    (load,) = read_folder(tmp_path)
    assert load.file == "Leads.csv"


# -- line ends and marks at the beginning ------------------------------------------------------------

MARKED = "\ufeff"


@pytest.mark.parametrize("mark", ["", MARKED])
def test_env_is_read_with_the_line_ends_and_the_mark_of_windows(
    mark: str, bench: Any, tmp_path: Path
) -> None:
    known = credentials_of(bench.emulator)
    lines = [
        f"ZMIGRATE_CLIENT_ID={known.client_id}",
        f"ZMIGRATE_CLIENT_SECRET='{bench.emulator.client_secret}'",
        f"ZMIGRATE_SOID={known.soid}",
        "ZMIGRATE_DC=EU",
        "ZMIGRATE_SETTLE_S=7",
        "",
    ]
    (tmp_path / ".env").write_bytes((mark + "\r\n".join(lines)).encode())
    found = load_credentials(None, folder=tmp_path, environ={})
    assert (found.client_id, found.soid) == (known.client_id, known.soid)
    assert load_settings(environ={}, folder=tmp_path).settle_s == 7


@pytest.mark.parametrize("mark", ["", MARKED])
def test_profiles_are_read_with_the_line_ends_and_the_mark_of_windows(mark: str, tmp_path: Path) -> None:
    lines = [
        "[profiles.sandbox]",
        'client_id = "1000.ABC"',
        'soid = "ZohoCRM.123"',
        'dc = "EU"',
        'client_secret_env = "SECRET"',
        "",
    ]
    (tmp_path / "zmigrate.toml").write_bytes((mark + "\r\n".join(lines)).encode())
    found = load_credentials("sandbox", folder=tmp_path, environ={"SECRET": "abc123"})
    assert (found.client_id, found.soid) == ("1000.ABC", "ZohoCRM.123")


@pytest.mark.parametrize("name", [".env", "zmigrate.toml"])
def test_a_file_that_powershell_wrote_as_utf_16_is_told_so(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes("ZMIGRATE_SOID=1\r\n".encode("utf-16"))
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        load_credentials(None, folder=tmp_path, environ={})
    assert "PowerShell" in (caught.value.hint or "")


@pytest.mark.parametrize("mark", ["", MARKED])
def test_a_mapping_and_its_file_have_the_line_ends_and_the_mark_of_windows(mark: str, tmp_path: Path) -> None:
    lines = [
        "[[load]]",
        'file = "leads.csv"',
        'module = "Leads"',
        'operation = "upsert"',
        'match_on = "Legacy_ID"',
        "[load.fields]",
        'Legacy_ID = "id"',
        'Last_Name = "name"',
        'Description = { constant = """',
        "two",
        'lines""" }',
        'Nothing = { colum = "x" }',
        "",
    ]
    path = tmp_path / "mapping.toml"
    path.write_bytes((mark + "\r\n".join(lines)).encode())
    (tmp_path / "leads.csv").write_bytes((mark + "id,name\r\n1,Ada\r\n").encode())
    with pytest.raises(UsageError, match=r"mapping.toml:12\b.*colum"):
        read_folder(tmp_path)
    path.write_bytes((mark + "\r\n".join(lines[:-2])).encode() + b"\r\n")
    (load,) = read_folder(tmp_path)
    assert load.module == "Leads"


def test_errors_that_a_spreadsheet_of_windows_saved_are_loaded_again(bench: Any, tmp_path: Path) -> None:
    """Semicolons, an encoding of one byte, `\\r\\n`, and our own columns in front."""
    text = (
        "line;key;field;code;message;Legacy_ID;Last_Name;Company\r\n2;L-1;Last_Name;X;Y;L-1;Müller;Söhne\r\n"
    )
    (tmp_path / "errors.csv").write_bytes(text.encode("cp1252"))
    rows = list(Csv(tmp_path / "errors.csv", delimiter=";", encoding="cp1252").rows())
    assert [row.values for row in rows] == [{"Legacy_ID": "L-1", "Last_Name": "Müller", "Company": "Söhne"}]


# -- the console -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("cp1252", "a -> b… ok – \\u674e"),
        ("cp437", "a -> b... ok - \\u674e"),
        ("utf-8", "a → b… ok – 李"),
    ],
)
def test_our_signs_have_stand_ins_where_the_console_lacks_them(encoding: str, shown: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    streams.Output(stream).write("a → b… ok – 李")
    stream.flush()
    assert raw.getvalue().decode(encoding) == shown


# -- programs that are started -----------------------------------------------------------------------


def test_a_git_in_the_current_folder_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows finds it before any other."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text(".env\n")
    (tmp_path / "git").write_text("#!/bin/sh\ntouch ran\n")
    (tmp_path / "git").chmod(0o700)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "." + os.pathsep + os.environ["PATH"])
    assert list(keep_from_git(tmp_path / ".env")) == []
    assert not (tmp_path / "ran").exists()


# -- commands to type --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("leads.csv", "leads.csv"),
        (r"C:\data\leads.csv", r"C:\data\leads.csv"),
        ("my leads.csv", '"my leads.csv"'),
        ("C:\\my data\\", '"C:\\my data\\\\"'),
        ('say "no"', '"say \\"no\\""'),
        ("it's", '"it\'s"'),
        ("a&b", '"a&b"'),
        ("", '""'),
    ],
)
def test_a_word_of_a_command_is_quoted_for_the_shells_of_windows(
    on_windows: None, word: str, shown: str
) -> None:
    assert shell_word(word) == shown


def test_a_command_to_continue_with_can_be_pasted_on_windows(on_windows: None, tmp_path: Path) -> None:
    assert Named().run(["import-csv", "my leads.csv"]) == 'zmigrate run import-csv "my leads.csv"'


def test_a_variable_is_set_as_powershell_does_it(on_windows: None) -> None:
    assert shell_variable("ZMIGRATE_SOID", "it's") == "$env:ZMIGRATE_SOID = 'it''s'"


def test_the_emulator_prints_the_variables_for_powershell(
    on_windows: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def served(options: Options, ready: Any, _fields: Any) -> None:
        ready(Emulator(options))

    monkeypatch.setattr("zmigrate.emulator.serve", served)
    serve({"fields": ()}, None)  # type: ignore[arg-type]
    assert "\n$env:ZMIGRATE_SOID = 'ZohoCRM." in capsys.readouterr().out


def test_the_command_for_a_secret_is_given_to_windows_as_it_is_written(
    on_windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zmigrate.toml").write_text(
        '[profiles.default]\nclient_id = "1000.ABC"\nsoid = "1"\ndc = "EU"\n'
        "client_secret_command = '\"C:\\Program Files\\op.exe\" read zoho'\n",
        encoding="utf-8",
    )
    given: list[Any] = []

    def run(command: Any, **_: Any) -> subprocess.CompletedProcess[bytes]:
        given.append(command)
        return subprocess.CompletedProcess(command, 0, b"abc123\r\n", b"")

    monkeypatch.setattr("subprocess.run", run)
    load_credentials(None, folder=tmp_path, environ={})
    assert given == [r'"C:\Program Files\op.exe" read zoho']
