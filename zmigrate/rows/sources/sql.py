"""Any database that SQLAlchemy knows, as a source (extra `sql`)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zmigrate.errors import PausedError, SourceError
from zmigrate.printable import LOCALE, is_unicode
from zmigrate.rows.sources.base import START, Cursor, Fingerprint, Row, missing_extra
from zmigrate.rows.sources.column_names import check_names
from zmigrate.rows.sources.destination import destination
from zmigrate.rows.sources.sql_bounds import bound, fetched, no_memory, too_long
from zmigrate.rows.sources.sql_errors import driver_and_code, first_line
from zmigrate.rows.sources.url import VARIABLE, expanded, masked, variables_of
from zmigrate.rows.sources.url_parameters import check_parameters
from zmigrate.rows.sources.variables import Variables

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine, Executable, Select
    from sqlalchemy.sql.selectable import FromClause

    from zmigrate.zoho.crm import Crm

BY_THEMSELVES: Final = {
    **dict.fromkeys(("postgresql", "cockroachdb", "redshift"), "PGPASSWORD"),
    **dict.fromkeys(("mysql", "mariadb", "tidb", "starrocks"), "MYSQL_PWD"),
}
"""The variables of which drivers make the password, to whatever host, where a URL has none."""

_HINT: Final = 'Write it like this: Sql("postgresql://me:${DB_PASSWORD}@host/crm", "select ...")'

_A_NAME: Final = re.compile(r'[\w.]+|["`\[][^"`\]]+["`\]]')
"""A table's name alone: counted it works, read it does not."""


