"""The kinds of sources. Each can be opened again, can skip rows, and knows whether it has changed."""

from zmigrate.rows.sources.base import Cursor, Fingerprint, Row, Source
from zmigrate.rows.sources.csv_file import Csv
from zmigrate.rows.sources.excel import Excel
from zmigrate.rows.sources.json_lines import JsonLines
from zmigrate.rows.sources.opening import open_source
from zmigrate.rows.sources.parquet import Parquet
from zmigrate.rows.sources.query import Query
from zmigrate.rows.sources.rows import Rows
from zmigrate.rows.sources.sql import Sql

__all__ = [
    "Csv",
    "Cursor",
    "Excel",
    "Fingerprint",
    "JsonLines",
    "Parquet",
    "Query",
    "Row",
    "Rows",
    "Source",
    "Sql",
    "open_source",
]
