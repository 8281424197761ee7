"""Checks declared formats where they are declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zmigrate.job.formats import Formats
from zmigrate.rows.conversion.declared import formats_problem
from zmigrate.rows.mapping.places import Places, wrong
from zmigrate.rows.mapping.toml_lines import KeyPath


def check_formats(given: Mapping[str, Any], places: Places, path: KeyPath) -> dict[str, Any]:
    """The formats for `Formats`; `format` sets those of dates and of date-times.

    Raises JobError at the first word that is wrong.
    """
    formats: dict[str, Any] = {}
    for word, value in given.items():
        names = ("date_format", "datetime_format") if word == "format" else (word,)
        formats |= {name: tuple(value) if isinstance(value, list) else value for name in names}
        if word == "thousands" and "decimal" in given:
            formats["decimal"] = given["decimal"]  # whichever comes first
        problem = formats_problem(Formats(**formats))
        if problem is not None:
            raise wrong(places, (*path, word), f"{problem}.")
    return formats
