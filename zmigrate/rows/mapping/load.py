"""One load of a mapping: a source's rows on their way into a module."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from zmigrate.errors import JobError, SourceError
from zmigrate.job.context import Fill
from zmigrate.job.formats import Formats
from zmigrate.job.references import Users
from zmigrate.job.writes import Operation, Write
from zmigrate.rows.conversion.refusal import BadValue
from zmigrate.rows.mapping.compiled import Compiled, points_at, rules_that_count
from zmigrate.rows.mapping.field_rule import FieldRule, Pointer
from zmigrate.rows.mapping.load_words import LoadWords, parse_load, parse_users
from zmigrate.rows.mapping.merging import (
    GivenWords,
    Options,
    choose_load,
    load_by_number,
    loads_in_file,
    with_options,
)
from zmigrate.rows.mapping.places import Places, wrong
from zmigrate.rows.mapping.subforms import Orphan
from zmigrate.rows.sources import Csv, Source, open_source
from zmigrate.rows.sources.opening import is_database
from zmigrate.rows.sources.packed import TextFile
from zmigrate.rows.sources.url import masked
from zmigrate.rows.sources.variables import GIVEN, Variables
from zmigrate.state_folders import from_home

_OF_CSV: Final = ("delimiter", "encoding")  # the words for reading CSV


def read_mapping(path: str | Path, folder: str | Path | None = None) -> tuple[Load, ...]:
    """The loads of a mapping file, in its order. `folder`: the folder of their files, by default the
    mapping's.

    Raises JobError with file, line and word. Does not look at the loads' own files.
    """
    path = Path(path)
    folder = path.parent if folder is None else Path(folder)
    loads = []
    for said in loads_in_file(path):
        if "file" not in said.words:
            raise wrong(said.places, (), "it does not name its `file`.", 'Write: file = "deals.csv"')
        file = str(said.words["file"])
        location = file if is_database(file) else _in_folder(folder, file)
        loads.append(replace(_build(said, location, folder, mapping=path), said_in=said.places.of(("file",))))
    return tuple(loads)


@dataclass(frozen=True)
class Load:
    """A source, what to do with its rows, and where its columns go.

    Its file is opened when columns, rows or a transform are needed, not before. Then a column that does not
    exist, or that goes nowhere, raises JobError.
    """

    words: LoadWords
    location: str | Path
    """The file or URL of the rows."""
    folder: Path
    """The folder of the second files of subforms."""
    mapping: Path | None = None
    """The mapping file."""
    as_csv: bool = False
    """The file is CSV, whatever its name."""
    places: Places = field(compare=False, repr=False, kw_only=True)
    top: Places = field(compare=False, repr=False, kw_only=True)
    """The places of `users` and `default_user`."""
    said_in: str = field(default=GIVEN, compare=False, repr=False, kw_only=True)
    """The place where the location is named."""
    variables: Variables | None = field(default=None, compare=False, repr=False, kw_only=True)
    """The environment variables that the location's URL may use."""
    copy: Source | None = field(default=None, compare=False, repr=False, kw_only=True)
    """What is read in the location's place."""

    @classmethod
    def from_options(
        cls,
        location: str | Path,
        mapping: str | Path | None = None,
        *,
        as_csv: bool = False,
        load_of: str | None = None,
        field: Sequence[str] = (),
        map: Sequence[str] = (),
        ignore_column: Sequence[str] = (),
        skip_if: Sequence[str] = (),
        user: Sequence[str] = (),
        **words: Any,
    ) -> Load:
        """A load of one source, from the options of a command, a mapping file, or both.

        `words`: words of a load: `module="Deals", operation="insert", decimal=","`; None counts as not given.
        `load_of`: the file that the mapping names, if this one has another name; or the load's number. Raises
        JobError if something is wrong, or if file and options contradict each other.
        """
        options = Options.read(
            words, field=field, map=map, ignore_column=ignore_column, skip_if=skip_if, user=user
        )
        path = None if mapping is None else Path(mapping)
        said = None
        if path is not None:
            loads = loads_in_file(path)
            chosen_by = load_of or str(location), words.get("module"), words.get("operation")
            said = load_by_number(loads, path, load_of) or choose_load(loads, path, *chosen_by)
        folder = Path(location).parent
        return _build(with_options(said, options), location, folder, mapping=path, as_csv=as_csv)

    # ------------------------------------------------------------------------- what it writes, and from what

    @property
    def file(self) -> str:
        """The source's name in the mapping, or as it was given."""
        return self.words.file or str(self.location)

    @property
    def write(self) -> Write:
        return self.words.write

    @property
    def module(self) -> str:
        return self.write.module

    @property
    def operation(self) -> Operation:
        return self.write.operation

    @property
    def formats(self) -> Formats:
        return self.words.formats

    @property
    def users(self) -> Users:
        return self.words.users

    def source(self) -> Source:
        """A new source each time; nothing is read yet."""
        if self.copy is not None:
            return self.copy
        reading = self.words.reading
        if _foreign(reading) and self._fed_again:
            reading = {word: value for word, value in reading.items() if word in _OF_CSV}
        if self.as_csv:
            return self._with_ids(Csv(self.location, **reading), reading)
        source = open_source(self.location, **reading, said_in=self.said_in, variables=self.variables)
        return self._with_ids(source, reading)

    def _with_ids(self, source: Source, reading: Mapping[str, Any]) -> Source:
        """The source; of a result file with its ids, if these are the key."""
        if self.write.key != "id" or not isinstance(source, Csv):
            return source
        return Csv(self.location, **reading, with_id=True)

    @property
    def written_for(self) -> str | None:
        """The file that the mapping names, if the rows come from another one that is not a result file."""
        named = self.words.file
        if named is None or _file_name(named) == _file_name(self.location) or self._fed_again:
            return None
        return masked(named)

    @cached_property
    def _fed_again(self) -> bool:
        """Whether the file is one of our result files, which are always CSV."""
        if is_database(str(self.location)):
            return False
        try:
            return bool(Csv(self.location).ours)
        except SourceError:
            return False

    # ------------------------------------------------------------------------------------------------- rows

    @property
    def columns(self) -> Mapping[str, str] | None:
        """{column: field}, if that is all. None if rules do more."""
        return self._compiled.columns

    @property
    def key_column(self) -> str | None:
        """The column whose cells are the keys as they stand; None if a rule makes them, or rows differ."""
        return self._compiled.column_of(self.write.key)

    def transform(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row as a record. Raises Skip if `skip_if` says so, BadValue if a rule fails."""
        try:
            return self.whole_record(row)
        except BadValue as bad:
            raise BadValue(*bad.reasons) from None  # the caller may add to the record

    def whole_record(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """As `transform`, for a job that adds nothing to the record: the error has the rest of it."""
        return self._compiled.transform(row)

    def orphans(self) -> Iterator[Orphan]:
        """Rows of second files without a parent in the main file, which is read for that."""
        return self._compiled.orphans(self.source())

    @cached_property
    def _compiled(self) -> Compiled:
        return Compiled(self.words, self.source(), self.open_second, self.places)

    def open_second(self, name: str, reading: Mapping[str, Any]) -> Source:
        """The second file of a subform. Raises JobError if it is not beside the file that names it."""
        self._check_beside(name)
        return open_source(self._second(name), **reading)

    def _check_beside(self, name: str) -> None:
        """Check a second file's folder. Another person may have written the mapping, so it may only name
        files beside it, or beside the file that it is for.
        """
        folders = [self.folder, *([] if self.mapping is None else [self.mapping.parent])]
        if not any(is_below(self._second(name), folder) for folder in folders):
            raise JobError(
                f"the second file {name} is not in {self.folder}, nor beside the mapping.",
                hint="Copy the file there, and name the copy.",
            )

    def _second(self, name: str) -> Path:
        """The second file, beside the main one; beside the mapping if the main one is a run's errors.csv."""
        beside = _in_folder(self.folder, name)
        if self.mapping is None or TextFile(beside).disk.exists():
            return beside
        other = _in_folder(self.mapping.parent, name)
        return other if TextFile(other).disk.exists() else beside

    # ------------------------------------------------------------------------------------------- what is said

    @property
    def fills(self) -> Sequence[Fill]:
        """Each field that is filled, its columns, and the place in the mapping."""
        return self._compiled.fills

    @property
    def inner_fills(self) -> Mapping[str, Sequence[Fill]]:
        """The fields of a subform's rows, by subform that is filled from a second file."""
        return {
            name: [
                Fill(inner, each.uses, self.places.of(("fields", name, "fields", inner)), points_at(each))
                for inner, each in rule.rows.fields.items()
            ]
            for name, rule in rules_that_count(self.words).items()
            if rule.rows is not None
        }

    def where(self, word: str) -> str:
        """The place of a word, for messages: `old.toml:3: module`, or `--module`; "" if there is none. `key`
        is also the field that an upsert matches on.
        """
        return self.places.of(self.words.key_path if word == "key" else (word,))

    def where_user(self, leaver: str | None) -> str:
        """The place where a successor is declared. None: the default user."""
        return self.top.of(("default_user",) if leaver is None else ("users", leaver))

    @property
    def reads(self) -> tuple[Path, ...]:
        """The files besides its source: the mapping, and the second files of its subforms."""
        rules = self.words.fields.values()
        seconds = [TextFile(self._second(rule.rows.file)).disk for rule in rules if rule.rows is not None]
        return tuple(dict.fromkeys([*filter(None, [self.mapping]), *seconds]))

    # ------------------------------------------------------------------------------------------- references

    @property
    def refers_to(self) -> tuple[str, ...]:
        """The modules of its references."""
        return tuple(dict.fromkeys(pointer.module for _, pointer in self._pointers()))

    @property
    def finds(self) -> tuple[str, ...]:
        """The modules in which it looks for records of the org."""
        return tuple(dict.fromkeys(each.module for _, each in self._pointers() if each.kind == "find"))

    @property
    def find_refs(self) -> Mapping[str, tuple[str, str | None]]:
        """By field with a `ref`: the module of the record, and its key field if named."""
        return {name: (each.module, each.by) for name, each in self._pointers() if each.kind == "ref"}

    @property
    def stops(self) -> bool:
        """Whether a reference that is not found stops the run before its first write."""
        return any(pointer.when_open == "stop" for _, pointer in self._pointers())

    def _pointers(self) -> Iterator[tuple[str, Pointer]]:
        for name, rule in self._rules():
            if rule.pointer is not None:
                yield name, rule.pointer

    def _rules(self) -> Iterator[tuple[str, FieldRule]]:
        for name, rule in self.words.fields.items():
            yield name, rule
            if rule.rows is not None:
                yield from ((f"{name}.{inner}", each) for inner, each in rule.rows.fields.items())


def _build(
    said: GivenWords, location: str | Path, folder: Path, *, mapping: Path | None = None, as_csv: bool = False
) -> Load:
    words = parse_load(said.words, said.places, parse_users(said.words, said.top))
    load = Load(words, location, folder, mapping, as_csv, places=said.places, top=said.top)
    foreign = _foreign(words.reading) if as_csv else []
    if foreign and not load._fed_again:
        raise wrong(
            said.places, (foreign[0],), "a CSV file has none.", "Other kinds of files are for import-file."
        )
    return load


def _in_folder(folder: Path, name: str) -> Path:
    """A file that a mapping names. Raises ConfigError as `from_home` does."""
    path = folder / name
    return path if os.path.lexists(path) else folder / from_home(Path(name))


def is_below(path: Path, folder: Path) -> bool:
    """Whether a file is in a folder, with all links followed."""
    return path.resolve().is_relative_to(folder.resolve())


def _foreign(reading: Mapping[str, Any]) -> list[str]:
    """The words for sources other than CSV."""
    return [word for word in reading if word not in _OF_CSV]


def _file_name(location: str | Path) -> str:
    """The file's name without packing; a database's URL unchanged."""
    text = str(location)
    return text if is_database(text) else Path(text).name.removesuffix(".gz").removesuffix(".zip")
