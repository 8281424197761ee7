"""What beginning anew (`--again`) comes to beside an earlier run, in words for a hint. Nothing is asked or
refused here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zmigrate.engine.outcomes import Rows

WriteFacts = Mapping[str, Any]
"""A write as run.json has it, see `Target.to_json`; empty for a hand-written job, which declares none."""

CREATED_BY_HAND = "What it created would be there TWICE. To run it once more all the same: --again."
"""The hint where a hand-written job that created records is to run again."""


def touched(rows: Rows) -> int:
    """How many rows of a run have changed something in the org, or may have."""
    return rows.created + rows.updated + rows.deleted + rows.in_doubt + rows.pending


def doubles(write: WriteFacts) -> bool:
    """Whether the same write once more makes second records of the same rows."""
    return write.get("operation") == "insert" and not write.get("unique") and not write.get("on_existing")


def what_anew_does(rows: Rows, writes: Sequence[WriteFacts], options: Mapping[str, Any]) -> str:
    """`it has written nothing, so nothing is doubled`. `writes`: those of its steps that have begun."""
    if not all(writes):
        return _by_hand_anew(rows)
    if not touched(rows):
        return "it has written nothing so far, so nothing is doubled"
    doubling = [write for write in writes if doubles(write)]
    if not doubling:
        refused = any(write.get("operation") == "insert" and not write.get("on_existing") for write in writes)
        leaves_out = f"; {leave_out(options)} leaves out what is there, else Zoho refuses it"
        return "what it has written is not doubled, since it is known by its key" + leaves_out * refused
    keyed = all(write.get("key") for write in doubling)
    unless = f", unless {leave_out(options)} leaves out what is there" if keyed else ""
    return f"what it has inserted would be there TWICE{unless}"


def _by_hand_anew(rows: Rows) -> str:
    """Of a hand-written job nobody knows by which key its records are found, nor what the item at work when
    it ended has written; an item that failed may have written some of its records."""
    if touched(rows) or rows.failed:
        return "what it has written would be there TWICE, since no key is known by which it would be found"
    return "as far as is known it has written nothing; what it has written would be there TWICE"


def insert_once_more(write: WriteFacts, options: Mapping[str, Any]) -> str:
    """The hint where a file that was inserted is to be inserted again."""
    twice = "To have them twice: --again."
    if not write.get("key"):
        return f"A second insert would double the records, and without a key none is found again. {twice}"
    only_new = f"To load only what is not there yet: {leave_out(options)}."
    if write.get("unique"):
        return f"Zoho would refuse what is there, by its key. {only_new} To send it all the same: --again."
    return f"A second insert would double the records. {only_new} {twice}"


def leave_out(options: Mapping[str, Any]) -> str:
    """How a job with these options is told to leave out what is there."""
    said = 'on_existing = "skip"'
    return f"--on-existing skip (in a mapping: {said})" if "on_existing" in options else said
