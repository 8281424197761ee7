"""Queries that zmigrate itself writes. One that Zoho does not understand is written in another way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from zmigrate.errors import Fatal
from zmigrate.zoho import coql
from zmigrate.zoho.paged_reader import PagedReader


class OwnQueries:
    """Asks queries, and remembers for their names how Zoho understood them."""

    def __init__(self, reads: PagedReader) -> None:
        self._reads = reads
        self._spelt: dict[tuple[str, ...], coql.WriteName] = {}

    def ask(self, made: Callable[[coql.WriteName], str], names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The rows of the query that `made` writes, with these names in it. Raises the first refusal if Zoho
        understands it in no way.
        """
        known = self._spelt.get(tuple(names))
        first: Fatal | None = None
        for write in [known] if known else coql.ways_to_write(names):
            rows = self._reads.query(coql.parse(made(write), write))
            try:
                begun = list(islice(rows, 1))
            except Fatal as error:
                in_quotes = any(write(name) != name for name in names)
                if error.code != "SYNTAX_ERROR" and not (in_quotes and error.code == "INVALID_QUERY"):
                    raise
                first = first or error
                continue
            self._spelt[tuple(names)] = write
            return chain(begun, rows)
        assert first is not None  # noqa: S101  there is a way at least
        raise first
