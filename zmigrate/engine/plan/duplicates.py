"""Repeated keys and unique values in a source, found by an index that is built once all rows are noted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from zmigrate.engine.model.outcomes import DUPLICATE_DATA, DUPLICATE_IN_SOURCE, INVALID_DATA
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.duplicates import shared
from zmigrate.engine.plan.book import Book, Fate, Reject
from zmigrate.job.writes import OnRepeated
from zmigrate.reasons import Reason

_REPEATED = """
SELECT row.number, row.line, row.key, {which}.line, row.fate FROM row
JOIN (SELECT folded, MIN(number) AS first, MAX(number) AS last FROM row
      WHERE folded IS NOT NULL {alive} GROUP BY folded HAVING COUNT(*) > 1) AS key ON key.folded=row.folded
JOIN row AS {which} ON {which}.number=key.{which}
WHERE row.fate<>'refused' {alive_row} {but} ORDER BY row.number
"""


def repeated_keys(
    book: Book, target: Target, mode: OnRepeated | None, column_of: Mapping[str, str]
) -> Iterator[Reject]:
    """Rows that are not written because another row has their key. By default only inserts drop them; the
    first row that is itself written counts.
    """
    natural, mode = "first", mode or "first"
    if target.operation == "delete":
        mode = "first"
    refused = target.operation == "insert" and (target.key_kind == "unique" or target.on_existing == "fail")
    if mode == "each" and (not refused or target.on_existing in {"skip", "update"}):
        return
    which = "last" if mode == "last" else "first"
    but = "" if mode == "fail" else f"AND row.number<>key.{which}"
    alive = "AND fate NOT IN ('refused', 'skip')" if mode in {natural, "each"} else ""
    if target.operation == "delete":
        alive = "AND fate<>'refused'"
    book.flush()
    book.db.execute("CREATE INDEX IF NOT EXISTS row_folded ON row (folded)")
    query = _REPEATED.format(which=which, but=but, alive=alive, alive_row=alive.replace("fate", "row.fate"))
    field = target.key
    for number, line, key, other, _ in book.spooled(query):
        code, reason = DUPLICATE_IN_SOURCE, f"the key {key!r} is already used in line {other}"
        if mode == "last":
            reason = f"the key {key!r} is used in line {other} too, and written there"
        elif mode == "fail":
            reason = f"the key {key!r} is used in several lines, from {other} on; none of them is written"
        elif target.operation == "delete" and target.key_kind == "id":
            code, reason = INVALID_DATA, f"line {other} deletes this record already"
        yield Reject(number, line, key, column_of.get(field or ""), Reason(code, field, reason, key))


def follow_the_first(book: Book, fate: Fate) -> int:
    """Give this fate to the rows after one that creates their record. None is refused."""
    book.flush()
    before = book.db.total_changes
    book.db.execute("CREATE INDEX IF NOT EXISTS row_folded ON row (folded)")
    book.db.execute(
        "UPDATE row SET fate=? WHERE fate='create' AND folded IN"
        " (SELECT folded FROM row WHERE fate='create' GROUP BY folded HAVING COUNT(*) > 1) AND number<>"
        " (SELECT MIN(number) FROM row AS first WHERE first.folded=row.folded AND first.fate='create')",
        (fate,),
    )
    if fate == "update":  # an earlier row may have changed the record
        book.db.execute(
            "UPDATE row SET fate='update' WHERE fate='unchanged' AND EXISTS (SELECT 1 FROM row AS first"
            " WHERE first.folded=row.folded AND first.fate='update' AND first.number<row.number)"
        )
    return book.db.total_changes - before


def repeated_values(book: Book, target: Target, column_of: Mapping[str, str]) -> Iterator[Reject]:
    """Rows whose value of a unique field is in an earlier row for another record. Zoho refuses them. For
    an upsert a run refuses them, since Zoho would change the other record.
    """
    book.flush()
    book.db.execute("CREATE INDEX IF NOT EXISTS taken_value ON taken (field, folded, number)")
    twins = target.operation == "insert" and target.on_existing != "update"  # each row is a record of its own
    found = book.spooled(
        "SELECT t.number, t.line, row.key, t.field, t.value, first.line FROM taken t"
        " JOIN row ON row.number=t.number AND row.fate<>'refused'"
        " JOIN (SELECT taken.field, taken.folded, MIN(taken.number) AS number FROM taken"
        "       JOIN row ON row.number=taken.number AND row.fate<>'refused'"
        "       GROUP BY taken.field, taken.folded HAVING COUNT(*) > 1) AS other"
        "   ON other.field=t.field AND other.folded=t.folded AND other.number<>t.number"
        " JOIN row AS first ON first.number=other.number"
        " WHERE ? OR row.folded IS NULL OR first.folded<>row.folded ORDER BY t.number",
        (twins,),
    )
    for number, line, key, field, value, other in found:
        code, reason = DUPLICATE_DATA, f"the field is unique, and line {other} has this value already"
        if target.operation == "upsert":
            code, reason = DUPLICATE_IN_SOURCE, shared(other, target.key or "")
        yield Reject(number, line, key, column_of.get(field), Reason(code, field, reason, value))
