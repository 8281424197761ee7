"""The place of a mapping's word, for messages: a line of a TOML file, or an option of the command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

from zmigrate.errors import JobError
from zmigrate.job.options import nearest
from zmigrate.rows.mapping.toml_lines import KeyPath, Toml


class Places(Protocol):
    """The places of one load's words. Paths begin at the load: `("fields", "Stage", "values")`."""

    def of(self, path: KeyPath) -> str:
        """`old.toml:12: fields.Stage`, or `--field Stage`."""

    def word(self, name: str) -> str:
        """A key of the load, as it is written here: `match_on`, or `--match-on`."""

    def gives(self, name: str, value: str) -> str:
        """A key with a value: `key = "FIELD"`, or `--key FIELD`."""

    def sends(self, column: str, field: str) -> str:
        """How to send a column to a field."""


class TomlPlaces:
    """Places in a file. `root`: where the load begins."""

    def __init__(self, name: str, toml: Toml, root: KeyPath = ()) -> None:
        self._name = name
        self._toml = toml
        self._root = root

    def of(self, path: KeyPath) -> str:
        where = f"{self._name}:{self._toml.line((*self._root, *path))}"
        return f"{where}: {dotted(path)}" if path else where

    def word(self, name: str) -> str:
        return name

    def gives(self, name: str, value: str) -> str:
        return f'{name} = "{value}"'

    def sends(self, column: str, field: str) -> str:
        table = "load.fields" if self._root else "fields"
        return f'Below [{table}]: {field} = "{column}"'


class OptionPlaces:
    """Places among a command's options, or in a mapping file for words that no option gives."""

    def __init__(self, labels: Mapping[KeyPath, str], others: Places | None = None) -> None:
        self._labels = labels
        self._others = others

    def of(self, path: KeyPath) -> str:
        for length in range(len(path), 0, -1):
            label = self._labels.get(path[:length])
            if label is not None:
                return f"{label}: {dotted(path[length:])}" if path[length:] else label
        if self._others is not None:
            return self._others.of(path)
        return self.word(str(path[0])) if len(path) == 1 else dotted(path)

    def word(self, name: str) -> str:
        if self._others is not None and (name,) not in self._labels:
            return self._others.word(name)
        return "--ignore-column" if name == "ignore" else "--" + name.replace("_", "-")

    def gives(self, name: str, value: str) -> str:
        if self._others is not None and (name,) not in self._labels:
            return self._others.gives(name, value)
        return f"{self.word(name)} {value}"

    def sends(self, column: str, field: str) -> str:
        if self._others is not None:
            return self._others.sends(column, field)
        return f'--map "{column}={field}"'


def dotted(path: KeyPath) -> str:
    """`fields.Stage.values`; numbers count from 1: `skip_if.2`."""
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in path)


def wrong(places: Places, path: KeyPath, message: str, hint: str | None = None) -> JobError:
    """The error for a word, with its place."""
    where = places.of(path)
    return JobError(f"{where}: {message}" if where else message, hint=hint)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """For a hint: the nearest of the known names, or all of them."""
    known = tuple(known)
    return nearest(name, known).strip() or f"Known words: {', '.join(known)}."


_MOST_TOLD: Final = 50  # how many errors of one mapping are reported together


class Gathered:
    """Errors of several places, reported together."""

    def __init__(self) -> None:
        self._errors: list[JobError] = []

    @contextmanager
    def one(self) -> Iterator[None]:
        """Keep a JobError from this block for later."""
        try:
            yield
        except JobError as error:
            self._errors.append(error)

    def raise_all(self) -> None:
        """Raise one JobError with all that were kept, and the first hint among them."""
        if self._errors:
            more = len(self._errors) - _MOST_TOLD
            told = [error.message for error in self._errors[:_MOST_TOLD]]
            message = "\n".join([*told, f"and {more:,} more"] if more > 0 else told)
            hint = next((error.hint for error in self._errors if error.hint), None)
            raise JobError(message, hint=hint)
