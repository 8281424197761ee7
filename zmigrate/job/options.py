"""The typed options of a job: from a class's annotations to values, and to text and JSON and back.

file: Path = Argument(help="CSV export to read.")
region: Literal["emea", "apac"] = Option(default="emea", help="Which region to fill in.")
password: str = Option(secret=True, env="OLD_CRM_PASSWORD", help="Password of the old CRM.")
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal

from zmigrate.errors import JobError
from zmigrate.job.formats import FALSE_WORDS, TRUE_WORDS
from zmigrate.printable import LOCALE, RENAME, is_unicode, path_fault
from zmigrate.state_folders import from_home
from zmigrate.zoho.redaction import Redactor

_OF_RUNNER = """limit yes again profile emulator concurrency via trigger diff no_undo keep_going wait
    allow_env json quiet jobs state_dir verbose help version force forget_payloads
    install_completion show_completion"""
_OF_JOB = "scopes write source transform columns check run once formats users refers_to reads fills"
RESERVED: Final = frozenset(f"{_OF_RUNNER} {_OF_JOB}".split())
"""Names that an option may not have: the runner or the job class uses them."""

BASE_TYPES: Final = (str, int, float, bool, Path, date, Decimal)
MASK: Final = "***"
SHAPE: Final = """
    file: Path = Argument(help="CSV export to read.")
    since: date | None = Option(default=None, help="Only rows changed since then.")

Options can be str, int, float, bool, Path, date, Decimal, an Enum, Literal["a", "b"], a list[...] of these,
and each of them `| None`."""


class _Missing:
    """The type of MISSING, which stands for: no default, so the option is required."""

    def __repr__(self) -> str:
        return "required"


MISSING: Final = _Missing()


@dataclass(frozen=True, slots=True)
class Declared:
    """The arguments of `Argument(...)` or `Option(...)`, before the annotation is read."""

    kind: Literal["argument", "option"]
    default: Any
    help: str
    metavar: str | None = None
    secret: bool = False
    env: str | None = None
    usual: bool = False
    choices: Sequence[Any] = ()
    joined_by: str | None = None


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """One option of a job, for the command line and the constructor."""

    name: str
    kind: Literal["argument", "option"]
    base: type[Any]
    """One of `BASE_TYPES` or an Enum class; str for a Literal."""
    is_list: bool
    optional: bool
    """None is a value."""
    choices: tuple[str, ...]
    """The words of an Enum or Literal, or those that the option declares; empty for the rest."""
    default: Any
    help: str
    metavar: str
    secret: bool
    env: str | None
    """The environment variable of a secret."""
    usual: bool
    """Example commands show it, although it has a default."""
    joined_by: str | None = None
    """A text that may be given several times: what joins the texts."""

    @property
    def flag(self) -> str:
        """`--match-on` for an option, `FILE` for an argument."""
        return self.metavar if self.kind == "argument" else "--" + self.name.replace("_", "-")

    @property
    def value_name(self) -> str:
        """The value in example commands: `FILE`, `COLUMN=FIELD`, `insert|update`."""
        if self.choices:
            return "|".join(self.choices)
        return self.metavar if self.has_own_metavar else self.name.upper()

    @property
    def required(self) -> bool:
        return self.default is MISSING

    @property
    def type_name(self) -> str:
        """For messages and help: `int`, `list of date`, `emea|apac`."""
        name = "|".join(self.choices) if self.choices else self.base.__name__.lower()
        return f"list of {name}" if self.is_list else name

    @property
    def has_own_metavar(self) -> bool:
        """Whether the job's author named the value."""
        return self.metavar != self.base.__name__.upper()


def Argument(*, help: str = "", default: Any = MISSING, metavar: str | None = None) -> Any:
    """Declare a positional argument: `file: Path = Argument(help="CSV export to read.")`."""
    return Declared("argument", default, help, metavar)


