"""Warnings of a plan: what Zoho or a run would accept, but a person should know beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from zmigrate.engine.model.batch import BREAKER_ROWS
from zmigrate.engine.model.outcomes import INVALID_DATA, REFERENCE_OPEN
from zmigrate.engine.model.run_options import PlanOptions
from zmigrate.engine.plan.dry_run import DryRun
from zmigrate.engine.plan.erasing import erased
from zmigrate.engine.plan.left_out import left_out_of_rows
from zmigrate.engine.plan.other_modules import held_elsewhere, unreadable_modules
from zmigrate.engine.plan.plan import PlanWarning
from zmigrate.engine.plan.price import Price
from zmigrate.rows.conversion.choices import used_values
from zmigrate.rows.conversion.converter import NOT_WRITABLE
from zmigrate.rows.conversion.refusal import UNKNOWN_FIELD
from zmigrate.wording import counted
from zmigrate.zoho.facts.limits import edition_of
from zmigrate.zoho.metadata import NUMBERS, Field, ModuleFields

SYSTEM_TIMES = frozenset(["Created_Time", "Modified_Time", "Last_Activity_Time"])
PICK_LISTS = frozenset(["picklist", "multiselectpicklist"])
LINES_SHOWN = 3
_DECLARE_NUMBERS = "declare how: --decimal and --thousands, or `formats` in the job"
_REMEDIES = {
    "date": "declare how: --date-format, or `formats` in the job",
    "datetime": "declare how: --datetime-format and --timezone, or `formats` in the job",
    **dict.fromkeys(NUMBERS, _DECLARE_NUMBERS),
    **dict.fromkeys(PICK_LISTS, "write the other name of the value that is meant"),
    **dict.fromkeys(("ownerlookup", "userlookup"), "write the users' e-mail addresses, or declare --user"),
}
"""How to fix values that can be read in several ways, by the field's data type."""
NAMES_SHOWN = 8


def warnings_of(found: DryRun, options: PlanOptions) -> Iterator[PlanWarning]:
    """The warnings, the most important first."""
    if not options.keep_going:
        yield from _stopping(found)
    yield from unreadable_modules(found)
    yield from _triggered(found)
    yield from _unread_keys(found)
    yield from _existing(found)
    yield from erased(found)
    yield from held_elsewhere(found)
    yield from _overwritten(found)
    yield from _added(found)
    yield from _open_references(found)
    yield from _dropped(found)
    yield from left_out_of_rows(found)
    yield from (PlanWarning("ESCAPED", each.message, *each[:3]) for each in found.escapes.told())
    yield from _unread_columns(found)
    yield from _unfilled(found)
    yield from _pick_lists(found)
    yield from found.parts.notes.doubtful.warnings()
    yield from _ambiguous(found)
    yield from _short_years(found)
    yield from _not_asked(found)
    yield from _settling(found)
    yield from _edition(found)
    yield from credits_short(found.price, wait=options.wait)


def _stopping(found: DryRun) -> Iterator[PlanWarning]:
    """A run stops early if its first rows are all refused for the same reason."""
    code = found.book.code_of_first(BREAKER_ROWS)
    if code is not None:
        yield PlanWarning(
            "BREAKER",
            f"a run would stop early: its first {BREAKER_ROWS} rows are all refused with {code}. To go on "
            "anyway: --keep-going",
        )


def _triggered(found: DryRun) -> Iterator[PlanWarning]:
    """Zoho runs no automation unless `--trigger` names its kind. A delete runs none but workflows."""
    target, rows = found.target, found.counts.sent
    kinds = [kind for kind in target.trigger if kind == "workflow" or target.operation != "delete"]
    if kinds and rows:
        yield PlanWarning(
            "TRIGGERS",
            f"Zoho would run {', '.join(f'{kind}s' for kind in kinds)} for {counted(rows, 'record')}: "
            "these may send e-mails and change other records",
            count=rows,
        )


