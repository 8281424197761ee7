"""Merges the words of one load from a mapping file and from a command's options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zmigrate.errors import JobError
from zmigrate.job.key_text import fields_of_key, is_composite
from zmigrate.rows.mapping.places import OptionPlaces, Places, TomlPlaces, did_you_mean, wrong
from zmigrate.rows.mapping.toml_lines import KeyPath, Toml, parse_toml, read_toml
from zmigrate.rows.mapping.words import FOLDER, LOAD, TOP, check_words


@dataclass(frozen=True, slots=True)
class GivenWords:
    """The words of one load, with `users` and `default_user`, and their places."""

    words: Mapping[str, Any]
    places: Places
    top: Places  # the places of `users` and `default_user`


def loads_in_file(path: Path) -> tuple[GivenWords, ...]:
    """The words of each `[[load]]`, or of the only load in a file without that list. Raises JobError."""
    toml = read_toml(path)
    name, top = str(path), TomlPlaces(str(path), toml)
    if "load" not in toml.values:
        return (GivenWords(toml.values, top, top),)
    _check_top(toml, top)
    of_all = {word: toml.values[word] for word in TOP if word in toml.values}
    return tuple(
        GivenWords({**load, **of_all}, TomlPlaces(name, toml, ("load", number)), top)
        for number, load in enumerate(toml.values["load"])
    )


def _check_top(toml: Toml, places: Places) -> None:
    loads = toml.values["load"]
    if not isinstance(loads, list) or not loads or not all(isinstance(load, dict) for load in loads):
        raise wrong(places, ("load",), "it is a list of tables.", "Begin each load with [[load]].")
    for word in toml.values:
        if word in LOAD:
            raise wrong(places, (word,), "it comes before the loads.", f"Put `{word}` below a [[load]].")
    check_words(toml.values, FOLDER, places, (), also=("load",))
    for number, load in enumerate(loads):
        for word in load:
            if word in TOP:
                raise wrong(
                    places,
                    ("load", number, word),
                    "it is for all loads.",
                    f"Put `{word}` before the first [[load]].",
                )


def choose_load(
    loads: Sequence[GivenWords],
    path: Path,
    file: str,
    module: str | None = None,
    operation: str | None = None,
) -> GivenWords:
    """The load of a mapping for this file: the only one; the one that names the file; or, among several, the
    only one with this module and operation (an errors.csv has another name than the file it came from).
    """
    if len(loads) == 1:
        return loads[0]
    wanted = Path(file).name
    found = loads_of(loads, file)
    for word, value in (("module", module), ("operation", operation)):
        if len(found) != 1 and value is not None:
            found = [load for load in found or loads if load.words.get(word) == value]
            wanted += f" and {value}"
    if len(found) != 1:
        many = f"several for {wanted}" if found else f"none for {wanted}"
        names = [str(load.words.get("file", "")) for load in loads]
        raise JobError(
            f"{path} has {len(loads)} loads, and {many}.",
            hint=f"They are for: {', '.join(names)}. For a file with another name, such as errors.csv, "
            "--load-of FILE (and --module MODULE) names the load to use; --load-of 2 is the second one.",
        )
    return found[0]


def load_by_number(loads: Sequence[GivenWords], path: Path, load_of: str | None) -> GivenWords | None:
    """The load that `--load-of 2` names; None if it names a file. Raises JobError if there are fewer."""
    if load_of is None or not load_of.isdecimal() or loads_of(loads, load_of):
        return None
    number = int(load_of)
    if not 1 <= number <= len(loads):
        raise JobError(f"{path} has {len(loads)} loads, and none with the number {number}.")
    return loads[number - 1]


def loads_of(loads: Sequence[GivenWords], file: str) -> list[GivenWords]:
    """The loads that name this file."""
    wanted = Path(file).name
    names = [str(load.words.get("file", "")) for load in loads]
    exact = [load for load, name in zip(loads, names, strict=True) if name in (file, wanted)]
    return exact or [load for load, name in zip(loads, names, strict=True) if Path(name).name == wanted]


def with_options(said: GivenWords | None, options: Options) -> GivenWords:
    """The words of file and options together. Raises JobError if they contradict each other."""
    words: dict[str, Any] = dict(said.words) if said is not None else {}
    for word, value in options.words.items():
        if said is not None and word in words and words[word] != value:
            raise _differs(said.places, (word,), words[word], value, options.labels.get((word,), word))
        words[word] = value
    labels = dict(options.labels)
    for table, added in (("fields", options.fields), ("users", options.users)):
        if added:
            words[table] = _both(said, table, words.get(table, {}), added, labels)
    for word, more in (("ignore", options.ignore), ("skip_if", options.skip_if)):
        before = words.get(word, [])
        if more and isinstance(before, Mapping | list):  # anything else is refused later, with its line
            before = [before] if isinstance(before, Mapping) else before
            flag = "--ignore-column" if word == "ignore" else "--skip-if"
            words[word] = [*before, *more]
            labels |= {(word, number): flag for number in range(len(before), len(before) + len(more))}
    return GivenWords(
        words,
        OptionPlaces(labels, None if said is None else said.places),
        OptionPlaces(labels, None if said is None else said.top),
    )


def _both(
    said: GivenWords | None, table: str, before: Any, added: Mapping[str, Any], labels: Mapping[KeyPath, str]
) -> Any:
    if not isinstance(before, Mapping):
        return before  # refused later, with its line
    for name, value in added.items():
        if said is not None and name in before and before[name] != value:
            places = said.top if table == "users" else said.places
            raise _differs(places, (table, name), before[name], value, labels[table, name])
    return {**before, **added}


def _differs(places: Places, path: KeyPath, here: object, other: object, label: str) -> JobError:
    return wrong(places, path, f"it is {here!r} here, and {other!r} by {label}.", "Leave one of them out.")


@dataclass(slots=True)
class Options:
    """The words of a command's options."""

    words: Mapping[str, Any]
    fields: dict[str, Any] = field(default_factory=dict)
    users: dict[str, Any] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    skip_if: list[Any] = field(default_factory=list)
    labels: dict[KeyPath, str] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        words: Mapping[str, Any],
        *,
        field: Sequence[str] = (),
        map: Sequence[str] = (),
        ignore_column: Sequence[str] = (),
        skip_if: Sequence[str] = (),
        user: Sequence[str] = (),
    ) -> Options:
        """Read the options. Raises JobError for unknown words, and for texts with a wrong form."""
        known = {**LOAD, **TOP}
        for word in words:
            if word not in known:
                raise JobError(f'a load has no word "{word}".', hint=did_you_mean(word, known))
        given = {word: value for word, value in words.items() if value not in (None, (), [])}
        if is_composite(given.get("key")):
            given["key"] = list(fields_of_key(given["key"]))
        read = cls(given, ignore=tuple(ignore_column))
        read.labels = {(word,): "--" + word.replace("_", "-") for word in given if word != "fields"}
        for text in map:
            column, name = _pair("--map", "COLUMN=FIELD", text)
            read._add_field(name, column, "--map")
        for text in field:
            name, rule = _pair_of("--field", "field", 'Stage = { column = "stage", trim = true }', text, text)
            read._add_field(name, rule, f"--field {name}")
        for text in user:
            old, new = _pair("--user", "OLD=NEW", text)
            read.users[old] = new
            read.labels["users", old] = "--user"
        for text in skip_if:
            shape = '{ column = "stage", is = "Deleted" }'
            read.skip_if.append(_pair_of("--skip-if", "condition", shape, text, f"skip_if = {text}")[1])
        return read

    def _add_field(self, name: str, rule: Any, label: str) -> None:
        before = self.fields.get(name, rule)
        if before != rule:
            if isinstance(before, str) and isinstance(rule, str):
                raise JobError(f"columns {before!r} and {rule!r} both go to {name}; ignore one of them.")
            raise JobError(f"{label}: the field {name} is filled twice.", hint="Leave one of them out.")
        self.fields[name] = rule
        self.labels["fields", name] = label


def _pair(flag: str, shape: str, text: str) -> tuple[str, str]:
    left, equals, right = text.rpartition("=")
    if not (left.strip() and equals and right.strip()):
        raise JobError(f"{flag} needs {shape}, not {text!r}.")
    return left.strip(), right.strip()


def _pair_of(flag: str, what: str, shape: str, text: str, toml: str) -> tuple[str, Any]:
    """The only key, with its value, in an option's TOML."""
    values = parse_toml(toml, flag).values
    if len(values) != 1:
        raise JobError(
            f"{flag} needs one {what}, not {text!r}.", hint=f"Write it like this: {flag} '{shape}'"
        )
    return next(iter(values.items()))
