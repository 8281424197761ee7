"""Finds out which jobs a Python file defines, from its text alone. Running all files of a folder only to list
its jobs, or to find one, would run code that nobody asked for.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zmigrate.job.job import name_of_job
from zmigrate.plain_files import read_small

FRONT_DOOR: Final = "zmigrate"
JOB_CLASSES: Final = frozenset({"Flow", "ImportJob", "Job", "LoadFile", "LoadJob", "RecordJob"})
"""The public classes that a job is derived from."""

_CLASS: Final = re.compile(r"^class\s+([A-Za-z_]\w*)", re.M)


@dataclass(frozen=True, slots=True)
class JobClass:
    """A class that is a job, or may be one: its base may come from a module that was not read."""

    name: str
    doc: str

    @property
    def job(self) -> str:
        return name_of_job(self.name)


@dataclass(frozen=True, slots=True)
class JobFile:
    """A file of jobs, read and not run."""

    path: Path
    classes: tuple[JobClass, ...]
    fault: Exception | None = None
    """Why the text is not Python. `classes` then has everything that looks like a job, and the file's name.
    """


def read_job_file(path: Path) -> JobFile:
    """What a file defines. A file that can't be read or is not Python has a fault; nothing is raised."""
    try:
        content = read_small(path)
    except (OSError, ValueError) as error:
        return JobFile(path, (_named_as(path),), error)
    try:
        tree = ast.parse(content)  # by its declared encoding
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        found = [JobClass(name, "") for name in _CLASS.findall(content.decode("latin-1"))]
        return JobFile(path, (*found, _named_as(path)), error)
    return JobFile(path, tuple(_jobs_in(tree)))


def _named_as(path: Path) -> JobClass:
    """The job that a person expects in a file of this name: `import_leads.py` has `import-leads`."""
    return JobClass(path.stem, "")


def _jobs_in(tree: ast.Module) -> Iterator[JobClass]:
    classes = list(_classes(tree.body))
    known = {each.name: each for each in classes}
    imported = dict(_imported(tree))
    for each in classes:
        if not _is_abstract(each) and _may_be_job(each, known, imported, frozenset()):
            yield JobClass(each.name, inspect.cleandoc(ast.get_docstring(each) or ""))


def _classes(body: Sequence[ast.stmt]) -> Iterator[ast.ClassDef]:
    """The classes of the module itself, also those under a condition."""
    for each in body:
        if isinstance(each, ast.ClassDef):
            yield each
        elif isinstance(each, ast.If | ast.Try | ast.With | ast.For | ast.While):
            yield from _classes(each.body)
            yield from _classes(getattr(each, "orelse", []))
            yield from _classes(getattr(each, "finalbody", []))
            for handler in getattr(each, "handlers", []):
                yield from _classes(handler.body)


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(name in the module, full name), as in ("RecordJob", "zmigrate.RecordJob")."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (
                (alias.asname or alias.name, f"{node.module or ''}.{alias.name}") for alias in node.names
            )
        elif isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names)


def _is_abstract(found: ast.ClassDef) -> bool:
    return any(
        keyword.arg == "abstract" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        for keyword in found.keywords
    )


def _may_be_job(
    found: ast.ClassDef, known: Mapping[str, ast.ClassDef], imported: Mapping[str, str], seen: frozenset[str]
) -> bool:
    return any(_may_be_base(base, known, imported, seen | {found.name}) for base in found.bases)


def _may_be_base(
    base: ast.expr, known: Mapping[str, ast.ClassDef], imported: Mapping[str, str], seen: frozenset[str]
) -> bool:
    """Whether a job may be derived from this base: yes, if the text alone does not show it."""
    name = _dotted(base)
    if name is None:
        return True
    first, dot, rest = name.partition(".")
    if not dot and first in known:
        return first not in seen and _may_be_job(known[first], known, imported, seen)
    whole = imported.get(first, "") + dot + rest if first in imported else name
    module, _, last = whole.rpartition(".")
    if module == FRONT_DOOR:
        return last in JOB_CLASSES
    if first not in imported:
        return not hasattr(builtins, first)
    return module.partition(".")[0] not in sys.stdlib_module_names


def _dotted(base: ast.expr) -> str | None:
    """`a.b.C` as a text; `C` of `C[int]`."""
    if isinstance(base, ast.Subscript):
        return _dotted(base.value)
    if isinstance(base, ast.Name):
        return base.id
    if isinstance(base, ast.Attribute):
        inner = _dotted(base.value)
        return None if inner is None else f"{inner}.{base.attr}"
    return None
