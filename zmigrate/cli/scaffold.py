"""What `zmigrate new NAME` writes: a job module that runs at once, its test, and a small CSV file."""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from zmigrate.cli.app import COMMANDS
from zmigrate.errors import UsageError
from zmigrate.job.job import name_of_job
from zmigrate.private_files import is_device, write_new_shared
from zmigrate.registry import ready_made_names

NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*\Z")

TAKEN = frozenset({"zmigrate", "pytest"})
TEMPLATE_NAMES = frozenset({"Argument", "Csv", "Path", "RecordJob", "Skip", "Upsert"})

JOB = '''"""{title}: edit `transform`, then try it:

    zmigrate run {job} {sample} --emulator
"""

from pathlib import Path

from zmigrate import Argument, Csv, RecordJob, Skip, Upsert, scopes_for


class {cls}(RecordJob):
    """{title}."""

    write = Upsert("Leads", match_on="Legacy_ID")
    scopes = scopes_for(write)

    file: Path = Argument(help="CSV file to read.")

    def source(self):
        return Csv(self.file)

    def transform(self, row):
        """One row of the file becomes one record; raise Skip to leave a row out."""
        if not row["name"]:
            raise Skip("no name")
        return {{
            "Legacy_ID": row["id"],
            "Last_Name": row["name"],
            "Email": row["email"].lower(),
            "Company": row["company"],
        }}
'''

TEST = '''"""The fixtures come with zmigrate: `zoho` is a local Zoho for one test, where the others work."""

import sys
from pathlib import Path

HOME = Path(__file__).parent.parent
sys.path.insert(0, str(HOME / "jobs"))

from {module} import {cls}  # noqa: E402

SAMPLE = HOME / "{sample}"


def test_a_row_becomes_a_record():
    row = {{"id": "7", "name": "Noor", "email": "Noor@Example.com", "company": "Acme"}}
    assert {cls}(file=SAMPLE).transform(row)["Email"] == "noor@example.com"


def test_every_row_of_the_sample_is_accounted_for(zoho, run_job):
    zoho.add("Leads", [{{"Legacy_ID": "4", "Last_Name": "Groß"}}])
    result = run_job({cls}(file=SAMPLE))
    assert [row.action for row in result.outcomes] == ["created", "created", "skipped", "updated"]
    assert result.outcomes.at_line(4).reasons[0].message == "no name"
    (ada,) = zoho.records("Leads", Legacy_ID="1")
    assert ada["Email"] == "ada@example.com"


def test_a_run_that_is_killed_goes_on_and_creates_nothing_twice(zoho, run_job, resume_job):
    run_job({cls}(file=SAMPLE), killed_after=1)
    assert resume_job().rows.created == 3
    assert zoho.created_twice("Leads", "Legacy_ID") == {{}}
'''

SAMPLE = """id,name,email,company
1,Ada Lovelace,Ada@example.com,Analytical Engines
2,"Zoë O'Brien",zoe@example.com,"Brien, Sons & Co"
3,,nobody@example.com,Nameless Ltd
4,Jürgen Groß,juergen@example.com,Groß GmbH
"""


@dataclass(frozen=True, slots=True)
class Scaffold:
    """The files that were written, relative to the folder."""

    job: str
    files: tuple[Path, ...]
    sample: Path
    test: Path


def write_scaffold(name: str, folder: Path) -> Scaffold:
    """Write a job module, its test and a sample. Overwrites nothing. Raises UsageError."""
    check_name(name)
    module = name.replace("-", "_")
    title = module.replace("_", " ").capitalize()
    cls = class_name(name)
    job = name_of_job(cls)
    sample = Path("samples") / f"{module}.csv"
    test = Path("tests") / f"test_{module}.py"
    words = {"title": title, "job": job, "module": module, "cls": cls, "sample": sample.as_posix()}
    texts = {Path("jobs") / f"{module}.py": JOB.format(**words), test: TEST.format(**words), sample: SAMPLE}
    for path in texts:
        if (folder / path).exists():
            raise UsageError(f"{path} exists already", hint="choose another name, or move that file away")
    for path, text in texts.items():
        write_new(folder / path, text)
    return Scaffold(job, tuple(texts), sample, test)


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
