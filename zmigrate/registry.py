"""Finds and names job modules. Runs no job, and imports no module only to find another.

The first of a name wins: the path named by a person, `./jobs/*.py`, the entry-point group `zmigrate.jobs`,
the ready-made jobs. The same file found twice counts once. A file of `./jobs` can't take a ready-made job's
name: somebody working in another person's folder would run it unawares.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final

from zmigrate.errors import JobError, ZmigrateError
from zmigrate.job.author_code import ENTRY_POINT_GROUP, ready_made_folders
from zmigrate.job.job import Job, job_name
from zmigrate.job.options import nearest
from zmigrate.job_files import JobClass, read_job_file
from zmigrate.printable import LOCALE, is_unicode
from zmigrate.wording import name_of

READY_MADE: Final = "ready-made"


@dataclass(frozen=True, slots=True)
class JobEntry:
    """A job that was found. Its file is imported when its class is needed."""

    name: str
    origin: str
    """Where: a file's path, `ready-made`, or `entry point NAME`."""
    doc: str
    """The class's docstring."""
    load: Callable[[], type[Job]] = field(repr=False)
    """Imports it. Raises JobError if its file can't be imported, or has no such job."""

    @property
    def cls(self) -> type[Job]:
        return self.load()


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
        """In one line, without the example."""
        return str(self).partition("\n")[0].removesuffix(" Write it like this:")


class NotImportable(JobError):
    """A job whose module can't be imported."""

    def __init__(self, job: str, module: BrokenModule) -> None:
        super().__init__(
            f'the job "{job}" can\'t be used, because its file has an error: {module}', hint=module.hint
        )
        self.module = module


@dataclass(frozen=True, slots=True)
class Registry:
    """All jobs by name, and the modules that are known to be broken."""

    jobs: Mapping[str, JobEntry]
    broken: tuple[BrokenModule, ...]
    _faulty: Mapping[str, JobEntry] = field(default_factory=dict, repr=False)
    """Jobs that files with syntax errors seem to have, so that asking for one explains the error."""
    _modules: tuple[_ModuleOf, ...] = field(default=(), repr=False)

    def entry(self, name: str) -> JobEntry:
        """The job of this name, not imported yet. Raises JobError with the nearest name."""
        found = self.jobs.get(name) or self._faulty.get(name)
        if found is not None:
            return found
        hint = "See `zmigrate jobs` for all jobs."
        if self.broken:
            others = "; ".join(module.in_short for module in self.broken)
            hint = f"These could not be read or imported: {others}"
        raise JobError(f'there is no job called "{name}".{nearest(name, self.jobs)}', hint=hint)

    def get(self, name: str) -> type[Job]:
        """The job's class. Raises JobError if there is none, or if its file can't be imported."""
        return self.entry(name).cls

    def imported(self) -> Registry:
        """The registry after importing every file: the jobs that can run, and the broken modules."""
        usable = {}
        broken = [*self.broken, *(found for module in self._modules if (found := module.fault) is not None)]
        for name, entry in self.jobs.items():
            try:
                entry.load()
            except NotImportable:
                continue  # the modules have it
            except JobError as error:
                message = error.message.removeprefix(f"{entry.origin} ").removeprefix(f"{entry.origin}: ")
                broken.append(BrokenModule(entry.origin, None, message, error.hint))
            else:
                usable[name] = entry
        return Registry(MappingProxyType(usable), tuple(broken), self._faulty)


def discover(jobs_path: Path | None = None, folder: Path | None = None) -> Registry:
    """Find all jobs. `jobs_path`: a file or folder named by the person; `folder`: the current one.

    Imports entry points, which somebody installed, and nothing else. Raises JobError if `jobs_path` does not
    exist.
    """
    finder = _Finder()
    if jobs_path is not None:
        if not jobs_path.exists():
            raise JobError(f"{jobs_path}: there is no such file or folder of jobs.")
        if not jobs_path.is_file() and not jobs_path.is_dir():
            raise JobError(f"{jobs_path} is a pipe or a device, not a file or folder of jobs.")
        finder.add_files(_job_files(jobs_path))
    finder.add_folder((folder or Path.cwd()) / "jobs")
    finder.add_entry_points()
    finder.add_files(_ready_made_files(), origin=READY_MADE)
    return Registry(MappingProxyType(finder.jobs), tuple(finder.broken), finder.faulty, tuple(finder.modules))


def is_ready_made(path: Path) -> bool:
    """Whether this is the file of a ready-made job."""
    return path.resolve() in {file.resolve() for file in _ready_made_files()}