def _unread_keys(found: DryRun) -> Iterator[PlanWarning]:
    """Whatever its limit, a run reads all keys first if one of several rows with a key is chosen."""
    target = found.target
    if found.limited and target.on_repeated in {"last", "fail"}:
        yield PlanWarning(
            "LIMIT",
            f"keys behind the limit were not read. A run reads them all and may choose another row of a key "
            f"(on_repeated = {target.on_repeated})",
        )


def _existing(found: DryRun) -> Iterator[PlanWarning]:
    writes, key = found.parts.writes, found.target.key
    for field, count in writes.namesakes.rows.items():
        yield PlanWarning(
            "NAMESAKES",
            f"the org already has records with this {field}, which is not a unique field: second records "
            "would be created. To skip such rows or update the records: --on-existing skip|update|fail",
            field,
            count,
            tuple(writes.namesakes.lines),
        )
    for field, count in writes.namesakes_in_file.rows.items():
        yield PlanWarning(
            "NAMESAKES_IN_FILE",
            f"earlier rows have this {field} too, upper and lower case aside; it is not a unique field, so "
            "each row would become a record of its own. Leave only one in the file if they are the same",
            field,
            count,
            tuple(writes.namesakes_in_file.lines),
        )
    for field, count in writes.found_by_another.rows.items():
        replaced = writes.keys_replaced[field]
        more = (
            f"; {replaced:,} of these records have another {key}, which would be replaced" if replaced else ""
        )
        yield PlanWarning(
            "FOUND_BY_ANOTHER_FIELD",
            f"no record has the {key} of these rows, but some have their {field}, which is unique: Zoho "
            f"would change those records{more}",
            field,
            count,
            tuple(writes.found_by_another.lines),
        )

    for field, count in writes.other_spelling.rows.items():
        yield PlanWarning(
            "OTHER_SPELLING",
            f"the org has the {field} of these rows in other upper and lower case only: Zoho would change "
            "those records",
            field,
            count,
            tuple(writes.other_spelling.lines),
        )


def _overwritten(found: DryRun) -> Iterator[PlanWarning]:
    seen = found.parts.notes.overwritten
    if seen.rows:
        why = ", as --on-repeated each says" if found.target.on_repeated == "each" else ""
        yield PlanWarning(
            "OVERWRITES",
            f"these rows would overwrite what an earlier row wrote{why}",
            found.target.key,
            seen.rows.total(),
            tuple(seen.lines),
        )


def _added(found: DryRun) -> Iterator[PlanWarning]:
    """Rows of subforms and the like: an update adds rows and removes none."""
    if not found.counts.updates or found.target.operation == "delete":
        return
    for name in sorted(found.target.appended & found.parts.notes.filled):
        yield PlanWarning(
            "ROWS_ADDED",
            f"the rows of {name} are added to the rows that a record has; a second run adds them again",
            name,
            found.counts.updates,
        )


def _open_references(found: DryRun) -> Iterator[PlanWarning]:
    for group in found.book.groups():
        code, field = group.reason.code, group.reason.field
        if code != REFERENCE_OPEN or field is None:
            continue
        values = found.book.distinct_values(field, code, NAMES_SHOWN)
        different, in_all, lines = found.book.count_values(field, code)
        if different > 1:
            said = [f"{value!r} ({times:,})" for value, times in values]
            more = f", and {different - NAMES_SHOWN:,} more" if different > NAMES_SHOWN else ""
            yield PlanWarning(
                "POINTS_AT_NOTHING",
                f"{different:,} different values of {field} refer to no record: {', '.join(said)}{more}",
                field,
                in_all,
                tuple(lines),
            )
    source = found.work.read.step.source.name
    for name, seen in found.parts.notes.left_out.items():
        what = f"{name} refers to no record; the rows would be written without it"
        yield PlanWarning("REFERENCE_LEFT_OUT", what, name, seen.rows.total(), tuple(seen.lines))
    for name, seen in found.stopping.items():
        what = f"{name} refers to no record: a run would stop before it writes any row of {source}"
        yield PlanWarning("REFERENCE_STOPS", what, name, seen.rows.total(), tuple(seen.lines))


