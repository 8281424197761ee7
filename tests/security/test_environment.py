"""A mapping, and a URL, may not spend the environment, nor reach outside the folder that it is for."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.victim import environ_for
from tests.support import Bench, thorough
from zmigrate import Sql, read_folder
from zmigrate.config import Secret
from zmigrate.errors import JobError, SourceError
from zmigrate.rows.sources import open_source
from zmigrate.rows.sources.url import masked
from zmigrate.rows.sources.variables import Variables

HIDDEN = "s3cr3t/w@rd"
LOAD = """
[[load]]
file = "{file}"
select = "select id, name from person"
order_by = "id"
module = "Leads"
operation = "insert"
key = "Legacy_ID"
[load.fields]
Legacy_ID = "id"
Last_Name = "name"
"""


def database(path: Path, rows: int = 3) -> Path:
    with closing(sqlite3.connect(path)) as made:
        made.execute("create table person (id integer, name text)")
        made.executemany("insert into person values (?, ?)", [(n, f"Name {n}") for n in range(1, rows + 1)])
        made.commit()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "export"
    made.mkdir()
    database(made / "old.db")
    return made


@pytest.fixture
def zmigrate(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line in the test's folder; nobody's credentials, unless given."""

    def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("ZMIGRATE_")}
        return subprocess.run(
            [sys.executable, "-m", "zmigrate", *words],
            cwd=tmp_path,
            env={**own, "COLUMNS": "200", **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def mapping(folder: Path, file: str) -> Path:
    path = folder / "mapping.toml"
    path.write_text(LOAD.format(file=file))
    return path


def of_file(url: str) -> list[str]:
    words = ["--select", "select id, name from person", "--order-by", "id", "--module", "Leads"]
    return [
        "import-file",
        url,
        *words,
        "--operation",
        "insert",
        "--map",
        "name=Last_Name",
        "--map",
        "id=Legacy_ID",
    ]


# -- which variables ----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", thorough(["plan", "run"]))
def test_a_variable_of_a_mapping_is_read_only_where_it_is_named(zmigrate, folder, command):
    path = mapping(folder, "postgresql://me:${DB_PASSWORD}@db.example.com:5432/x")
    done = zmigrate(command, "import-folder", str(folder), "--emulator", DB_PASSWORD=HIDDEN)
    assert done.returncode == 2
    assert f"{path}:3: file: postgresql://me:${{DB_PASSWORD}}@db.example.com:5432/x needs" in done.stderr
    assert "the host db.example.com:5432 may have" in done.stderr
    assert "add: --allow-env DB_PASSWORD" in done.stderr
    assert HIDDEN not in done.stderr + done.stdout


@pytest.mark.slow
def test_a_url_on_the_command_line_needs_the_same_word(zmigrate, folder):
    words = of_file("sqlite:///${DB_FILE}")
    environ = {"DB_FILE": str(folder / "old.db")}
    refused = zmigrate("plan", *words, "--emulator", **environ)
    assert (refused.returncode, "--allow-env DB_FILE" in refused.stderr) == (2, True)
    done = zmigrate("plan", *words, "--emulator", "--allow-env", "DB_FILE", **environ)
    assert done.returncode == 0, done.stderr
    assert "reads DB_FILE, for a database on this machine" in done.stderr.replace("notice: ", "")
    assert "DB_FILE, for a database on this machine" in done.stdout
    assert str(folder) not in done.stdout + done.stderr


def test_what_is_read_is_told_before_the_first_connection(zmigrate):
    words = of_file("sqlite:///${DB_FILE}")
    done = zmigrate("plan", *words, "--emulator", "--allow-env", "DB_FILE", DB_FILE="/no/such/file")
    assert done.returncode == 2
    assert done.stderr.index("reads DB_FILE") < done.stderr.index("no such file")
    assert "/no/such/file" not in done.stderr


OURS = ["ZMIGRATE_CLIENT_SECRET", "zmigrate_soid", "MY_SECRET", "COPY", "PARTLY"]


@pytest.mark.parametrize("said_in", [None, "mapping.toml:2: file"])
@pytest.mark.parametrize("name", OURS)
def test_our_own_variables_go_nowhere_however_they_are_called(tmp_path, name, said_in):
    (tmp_path / "zmigrate.toml").write_text('[profiles.x]\nclient_secret_env = "My_Secret"\n')
    environ = dict.fromkeys(OURS, "1000.very") | {"PARTLY": "me:1000.very@"}
    allowed = Variables(frozenset(OURS), environ, tmp_path, Secret("1000.very"))
    url = f"postgresql://me:${{{name}}}@host/x"
    source = Sql(url, "select 1 as id", "id", said_in=said_in, variables=allowed)
    with pytest.raises(SourceError, match="zmigrate's own") as refused:
        source.scan()
    assert "1000.very" not in str(refused.value)


def test_the_url_of_a_job_s_own_code_needs_no_word():
    source = Sql(
        "postgresql://me:${DB_PW}@h:1/x", "select 1 as id", "id", variables=Variables(environ={"DB_PW": "x"})
    )
    assert source.spends == "DB_PW, for h:1"


def test_a_password_that_a_driver_takes_from_the_environment_by_itself_needs_the_word_too():
    url, environ = "postgresql://me@host/x", {"PGPASSWORD": HIDDEN}
    refused = Sql(url, "select 1 as id", "id", said_in="m.toml:1: file", variables=Variables(environ=environ))
    with pytest.raises(SourceError, match="needs the variable PGPASSWORD"):
        refused.scan()
    allowed = refused.with_variables(Variables(frozenset(["PGPASSWORD"]), environ))
    assert allowed.spends == "PGPASSWORD, for host"


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("postgresql://me:pw@db.example.com:5432/crm?sslmode=x", "db.example.com:5432"),
        ("postgresql:///crm?host=one&host=two&password=pw", "one, two"),
    ],
)
def test_of_a_url_that_a_variable_holds_only_the_host_is_told(value, host):
    source = Sql("${DB}", "select 1 as id", "id", variables=Variables(environ={"DB": value}))
    assert source.spends == f"DB, for {host}"


