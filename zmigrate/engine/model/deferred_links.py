"""Deferred links: references that close a circle, written by id once all records of the circle exist.

Each row has one outcome. A row whose link is still to be written has moved; the link's batch decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from zmigrate.engine.model.batch import Batch, Link, PreparedRow
from zmigrate.engine.model.outcomes import Action, Outcome
from zmigrate.job.key_text import fields_of_key
from zmigrate.job.references import Find, Ref, Reference
from zmigrate.reasons import Reason
from zmigrate.rows.conversion.open_id import OpenId

REFERENCE = "$ref"

WRITTEN_AS = "written as "
"""Begins the reason of a failed row whose record exists."""


def link_row(row: PreparedRow, record_id: str) -> PreparedRow:
    """The second write of a row that was created without its links. It no longer holds its key, nor its other
    unique values.
    """
    record = {"id": record_id, **{link.field: link.value for link in row.links}}
    return row._replace(folded=None, record=record, open=_open_ids(record), links=(), others=(), digest=None)


def update_row(row: PreparedRow, record_id: str, key: str | None) -> PreparedRow:
    """The row as an update of the record that already has its key; the key itself is not sent again."""
    keys = fields_of_key(key)
    record = {name: value for name, value in row.record.items() if name not in keys}
    return row._replace(record={**record, "id": record_id})


def bare(rows: Iterable[PreparedRow]) -> list[tuple[PreparedRow, Outcome]]:
    """Link rows with nothing to write: their reference was left out, or a later row writes the field."""
    return [(row, Outcome("updated", row.record["id"])) for row in rows if len(row.record) == 1]


def cut(row: PreparedRow, names: Sequence[str]) -> PreparedRow:
    """The row without these fields, which close a circle."""
    record = {name: value for name, value in row.record.items() if name not in names}
    links = tuple(Link(name, row.record[name]) for name in names)
    rest = tuple(open_id for open_id in row.open if open_id.field not in names)
    return row._replace(record=record, open=rest, links=links)


def latest(groups: Iterable[Iterable[PreparedRow]]) -> dict[tuple[str, str], int]:
    """For each record id and field: the number of the last link row that writes it."""
    numbers: dict[tuple[str, str], int] = {}
    for rows in groups:
        for row in rows:
            for name in row.record:
                place = (row.record["id"], name)
                numbers[place] = max(row.number, numbers.get(place, 0))
    return numbers


def without_overwritten(
    rows: Iterable[PreparedRow], numbers: Mapping[tuple[str, str], int]
) -> list[PreparedRow]:
    """Link rows without the fields that a later row of the same record writes. `numbers`: see `latest`."""
    return [
        row._replace(
            record={
                name: value
                for name, value in row.record.items()
                if name == "id" or numbers[row.record["id"], name] == row.number
            }
        )
        for row in rows
    ]


def linked(batch: Batch, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of rows whose second write has ended: if it went well, the first write's outcome."""
    action: Action = "created" if batch.second == "link" else "updated"
    return [
        outcome._replace(action=action) if outcome.action == "updated" else _unlinked(row, outcome)
        for row, outcome in zip(batch.rows, outcomes, strict=True)
    ]


def _unlinked(row: PreparedRow, outcome: Outcome) -> Outcome:
    """The outcome of a row whose record exists, but whose link failed or is in doubt."""
    if outcome.action not in {"failed", "in_doubt"}:
        return outcome
    names = [name for name in row.record if name != "id"]
    what = "could not be set" if outcome.action == "failed" else "may not be set"
    by_hand = "correct that record by hand, and don't insert this row again"
    field = names[0] if len(names) == 1 else None
    reasons = (
        Reason("", None, f"{WRITTEN_AS}{row.record['id']}, but {', '.join(names)} {what}"),
        *(reason._replace(field=reason.field or field) for reason in outcome.reasons),
        Reason("", None, by_hand),
    )
    return outcome._replace(id=row.record["id"], reasons=reasons)


def pack_links(rows: Sequence[PreparedRow]) -> str:
    """The links of these rows, by their places in the batch, as the journal keeps them."""
    found = {
        str(place): {link.field: _stored(link.value) for link in row.links}
        for place, row in enumerate(rows)
        if row.links
    }
    return orjson.dumps(found).decode()


def with_links(rows: Sequence[PreparedRow], packed: str | None) -> list[PreparedRow]:
    """The rows with their packed links put back."""
    found = {} if packed is None else orjson.loads(packed)
    return [
        row._replace(
            links=tuple(
                Link(name, _restored(value, name)) for name, value in found.get(str(place), {}).items()
            )
        )
        for place, row in enumerate(rows)
    ]


def pack(rows: Sequence[PreparedRow]) -> bytes:
    """Link rows that wait, with what their references refer to."""
    return orjson.dumps({"links": [_stored(row.record) for row in rows]})


def unpack(body: bytes) -> list[dict[str, Any]] | None:
    """The records of waiting link rows; None if the body was made for sending."""
    parsed = orjson.loads(body)
    if not (isinstance(parsed, dict) and "links" in parsed):
        return None
    return [{name: _restored(value, name) for name, value in record.items()} for record in parsed["links"]]


def reopened(row: PreparedRow) -> PreparedRow:
    """A link row as it was before it was packed."""
    return row._replace(open=_open_ids(row.record))


def _open_ids(record: dict[str, Any]) -> tuple[OpenId, ...]:
    found: list[OpenId] = []
    for value in record.values():
        if isinstance(value, OpenId):
            found.append(value)
        elif isinstance(value, list):
            found += [
                part
                for element in value
                if isinstance(element, dict)
                for part in element.values()
                if isinstance(part, OpenId)
            ]
    return tuple(found)


def _stored(value: Any) -> Any:
    if isinstance(value, OpenId):
        reference = value.reference
        kind = "find" if isinstance(reference, Find) else "ref"
        what = reference.value if isinstance(reference, Find) else reference.key
        said = [kind, reference.module, what, reference.field, reference.when_open, reference.ignore_case]
        return {REFERENCE: [*said, True] if value.names_module else said}
    if isinstance(value, dict):
        return {name: _stored(part) for name, part in value.items()}
    return [_stored(part) for part in value] if isinstance(value, list) else value


def _restored(value: Any, field: str) -> Any:
    if isinstance(value, dict) and REFERENCE in value:
        kind, module, what, by, when_open, *more = value[REFERENCE]  # zmigrate 0.1 had no `ignore_case`
        case, names_module = more[:1], more[1:] == [True]
        reference: Reference = (
            Find(module, by, what, when_open, *case)
            if kind == "find"
            else Ref(module, what, by, when_open, *case)
        )
        return OpenId(reference, field, names_module=names_module)
    if isinstance(value, dict):
        return {name: _restored(part, field) for name, part in value.items()}
    return [_restored(part, field) for part in value] if isinstance(value, list) else value