class Sql:
    """Rows of a select: `Sql("sqlite:///old.db", "select id, name from person")`.

    A run reads them once, into its folder, before it writes anything; from then on the run, and a resume, go
    by that copy. `order_by` is a column of the select by which the rows are put in order. `${NAME}` in the
    URL stands for a variable of the environment, which is read when connecting: so passwords are in no file
    of a run. Which ones may be read, `variables` says.
    """

    stable = True
    scopes: tuple[str, ...] = ()

    def __init__(
        self,
        url: str,
        select: str,
        order_by: str | None = None,
        *,
        said_in: str | None = None,
        variables: Variables | None = None,
    ) -> None:
        """`said_in`: where a mapping or an option says the URL; None: a job's own code does."""
        self._url = url
        self._said_in = said_in
        self._variables = variables or Variables()
        self.select = select.strip().rstrip(";").rstrip()
        self.order_by = order_by
        if not self.select:
            raise SourceError("a Sql source has a select.", hint=_HINT)
        if _A_NAME.fullmatch(self.select):
            raise SourceError(
                f"{self.select[:80]!r} is a name, not a select.",
                hint=f"A whole table: select * from {self.select[:80]}",  # noqa: S608  words
            )
        if not is_unicode(f"{url} {select} {order_by}"):
            raise SourceError(
                f"the URL or the select of Sql is not UTF-8: {masked(url)}, {self.select[:80]}.",
                hint=f"Write or rename it so. {LOCALE}",
            )
        self._columns: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        ordered = "" if self.order_by is None else f", order_by={self.order_by!r}"
        return f"Sql({self.url!r}, {self.select!r}{ordered})"

    @property
    def url(self) -> str:
        """As it may be shown."""
        return masked(self._url)

    @property
    def name(self) -> str:
        return self.url

    def with_variables(self, variables: Variables) -> Sql:
        """The same source, with what the runner was told of the environment."""
        return Sql(self._url, self.select, self.order_by, said_in=self._said_in, variables=variables)

    @property
    def spends(self) -> str | None:
        """The variables that connecting reads, and where their values go: `DB_PASSWORD, for host:5432`. None
        where there are none. Connects to nothing; raises SourceError where one may not be read.
        """
        if not variables_of(self._url) and not BY_THEMSELVES.keys() & set(re.split(r"\W", self._url)):
            return None  # so that a file needs no library of databases
        url = self._parsed()
        names = (*variables_of(self._url), *self._read_by_driver(url))
        return f"{', '.join(names)}, for {self._destination(url)}" if names else None

    @property
    def columns(self) -> tuple[str, ...]:
        if self._columns is None:
            with self._connection() as connection:
                self._columns = self._read_columns(connection)
        return self._columns

    def scan(self) -> Fingerprint:
        """How many rows there are. Reads none of them."""
        with self._connection() as connection:
            from sqlalchemy import func, select  # noqa: PLC0415

            self._columns = self._read_columns(connection)
            rows = connection.execute(select(func.count()).select_from(self._as_table())).scalar_one()
        return self.fingerprint(rows)

    def check(self, fingerprint: Fingerprint) -> None:
        now = self.fingerprint(fingerprint.rows)
        if (fingerprint.sha256, fingerprint.path) != (now.sha256, now.path):
            raise SourceError(
                f"the select or its database has changed since the run began:"
                f" {fingerprint.path} then, {now.path} now.",
                hint="Put it back as it was, or begin a new run with the changed one.",
                code="SOURCE_CHANGED",
            )

    def rows(self, after: Cursor = START, crm: Crm | None = None) -> Iterator[Row]:
        columns = self.columns
        with self._connection() as connection:
            found = islice(fetched(connection, self._statement(), columns), after.number, None)
            for number, cells in enumerate(found, start=after.number + 1):
                yield Row(number, number, dict(zip(columns, cells, strict=True)))

    def fingerprint(self, rows: int | None) -> Fingerprint:
        """What tells this select from others, with so many rows. Connects to nothing. The order does not
        count: in another order these are the same rows.
        """
        return Fingerprint(self.url, 0, _hash(self.url, self.select), rows, columns=self._columns)

    @property
    def former_sha256(self) -> str:
        """The hash in a run of zmigrate 0.1, which had the order in it."""
        return _hash(self.url, self.select, self.order_by or "")

    # -- SQL ---------------------------------------------------------------------------------------

    @property
    def _text(self) -> str:
        """The select, in which a colon would begin a parameter; a comment at its end swallows nothing."""
        return self.select.replace(":", "\\:") + "\n"

    def _as_table(self) -> FromClause:
        from sqlalchemy import text  # noqa: PLC0415

        return text(self._text).columns().subquery("zmigrate_rows")

    def _all(self) -> Select[Any]:
        from sqlalchemy import literal_column, select  # noqa: PLC0415

        return select(literal_column("*")).select_from(self._as_table())

    def _statement(self) -> Executable:
        """The select as it stands, since a subquery may lose its order; or in the order that is wanted."""
        from sqlalchemy import column, text  # noqa: PLC0415

        return text(self._text) if self.order_by is None else self._all().order_by(column(self.order_by))

    def _read_columns(self, connection: Connection) -> tuple[str, ...]:
        from sqlalchemy import false  # noqa: PLC0415

        names = tuple(connection.execute(self._all().where(false())).keys())
        check_names("the select", names)
        if self.order_by is not None and self.order_by not in names:
            raise SourceError(
                f"the select has no column {self.order_by!r} to order by.",
                hint=f"It has: {', '.join(names)}.",
            )
        return names

    # -- connecting --------------------------------------------------------------------------------

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        engine, url = self._engine()
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError  # noqa: PLC0415

        try:
            connection = engine.connect()
        except Exception as error:  # a driver's own, too
            raise self._no_connection(error, url) from None
        with connection:
            try:
                yield connection
            except DBAPIError as error:
                what = first_line(error.orig, url, self._url)
                if error.connection_invalidated:
                    raise PausedError(
                        f"the connection to {self.url} was lost: {what}",
                        hint="When the database is there again, resume the run.",
                        code="SOURCE_LOST",
                    ) from None
                long = too_long(error.orig)
                if long is not None:
                    raise long from None
                hint = "Try the select in the database's own client."
                raise SourceError(f"{self.url}: {what}", hint=hint) from None
            except MemoryError:
                raise no_memory(self.url) from None
            except SQLAlchemyError as error:
                raise SourceError(f"{self.url}: {first_line(error, url, self._url)}") from None

    def _no_connection(self, error: Exception, url: URL) -> SourceError:
        """Of a URL with a secret no word of the driver's is told: it may quote any part, in any form."""
        told = getattr(error, "orig", None) or error
        secret = url.password is not None or url.query or variables_of(self._url)
        what = driver_and_code(told) if secret else first_line(told, url, self._url)
        return SourceError(
            f"{self.url}: {what}", hint="Check the URL, and that the database can be reached from here."
        )

    def _engine(self) -> tuple[Engine, URL]:
        url = self._parsed()
        from sqlalchemy import NullPool, create_engine  # noqa: PLC0415
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError  # noqa: PLC0415

        try:
            if url.get_backend_name() == "sqlite":
                _refuse_new_file(url.database, self.url if variables_of(self._url) else None)
            engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
        except ModuleNotFoundError as error:
            raise SourceError(
                f"{self.url} needs the driver {error.name}, which is not installed.",
                hint=f"pip install {error.name}",
            ) from None
        except (ArgumentError, NoSuchModuleError, ValueError, TypeError):
            raise self._no_url() from None
        bound(engine, files=self._said_in is None)
        return engine, url

    def _parsed(self) -> URL:
        """The URL with its variables' values. Raises SourceError where one may not be read."""
        try:
            from sqlalchemy import make_url  # noqa: PLC0415
            from sqlalchemy.exc import ArgumentError  # noqa: PLC0415
        except ImportError as error:
            raise missing_extra("sql", "databases", error) from None

        def value_of(name: str) -> str:
            return self._variables.value(name, self._said_in, self.url, self._host_as_given)

        try:
            url = make_url(expanded(self._url, value_of))
        except (ArgumentError, ValueError):
            raise self._no_url() from None
        if url.host is not None and "@" in url.host + (url.database or ""):
            raise SourceError(
                f"{self.url}: a password with an @ or a / in it is cut there, and its rest is the host.",
                hint="In a variable that holds a whole URL, write %40 for @ and %2F for /.",
            )
        self._check_filled(url)
        for name in self._read_by_driver(url):
            value_of(name)
        return url

    def _check_filled(self, url: URL) -> None:
        """What variables brought, too; one that holds a whole URL is the person's own word."""
        self._destination(url)
        if VARIABLE.fullmatch(self._url) is None:
            parameters = [(name, value) for name, values in url.normalized_query.items() for value in values]
            check_parameters(parameters, self.url, self._said_in)

    def _read_by_driver(self, url: URL) -> tuple[str, ...]:
        """The variable that the driver would send by itself, where there is one and the URL has no
        password.
        """
        name = BY_THEMSELVES.get(url.get_backend_name())
        return (name,) if name and url.password is None and name in self._variables.environ else ()

    def _no_url(self) -> SourceError:
        return SourceError(f"{self.url} is no URL of a database.", hint=_HINT)

    def _host_as_given(self) -> str:
        """Where a variable's value would go, before any is read."""
        from sqlalchemy import make_url  # noqa: PLC0415
        from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

        try:
            place = self._destination(make_url(self._url))
        except (ArgumentError, ValueError):  # a variable is in the place of the port
            return "the database that it names"
        if variables_of(place) or VARIABLE.match(self._url):
            return "the database that it names"
        return place if " " in place else f"the host {place}"

    def _destination(self, url: URL) -> str:
        return destination(url, self.url, self._variables.environ)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _refuse_new_file(database: str | None, shown: str | None) -> None:
    """SQLite would make an empty database of a misspelt name. `shown`: what stands for its path."""
    if database and database != ":memory:" and not database.startswith("file:"):
        path = Path(database)
        if not path.is_file():
            raise SourceError(
                f"{shown or path}: there is no such file.",
                hint="For a file in this folder write sqlite:///NAME, for any other its whole path: "
                "sqlite:////data/NAME.",
            )
