"""The options that a job's class declares, read from its annotations."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

from zmigrate.errors import JobError
from zmigrate.job.options import (
    BASE_TYPES,
    MISSING,
    RESERVED,
    SHAPE,
    Declared,
    OptionSpec,
    also_taken,
    article,
    check_value,
    enum_word,
    looks_alike,
    word_of,
)

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


def read_options(cls: type, inherited: Mapping[str, OptionSpec]) -> dict[str, OptionSpec]:
    """The options of a job class: first arguments, then options; those of its bases before its own.

    Raises JobError for a reserved or odd name, and for a type that can't be an option.
    """
    specs = dict(inherited)
    for name, annotation in _own_annotations(cls).items():
        if annotation is ClassVar or get_origin(annotation) is ClassVar:
            continue
        specs[name] = _read_option(cls, name, annotation, vars(cls).get(name, MISSING))
    for name, value in vars(cls).items():
        if isinstance(value, Declared) and name not in specs:
            raise JobError(f"{cls.__name__}.{name} has no type. Write it like this:\n{SHAPE}")
    return dict(sorted(specs.items(), key=lambda item: item[1].kind != "argument"))


def _own_annotations(cls: type) -> dict[str, Any]:
    nested = {name: value for name, value in vars(cls).items() if isinstance(value, type)}
    try:
        return inspect.get_annotations(cls, locals=nested, eval_str=True)
    except Exception as error:
        raise JobError(
            f"an annotation of {cls.__name__} can't be read: {error}",
            hint="Import the types of options at the top of the module, not under TYPE_CHECKING.",
        ) from error


def _read_option(cls: type, name: str, annotation: Any, value: Any) -> OptionSpec:
    where = f"{cls.__name__}.{name}"
    if name in RESERVED:
        raise JobError(
            f"{where}: an option can't be called `{name}`: the job class or the runner uses that name.",
            hint=f"Take another name; or, if it is no option, drop the annotation: `{name} = ...`.",
        )
    if not _NAME.match(name):
        raise JobError(
            f"{where}: an option's name has small letters, digits and underscores, and begins with a letter.",
            hint=f"If `{name}` is no option, annotate it as ClassVar[...] or set it in a method.",
        )
    declared = value if isinstance(value, Declared) else Declared("option", value, "")
    try:
        base, is_list, optional, choices = _read_type(annotation)
    except TypeError as error:
        raise JobError(f"{where}: {error} can't be an option. Write it like this:\n{SHAPE}") from None
    if declared.choices:
        choices = _declared_choices(where, declared.choices, base, choices)
    if declared.secret and (base is not str or is_list or choices or declared.default not in (MISSING, None)):
        raise JobError(
            f"{where}: a secret option is a `str` without a default:\n\n"
            f'    {name}: str = Option(secret=True, env="{name.upper()}", help="...")'
        )
    spec = OptionSpec(
        name=name,
        kind=declared.kind,
        base=base,
        is_list=is_list,
        optional=optional,
        choices=choices,
        default=MISSING,
        help=declared.help,
        metavar=declared.metavar or (name.upper() if declared.kind == "argument" else base.__name__.upper()),
        secret=declared.secret,
        env=(declared.env or f"ZMIGRATE_{name.upper()}") if declared.secret else None,
        usual=declared.usual,
        joined_by=declared.joined_by,
    )
    if declared.default is MISSING:
        return spec
    default = check_value(spec, declared.default, where=f"{where}: the default")
    return replace(spec, default=tuple(default) if isinstance(default, list) else default)


def _declared_choices(
    where: str, declared: Sequence[Any], base: type[Any], of_type: Sequence[str]
) -> tuple[str, ...]:
    """The words of `choices=`. Raises JobError unless all are of the option's type."""
    if of_type or base is bool or isinstance(declared, str):
        raise JobError(f"{where}: `choices` has several values of a type that does not say them itself.")
    for value in declared:
        if not isinstance(value, also_taken(base)) or looks_alike(base, value):
            raise JobError(f"{where}: {value!r} in `choices` is not {article(base.__name__.lower())}.")
    return tuple(word_of(base, value) for value in declared)


def _read_type(annotation: Any) -> tuple[type[Any], bool, bool, tuple[str, ...]]:
    """(base type, is it a list, is None a value, choices). Raises TypeError with the wrong annotation."""
    optional = False
    if get_origin(annotation) in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not types.NoneType]
        if len(members) != 1:
            raise TypeError(f"`{annotation}`")
        optional, annotation = True, members[0]
    is_list = get_origin(annotation) is list
    if is_list:
        (annotation,) = get_args(annotation)
    if get_origin(annotation) is Literal:
        words = get_args(annotation)
        if all(isinstance(word, str) for word in words):
            return str, is_list, optional, words
    elif isinstance(annotation, type):
        if issubclass(annotation, Enum) and len(annotation):
            return annotation, is_list, optional, tuple(enum_word(member) for member in annotation)
        if annotation in BASE_TYPES:
            return annotation, is_list, optional, ()
    raise TypeError(f"`{getattr(annotation, '__name__', annotation)}`")
