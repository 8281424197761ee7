"""Any database that SQLAlchemy knows, as a source (extra `sql`)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import orjson

from zmigrate.errors import PausedError, SourceError
from zmigrate.rows.sources.base import START, Cursor, Fingerprint, Row, missing_extra
from zmigrate.rows.sources.column_names import check_names
from zmigrate.rows.sources.destination import destination
from zmigrate.rows.sources.sql_bounds import bound, fetched, no_memory, too_long
from zmigrate.rows.sources.sql_errors import driver_and_code, first_line
from zmigrate.rows.sources.url import VARIABLE, expanded, masked, variables_of
from zmigrate.rows.sources.url_parameters import check_parameters
from zmigrate.rows.sources.variables import Variables

if TYPE_CHECKING:
    from sqlalchemy import URL, ColumnElement, Connection, Engine, Select, TextualSelect
    from sqlalchemy.sql.selectable import FromClause

    from zmigrate.zoho.crm import Crm

LARGEST_JSON_INTEGER: Final = 2**63

BY_THEMSELVES: Final = {
    **dict.fromkeys(("postgresql", "cockroachdb", "redshift"), "PGPASSWORD"),
    **dict.fromkeys(("mysql", "mariadb", "tidb", "starrocks"), "MYSQL_PWD"),
}
"""The variables of which drivers make the password, to whatever host, where a URL has none."""

_HINT: Final = (
    'Write it like this: Sql("postgresql://me:${DB_PASSWORD}@host/crm", "select ...", order_by="id")'
)

_EXACT: Final = (int, Decimal)
_BACK: Final[dict[type, Callable[[Any], Any]]] = {
    int: int,
    str: str,
    float: float,
    Decimal: Decimal,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    UUID: UUID,
}
"""The types that a column which gives the order may have: from a cursor's mark back to the value."""