def _dropped(found: DryRun) -> Iterator[PlanWarning]:
    """Fields that take no value: such rows fail, since Zoho would answer SUCCESS and drop the value."""
    for code in (NOT_WRITABLE, UNKNOWN_FIELD):
        for group in found.book.groups():
            if group.reason.code != code or group.reason.field is None:
                continue
            hint = ""
            if group.reason.field in SYSTEM_TIMES:
                times = _own_times(found.work.fields)
                where = f": {', '.join(times)}" if times else " (the module has none yet)"
                hint = f"; keep dates of the old system in a date-time field of your own{where}"
            yield PlanWarning(
                "DROPPED_BY_ZOHO",
                f"{group.reason.message}{hint}",
                group.reason.field,
                group.rejects,
                group.lines,
            )


def _own_times(fields: ModuleFields) -> list[str]:
    return [
        field.api_name
        for field in fields
        if field.data_type == "datetime" and field.creatable and field.on_layout
    ][:LINES_SHOWN]


def _unread_columns(found: DryRun) -> Iterator[PlanWarning]:
    unread = found.unread
    if unread:
        yield PlanWarning(
            "COLUMNS_UNREAD",
            f"the job does not use these columns: {_listed(unread)}",
            count=len(unread),
        )


def _unfilled(found: DryRun) -> Iterator[PlanWarning]:
    """Important fields that are not mapped."""
    if found.target.operation not in {"insert", "upsert"} or not found.parts.notes.filled:
        return
    filled = found.parts.notes.given | {fill.field for fill in found.work.fills or ()}
    for layout in found.parts.layouts or ():
        wanted = sorted(
            name
            for name in set(layout.required) - filled
            if (field := found.work.fields.get(name)) is not None and not field.mandatory
        )
        if wanted:
            yield PlanWarning(
                "UNFILLED_ON_LAYOUT",
                f"{_listed(wanted)} is not mapped, but the layout {layout.name!r} requires it. Zoho "
                "accepts the rows unless they name the layout; a person who edits such a record must fill it",
                wanted[0] if len(wanted) == 1 else None,
                len(wanted),
            )
    for name, rows in found.parts.judge.lacking.items():
        field = found.work.fields.get(name)
        if name in filled and field is not None and not field.mandatory:
            yield PlanWarning(
                "EMPTY_ON_LAYOUT",
                f"{name} is empty in {counted(rows, 'row')}, but the layouts require it. Zoho accepts such "
                "rows unless they name a layout; a person who edits such a record must fill it",
                name,
                rows,
            )
    own = [field.api_name for field in found.work.fields if _is_key(field)]
    if found.target.key is None and own and not filled.intersection(own):
        yield PlanWarning(
            "NO_KEY_FILLED",
            f"no key is mapped ({_listed(own)}): the records can't be found again for a second load, for "
            "references, or if an answer is lost",
        )
    if "Owner" in found.work.fields.fields and "Owner" not in filled:
        yield PlanWarning(
            "NO_OWNER",
            "Owner is not mapped: new records will belong to you, the API user",
            "Owner",
        )


def _is_key(field: Field) -> bool:
    marked = (field.unique or field.external is not None) and not field.encrypted
    return marked and field.on_layout and field.creatable


def _pick_lists(found: DryRun) -> Iterator[PlanWarning]:
    """Values that are not in their pick list, with the nearest choices."""
    for field in found.work.fields:
        if field.data_type not in PICK_LISTS or not field.pick_list:
            continue
        values = found.book.distinct_values(field.api_name, INVALID_DATA, NAMES_SHOWN)
        if not values:
            continue
        different, in_all, lines = found.book.count_values(field.api_name, INVALID_DATA)
        shown = [value.display for value in used_values(field)]
        said = [_nearest(value, times, shown) for value, times in values]
        more = f", and {different - NAMES_SHOWN:,} more" if different > NAMES_SHOWN else ""
        are_choices = "is not a choice" if different == 1 else "are not choices"
        yield PlanWarning(
            "NOT_IN_PICK_LIST",
            f"{different:,} of the file's values {are_choices} of {field.api_name}: "
            f"{', '.join(said)}{more}. Add them in Zoho, or map them",
            field.api_name,
            in_all,
            tuple(lines),
        )