def Option(
    *,
    help: str = "",
    default: Any = MISSING,
    metavar: str | None = None,
    secret: bool = False,
    env: str | None = None,
    usual: bool = False,
    choices: Sequence[Any] = (),
    joined_by: str | None = None,
) -> Any:
    """Declare an option: `region: str = Option(default="emea", help="Which region.")`. Required if it has no
    default. `choices`: the only values it takes, `choices=("emea", "apac")`; an Enum or a Literal as its type
    does the same.

    A list is given by repeating the option. A `secret` one comes from the environment variable `env`
    (`ZMIGRATE_<NAME>` if not named) or a prompt, never from the command line, and is never shown or kept.
    Example commands show a `usual` one as if it were required. If a text with `joined_by` is given several
    times, the texts become one, with this between them.
    """
    return Declared("option", default, help, metavar, secret, env, usual, choices, joined_by)


def enum_word(member: Enum) -> str:
    """What a person types for an enum's member: its value if that is text, else its name."""
    return member.value if isinstance(member.value, str) else member.name


# -------------------------------------------------------------------------------------------- values and text


def check_values(cls: type, specs: Mapping[str, OptionSpec], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all options, checked, with defaults. Raises JobError with the option's name."""
    for name in given:
        if name not in specs:
            raise JobError(f"{cls.__name__} has no option `{name}`.{nearest(name, specs)}")
    missing = [spec.name for spec in specs.values() if spec.required and spec.name not in given]
    if missing:
        raise JobError(f"{cls.__name__} needs {' and '.join(f'`{name}`' for name in missing)}.")
    values = {}
    for name, spec in specs.items():
        values[name] = check_value(spec, given.get(name, spec.default), where=f"{cls.__name__}.{name}")
    return values


def check_value(spec: OptionSpec, value: Any, *, where: str | None = None) -> Any:
    """The value as the job gets it. Raises JobError if it is not of the option's type."""
    where = where or spec.flag
    if value is None:
        if spec.optional:
            return None
        raise JobError(f"{where} can't be None; it is {article(spec.type_name)}.")
    if not spec.is_list:
        return _check_one(spec, value, where)
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise JobError(f"{where} is a {spec.type_name}, not {_shown(spec, value)}.")
    return [_check_one(spec, item, where) for item in value]


def _check_one(spec: OptionSpec, value: Any, where: str) -> Any:
    base = spec.base
    _refuse_half_characters(spec, value, where)
    if spec.choices and isinstance(value, str) and not (issubclass(base, Enum) and isinstance(value, base)):
        return _choose(spec, value, where)
    if isinstance(value, also_taken(base)) and not looks_alike(base, value):
        if spec.choices and not issubclass(base, Enum):
            return _choose(spec, word_of(base, value), where)
        return value if isinstance(value, base) else base(value)
    raise JobError(f"{where} is {article(spec.type_name)}, not {_shown(spec, value)}.")


def _refuse_half_characters(spec: OptionSpec, value: Any, where: str) -> None:
    """Raise JobError for a path or text that a run's record could not keep."""
    if isinstance(value, Path) or (isinstance(value, str) and spec.base is Path):
        fault = path_fault(value)
        if fault is not None:
            raise JobError(f"{where}: {fault}", hint=RENAME)
    elif isinstance(value, str) and not is_unicode(value):
        raise JobError(f"{where}: {_shown(spec, value)} is not UTF-8.", hint=LOCALE)


def also_taken(base: type[Any]) -> tuple[type[Any], ...]:
    """The type itself, and others that convert to it without loss."""
    return {Path: (Path, str), float: (float, int), Decimal: (Decimal, int)}.get(base, (base,))


def looks_alike(base: type[Any], value: Any) -> bool:
    """Whether Python takes the value for the type, but a person would not: a bool as a number, say."""
    return (isinstance(value, bool) and base is not bool) or (base is date and isinstance(value, datetime))


def parse_option(spec: OptionSpec, text: str) -> Any:
    """One value from the command line's text; for a list, one item. Raises JobError."""
    if spec.choices:
        return _choose(spec, text, spec.flag)
    try:
        return _parse(spec.base, text)
    except (ValueError, InvalidOperation):
        shown = MASK if spec.secret else repr(text)
        wanted = {date: "a date such as 2024-03-31", int: "a whole number such as 42", bool: "yes or no"}.get(
            spec.base, "a number such as 1234.50"
        )
        raise JobError(f"{spec.flag} needs {wanted}, not {shown}.") from None


def _parse(base: type[Any], text: str) -> Any:
    if base is bool:
        word = text.strip().lower()
        if word not in TRUE_WORDS + FALSE_WORDS:
            raise ValueError
        return word in TRUE_WORDS
    if base is date:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip()):
            raise ValueError
        return date.fromisoformat(text.strip())
    value = base(text)
    if base is Path:
        return from_home(value)
    if base is Decimal and not value.is_finite():
        raise ValueError
    return value