class _Finder:
    """Collects jobs in order; the first of a name stays."""

    def __init__(self) -> None:
        self.jobs: dict[str, JobEntry] = {}
        self.faulty: dict[str, JobEntry] = {}
        self.modules: list[_ModuleOf] = []
        self.broken: list[BrokenModule] = []
        self._seen: set[Path] = set()

    def add_folder(self, folder: Path) -> None:
        """Add the folder's files, which nobody named."""
        try:
            list(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self.broken.append(BrokenModule(_short(folder), None, f"it can't be read: {error.strerror}"))
            return
        self.add_files(_job_files(folder), by_itself=True)

    def add_files(self, files: Iterable[Path], origin: str | None = None, *, by_itself: bool = False) -> None:
        """Add files. `by_itself`: nobody named them; they are in the current folder."""
        for path in files:
            # Asked in this order: in an editable install the copy is the ready-made file itself.
            if (by_itself and _is_copy_of_ready_made(path)) or not self._is_new(path):
                continue
            found = read_job_file(path)
            module = _ModuleOf(path)
            if found.fault is None:
                self.modules.append(module)
            else:
                self.broken.append(_broken(_short(path), found.fault, path))
            for each in found.classes:
                taken = by_itself and each.job in ready_made_names()
                load = _refuse(each, path) if taken else module.loader(each)
                entry = JobEntry(each.job, origin or _short(path), each.doc, load)
                (self.jobs if found.fault is None else self.faulty).setdefault(each.job, entry)

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
                    self._add_classes(_jobs_of(loaded), f"entry point {point.name}")
            elif isinstance(loaded, type) and issubclass(loaded, Job):
                if file is None or Path(file).resolve() not in self._seen:
                    self._add_classes([loaded], f"entry point {point.name}")
            else:
                shown = f"entry point {point.name} ({point.value})"
                self.broken.append(BrokenModule(shown, None, "neither a module nor a job class"))

    def _is_new(self, path: Path) -> bool:
        real = path.resolve()
        if real in self._seen:
            return False
        self._seen.add(real)
        return True

    def _add_classes(self, classes: Iterable[type[Job]], origin: str) -> None:
        for cls in classes:
            entry = JobEntry(job_name(cls), origin, cls.__doc__ or "", partial(_itself, cls))
            self.jobs.setdefault(entry.name, entry)


def _itself(cls: type[Job]) -> type[Job]:
    return cls


class _ModuleOf:
    """The module of a file, imported once, when one of its jobs is needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._module: ModuleType | BrokenModule | None = None

    @property
    def fault(self) -> BrokenModule | None:
        """Why it can't be imported. None if it can."""
        found = self._imported()
        return found if isinstance(found, BrokenModule) else None

    def _imported(self) -> ModuleType | BrokenModule:
        if self._module is None:
            self._module = _import_file(self._path)
        return self._module

    def loader(self, found: JobClass) -> Callable[[], type[Job]]:
        """A function that returns the class itself. It raises JobError."""

        def load() -> type[Job]:
            module = self._imported()
            if isinstance(module, BrokenModule):
                raise NotImportable(found.job, module)
            cls = next((cls for cls in _jobs_of(module) if cls.__name__ == found.name), None)
            if cls is None:
                raise JobError(f"{_short(self._path)}: the class {found.name} is not a job.")
            return cls

        return load


def _refuse(found: JobClass, path: Path) -> Callable[[], type[Job]]:
    def load() -> type[Job]:
        raise JobError(
            f'{_short(path)} has a job called "{found.job}", and a ready-made job has that name.',
            hint=f"To use the ready-made one, rename the class {found.name}, or move its file away. "
            f"To use that file, if you trust it: --jobs {_short(path)}",
        )

    return load


def _import_file(path: Path) -> ModuleType | BrokenModule:
    if not is_unicode(str(path.resolve())):
        return BrokenModule(_short(path), None, f"its path is not UTF-8. Rename it. {LOCALE}")
    name = f"zmigrate_job_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        return BrokenModule(_short(path), None, "not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # annotations are read through it
    try:
        with _siblings_importable(path):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        return _broken(_short(path), error, path)
    return module


class _siblings_importable:
    """Lets a job module import modules beside it. Afterwards `sys.path` is as before."""

    def __init__(self, path: Path) -> None:
        self._folder = str(path.resolve().parent)

    def __enter__(self) -> None:
        sys.path.append(self._folder)

    def __exit__(self, *_: object) -> None:
        if self._folder in sys.path:
            del sys.path[len(sys.path) - 1 - sys.path[::-1].index(self._folder)]


def _job_files(path: Path) -> list[Path]:
    """The file itself, or a folder's modules by name, without tests and private ones."""
    if path.is_file():
        return [path]
    return sorted(
        file
        for file in path.glob("*.py")
        if not file.name.startswith(("_", ".", "test_")) and file.name != "conftest.py"
    )


@cache
def _ready_made_files() -> list[Path]:
    return [file for folder in ready_made_folders() for file in _job_files(folder)]


@cache
def ready_made_names() -> frozenset[str]:
    """The names of the jobs that come with zmigrate."""
    return frozenset(each.job for file in _ready_made_files() for each in read_job_file(file).classes)


def _is_copy_of_ready_made(path: Path) -> bool:
    """Whether this is a clone of zmigrate beside an installed one: `./jobs` has the ready-made jobs."""
    twin = next((file for file in _ready_made_files() if file.name == path.name), None)
    try:
        return twin is not None and twin.read_bytes() == path.read_bytes()
    except OSError:
        return False


def _jobs_of(module: ModuleType) -> Iterator[type[Job]]:
    """The job classes that a module itself defines, in its order, without base classes and imported ones."""
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
    if isinstance(error, SyntaxError) and (error.filename or path is not None):
        line = error.lineno
        elsewhere = Path(error.filename or "")
        if path is not None and elsewhere.is_file() and elsewhere.resolve() != path.resolve():
            shown = _short(elsewhere)
        text = f"{type(error).__name__}: {error.msg}"
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is(frame.filename, path)]
        line = frames[-1].lineno if frames else None
        text = error.message if isinstance(error, ZmigrateError) else name_of(error)
    return BrokenModule(shown, line, text, error.hint if isinstance(error, ZmigrateError) else None)


def _is(filename: str, path: Path | None) -> bool:
    return path is not None and Path(filename).resolve() == path.resolve()


def _short(path: Path) -> str:
    """The path, relative to the current folder if it is below it."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)
