"""Where a database's URL leads, what of this machine it may reach, and how long its cells may be."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from zmigrate import Sql, read_folder
from zmigrate.errors import JobError, SourceError
from zmigrate.rows.sources import open_source
from zmigrate.rows.sources.memory_limits import ROW_BYTES
from zmigrate.rows.sources.sql_bounds import ROWS_AT_ONCE, in_blocks
from zmigrate.rows.sources.url import secret_in
from zmigrate.rows.sources.variables import GIVEN, Variables

MAPPING = "mapping.toml:3: file"
SELECT = {"select": "select id, name from person", "order_by": "id"}
ALLOWED = Variables(
    frozenset(["DB_PASSWORD", "PGPASSWORD", "MYSQL_PWD"]), {"DB_PASSWORD": "s3cr3t", "MYSQL_PWD": "s3cr3t"}
)


def of_code(url: str, variables: Variables = ALLOWED) -> Sql:
    return Sql(url, **SELECT, variables=variables)


def refusal(url: str, said_in: str | None, variables: Variables = ALLOWED) -> SourceError:
    with pytest.raises(SourceError) as caught:
        open_source(url, **SELECT, said_in=said_in, variables=variables)
    return caught.value


# -- the place that is named is the one connected to ----------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "mysql+pymysql://me:${DB_PASSWORD}@db.good.example/crm?host=127.0.0.1",
        "mysql+pymysql://me@db.good.example/crm?host=127.0.0.1",  # MYSQL_PWD goes there
        "mysql+pymysql://me:${DB_PASSWORD}@db.good.example/crm?unix_socket=/tmp/evil",
        "mysql+pymysql://me:${DB_PASSWORD}@db.good.example/crm?port=4000",
        "mysql+pymysql://me:${DB_PASSWORD}@db.good.example/crm?%68ost=127.0.0.1",
        "postgresql+pg8000://me:${DB_PASSWORD}@db.good.example/crm?host=127.0.0.1",
        "postgresql+pg8000://me:${DB_PASSWORD}@db.good.example/crm?unix_sock=/tmp/evil",
        "postgresql+psycopg2://me:${DB_PASSWORD}@db.good.example/crm?host=a&host=b",
        "postgresql://me:${DB_PASSWORD}@db.good.example/crm?hostaddr=127.0.0.1",
        "postgresql://me:${DB_PASSWORD}@db.good.example/crm?service=evil",
        "postgresql://me:${DB_PASSWORD}@/crm?host=db.good.example&hostaddr=127.0.0.1",
        "mssql+pyodbc://me:${DB_PASSWORD}@db.good.example/crm?odbc_connect=SERVER%3Devil",
        "mssql+pyodbc://me:${DB_PASSWORD}@db.good.example/crm?driver=x&Server=evil",
        "mssql+pyodbc://me:${DB_PASSWORD}@db.good.example/crm?driver=x&Network+Address=evil",
        "mssql+pyodbc://me:${DB_PASSWORD}@db.good.example/crm?failover_partner=evil",
        "mssql+pyodbc://me:${DB_PASSWORD}@db.good.example/crm?dsn=evil",
        "oracle+oracledb://me:${DB_PASSWORD}@db.good.example/crm?dsn=evil",
    ],
)
def test_a_second_place_beside_the_host_is_refused(url: str) -> None:
    with pytest.raises(SourceError, match="names two places") as caught:
        _ = of_code(url).spends
    assert "s3cr3t" not in str(caught.value) + (caught.value.hint or "")


@pytest.mark.parametrize("url", ["postgresql://me@good/host%3Devil", "postgresql://me@good;SERVER=evil/crm"])
def test_no_part_of_a_url_is_a_connection_string_of_its_own(url: str) -> None:
    environ = {"PGPASSWORD": "s3cr3t"}
    with pytest.raises(SourceError, match="connection string"):
        _ = of_code(url, Variables(environ=environ)).spends


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("mysql+pymysql://me:${DB_PASSWORD}@good:3307/crm?charset=utf8mb4", "good:3307"),
        ("postgresql://me:${DB_PASSWORD}@/crm?host=one&host=two", "one, two"),
        ("postgresql://me:${DB_PASSWORD}@/crm?host=one&port=5433", "one, port 5433"),
        ("postgresql://me:${DB_PASSWORD}@one,two/crm", "one,two"),
        ("postgresql://me:${DB_PASSWORD}@/crm?hostaddr=10.0.0.1", "10.0.0.1"),
        (
            "postgresql://me:${DB_PASSWORD}@/crm?host=/cloudsql/a:b:c",
            "a database on this machine, socket /cloudsql/a:b:c",
        ),
        (
            "postgresql+pg8000://me:${DB_PASSWORD}@/crm?unix_sock=/cloudsql/x/.s.PGSQL.5432",
            "a database on this machine, socket /cloudsql/x/.s.PGSQL.5432",
        ),
        (
            "mysql+pymysql://me:${DB_PASSWORD}@/crm?unix_socket=/cloudsql/x",
            "a database on this machine, socket /cloudsql/x",
        ),
        ("postgresql://me:${DB_PASSWORD}@/crm?service=old", "the database that the service old names"),
        ("mysql://me@good/crm", "good"),
        ("mysql://me:${DB_PASSWORD}@/crm", "a database on this machine"),
    ],
)
def test_the_place_named_is_the_one_connected_to(url: str, place: str) -> None:
    spends = of_code(url).spends
    assert spends is not None
    assert spends.partition(", for ")[2] == place


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"PGHOST": "other.example"}, "other.example (PGHOST)"),
        ({"PGHOSTADDR": "10.0.0.9"}, "10.0.0.9 (PGHOSTADDR)"),
        ({"PGSERVICE": "old"}, "old (PGSERVICE)"),
    ],
)
def test_a_place_that_the_environment_says_is_named(environ: dict[str, str], place: str) -> None:
    variables = Variables(environ={"DB_PASSWORD": "s3cr3t", **environ})
    spends = of_code("postgresql://me:${DB_PASSWORD}@/crm", variables).spends
    assert spends is not None
    assert spends.endswith(f", for {place}")


def test_an_address_of_the_environment_is_named_though_the_url_has_a_host() -> None:
    variables = Variables(environ={"DB_PASSWORD": "s3cr3t", "PGHOSTADDR": "10.0.0.9"})
    spends = of_code("postgresql://me:${DB_PASSWORD}@good/crm", variables).spends
    assert spends == "DB_PASSWORD, for 10.0.0.9 (PGHOSTADDR)"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me@evil.example/${DB_PASSWORD}?application_name=@good.example",
        "mysql://me:${DB_PASSWORD}@/good.example?host=evil.example",
    ],
)
def test_the_hint_to_allow_a_variable_names_the_place_that_gets_its_value(url: str) -> None:
    source = open_source(url, **SELECT, said_in=MAPPING, variables=Variables())
    with pytest.raises(SourceError) as caught:
        source.scan()
    assert caught.value.code == "VARIABLE_NOT_ALLOWED"
    assert "the host evil.example may have" in (caught.value.hint or "")


# -- what a mapping's URL may reach ---------------------------------------------------------------------

EVERYBODY_S = [
    f"mysql+pymysql://u@127.0.0.1/db?{name}=1"
    for name in (
        *("local_infile", "allow_local_infile", "LOCAL_INFILE", "%6cocal_infile", "client_flag"),
        *("init_command", "plugin_dir", "plugin", "defaults_file", "read_default_file", "read_default_group"),
        *("hostaddr", "service", "odbc_connect", "FileDSN", "SaveFile", "AttachDBFilename", "dsn"),
        *("options", "gsslib", "proxy_host", "never_heard_of"),
    )
] + [
    "snowflake://u@account/db?authenticator=https://evil.example",
    "mssql+pyodbc://u@host/db?driver=/tmp/evil.so",
    "mssql+pyodbc://u@host/db?driver=x%3BSERVER%3Devil",
    "sqlite:///old.db?uri=true",
    "sqlite:///old.db?mode=rwc",
    "sqlite:///old.db?vfs=unix-none",
    "sqlite:///old.db?timeout=1?uri=true",
    "sqlite:///file:old.db",
    "sqlite:///FILE:old.db?timeout=1",
    "sqlite:///%66ile:old.db",
    "sqlite+pysqlcipher://:a/b@//etc/other.db",
    "sqlite+pysqlite://a@b/../other.db",
    "duckdb:///old.duckdb?config=x",
    "duckdb:///old.duckdb?allow_unsigned_extensions=true",
    "duckdb:///md:mine",
    "duckdb:///https://evil.example/x.duckdb",
    "sqlite${NOTHING}:////etc/other.db",
]
FILES = ["sslkey", "sslcert", "sslrootcert", "passfile", "ssl_key", "ssl_ca", "credentials_path"]


@pytest.mark.parametrize("said_in", [MAPPING, GIVEN])
@pytest.mark.parametrize("url", EVERYBODY_S)
def test_a_url_that_a_mapping_or_an_option_names_has_only_harmless_parameters(url: str, said_in: str) -> None:
    refused = refusal(url, said_in)
    assert "Sql(...)" in (refused.hint or "") or "has the parameter" in refused.message


@pytest.mark.parametrize("name", FILES)
def test_only_a_person_names_files_of_this_machine(name: str) -> None:
    url = f"postgresql://me@host/crm?{name}=/home/me/x"
    refused = refusal(url, MAPPING)
    assert refused.message.startswith(f"{MAPPING}: ")
    assert f"the parameter {name}" in refused.message
    assert "Sql(...)" in (refused.hint or "")
    assert open_source(url, **SELECT, said_in=GIVEN)
    assert open_source(url, **SELECT)  # a job's own code


def test_a_parameter_that_comes_with_a_variable_is_looked_at_too() -> None:
    url = "postgresql://me@host/${DB}"
    variables = Variables(frozenset(["DB"]), {"DB": "crm?sslkey=/home/me/x"})
    source = open_source(url, **SELECT, said_in=MAPPING, variables=variables)
    with pytest.raises(SourceError, match="has a parameter from a variable") as caught:
        source.scan()
    assert "/home/me" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me@host/crm?sslmode=verify-full&application_name=zmigrate 1.0&connect_timeout=5",
        "postgresql://me@host/crm?keepalives=1&keepalives_idle=30&client_encoding=utf8",
        "postgresql:///crm?host=/cloudsql/project:region:name",
        "mysql+pymysql://me@host/crm?charset=utf8mb4&ssl=true&read_timeout=5",
        "mysql+pymysql:///crm?unix_socket=/cloudsql/a:b:c",
        "mssql+pyodbc://me@host/crm?driver=ODBC+Driver+18+for+SQL+Server&TrustServerCertificate=yes"
        "&Encrypt=yes&Authentication=ActiveDirectoryIntegrated&Trusted_Connection=yes",
        "snowflake://me@account/crm?warehouse=w&role=r&schema=s&authenticator=externalbrowser",
        "sqlite:///old.db?timeout=5",
        "sqlite:///C:\\old.db",
        "duckdb:///:memory:",
    ],
)
def test_harmless_parameters_are_for_everybody(url: str) -> None:
    assert open_source(url, **SELECT, said_in=MAPPING)


def test_a_secret_whose_parameter_is_written_in_percents_is_one() -> None:
    assert secret_in("mysql://host/crm?pass%77ord=geheim") == "the parameter password"


@pytest.mark.parametrize("file", ["sqlite:///${HOME}/x.db", "sqlite:///sub/../${HOME}/x.db"])
def test_a_file_of_a_mapping_s_folder_is_not_named_by_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mapping.toml").write_text(
        f'[[load]]\nfile = "{file}"\nselect = "select id from x"\norder_by = "id"\nmodule = "Leads"\n'
        'operation = "insert"\nkey = "Legacy_ID"\n[load.fields]\nLegacy_ID = "id"\n'
    )
    with pytest.raises(JobError, match="is not in"):
        read_folder(tmp_path)


# -- how long cells are ---------------------------------------------------------------------------------


def database(path: Path, view: str) -> str:
    with closing(sqlite3.connect(path)) as made:
        made.execute(f"create view person as {view}")
        made.commit()
    return f"sqlite:///{path}"


HUGE = """
import resource
from zmigrate import Sql
from zmigrate.errors import SourceError
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
source = Sql({url!r}, "select id, name from person", "id")
try:
    for row in source.rows():
        pass
