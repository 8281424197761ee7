"""A folder of files, and the mapping with a load for each: which belong together, and in which order."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

from zmigrate.errors import JobError
from zmigrate.printable import HALF_CHARACTERS
from zmigrate.rows.mapping.load import Load, is_below, read_mapping
from zmigrate.rows.mapping.load_job import LoadJob
from zmigrate.rows.mapping.places import TomlPlaces, wrong
from zmigrate.rows.mapping.toml_lines import read_toml
from zmigrate.rows.sources.opening import ENDINGS, is_database
from zmigrate.rows.sources.packed import TextFile
from zmigrate.rows.sources.url import file_of, variables_of

MAPPING: Final = "mapping.toml"  # the folder's own mapping, if no other is named

_PACKED: Final = (".gz", ".zip")
_CREATES: Final = frozenset(["insert", "upsert"])


class LoadFile(LoadJob):
    """Load one file, as a mapping says."""

    def __init__(self, load: Load) -> None:
        self._load = load
        super().__init__()

    @property
    def load(self) -> Load:
        return self._load


After: TypeAlias = Mapping[int, set[int]]
"""The loads that must come before each load, by their places in the mapping."""


def read_folder(folder: str | Path, mapping: str | Path | None = None) -> tuple[Load, ...]:
    """The loads of a folder's files, in order: files that others refer to come first.

    `mapping`: by default the folder's own mapping.toml. Raises JobError if a file has no load or a load no
    file, if a reference can't be resolved, or if loads refer to each other in a circle.
    """
    folder = Path(folder)
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "there is no such folder"
        raise JobError(f"{folder}: {what}.")
    path = folder / MAPPING if mapping is None else Path(mapping)
    if mapping is None and not path.exists():
        raise JobError(
            f"{folder} has no {MAPPING}, and no other mapping is named.",
            hint="Name one with --mapping FILE.toml. To start one, for each file: "
            f"zmigrate map FILE --module M --append --out {path}",
        )
    loads = read_mapping(path, folder)
    for load in loads:
        _check_below(load, folder)
    _check_files(loads, folder, path)
    _check_keys(loads)
    return in_order(loads)


# ------------------------------------------------------------------------------------------------------ files


def _check_files(loads: Sequence[Load], folder: Path, mapping: Path) -> None:
    """Raise JobError if a load has no file, or if a file of the folder has no load."""
    there = sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    for load in loads:
        if not is_database(load.file) and not _disk(load).is_file():
            near = get_close_matches(load.file, there, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"It has: {', '.join(there) or 'no files'}."
            raise wrong(load.places, ("file",), f"{folder} has no file {load.file}.", hint)
    toml = read_toml(mapping)
    ignored: Sequence[str] = toml.values.get("ignore_files", ())
    used = {_file_of(Path(path)) for load in loads for path in (_disk(load), *load.reads)}
    forgotten = [
        name
        for name in there
        if _is_data(name)
        and _file_of(folder / name) not in used
        and not any(fnmatchcase(name, pattern) for pattern in ignored)
    ]
    if forgotten:
        names = ", ".join(f'"{HALF_CHARACTERS.sub("?", name)}"' for name in forgotten)  # ? fits any character
        raise JobError(
            f"{mapping}: {folder} has files without a load: {', '.join(forgotten)}.",
            hint="Write a [[load]] for each; or leave them out on purpose, before the first load: "
            f"ignore_files = [{names}]",
        )
    for pattern in ignored:
        if not any(fnmatchcase(name, pattern) for name in there):
            raise wrong(
                TomlPlaces(str(mapping), toml), ("ignore_files",), f'{folder} has no file "{pattern}".'
            )


def _file_of(path: Path) -> tuple[int, int] | Path:
    """What identifies a file, in whatever letter case the mapping writes its name: some systems ignore it."""
    try:
        found = path.stat()
    except OSError:
        return path.resolve()
    return found.st_dev, found.st_ino


def _check_below(load: Load, folder: Path) -> None:
    """Raise JobError if a load reads a file outside the folder: another person may have written the
    mapping.
    """
    path = file_of(load.file) if is_database(load.file) else _disk(load)
    by_variable = path is not None and variables_of(str(path))
    if path is not None and (by_variable or not is_below(path, folder)):
        raise wrong(
            load.places,
            ("file",),
            f"{load.file} is not in {folder}, but the mapping is for files in it.",
            "Copy the file into the folder, and name the copy; or load the file by itself: "
            "zmigrate run import-file FILE",
        )


def _disk(load: Load) -> Path:
    """The file on the disk; for `export.zip/leads.csv` the archive."""
    return TextFile(Path(load.location)).disk


def _is_data(name: str) -> bool:
    return name.lower().endswith((*ENDINGS, *_PACKED))


# ------------------------------------------------------------------------------------------------- references


def _check_keys(loads: Sequence[Load]) -> None:
    """Raise JobError if records that others refer to are written without a key."""
    for load in loads:
        for field, (module, _) in load.find_refs.items():
            writers = [other for other in loads if other.module == module and other.operation in _CREATES]
            if writers and all(other.write.key in (None, "id") for other in writers):
                places = writers[0].places
                raise wrong(
                    places,
                    (),
                    f"{writers[0].file} has no key, but {load.places.of(_path(field))} refers to it.",
                    f"Name the field of {module} that is their key: {places.gives('key', 'FIELD')}",
                )


def in_order(loads: Sequence[Load]) -> tuple[Load, ...]:
    """The loads in the mapping's order, but with those that others refer to first.

    Raises JobError that names a circle of references.
    """
    after: dict[int, set[int]] = {place: set() for place in range(len(loads))}
    for place, load in enumerate(loads):
        for module, _ in load.find_refs.values():
            if module != load.module:  # the files of one module keep the mapping's order
                after[place] |= _writers(loads, module)
    sorter = TopologicalSorter(after)
    try:
        sorter.prepare()
    except CycleError as error:
        raise _circle(loads, error.args[1]) from None
    for place, earlier in _better(loads):
        if place not in _before(after, earlier):
            after[place].add(earlier)
    sorter = TopologicalSorter(after)
    sorter.prepare()
    return tuple(loads[place] for place in _first_come(sorter))


def _better(loads: Sequence[Load]) -> Iterator[tuple[int, int]]:
    """(load, another one that should rather come first): because it looks for the other's records, or because
    both write to one module."""
    for place, load in enumerate(loads):
        for module in load.finds:
            yield from ((place, earlier) for earlier in _writers(loads, module) - {place})
        yield from ((place, earlier) for earlier in range(place) if loads[earlier].module == load.module)


def _writers(loads: Sequence[Load], module: str) -> set[int]:
    """The loads that create records of a module."""
    return {place for place, load in enumerate(loads) if load.module == module and load.operation in _CREATES}


def _before(after: After, place: int) -> set[int]:
    """The loads that must come before a load, and the load itself."""
    found, waiting = set(), [place]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += after[each]
    return found


def _first_come(sorter: TopologicalSorter[int]) -> Iterator[int]:
    """The loads that are ready, in the mapping's order."""
    ready: list[int] = []
    while sorter.is_active():
        for place in sorter.get_ready():
            heapq.heappush(ready, place)
        place = heapq.heappop(ready)
        yield place
        sorter.done(place)


def _circle(loads: Sequence[Load], circle: Sequence[int]) -> JobError:
    """`circle`: each is referred to by the next one; the last is the first again."""
    told = []
    around = list(reversed(circle))
    for place, other in pairwise(around):
        load, module = loads[place], loads[other].module
        field = next(name for name, (wanted, _) in load.find_refs.items() if wanted == module)
        told.append(f"{load.places.of(_path(field))}: {load.file} refers to {module} ({loads[other].file})")
    first = loads[around[0]]
    return JobError(
        "the loads refer to each other in a circle, so none can come first:\n" + "\n".join(told),
        hint="Leave one of these fields out, and fill it afterwards with another [[load]] of the same file: "
        f'operation = "update", key = "{first.write.key or "FIELD"}", and under [load.fields] that field.',
    )


def _path(field: str) -> tuple[str, ...]:
    """The place of a field's rule; `Quoted_Items.Product_Name` is among the fields of another."""
    outer, dot, inner = field.partition(".")
    return ("fields", outer, "fields", inner) if dot else ("fields", field)
