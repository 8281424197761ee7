"""Checks the columns of a source against a load: the named ones exist, and each one goes somewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from zmigrate.job.key_text import fields_of_key
from zmigrate.rows.mapping.field_rule import SubformRows
from zmigrate.rows.mapping.ignored import EVERY_STATE, is_ignored
from zmigrate.rows.mapping.load_words import LoadWords
from zmigrate.rows.mapping.places import Gathered, Places, wrong
from zmigrate.rows.mapping.toml_lines import KeyPath
from zmigrate.rows.sources import Source
from zmigrate.rows.spreadsheet import own_name

COLUMNS_SHOWN: Final = 20


def check_columns(words: LoadWords, source: str, header: Sequence[str], places: Places) -> None:
    """Raise JobError with all columns that are named but do not exist."""
    known = frozenset(header)
    gathered = Gathered()
    for path, column in _named(words):
        if column not in known and column != EVERY_STATE:
            with gathered.one():
                raise wrong(places, path, f"{source} has no column {column!r}.{_nearest(column, header)}")
    gathered.raise_all()


def _named(words: LoadWords) -> Iterator[tuple[KeyPath, str]]:
    """Each column that is named, and where."""
    for name, rule in words.fields.items():
        for column in rule.uses:
            yield ("fields", name), column
    for number, column in enumerate(words.ignore):
        yield ("ignore", number), column
    for number, condition in enumerate(words.skip_if):
        yield ("skip_if", number), condition.column


def columns_by_themselves(words: LoadWords, header: Sequence[str], places: Places) -> dict[str, str]:
    """The columns that are neither used nor ignored: each goes to the field with its name. Raises JobError if
    that field is filled already.
    """
    used = {column for rule in words.fields.values() for column in rule.uses}
    own = {column: column for column in header if column not in used and not is_ignored(column, words.ignore)}
    for column in own:
        rule = words.fields.get(column)
        if rule is None:
            continue
        if rule.plain:
            message = f"columns {rule.column!r} and {column!r} both go to {column}; ignore one of them."
        else:
            message = f"the column {column!r} goes nowhere, since {column} is filled by a rule; ignore it."
        raise wrong(places, ("fields", column), message, f"{places.word('ignore')} leaves a column out.")
    return own


def check_key(
    words: LoadWords,
    source: str,
    own: Mapping[str, str],
    header: Sequence[str],
    places: Places,
    *,
    is_result_file: bool,
) -> None:
    """Raise JobError if the field to find records by is not filled."""
    lacking = (name for name in fields_of_key(words.write.key) if name not in words.fields)
    key = next((name for name in lacking if name not in own.values()), None)
    if key is None:
        return
    message = f"no column of {source} goes to {key}, the field to find records by. {_has(header)}"
    near = {_plain(column): column for column in header if not is_ignored(column, words.ignore)}
    hits = get_close_matches(_plain(key), near, n=1)
    filled = get_close_matches(key, words.fields, n=1, cutoff=0.8)
    if filled:
        message += f" Did you mean {filled[0]}?"
    elif hits:
        column = near[hits[0]]
        message += f' Did you mean "{column}"? {places.sends(column, key)}'
        if _squeezed(column) == _squeezed(key) and " " not in column and "-" not in column:
            message += f" If the field's own name is {column}: {places.gives('key', column)}"
    elif key == "id" and is_result_file:
        message += " A run's success.csv has the ids of its records; rows in its other files have none."
    elif key == "id":
        message += f" To find records by another field, name it: {places.gives('key', 'FIELD')}."
    raise wrong(places, words.key_path, message)


def check_one_id(
    words: LoadWords, source: str, own: Mapping[str, str], header: Sequence[str], places: Places
) -> None:
    """Raise JobError if records are to be found by `id`, and a column of ours has the ids of others.

    The columns of a success.csv were moved or taken out, or it was saved as another kind of file: it is not
    known as ours any more, and its `id` is that of the source which the run loaded.
    """
    if words.write.operation not in {"update", "delete"} or "id" not in own.values():
        return
    ours = [name for name in header if name != "id" and own_name(name) == "id"]
    column = next((name for name in ours if not is_ignored(name, words.ignore)), None)
    if column is None:
        return
    message = (
        f"{source} has the columns 'id' and {column!r}. It looks like a result file of zmigrate whose columns"
        f" were changed: {column!r} has the records that the run wrote, 'id' is a column of the run's source."
    )
    hint = (
        f"Take the success.csv as the run left it, or say which one you mean: leave out 'id' and send"
        f" {column!r} to the field id, or leave out {column!r}. {places.word('ignore')} leaves a column out."
    )
    raise wrong(places, words.key_path, message, hint)


def check_second(rule: SubformRows, source: Source, places: Places, path: KeyPath) -> None:
    """Raise JobError for columns that a second file lacks, and for its columns that go nowhere."""
    header = source.columns
    if header is None:
        return
    named: list[tuple[KeyPath, str]] = [(("match",), column) for column in rule.match]
    named += [(("ignore",), column) for column in rule.ignore]
    named += [(("fields", name), column) for name, each in rule.fields.items() for column in each.uses]
    gathered = Gathered()
    for within, column in named:
        if column not in header and column != EVERY_STATE:
            with gathered.one():
                message = f"{source.name} has no column {column!r}.{_nearest(column, header)}"
                raise wrong(places, (*path, *within), message)
    gathered.raise_all()
    used = {column for _, column in named}
    left = [column for column in header if column not in used and not is_ignored(column, rule.ignore)]
    if left:
        what = f"{'column' if len(left) == 1 else 'columns'} {', '.join(map(repr, left[:COLUMNS_SHOWN]))}"
        raise wrong(
            places,
            (*path, "rows"),
            f"{what} of {source.name} {'goes' if len(left) == 1 else 'go'} nowhere.",
            f'Fill a field from each, or leave them out: ignore = ["{left[0]}"]',
        )


def _plain(name: str) -> str:
    """A name for comparison: `Legacy ID` is `Legacy_ID` is `legacy-id`."""
    return name.lower().replace(" ", "_").replace("-", "_")


def _squeezed(name: str) -> str:
    return _plain(name).replace("_", "")


def _nearest(column: str, header: Sequence[str]) -> str:
    hits = get_close_matches(column, header, n=1)
    return f" Did you mean {hits[0]!r}?" if hits else f" {_has(header)}"


def _has(header: Sequence[str]) -> str:
    more = len(header) - COLUMNS_SHOWN
    return f"It has: {', '.join(header[:COLUMNS_SHOWN])}{f' and {more} more' if more > 0 else ''}."
