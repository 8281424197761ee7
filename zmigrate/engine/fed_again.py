"""Our own result files, fed in again: an insert would double the rows whose records are there, or may be."""

from __future__ import annotations

from itertools import islice

from zmigrate.engine.links import WRITTEN_AS
from zmigrate.engine.outcomes import ANSWER_LOST
from zmigrate.engine.target import Target
from zmigrate.errors import RunError
from zmigrate.events import Emit, Log
from zmigrate.rows.sources import Csv, Source

LINES_TOLD = 3


def tell_of_our_columns(source: Source, emit: Emit) -> None:
    """Warn that a file is read as a result file of ours: somebody else's may have such columns."""
    if isinstance(source, Csv) and source.ours:
        left_out = ", ".join(source.ours)
        emit(
            Log(
                "warning",
                f"{source.name} is read as a result file of zmigrate: its columns {left_out} are left out",
            )
        )


def refuse_fed_again(source: Source, target: Target) -> None:
    """Raise RunError if an insert would write what its file says to have been written, or not to be known.

    Where the key is unique, Zoho refuses such rows; where `on_existing` is said, they are looked for.
    """
    safe = target.key_kind == "unique" or target.on_existing is not None
    if target.operation != "insert" or safe or not isinstance(source, Csv):
        return
    lines = (line for line, told in source.told() if _may_be_there(told))
    first = list(islice(lines, LINES_TOLD))
    if not first:
        return
    rows = len(first) + sum(1 for _ in lines)
    where = ", ".join(map(str, first)) + (", …" if rows > LINES_TOLD else "")
    raise RunError(
        f"{source.path} is a result file, and the records of {rows:,} of its rows are in the org "
        f"already, or may be ({'lines' if rows > 1 else 'line'} {where}): an insert would double them",
        hint="Delete the rows from the file that the org has. To insert only what is not there: a key and "
        "--on-existing skip. To insert what is left as it stands: --again.",
        code="FED_AGAIN",
    )


def _may_be_there(told: dict[str, str]) -> bool:
    """Whether our columns say that the row's record was written, or that nobody knows."""
    written = told.get("action") in {"created", "updated", "unchanged"}
    return written or told.get("code") == ANSWER_LOST or told.get("message", "").startswith(WRITTEN_AS)
