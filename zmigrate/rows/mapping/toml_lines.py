"""TOML with the lines of its keys: `tomllib` reads the values, and a second look at the text finds their
lines.

`tomllib` has accepted the text before, so the second look checks nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeAlias

from zmigrate.errors import JobError
from zmigrate.plain_files import SMALL_FILE_BYTES
from zmigrate.rows.sources.base import open_file
from zmigrate.wording import backslash_hint

KeyPath: TypeAlias = tuple[str | int, ...]
"""`("load", 0, "fields", "Stage")`; a number is a place in a list."""

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_OTHER_VALUE: Final = re.compile(r"[^,\]}#\r\n]*")
_STRING: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL
)
_TWICE: Final = re.compile(r"Cannot overwrite a value|Cannot declare .* twice|Duplicate inline table key .*")
"""What `tomllib` says about a key or a table that is there already."""
_INNER_TWICE: Final = re.compile(r"Duplicate inline table key '(.*)'\Z")
_LINE_KEY: Final = re.compile(r"\s*(\[\[?[^\]\n]+\]|(?:[\w.-]|\"[^\"\n]*\"|'[^'\n]*')+)\s*(?:=|#|\Z)")
_DEEP_KEY: Final = re.compile(
    r"(?:^|[\[{,])[ \t]*(?:(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')[ \t]*\.[ \t]*){64}", re.MULTILINE
)
"""A name with more parts than any mapping has. `tomllib` takes quadratic time for these."""
_WHERE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")


@dataclass(frozen=True, slots=True)
class Toml:
    """The values of a TOML text, and their lines."""

    values: Mapping[str, Any]
    lines: Mapping[KeyPath, int]

    def line(self, path: KeyPath) -> int:
        """The line of a key, or of the table around it."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_toml(path: Path) -> Toml:
    """Raises JobError with file, line and column if the file is not TOML, SourceError if it can't be read."""
    with open_file(path) as file:
        content = file.read(SMALL_FILE_BYTES + 1)
    if len(content) > SMALL_FILE_BYTES:
        raise JobError(
            f"{path} has more than {SMALL_FILE_BYTES >> 20} MB, which is too much for a mapping.",
            hint="Check that it is the right file: a mapping is a text of some kilobytes.",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise JobError(
            f"{path}:{line}: byte 0x{content[error.start]:02x} is not UTF-8.",
            hint="TOML is UTF-8: save the file as UTF-8.",
        ) from None
    return parse_toml(text, str(path))


def parse_toml(text: str, name: str) -> Toml:
    """Numbers with a fraction become Decimal. Raises JobError: `name:line:column: why`."""
    deep = _DEEP_KEY.search(text)
    if deep is not None:
        line = text.count("\n", 0, deep.end()) + 1
        raise JobError(
            f"{name}:{line}: this name has too many parts.", hint="Write it as field.word = value."
        )
    try:
        values = tomllib.loads(text, parse_float=Decimal)
        lines = _Lines(text.replace("\r\n", "\n")).read()
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(text, name, str(error)) from None
    except RecursionError:
        raise JobError(
            f"{name}: its tables and lists are nested too deeply.", hint="A mapping has at most three levels."
        ) from None
    except ValueError:  # Python reads no whole number with thousands of digits
        raise JobError(
            f"{name}: a number in it has too many digits.", hint="Write it as text, in quotes."
        ) from None
    return Toml(values, lines)


def _not_toml(text: str, name: str, message: str) -> JobError:
    where = _WHERE.search(message)
    place = ""
    if where is not None:
        message = message[: where.start()]
        if where[1]:
            line = int(where[1])
            place = f":{line}:{where[2]}"
        else:
            line = text.rstrip("\n").count("\n") + 1
            place = f":{line}:{len(text.splitlines()[line - 1]) + 1 if text.strip() else 1}"
        if _TWICE.match(message):
            return _stands_twice(text.split("\n")[:line], f"{name}{place}", message)
    return JobError(
        f"{name}{place}: not valid TOML: {message[:1].lower()}{message[1:]}.",
        hint=backslash_hint(message)
        or 'A line looks like this: Stage = { column = "deal_stage", values = { Won = "Closed Won" } }. '
        "Put text in quotes, and also names with characters other than letters, digits, _ and -. Keep "
        "everything between braces on one line. With several files each begins with [[load]], and its fields "
        "with [load.fields].",
    )


def _stands_twice(lines: Sequence[str], where: str, message: str) -> JobError:
    """`lines`: the lines down to the end of the second one."""
    begun = [(number, key) for number, line in enumerate(lines, 1) if (key := _key_of(line))]
    inner = _INNER_TWICE.match(message)
    first = None
    if inner is not None:
        what = f"`{inner[1]}`"
    elif begun:
        what = f"`{begun[-1][1]}`"
        first = _line_above(begun[:-1], begun[-1][1])
    else:
        what = "a key"
    return JobError(
        f"{where}: {what} is there twice{f', first on line {first}' if first else ''}.",
        hint="Leave one of them out, or put both together.",
    )


def _key_of(line: str) -> str | None:
    """The table or key at the beginning of a line."""
    found = _LINE_KEY.match(line)
    return None if found is None else re.sub(r"[\"' ]", "", found[1])


def _line_above(begun: Sequence[tuple[int, str]], key: str) -> int | None:
    """The line of the same key in the table that these lines end in, or of the same table."""
    for number, found in reversed(begun):
        if found == key:
            return number
        if found.startswith("[") and not key.startswith("["):
            return None
    return None


class _Lines:
    """Goes through a valid TOML text, and notes the line of each key."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted_to = 0
        self._line = 1
        self._lines: dict[KeyPath, int] = {}
        self._tables: dict[KeyPath, int] = {}  # how many tables each `[[list]]` has so far

    def read(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while not self._over():
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _over(self) -> bool:
        self._skip(_BLANK)
        return self._at >= len(self._text)

    def _header(self) -> KeyPath:
        several = self._text.startswith("[[", self._at)
        self._at += 2 if several else 1
        keys = self._key()
        self._at += 2 if several else 1
        path: KeyPath = ()
        for key in keys[:-1]:
            path = (*path, key)
            if path in self._tables:
                path = (*path, self._tables[path] - 1)
        path = (*path, keys[-1])
        if several:
            self._note(path)
            self._tables[path] = self._tables.get(path, 0) + 1
            path = (*path, self._tables[path] - 1)
        self._note(path)
        return path

    def _pair(self, table: KeyPath) -> None:
        path = table
        for key in self._key():
            path = (*path, key)
            self._note(path)
        self._at += 1  # the equals sign
        self._value(path)

    def _key(self) -> list[str]:
        """The parts of a dotted key. Moves behind the key."""
        keys = []
        while True:
            self._skip(_BLANK)
            quoted = _STRING.match(self._text, self._at)
            found = quoted or _BARE_KEY.match(self._text, self._at)
            assert found is not None  # noqa: S101 - tomllib has accepted it
            self._at = found.end()
            keys.append(next(iter(tomllib.loads(f"{found[0]}=0"))))
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return keys
            self._at += 1

    def _value(self, path: KeyPath) -> None:
        self._skip(_BLANK)
        first = self._text[self._at]
        if first == "[":
            self._members(path, "]")
        elif first == "{":
            self._members(path, "}")
        else:
            self._skip(_STRING if first in "\"'" else _OTHER_VALUE)

    def _members(self, path: KeyPath, closing: str) -> None:
        """Note the members of an array or an inline table."""
        self._at += 1
        number = 0
        while True:
            self._skip(_BLANK)
            if self._text[self._at] == closing:
                self._at += 1
                return
            if self._text[self._at] == ",":
                self._at += 1
            elif closing == "}":
                self._pair(path)
            else:
                self._note((*path, number))
                self._value((*path, number))
                number += 1

    def _note(self, path: KeyPath) -> None:
        self._line += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        self._lines.setdefault(path, self._line)

    def _skip(self, what: re.Pattern[str]) -> None:
        found = what.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