def test_a_resumed_run_wants_the_word_again_and_says_so(zmigrate, folder, bench: Bench):
    own = environ_for(bench)
    environ = {name: own[name] for name in own if name.startswith("ZMIGRATE_")}
    environ["DB_FILE"] = str(folder / "old.db")
    words = [*of_file("sqlite:///${DB_FILE}"), "--yes", "--limit", "2", "--allow-env", "DB_FILE"]
    limited = zmigrate("run", *words, **environ)
    assert " --allow-env DB_FILE" in limited.stderr.partition("Continue with: zmigrate resume ")[2]
    refused = zmigrate("resume", "last", "--yes", **environ)
    assert (refused.returncode, "--allow-env DB_FILE" in refused.stderr) == (2, True)
    resumed = zmigrate("resume", "last", "--yes", "--allow-env", "DB_FILE", **environ)
    assert resumed.returncode == 0, resumed.stderr
    assert bench.audit()["creates"] == 3
    kept = [path.read_bytes() for path in (folder.parent / ".zmigrate").rglob("*.*") if path.is_file()]
    assert all(str(folder).encode() not in each for each in kept)


# -- what an error tells ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "value"),
    [
        ("${URL}", "nonsense " + HIDDEN),
        ("postgresql://me@host:${URL}/x", HIDDEN),
        ("postgresql+${URL}://me@host/x", "s3cr3t"),
        ("sqlite:///${URL}", "/home/s3cr3t.db"),
        ("sqlite:////no/folder/x.db?timeout=${URL}", "s3cr3t"),
        ("sqlite:///file:${URL}?uri=true&mode=ro", "s3cr3t"),
    ],
)
def test_no_error_tells_what_a_variable_holds(url, value):
    source = Sql(url, "select 1 as id", "id", variables=Variables(environ={"URL": value}))
    with pytest.raises(SourceError) as refused:
        source.scan()
    assert "s3cr3t" not in str(refused.value) + (refused.value.hint or "")
    assert "${URL}" in refused.value.message


