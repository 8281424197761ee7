"""Finds the right source for a place: by the file's ending, or by `://`."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from zmigrate.errors import SourceError
from zmigrate.rows.sources.base import Source, open_file
from zmigrate.rows.sources.csv_file import Csv
from zmigrate.rows.sources.excel import Excel
from zmigrate.rows.sources.json_lines import JsonLines
from zmigrate.rows.sources.packed import TextFile
from zmigrate.rows.sources.parquet import Parquet
from zmigrate.rows.sources.sql import Sql
from zmigrate.rows.sources.url import check_file, masked, parameters_of, secret_in
from zmigrate.rows.sources.url_parameters import check_parameters
from zmigrate.rows.sources.variables import Variables

_BY_ENDING: Final[dict[type, tuple[str, ...]]] = {
    Csv: (".csv", ".tsv", ".txt"),
    JsonLines: (".jsonl", ".ndjson"),
    Excel: (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
    Parquet: (".parquet",),
}
ENDINGS: Final = tuple(ending for endings in _BY_ENDING.values() for ending in endings)
"""The endings of files that are not packed. Packed ones: `.csv.gz`, `.jsonl.gz`, `.zip`."""

_ONE_A_LINE: Final = (
    "Is it .jsonl (one object a line)? Then rename it. Else make one of it: of a list by"
    " jq -c '.[]' dump.json > dump.jsonl, of {\"data\": [...]} by jq -c '.data[]' dump.json > dump.jsonl"
)
_OF_KIND: Final = {".jsonl": " (one object a line)"}
_DATABASES: Final = (".db", ".sqlite", ".sqlite3", ".db3")

_OPTIONS: Final[dict[type, tuple[str, ...]]] = {
    Csv: ("delimiter", "encoding"),
    JsonLines: (),
    Excel: ("sheet", "header"),
    Parquet: (),
    Sql: ("select", "order_by"),
}
_FOR: Final = {
    "delimiter": "CSV files",
    "encoding": "CSV files",
    "sheet": "workbooks",
    "header": "workbooks",
    "select": "databases",
    "order_by": "databases",
}


def open_source(
    location: str | Path,
    *,
    sheet: str | int | None = None,
    header: int = 1,
    delimiter: str | None = None,
    encoding: str | None = None,
    select: str | None = None,
    order_by: str | None = None,
    said_in: str | None = None,
    variables: Variables | None = None,
) -> Source:
    """The source for a file, by its ending (packed ones too), or for the URL of a database. Opens nothing,
    except the list of files of a zip archive.

    A URL has no password, since a run keeps its options: `${NAME}` is an environment variable. `said_in`:
    where a mapping or an option names the location; None: a job's own code does. `variables`: those that may
    be read.

    Raises SourceError for an unknown ending, and for an option of another kind of source.
    """
    given = {
        "sheet": sheet,
        "header": None if header == 1 else header,
        "delimiter": delimiter,
        "encoding": encoding,
        "select": select,
        "order_by": order_by,
    }
    options = {name: value for name, value in given.items() if value is not None}
    kind = _kind(str(location))
    foreign = [name for name in options if name not in _OPTIONS[kind]]
    if foreign:
        name = foreign[0]
        shown = masked(str(location))
        raise SourceError(
            f"{name.replace('_', '-')} is for {_FOR[name]}, and {shown} is read as {kind.__name__}.",
            hint="Leave it out.",
        )
    if kind is Sql:
        return _database(str(location), options, said_in, variables)
    source: Source = kind(Path(location), **options)
    return source


def is_database(location: str) -> bool:
    """Whether it is a database's URL, or an environment variable with one; otherwise it is a path."""
    return "://" in location or location.startswith("${")


def _kind(location: str) -> Any:
    if is_database(location):
        return Sql
    path = Path(location)
    packed = path.suffix.lower() in (".gz", ".zip")
    if path.suffix.lower() == ".zip":
        path = _packed_name(path)
    elif packed:
        path = path.with_suffix("")
    suffix = path.suffix.lower()
    for kind, endings in _BY_ENDING.items():
        if suffix in endings:
            if packed and kind not in (Csv, JsonLines):
                raise SourceError(f"{location} is packed; only text can be read so.", hint="Unpack it first.")
            return kind
    if suffix in _DATABASES:
        raise SourceError(
            f"{location} is a database by its ending, and needs a URL.", hint=f"sqlite:///{location}"
        )
    if path.exists() or location == "-":
        open_file(path).close()  # if it is a pipe, this says so
    near = get_close_matches(suffix, ENDINGS, n=1)
    what = f"the ending {suffix!r} is not known" if suffix else "it has no ending"
    if suffix == ".json":
        raise SourceError(f"{location}: {what}.", hint=_ONE_A_LINE)
    raise SourceError(
        f"{location}: {what}.",
        hint=(f"Is it {near[0]}{_OF_KIND.get(near[0], '')}? " if near else "")
        + f"Known are {', '.join(ENDINGS)}; packed: .csv.gz, .jsonl.gz, .zip; and URLs of databases.",
    )


def _packed_name(path: Path) -> Path:
    """The name of the file in a zip archive. Raises SourceError if it is not an archive."""
    file = TextFile(path)
    if not file.packed:
        raise SourceError(
            f"{path} is not a zip archive, though it is named like one.",
            hint="Copy or export it again; or give it the right ending, such as .csv.",
        )
    return Path(file.content_name)


def _database(url: str, options: dict[str, Any], said_in: str | None, variables: Variables | None) -> Sql:
    secret = secret_in(url)
    if secret is not None:
        raise SourceError(
            f"{masked(url)} has {secret} in it, which the run would keep among its options.",
            hint="Put the value into an environment variable, write ${DB_PASSWORD} in its place, with single "
            "quotes around the URL, and allow the variable: --allow-env DB_PASSWORD.",
        )
    check_file(url, masked(url), said_in)
    check_parameters(parameters_of(url), masked(url), said_in)
    if "select" not in options:
        raise SourceError(
            f"{masked(url)} is a database, and needs a select.",
            hint='--select "select id, name from person"',
        )
    return Sql(url, **options, said_in=said_in, variables=variables)