except SourceError as error:
    print(error.exit_code, error.message, error.hint)
"""


def read_with(memory: int, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", HUGE.format(memory=memory, url=url)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("cell", ["hex(zeroblob(200000000))", "zeroblob(400000000)"])
def test_a_cell_that_would_take_the_memory_is_refused_before_it_does(tmp_path: Path, cell: str) -> None:
    url = database(tmp_path / "old.db", f"select 1 as id, 'x' as name union all select 2, {cell}")
    done = read_with(600 << 20, url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 a cell, or a row, has more than 32 MB; 8 MB are allowed.")


@pytest.mark.parametrize("cell", ["printf('%.*c', 4000000, 'x')", "zeroblob(4000000)"])
def test_long_rows_are_not_held_together(tmp_path: Path, cell: str) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db")) as made:
        made.execute("create table number (id integer primary key)")
        made.executemany("insert into number values (?)", [(n,) for n in range(1, 301)])
        made.commit()
    url = database(tmp_path / "old.db", f"select id, {cell} as name from number")
    done = read_with(600 << 20, url)  # 1.2 GB in all
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_text_that_sqlite_makes_of_nothing_takes_no_memory(tmp_path: Path) -> None:
    url = database(tmp_path / "old.db", "select 1 as id, printf('%.*c', 400000000, 'x') as name")
    done = read_with(600 << 20, url)  # some versions of SQLite give null for it, others refuse
    assert done.returncode == 0, done.stderr
    assert done.stdout[:2] in {"", "2 "}


@pytest.mark.slow
def test_long_rows_that_cannot_be_put_in_order_are_told(tmp_path: Path) -> None:
    numbers = "with recursive n(id) as (select 1 union all select id + 1 from n where id < 300)"
    url = database(tmp_path / "old.db", f"{numbers} select id, printf('%.*c', 4000000, 'x') as name from n")
    done = read_with(600 << 20, url)
    assert done.returncode == 0, done.stderr
    assert "of memory to put in order" in done.stdout


def test_rows_are_fetched_by_the_size_of_those_before() -> None:
    asked: list[int] = []

    def fetchmany(count: int) -> list[tuple[int, str]]:
        asked.append(count)
        long = sum(asked[:-1]) >= 2_000
        return [(1, "x" * (1 << 20) if long else "x")] * (count if len(asked) < 13 else 0)

    assert len(list(in_blocks(fetchmany, ["id", "name"]))) == sum(asked[:-1])
    assert max(asked) == ROWS_AT_ONCE
    assert asked[:3] == [16, 32, 64]
    assert asked[-1] <= 8


@pytest.mark.parametrize("cell", ["printf('%.*c', {size}, 'x')", "zeroblob({size})"])
def test_a_row_over_the_limit_names_row_and_column(tmp_path: Path, cell: str) -> None:
    long, half = cell.format(size=ROW_BYTES - 100), cell.format(size=ROW_BYTES // 2)
    url = database(
        tmp_path / "old.db",
        f"select 1 as id, 'x' as name, 'y' as note union all select 2, {long}, {half}",
    )
    with pytest.raises(SourceError) as caught:
        list(Sql(url, "select * from person", "id").rows())
    assert "row 2 has more than 8 MB" in caught.value.message
    assert "name" in caught.value.message
    assert caught.value.exit_code == 2


# -- a variable that is not set -------------------------------------------------------------------------


def test_the_hint_for_a_variable_that_is_not_set_says_that_env_files_are_not_read() -> None:
    with pytest.raises(SourceError, match="is not set") as caught:
        of_code("postgresql://me:${DB_PASSWORD}@host/crm", Variables(environ={})).scan()
    assert "export DB_PASSWORD=..." in (caught.value.hint or "")
    assert ".env is not read for variables of a URL" in (caught.value.hint or "")