def _nearest(value: str, times: int, shown: Sequence[str]) -> str:
    folded = {name.casefold(): name for name in shown}
    hits = get_close_matches(value.casefold(), folded, n=1)
    near = f", nearest {folded[hits[0]]!r}" if hits else ""
    return f"{value!r} ({times:,}{near})"


def _ambiguous(found: DryRun) -> Iterator[PlanWarning]:
    for name, seen in found.parts.notes.ambiguous.items():
        field = found.work.fields.get(name)
        remedy = _REMEDIES.get("" if field is None else field.data_type, "the reasons say how to write them")
        what = f"values of {name} can be read in several ways; {remedy}"
        yield PlanWarning("AMBIGUOUS", what, name, seen.rows.total(), tuple(seen.lines))


def _short_years(found: DryRun) -> Iterator[PlanWarning]:
    """Two-digit years get their century by POSIX's rule, which is often wrong for birthdays."""
    for field in found.work.fields:
        formats = found.work.read.step.job.formats.of(field.api_name)
        declared = {"date": formats.date_format, "datetime": formats.datetime_format}.get(field.data_type)
        if declared is not None and "%y" in declared and field.api_name in found.parts.notes.filled:
            yield PlanWarning(
                "SHORT_YEARS",
                f"{field.api_name} is read as {declared}: years 69 to 99 become 1969 to 1999, all others "
                "2000 to 2068. Is that right?",
                field.api_name,
            )


def _not_asked(found: DryRun) -> Iterator[PlanWarning]:
    counts, questions = found.counts, found.parts.questions
    if counts.not_asked:
        why = (
            f"only the first {questions.asked_rows:,} rows were; for more: --ask N"
            if questions.asked_rows
            else "--ask 0 was given"
        )
        yield PlanWarning(
            "NOT_ASKED",
            f"the records of these rows were not looked up in the org ({why})",
            found.target.key,
            counts.not_asked,
        )
    if not questions.compared:
        yield PlanWarning(
            "NOT_COMPARED",
            "a query can't read all the fields that are written, so unchanged rows are not recognised",
        )
    for module, why in found.parts.questions.not_asked.items():
        yield PlanWarning("NOT_ASKED", f"records of {module} that rows refer to were not looked up: {why}")
    if found.parts.layouts is None:
        yield PlanWarning(
            "NOT_ASKED", "the layouts could not be read, so the fields that they require are not known"
        )


def _settling(found: DryRun) -> Iterator[PlanWarning]:
    if found.target.warning is not None:
        yield PlanWarning("NOT_SETTLED", found.target.warning)


def _edition(found: DryRun) -> Iterator[PlanWarning]:
    if edition_of(found.opened.org.edition) is None:
        yield PlanWarning(
            "EDITION_UNKNOWN",
            f"the edition {found.opened.org.edition or 'of this org'!r} is unknown to zmigrate: its credits "
            "are not known, and five calls at a time are assumed",
        )


def credits_short(price: Price, *, wait: bool | None) -> Iterator[PlanWarning]:
    """The credits do not suffice. `wait`: the run would wait for more."""
    if not price.affordable:
        then = "wait for more" if wait else "pause. Run it with --wait, or resume it later"
        yield PlanWarning(
            "CREDITS_SHORT",
            f"{price.credits:,} credits are needed, {price.credits_left:,} are left for these 24 hours: the "
            f"run would {then}",
        )


def _listed(names: Sequence[str]) -> str:
    """`a, b and 3 more`."""
    shown = list(names[:NAMES_SHOWN])
    if len(names) > NAMES_SHOWN:
        return f"{', '.join(shown)} and {len(names) - NAMES_SHOWN} more"
    return ", ".join(shown)
