"""The words of one load in a mapping, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from zmigrate.errors import JobError
from zmigrate.job.formats import Formats
from zmigrate.job.key_text import key_name
from zmigrate.job.references import Users
from zmigrate.job.writes import NO_COMPOSITE_UPSERT, Delete, Insert, Update, Upsert, Write
from zmigrate.rows.mapping.conditions import Condition, parse_conditions
from zmigrate.rows.mapping.field_rule import FieldRule, parse_field
from zmigrate.rows.mapping.format_checks import check_formats
from zmigrate.rows.mapping.places import Gathered, Places, wrong
from zmigrate.rows.mapping.toml_lines import KeyPath
from zmigrate.rows.mapping.words import FORMATS, LOAD, READING, TOP, check_words

_NEEDED: Final = (("module", "MODULE"), ("operation", "OPERATION"))


@dataclass(frozen=True, slots=True)
class LoadWords:
    """The words of a load, each checked."""

    file: str | None
    write: Write
    key_path: KeyPath  # the place of the field to find records by; () if there is none
    formats: Formats
    users: Users
    reading: Mapping[str, Any]  # how to read the source, for `open_source`
    ignore: tuple[str, ...]
    skip_if: tuple[Condition, ...]
    fields: Mapping[str, FieldRule]


def parse_load(said: Mapping[str, Any], places: Places, users: Users) -> LoadWords:
    """The words of a load. Raises JobError with all wrong words and their places."""
    gathered = Gathered()
    for name, value in said.items():
        with gathered.one():
            check_words({name: value}, LOAD, places, (), also=tuple(TOP))
    gathered.raise_all()
    _check_needed(said, places)
    fields: dict[str, FieldRule] = {}
    when_open = said.get("when_open", "fail")
    for name, rule in said.get("fields", {}).items():
        with gathered.one():
            _check_field_name(name, places)
            fields[name] = parse_field(rule, places, ("fields", name), when_open)
    conditions: tuple[Condition, ...] = ()
    with gathered.one():
        conditions = parse_conditions(said.get("skip_if", ()), places)
    formats = Formats()
    with gathered.one():
        formats = _formats(said, fields, places)
    write: Write | None = None
    with gathered.one():
        write = _write(said, places)
    gathered.raise_all()
    assert write is not None  # noqa: S101 - otherwise its error was gathered
    return LoadWords(
        file=said.get("file"),
        write=write,
        key_path=next(((word,) for word in ("match_on", "key") if word in said), ()),
        formats=formats,
        users=users,
        reading={word: said[word] for word in READING if word in said},
        ignore=tuple(said.get("ignore", ())),
        skip_if=conditions,
        fields=fields,
    )


def parse_users(said: Mapping[str, Any], places: Places) -> Users:
    """`[users]` and `default_user`. Raises JobError."""
    check_words({name: said[name] for name in TOP if name in said}, TOP, places, ())
    return Users(said.get("users", {}), said.get("default_user"))


def _check_needed(said: Mapping[str, Any], places: Places) -> None:
    missing = [places.gives(name, value) for name, value in _NEEDED if name not in said]
    if missing:
        where = places.of(())
        raise JobError(
            f"{where}: " * bool(where) + f"missing: {' and '.join(missing)}.",
            hint=f"An operation is one of {', '.join(LOAD['operation'].choices)}.",
            code="USAGE",
        )


def _check_field_name(name: str, places: Places) -> None:
    if not name.strip() or name != name.strip():
        raise wrong(places, ("fields", name), f"{name!r} is not a field's api name.")


def _formats(said: Mapping[str, Any], fields: Mapping[str, FieldRule], places: Places) -> Formats:
    given = {word: said[word] for word in FORMATS if word in said}
    formats = Formats(**check_formats(given, places, ()))
    for name, rule in fields.items():
        inner = {} if rule.rows is None else rule.rows.fields
        for shown, path, each in (
            (name, ("fields", name), rule),
            *((f"{name}.{field}", ("fields", name, "fields", field), inner[field]) for field in inner),
        ):
            if each.formats:
                check_formats({**given, **each.formats}, places, path)
                formats = formats.for_field(shown, **each.formats)
    return formats


def _write(said: Mapping[str, Any], places: Places) -> Write:
    module, operation = said["module"], said["operation"]
    key = _key(said, operation, places)
    _check_existing(said, operation, key, places)
    ignore_case = said.get("ignore_case", False)
    if ignore_case:
        _check_ignore_case(said, operation, key, places)
    if operation == "delete":
        if "on_repeated" in said:
            raise wrong(places, ("on_repeated",), "it is not for delete: repeated rows are skipped anyway.")
        return Delete(module, key=key or "id", ignore_case=ignore_case)
    more = {"on_repeated": said["on_repeated"]} if "on_repeated" in said else {}
    if operation == "insert":
        on_existing = said.get("on_existing")
        return Insert(module, key=key, on_existing=on_existing, ignore_case=ignore_case, **more)
    if operation == "upsert":
        return Upsert(module, match_on=key or "", **more)
    return Update(module, key=key or "id", ignore_case=ignore_case, **more)


def _check_existing(said: Mapping[str, Any], operation: str, key: str | None, places: Places) -> None:
    """Check `on_existing`: it needs a key, and is only for inserts."""
    if operation == "insert" and key == "id":
        raise wrong(places, ("key",), "a new record has no id yet.", "Name another field, or leave it out.")
    if "on_existing" not in said:
        return
    if operation != "insert":
        raise wrong(places, ("on_existing",), f"it is for insert, not for {operation}.")
    if key is None:
        raise wrong(
            places,
            ("on_existing",),
            "without a key nothing shows whether a record exists already.",
            f"Name the field to find records by: {places.gives('key', 'FIELD')}",
        )


def _check_ignore_case(said: Mapping[str, Any], operation: str, key: str | None, places: Places) -> None:
    """Check that the key is one that is looked up."""
    where = ("ignore_case",)
    if operation == "upsert":
        raise wrong(places, where, "it is not for upsert: Zoho finds the records in its own way.")
    if operation == "insert" and "on_existing" not in said:
        raise wrong(
            places,
            where,
            f"an insert looks no key up without {places.word('on_existing')} (skip, update or fail).",
        )
    if operation != "insert" and key in (None, "id"):
        raise wrong(
            places,
            where,
            "an id has no letter case.",
            f"Name another field to find records by: {places.gives('key', 'FIELD')}",
        )


def _key(said: Mapping[str, Any], operation: str, places: Places) -> str | None:
    """The field to find records by. For an upsert it is `match_on`, or `key`."""
    key, match_on = said.get("key"), said.get("match_on")
    word = places.word
    if key is not None and not isinstance(key, str):
        key = _several(key, operation, places)
    if operation != "upsert":
        if match_on is not None:
            raise wrong(
                places, ("match_on",), f"it is for upsert; {operation} finds a row's record by {word('key')}."
            )
        return key
    if key is None and match_on is None:
        raise wrong(
            places,
            ("operation",),
            f"an upsert needs {word('match_on')} FIELD, the field that shows whether a record exists.",
        )
    if key is not None and match_on not in (None, key):
        raise wrong(
            places, ("key",), f"an upsert finds its records by {word('match_on')}; leave {word('key')} out."
        )
    return match_on or key


def _several(names: Sequence[str], operation: str, places: Places) -> str:
    """The name of a key of several fields."""
    if operation == "upsert" and len(names) > 1:
        raise wrong(places, ("key",), f"{NO_COMPOSITE_UPSERT}.")
    if len(names) > 1 and ("id" in names or len(set(names)) < len(names)):
        raise wrong(places, ("key",), "a key of several fields has each field once, and no id.")
    return key_name(names)
