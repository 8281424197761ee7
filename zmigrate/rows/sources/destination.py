"""The place that a database's URL leads to: it is shown to the person, and gets the password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from zmigrate.errors import SourceError
from zmigrate.rows.sources.url_parameters import ParameterKind, kind_of

if TYPE_CHECKING:
    from sqlalchemy import URL

_CONNECTION_STRING: Final = re.compile(r"[;={}()'\"\s]")
_NOWHERE: Final = "a database on this machine"
_POSTGRES: Final = frozenset({"postgresql", "cockroachdb", "redshift"})


def destination(url: URL, shown: str, environ: Mapping[str, str]) -> str:
    """Host and port, which are never secret; if the URL has no host, what else names the place. Raises
    SourceError if it names two places, since different drivers use different ones.

    `shown`: the URL for messages. `environ`: where PostgreSQL's drivers look for the rest.
    """
    _check_parts(url, shown)
    places = {name: _texts(value) for name, value in url.query.items() if _is_place(name)}
    names = {name.lower(): name for name in places}
    if url.host is not None or url.port is not None:
        names = names if url.host is not None else {low: name for low, name in names.items() if low == "port"}
        if names:
            _refuse(shown, "its host" if url.host is not None else "its port", next(iter(names.values())))
    several = [name for name in places if name.lower() != "port"]
    if len(several) > 1:
        _refuse(shown, f"the parameter {several[0]}", several[1])
    fixed = environ.get("PGHOSTADDR") if url.get_backend_name() in _POSTGRES else None
    if fixed and not any(name.lower() == "hostaddr" for name in several):
        return f"{fixed} (PGHOSTADDR)"
    if url.host is not None:
        return url.host if url.port is None else f"{url.host}:{url.port}"
    port = url.port or ", ".join(value for name in places if name not in several for value in places[name])
    return _without_host(url, {name: places[name] for name in several}, environ) + (
        f", port {port}" if port else ""
    )


def _without_host(url: URL, places: Mapping[str, tuple[str, ...]], environ: Mapping[str, str]) -> str:
    for name, values in places.items():
        if kind_of(name) is ParameterKind.WHOLE:
            return f"the database that {name} names"
        if name.lower() in {"service", "dsn", "filedsn"}:
            return f"the database that the {name.lower()} {', '.join(values)} names"
        return ", ".join(_socket(name, value) for value in values)
    if url.get_backend_name() in _POSTGRES:
        for variable in ("PGHOST", "PGSERVICE"):
            if environ.get(variable):
                return f"{environ[variable]} ({variable})"
    return _NOWHERE


def _socket(name: str, value: str) -> str:
    local = value.startswith(("/", "@")) or name.lower().startswith("unix")
    return f"{_NOWHERE}, socket {value}" if local else value


def _check_parts(url: URL, shown: str) -> None:
    """Raise SourceError for parts that a driver with a single connection string would misread."""
    odd = url.host is not None and _CONNECTION_STRING.search(url.host)
    name = url.database or ""
    if odd or (url.host is not None and re.search(r"[;=]|://", name)):
        what = "the host" if odd else "the name of the database"
        raise SourceError(
            f"{shown}: {what} is a connection string of its own.",
            hint="Write the host, the port and the name each in its place: postgresql://me@host:5432/crm",
        )


def _refuse(shown: str, one: str, other: str) -> None:
    named = f"the parameter {other}" if other.lower() in shown.lower() else "a parameter"
    raise SourceError(
        f"{shown} names two places to connect to: {one}, and {named}. Which of them would get the"
        " password depends on the driver.",
        hint="Keep one, and leave out the other. A socket needs no host: "
        "postgresql://me@/crm?host=/cloudsql/NAME",
        code="TWO_PLACES",
    )


def _is_place(name: str) -> bool:
    return kind_of(name) in {ParameterKind.PLACE, ParameterKind.DETOUR, ParameterKind.WHOLE}


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
