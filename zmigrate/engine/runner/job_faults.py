"""Messages for the author of a hand-written job: wrong use of `ctx`, and writes with an unknown result."""

from __future__ import annotations

from collections.abc import Sequence

from zmigrate.engine.model.outcomes import ANSWER_LOST
from zmigrate.errors import InDoubt, JobError, PausedError
from zmigrate.events import CallFailed, WriteAnswered
from zmigrate.job.checks import said_of
from zmigrate.wording import as_text


def after_the_end(what: str) -> JobError:
    return JobError(f"{what} was used after the run had ended", hint="Nothing is counted any more.")


def of_another_thread(what: str) -> JobError:
    return JobError(
        f"{what} was used from another thread than the job's `run`",
        hint="Other threads may call ctx.crm and ctx.log; loops, skip and fail are for `run` itself.",
    )


def outlived(write: WriteAnswered | CallFailed) -> JobError:
    """The error of a write that ended after the item that it was for."""
    return JobError(
        f"{write.method} {write.path}: this write was under way when ctx.each took the next item",
        hint="Wait for an item's writes in the body of its loop. This write is counted as a row of its own.",
    )


def without_key(key: object) -> JobError:
    said = f"has no {key!r}" if isinstance(key, str) else "has no key: the function `key` gave None"
    return JobError(
        f"an item of ctx.each {said}",
        hint='Name what identifies the items: ctx.each(items, key="id"), or key=lambda item: item[0].',
    )


def nothing_to_loop_over(items: object) -> JobError:
    return JobError(
        f"ctx.each was given {said_of(items)}, which has no items",
        hint="It takes a list, a generator, a source such as Csv(self.file), or anything else with items.",
    )


def no_records(operation: str, given: object) -> JobError:
    return JobError(
        f"ctx.crm.{operation} was given {said_of(given)}, and takes a list of records",
        hint=f"A single record needs a list, too: {_EXAMPLES[operation]}",
    )


def no_record(operation: str, given: object) -> JobError:
    return JobError(
        f"ctx.crm.{operation} was given a list with {said_of(given)} in it; a record is a dict by field name",
        hint=f"Write it like this: {_EXAMPLES[operation]}",
    )


def no_id(given: object) -> JobError:
    return JobError(
        f"ctx.crm.delete was given {as_text(given)[:80]!r}, which is neither an id nor a record with an `id`",
        hint=f"Write it like this: {_EXAMPLES['delete']}",
    )


_EXAMPLES = {
    "insert": 'ctx.crm.insert("Leads", [{"Last_Name": "Doe"}])',
    "update": 'ctx.crm.update("Leads", [{"id": "...", "City": "Bern"}])',
    "upsert": 'ctx.crm.upsert("Leads", [{"Last_Name": "Doe"}], match_on="Email")',
    "delete": 'ctx.crm.delete("Leads", [id])',
}


def loops_by_number() -> JobError:
    return JobError(
        "an older zmigrate began this run, and it numbered loops: which items are done is not known any more",
        hint="Look in Zoho for what was written, then start again with --again.",
    )


def unrecorded(wrote: Sequence[int]) -> str | None:
    """Added to the hint if the journal does not take these items, which wrote."""
    if not wrote:
        return None
    which = f"item {wrote[0]:,}" if len(wrote) == 1 else f"items {wrote[0]:,} to {wrote[-1]:,}"
    return (
        f"The journal does not have what was written for {which}, and a resume writes it again: look in Zoho"
        " first."
    )


def paused_by(error: InDoubt, item: int | None) -> PausedError:
    """The pause after a lost answer; `item`: the number of the item in doubt."""
    if item is not None:
        return PausedError(
            f"{error.message} Item {item:,} is in doubt: it is in in_doubt.csv.",
            hint="Check in Zoho whether it was written. A resume goes on with the next item.",
            code=ANSWER_LOST,
        )
    return PausedError(
        f"{error.message} Its records are in doubt: they are in in_doubt.csv.",
        hint="Check in Zoho whether they were written before you resume: writes outside of ctx.each are made"
        " again.",
        code=ANSWER_LOST,
    )
