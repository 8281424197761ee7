"""Before the first write: can Zoho be asked for the records of a key, if a query must quote a name?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from zmigrate.engine.model.keys import is_tried_first
from zmigrate.engine.model.target import Target
from zmigrate.errors import Fatal, UsageError
from zmigrate.job.context import Fill
from zmigrate.zoho.crm import Crm

Place = tuple[str, str]
"""A module, and the field by which its records are found."""


def check_askable(crm: Crm, target: Target, fills: Iterable[Fill]) -> None:
    """Ask for one record by each key that a query must quote. Raises UsageError if Zoho does not understand.

    Other names need no such question, which would cost a call.
    """
    for module, field in dict.fromkeys(_places(target, fills)):
        if not is_tried_first(module, field):
            continue
        try:
            next(crm.select(module, ["id"], filled=field, limit=1), None)
        except Fatal as error:
            raise UsageError(
                f"records of {module} can't be found by {field}: Zoho does not understand a query with this "
                f"name, quoted or not ({error.message})",
                hint="Choose another field to find records by.",
                code="KEY_TYPE",
            ) from None


def _places(target: Target, fills: Iterable[Fill]) -> Iterator[Place]:
    yield from ((target.module, name) for name in target.key_fields)
    for fill in fills:
        if fill.points_at is not None and fill.points_at.by is not None:
            yield fill.points_at.module, fill.points_at.by