def test_a_password_that_cuts_its_url_is_not_told_as_a_host():
    holds = Variables(environ={"DB": "postgresql://me:p@s3cr3t/x@db.example.com/crm"})
    with pytest.raises(SourceError, match="its rest is the host") as refused:
        Sql("${DB}", "select 1 as id", "id", variables=holds).scan()
    assert "s3cr3t" not in str(refused.value)


def test_a_long_url_is_masked_at_once():
    url = "://:" * 8_000 + "?a" * 8_000
    assert masked(url) == url


# -- files outside ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["dots", "absolute", "link", "sqlite", "sqlite by dots", "sqlite by URI"])
def test_a_mapping_of_a_folder_names_no_file_outside(tmp_path, folder, monkeypatch, how):
    monkeypatch.chdir(folder)
    outside = tmp_path / "secret.csv"
    outside.write_text("id,name\n1,x\n")
    (folder / "link.csv").symlink_to(outside)
    file = {
        "dots": "../secret.csv",
        "absolute": str(outside),
        "link": "link.csv",
        "sqlite": f"sqlite:///{database(tmp_path / 'other.db')}",
        "sqlite by dots": "sqlite:///../other.db",
        "sqlite by URI": "sqlite:///file:%2E%2E/other.db?uri=true",
    }[how]
    path = mapping(folder, file)
    with pytest.raises(JobError, match="is not in") as refused:
        read_folder(folder)
    assert refused.value.message.startswith(f"{path}:3: file: ")


def test_the_second_file_of_a_subform_is_beside_the_first(folder):
    (folder.parent / "items.csv").write_text("id,name\n1,x\n")
    (folder / "quotes.csv").write_text("id\n1\n")
    (folder / "mapping.toml").write_text(
        '[[load]]\nfile = "quotes.csv"\nmodule = "Quotes"\noperation = "insert"\n'
        '[load.fields]\nSubject = "id"\n'
        "[load.fields.Quoted_Items]\nrows = '../items.csv'\nmatch = { id = 'id' }\n"
        "fields = { Description = 'name' }\n"
    )
    (load,) = read_folder(folder)
    with pytest.raises(JobError, match=r"items\.csv is not in"):
        load.transform({"id": "1"})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:geheim@host/crm",
        "postgresql://me@myserver:geheim@host/crm",  # users of Azure are called so
        "postgresql://me@myserver:geheim@host:5432/crm?sslmode=require",
        "postgresql://DOMAIN/me:geheim@host/crm",
        "oracle+oracledb://me/geheim@host",
        "mysql://host/crm?password=geheim",
        "mssql+pyodbc:///?odbc_connect=PWD%3Dgeheim",
        "snowflake://me@account/crm?private_key_passphrase=geheim",
        "bigquery://project/crm?credentials_base64=geheim",
        "postgresql://host/crm?sslpassword=geheim",
        "mysql://host/crm?api_key=geheim",
    ],
)
def test_a_secret_in_a_url_itself_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(url, select="select 1 as id", order_by="id")
    assert " in it, which the run would keep" in caught.value.message
    assert "geheim" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    "parameter",
    [
        "connect_timeout=10",
        "trusted_connection=yes",
        "authentication=ActiveDirectoryIntegrated",
        "authenticator=externalbrowser",
        "sslkey=/home/me/client.key",
        "passfile=/home/me/.pgpass",
        "keepalives_idle=30",
        "auth_plugin=mysql_native_password",
        "credentials_path=/home/me/key.json",
        "host=/cloudsql/project:region:name",
    ],
)
def test_a_parameter_that_is_no_secret_is_let_through(parameter: str) -> None:
    url = f"postgresql://me@host/crm?{parameter}"
    assert open_source(url, select="select 1 as id", order_by="id").name.startswith(
        "postgresql://me@host/crm?"
    )