def _choose(spec: OptionSpec, text: str, where: str) -> Any:
    base = spec.base
    if text not in spec.choices and not issubclass(base, Enum):
        with suppress(ValueError, InvalidOperation):
            text = word_of(base, _parse(base, text))  # 07 is 7
    if text not in spec.choices:
        raise JobError(
            f"{where} is one of {', '.join(spec.choices)}, not {text!r}.{nearest(text, spec.choices)}"
        )
    if not issubclass(base, Enum):
        return _parse(base, text)
    return next(member for member in base if enum_word(member) == text)


def hidden_by(specs: Mapping[str, OptionSpec], values: Mapping[str, Any]) -> Redactor:
    """What hides the values of the secret options."""
    secrets = Redactor()
    for name, spec in specs.items():
        if spec.secret and values[name] is not None:
            secrets.add_for_people(values[name])
    return secrets


def word_of(base: type[Any], value: Any) -> str:
    """A choice as a person types it."""
    return str(value if base is Path else _encode(base(value) if base is not date else value))


def encode_values(specs: Mapping[str, OptionSpec], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values for JSON, without secrets. Paths become absolute, so that a run can be found again."""
    return {
        name: [_encode(item) for item in values[name]] if spec.is_list and values[name] is not None
        else _encode(values[name])
        for name, spec in specs.items()
        if not spec.secret
    }  # fmt: skip


def _encode(value: Any) -> Any:
    if isinstance(value, Enum):
        return enum_word(value)
    if isinstance(value, Path):
        return os.path.abspath(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value


def decode_values(specs: Mapping[str, OptionSpec], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The values that `encode_values` made. Unknown names stay, so that they are refused later."""
    return {name: _decode(specs.get(name), value) for name, value in stored.items()}


def _decode(spec: OptionSpec | None, value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(spec, item) for item in value]
    if spec is not None and isinstance(value, str):
        return parse_option(spec, value)
    return value


def show_values(specs: Mapping[str, OptionSpec], values: Mapping[str, Any]) -> str:
    """`file='leads.csv', password=***`: for a repr. Options with their default value are left out."""
    shown = []
    for name, spec in specs.items():
        value = values[name]
        if spec.required or value != (
            list(spec.default) if isinstance(spec.default, tuple) else spec.default
        ):
            shown.append(f"{name}={_shown(spec, value)}")
    return ", ".join(shown)


def _shown(spec: OptionSpec, value: Any) -> str:
    if spec.secret:
        return MASK
    return repr(str(value)) if isinstance(value, Path) else repr(value)


def article(type_name: str) -> str:
    if "|" in type_name and not type_name.startswith("list"):
        return "one of " + ", ".join(type_name.split("|"))
    return f"{'an' if type_name[0] in 'aeiou' else 'a'} {type_name}"


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean "file"?`, or "" if no known name is near."""
    hits = difflib.get_close_matches(name, list(known), n=1)
    return f' Did you mean "{hits[0]}"?' if hits else ""
