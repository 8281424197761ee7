"""Which values the org can be asked for, and in what form."""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import normalize

from zmigrate.rows.keys import whole_number
from zmigrate.zoho.coql import can_query

UNASKABLE = "a key with a backslash or a line break can't be looked up"


def askable(values: Iterable[str], *, number: bool) -> list[str | int]:
    """Values as they stand in a query, each once; those that can't stand in one are left out: no record has
    them. `number`: the field holds whole numbers, and is asked for them as such.
    """
    if not number:
        # How Zoho compares Unicode forms is not documented: what is not composed is asked for in both.
        spellings = (form for value in values for form in (value, normalize("NFC", value)))
        return [value for value in dict.fromkeys(spellings) if can_query(value)]
    numbers = map(whole_number, values)
    return list(dict.fromkeys(value for value in numbers if value is not None))