class Sql:
    """Rows of a select: `Sql("sqlite:///old.db", "select id, name from person", order_by="id")`.

    `order_by` is a column of the select whose values are unique and never null; a resumed run goes on behind
    the last one. The select itself has no order. Rows are streamed. `${NAME}` in the URL stands for a
    variable of the environment, which is read when connecting: so passwords are in no file of a run. Which
    ones may be read, `variables` says.

    The database may change while a run writes, so the run's journal keeps the rows.
    """

    stable = False
    scopes: tuple[str, ...] = ()

    def __init__(
        self,
        url: str,
        select: str,
        order_by: str,
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
        if not self.select or not order_by:
            raise SourceError("a Sql source has a select and an order_by.", hint=_HINT)
        self._columns: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        return f"Sql({self.url!r}, {self.select!r}, {self.order_by!r})"

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
        """How many rows there are, and whether the order is one. Reads none of them."""
        with self._connection() as connection:
            from sqlalchemy import func, select  # noqa: PLC0415

            self._columns = self._read_columns(connection)
            rows_of, key = self._parts()
            counts = select(func.count(), func.count(key), func.count(key.distinct())).select_from(rows_of)
            rows, with_key, keys = connection.execute(counts).one()
            if with_key < rows:
                raise SourceError(
                    f"{rows - with_key:,} of {rows:,} rows have no {self.order_by} to order by.",
                    hint="Leave them out of the select, or order by another column.",
                )
            if keys < rows:
                twice = select(key).select_from(rows_of).group_by(key).having(func.count() > 1).limit(1)
                raise self._repeats(connection.execute(twice).scalar_one())
        return self._fingerprint(rows)

    def check(self, fingerprint: Fingerprint) -> None:
        now = self._fingerprint(fingerprint.rows)
        if (fingerprint.sha256, fingerprint.path) != (now.sha256, now.path):
            raise SourceError(
                f"the select has changed since the run began, or its order or database:"
                f" {fingerprint.path} then, {now.path} now.",
                hint="Put it back as it was, or begin a new run with the changed one.",
                code="SOURCE_CHANGED",
            )

    def rows(self, after: Cursor = START, crm: Crm | None = None) -> Iterator[Row]:
        columns = self.columns
        with self._connection() as connection:
            statement = self._statement(connection, after.token)
            wide = connection.dialect.name != "sqlite"  # whose integers have 64 bits
            number, last = after.number, None
            for cells in fetched(connection, statement, columns, number):
                values = dict(zip(columns, map(_plain, cells) if wide else cells, strict=True))
                key = values[self.order_by]
                self._check_order(last, key)
                if last is None and _mark(key) == after.token:
                    continue  # SQL Server rounds times, so that one may be beyond itself
                number, last = number + 1, key
                yield Row(number, number, values)

    def identity(self, row: Row) -> str | None:
        """The value by which rows are ordered, as JSON: the same from the database and from the journal."""
        return _mark(row.values[self.order_by])

    def _fingerprint(self, rows: int | None) -> Fingerprint:
        what = "\n".join((self.url, self.select, self.order_by))
        return Fingerprint(
            self.url, 0, hashlib.sha256(what.encode()).hexdigest(), rows, columns=self._columns
        )

    # -- SQL ---------------------------------------------------------------------------------------

    def _parts(self) -> tuple[FromClause, ColumnElement[Any]]:
        """The select as a table, and the column that orders it."""
        from sqlalchemy import column, text  # noqa: PLC0415

        # A colon would begin a parameter, and a comment at the end would swallow what follows.
        given: TextualSelect = text(self.select.replace(":", "\\:") + "\n").columns()
        return given.subquery("zmigrate_rows"), column(self.order_by)

    def _all(self) -> Select[Any]:
        from sqlalchemy import literal_column, select  # noqa: PLC0415

        return select(literal_column("*")).select_from(self._parts()[0])

    def _statement(self, connection: Connection, token: str | None) -> Select[Any]:
        """The rows behind the cursor, in order."""
        _, key = self._parts()
        statement = self._all().order_by(key)
        if token is None:
            return statement
        return statement.where(key > self._value_of(connection, token))

    def _value_of(self, connection: Connection, token: str) -> Any:
        """A cursor's mark as the value that it was: the type is that of the column's values now."""
        from sqlalchemy import select  # noqa: PLC0415

        rows_of, key = self._parts()
        sample = connection.execute(select(key).select_from(rows_of).limit(1)).scalar()
        value = orjson.loads(token)
        return value if sample is None else self._kind(sample)(value)

    def _kind(self, value: Any) -> Callable[[Any], Any]:
        try:
            return _BACK[type(value)]
        except KeyError:
            raise SourceError(
                f"{self.order_by} can't give the order: its values are of the type {type(value).__name__}.",
                hint="Order by a column of numbers, texts, dates or UUIDs.",
            ) from None

    def _read_columns(self, connection: Connection) -> tuple[str, ...]:
        from sqlalchemy import false  # noqa: PLC0415

        names = tuple(connection.execute(self._all().where(false())).keys())
        check_names("the select", names)
        if self.order_by not in names:
            raise SourceError(
                f"the select has no column {self.order_by!r} to order by.",
                hint=f"It has: {', '.join(names)}.",
            )
        return names

    # -- what a row must be ------------------------------------------------------------------------

    def _check_order(self, last: Any, key: Any) -> None:
        """Texts are ordered as the database does, so of them only repeats can be told."""
        if key is None:
            raise SourceError(
                f"a row has no {self.order_by}, by which rows are ordered.",
                hint="Leave it out of the select, or order by another column.",
            )
        self._kind(key)
        if last is None:
            return
        if key == last:
            raise self._repeats(key)
        if type(key) is not type(last) and not (isinstance(key, _EXACT) and isinstance(last, _EXACT)):
            raise SourceError(
                f"{self.order_by} has values of two types: {last!r} and {key!r}.",
                hint="Cast it to one type in the select.",
            )
        if not isinstance(key, (str, UUID)) and key < last:
            raise SourceError(
                f"{self.order_by} falls from {last!r} to {key!r}: the database does not order by it.",
                hint="Order by another column.",
            )

    def _repeats(self, value: Any) -> SourceError:
        return SourceError(
            f"{self.order_by} has the value {value!r} more than once, so it can't give the order.",
            hint="Order by a column whose values are unique.",
        )

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


def _refuse_new_file(database: str | None, shown: str | None) -> None:
    """SQLite would make an empty database of a misspelt name. `shown`: what stands for its path."""
    if database and database != ":memory:" and not database.startswith("file:"):
        path = Path(database)
        if not path.is_file():
            raise SourceError(
                f"{shown or path}: there is no such file.",
                hint="sqlite:///old.db is in this folder, sqlite:////data/old.db in /data.",
            )


def _mark(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def _plain(value: Any) -> Any:
    """A value that the journal can keep: integers beyond 64 bits as Decimal."""
    if type(value) is int and not -LARGEST_JSON_INTEGER <= value < LARGEST_JSON_INTEGER:
        return Decimal(value)
    return value
