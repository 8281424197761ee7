"""The items of `ctx.each`: where they come from, and what identifies each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from zmigrate.engine.runner.job_faults import nothing_to_loop_over, without_key
from zmigrate.wording import as_text

if TYPE_CHECKING:
    from zmigrate.rows.sources import Source
    from zmigrate.zoho.crm import Crm

Key: TypeAlias = str | Callable[[Any], object]

PLAIN = (str, int, float, bytes, Decimal, date, time, timedelta, UUID, Enum, PurePath)
"""Values that have the same text each time, and so identify themselves."""

ITSELF = "id"
"""The key by which a plain value identifies itself: it has no fields."""


def items_of(given: Any, crm: Crm) -> Iterable[Any]:
    """The items that an author gave; of a source, its rows. Raises JobError for what has none."""
    if isinstance(given, type):
        raise nothing_to_loop_over(given)
    if all(hasattr(given, name) for name in ("scan", "rows", "scopes")):
        return _rows(given, crm)
    if not (hasattr(given, "__iter__") or hasattr(given, "__getitem__")):
        raise nothing_to_loop_over(given)
    items: Iterable[Any] = given
    return items


def _rows(source: Source, crm: Crm) -> Iterator[Mapping[str, Any]]:
    source.scan()
    for row in source.rows(crm=crm):
        yield row.values


def key_of_item(item: Any, key: Key) -> str:
    """What identifies an item, as text. Raises JobError if nothing does."""
    if not isinstance(key, str):
        value = key(item)
    elif isinstance(item, Mapping):
        value = item.get(key)
    else:
        value = getattr(item, key, None)
        if value is None and key == ITSELF and _is_plain(item):
            value = item
    if value is None:
        raise without_key(key)
    return as_text(str(value))  # two values that can't be shown are not the same one


def _is_plain(item: Any) -> bool:
    return all(map(_is_plain, item)) if isinstance(item, tuple | list) else isinstance(item, PLAIN)
