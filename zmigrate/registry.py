"""Finding and naming job modules. Nothing here runs a job.

First wins: the path that was named, `./jobs/*.py`, the entry-point group `zmigrate.jobs`, the ready-made
jobs. The same file found twice counts once. A module that can't be imported is named, and hides no other.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final

from zmigrate.errors import JobError, ZmigrateError
from zmigrate.job import Job, job_name
from zmigrate.options import nearest

ENTRY_POINT_GROUP: Final = "zmigrate.jobs"
READY_MADE: Final = "ready-made"

_CLASS: Final = re.compile(r"^class\s+([A-Za-z_]\w*)", re.M)


@dataclass(frozen=True, slots=True)
class JobEntry:
    """A job that was found."""

    name: str
    cls: type[Job]
    origin: str
    """Where: a file's path, `ready-made`, or `entry point NAME`."""


@dataclass(frozen=True, slots=True)
class BrokenModule:
    """A module that could not be imported."""

    path: str
    line: int | None
    error: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.error}" if self.line else f"{self.path}: {self.error}"

    @property
    def in_short(self) -> str:
        """In a line, without the example of how to write it."""
        return str(self).partition("\n")[0].removesuffix(" Write it like this:")

    def may_hold(self, job: str) -> bool:
        """True where the file is named as the job is, or has a class that is."""
        path = Path(self.path)
        if path.stem.replace("_", "-") == job:
            return True
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return False
        return any(job_name(type(name, (), {})) == job for name in _CLASS.findall(text))


@dataclass(frozen=True, slots=True)
class Registry:
    """All jobs by name, and the modules that could not be imported."""

    jobs: Mapping[str, JobEntry]
    broken: tuple[BrokenModule, ...]

    def get(self, name: str) -> type[Job]:
        """The job's class. Raises JobError with the nearest name, and what could not be imported."""
        if name in self.jobs:
            return self.jobs[name].cls
        own = next((module for module in self.broken if module.may_hold(name)), None)
        others = "; ".join(module.in_short for module in self.broken if module is not own)
        if own is not None:
            hint = f"Other modules can't be imported either: {others}" if others else own.hint
            raise JobError(f'the job "{name}" can\'t be used: {own}', hint=hint)
        hint = "See `zmigrate jobs` for all jobs."
        if others:
            hint = f"These modules could not be imported: {others}"
        raise JobError(f'there is no job called "{name}".{nearest(name, self.jobs)}', hint=hint)


def discover(jobs_path: Path | None = None, folder: Path | None = None) -> Registry:
    """Import all job modules. `jobs_path`: a file or folder named by the person; `folder`: the current one.

    Raises JobError only if `jobs_path` does not exist.
    """
    finder = _Finder()
    if jobs_path is not None:
        if not jobs_path.exists():
            raise JobError(f"{jobs_path}: there is no such file or folder of jobs.")
        finder.add_files(_job_files(jobs_path))
    finder.add_files(_job_files((folder or Path.cwd()) / "jobs"))
    finder.add_entry_points()
    finder.add_files(_ready_made_files(), origin=READY_MADE)
    return Registry(MappingProxyType(finder.jobs), tuple(finder.broken))


class _Finder:
    """Collects jobs in order; the first of a name stays."""

    def __init__(self) -> None:
        self.jobs: dict[str, JobEntry] = {}
        self.broken: list[BrokenModule] = []
        self._seen: set[Path] = set()

    def add_files(self, files: Iterable[Path], origin: str | None = None) -> None:
        for path in files:
            if self._is_new(path):
                module = self._import_file(path)
                if module is not None:
                    self._add(_jobs_of(module), origin or _short(path))

    def add_entry_points(self) -> None:
        for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name):
            try:
                loaded = point.load()
            except (Exception, SystemExit) as error:
                self.broken.append(_broken(f"entry point {point.name} ({point.value})", error))
                continue
            module = (
                loaded
                if isinstance(loaded, ModuleType)
                else sys.modules.get(getattr(loaded, "__module__", ""))
            )
            file = getattr(module, "__file__", None)
            if isinstance(loaded, ModuleType):
                if file is None or self._is_new(Path(file)):
                    self._add(_jobs_of(loaded), f"entry point {point.name}")
            elif isinstance(loaded, type) and issubclass(loaded, Job):
                if file is None or Path(file).resolve() not in self._seen:
                    self._add([loaded], f"entry point {point.name}")
            else:
                self.broken.append(
                    BrokenModule(
                        f"entry point {point.name} ({point.value})", None, "neither a module nor a job class"
                    )
                )

    def _is_new(self, path: Path) -> bool:
        real = path.resolve()
        if real in self._seen:
            return False
        self._seen.add(real)
        return True

    def _import_file(self, path: Path) -> ModuleType | None:
        name = f"zmigrate_job_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            self.broken.append(BrokenModule(_short(path), None, "not a Python file"))
            return None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # annotations are read through it
        try:
            with _siblings_importable(path):
                spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[name]
            self.broken.append(_broken(_short(path), error, path))
            return None
        return module

    def _add(self, classes: Iterable[type[Job]], origin: str) -> None:
        for cls in classes:
            name = job_name(cls)
            self.jobs.setdefault(name, JobEntry(name, cls, origin))


class _siblings_importable:
    """While a job module is imported, modules beside it can be imported too; afterwards `sys.path` is as it
    was."""

    def __init__(self, path: Path) -> None:
        self._folder = str(path.resolve().parent)

    def __enter__(self) -> None:
        sys.path.append(self._folder)

    def __exit__(self, *_: object) -> None:
        if self._folder in sys.path:
            del sys.path[len(sys.path) - 1 - sys.path[::-1].index(self._folder)]


def _job_files(path: Path) -> list[Path]:
    """The file itself, or a folder's modules without tests and private ones, by name."""
    if path.is_file():
        return [path]
    return sorted(
        file
        for file in path.glob("*.py")
        if not file.name.startswith(("_", "test_")) and file.name != "conftest.py"
    )


def _ready_made_files() -> list[Path]:
    spec = importlib.util.find_spec("zmigrate.ready_jobs")
    folders = (spec.submodule_search_locations if spec is not None else None) or []
    return [file for folder in folders for file in _job_files(Path(folder))]


def _jobs_of(module: ModuleType) -> Iterator[type[Job]]:
    """The job classes that a module defines itself, in its order; base classes and imported ones are not."""
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and issubclass(value, Job)
            and value.__module__ == module.__name__
            and not value._abstract
        ):
            yield value


def _broken(shown: str, error: BaseException, path: Path | None = None) -> BrokenModule:
    line = None
    if isinstance(error, SyntaxError) and error.filename:
        line = error.lineno
        if path is not None and Path(error.filename).resolve() != path.resolve():
            shown = _short(Path(error.filename))
        text = f"{type(error).__name__}: {error.msg}"
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is(frame.filename, path)]
        line = frames[-1].lineno if frames else None
        text = error.message if isinstance(error, ZmigrateError) else f"{type(error).__name__}: {error}"
    return BrokenModule(shown, line, text, error.hint if isinstance(error, ZmigrateError) else None)


def _is(filename: str, path: Path | None) -> bool:
    return path is not None and Path(filename).resolve() == path.resolve()


def _short(path: Path) -> str:
    """Relative to the current folder where it lies below it."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)
