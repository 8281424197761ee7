"""What `zmigrate new NAME` writes: a job module that runs at once, its test, and a small CSV file."""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from zmigrate.cli.app import COMMANDS
from zmigrate.cli.job_texts import Kind, texts_of
from zmigrate.errors import UsageError
from zmigrate.job.job import name_of_job
from zmigrate.private_files import is_device, write_new_shared
from zmigrate.registry import ready_made_names

NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*\Z")

TAKEN = frozenset({"zmigrate", "pytest"})
TEMPLATE_NAMES = frozenset({"Argument", "Csv", "Flow", "Job", "Path", "RecordJob", "Ref", "Skip", "Upsert"})


@dataclass(frozen=True, slots=True)
class Scaffold:
    """The files that were written, relative to the folder."""

    job: str
    files: tuple[Path, ...]
    sample: Path
    test: Path


def write_scaffold(name: str, folder: Path, kind: Kind = "record-job") -> Scaffold:
    """Write a job module, its test and a sample. Overwrites nothing. Raises UsageError."""
    check_name(name)
    module = name.replace("-", "_")
    title = module.replace("_", " ").capitalize()
    cls = class_name(name)
    job = name_of_job(cls)
    made = texts_of(kind, module)
    test = Path("tests") / f"test_{module}.py"
    words = {"title": title, "job": job, "module": module, "cls": cls, "sample": made.sample.as_posix()}
    texts = {Path("jobs") / f"{module}.py": made.job.format(**words), test: made.test.format(**words)}
    texts |= {made.sample / file: text for file, text in made.files.items()}
    for path in texts:
        if (folder / path).exists():
            raise UsageError(f"{path} exists already", hint="choose another name, or move that file away")
    for path, text in texts.items():
        write_new(folder / path, text)
    return Scaffold(job, tuple(texts), made.sample, test)


def check_name(name: str) -> None:
    """Raise UsageError unless the name can be a module and a command."""
    if not NAME.match(name):
        raise UsageError(
            f"{name!r} can't be a job's name",
            hint="small letters and digits, words joined by hyphens, a letter first: import-customers",
        )
    if is_device(name):
        raise UsageError(f"{name!r} is a device on Windows", hint=f"add a word to it: import-{name}")
    if name in COMMANDS:
        raise UsageError(f"{name!r} is the name of a command", hint=f"add a word to it: {name}-customers")
    if name in ready_made_names():
        raise UsageError(f"{name!r} is a ready-made job", hint=f"add a word to it: {name}-customers")
    module = name.replace("-", "_")
    if (
        keyword.iskeyword(module)
        or module in sys.stdlib_module_names | TAKEN
        or class_name(name) in TEMPLATE_NAMES
    ):
        raise UsageError(
            f"{name!r} is a name of Python or zmigrate", hint="add a word to it: import-customers"
        )


def class_name(name: str) -> str:
    """`ImportCustomers` for import-customers."""
    return "".join(part.capitalize() for part in re.split("[-_]", name))


def write_new(path: Path, text: str) -> None:
    """Write a file that does not exist yet."""
    try:
        write_new_shared(path, text)
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}") from None
