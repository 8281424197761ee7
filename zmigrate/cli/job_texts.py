"""The texts of a new job, by its kind: the module, its test, and the files that it reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["record-job", "job", "flow"]

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

TEST = '''"""The fixtures come with zmigrate: `zoho` is a local Zoho for one test."""

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

HAND_WRITTEN = '''"""{title}: edit `run`, then try it:

    zmigrate run {job} {sample} --emulator
"""

from pathlib import Path

from zmigrate import Argument, Csv, Job, Upsert, scopes_for


class {cls}(Job):
    """{title}."""

    scopes = scopes_for(Upsert("Leads", match_on="Legacy_ID"))

    file: Path = Argument(help="CSV file to read.")

    def run(self, ctx):
        """What Zoho refuses is counted and listed by itself; a run that is killed goes on at the next row."""
        for row in ctx.each(Csv(self.file), key="id"):
            if not row["name"]:
                ctx.skip("no name")
                continue
            record = {{"Legacy_ID": row["id"], "Last_Name": row["name"], "Email": row["email"].lower()}}
            (written,) = ctx.crm.upsert("Leads", [record], match_on="Legacy_ID")
            if written.action == "created":
                ctx.log(f"new: {{row['name']}}, {{written.id}}")
'''

TEST_HAND_WRITTEN = '''"""The fixtures come with zmigrate: `zoho` is a local Zoho for one test."""

import sys
from pathlib import Path

HOME = Path(__file__).parent.parent
sys.path.insert(0, str(HOME / "jobs"))

from {module} import {cls}  # noqa: E402

SAMPLE = HOME / "{sample}"


def test_every_row_of_the_sample_is_accounted_for(zoho, run_job):
    zoho.add("Leads", [{{"Legacy_ID": "4", "Last_Name": "Groß"}}])
    result = run_job({cls}(file=SAMPLE))
    assert (result.rows.created, result.rows.updated, result.rows.skipped) == (2, 1, 1)
    (ada,) = zoho.records("Leads", Legacy_ID="1")
    assert ada["Email"] == "ada@example.com"


def test_a_run_that_is_killed_goes_on_and_creates_nothing_twice(zoho, run_job, resume_job):
    run_job({cls}(file=SAMPLE), killed_after=1)
    resume_job()
    assert len(zoho.records("Leads")) == 3
    assert zoho.created_twice("Leads", "Legacy_ID") == {{}}
'''

FLOW = '''"""{title}: edit the jobs, then try them:

    zmigrate run {job} {sample} --emulator
"""

from pathlib import Path

from zmigrate import Argument, Csv, Flow, RecordJob, Ref, Upsert, scopes_for


class {cls}Accounts(RecordJob):
    """{title}: the accounts alone."""

    write = Upsert("Accounts", match_on="Legacy_ID")
    scopes = scopes_for(write)

    file: Path = Argument(help="CSV file of accounts.")

    def source(self):
        return Csv(self.file)

    def transform(self, row):
        return {{"Legacy_ID": row["id"], "Account_Name": row["name"]}}


class {cls}Contacts(RecordJob):
    """{title}: the contacts alone."""

    write = Upsert("Contacts", match_on="Legacy_ID")
    scopes = scopes_for(write)

    file: Path = Argument(help="CSV file of contacts.")

    def source(self):
        return Csv(self.file)

    def transform(self, row):
        """A Ref is the account that was written for this key, by this run or an earlier one."""
        return {{
            "Legacy_ID": row["id"],
            "Last_Name": row["name"],
            "Account_Name": Ref("Accounts", row["account"]),
        }}


class {cls}(Flow):
    """{title}."""

    folder: Path = Argument(help="Folder with accounts.csv and contacts.csv.")

    def jobs(self):
        return [
            {cls}Accounts(file=self.folder / "accounts.csv"),
            {cls}Contacts(file=self.folder / "contacts.csv"),
        ]
'''

TEST_FLOW = '''"""The fixtures come with zmigrate: `zoho` is a local Zoho for one test."""

import sys
from pathlib import Path

HOME = Path(__file__).parent.parent
sys.path.insert(0, str(HOME / "jobs"))

from {module} import {cls}  # noqa: E402

SAMPLE = HOME / "{sample}"


def test_every_contact_has_its_account(zoho, run_job):
    result = run_job({cls}(folder=SAMPLE))
    assert result.rows.created == 5
    accounts = {{account["id"]: account["Account_Name"] for account in zoho.records("Accounts")}}
    (ada,) = zoho.records("Contacts", Last_Name="Lovelace")
    assert accounts[ada["Account_Name"]["id"]] == "Analytical Engines"
'''

ACCOUNTS = """id,name
A1,Analytical Engines
A2,Groß GmbH
"""

CONTACTS = """id,name,account
1,Lovelace,A1
2,Babbage,A1
3,Groß,A2
"""


@dataclass(frozen=True, slots=True)
class Texts:
    """The templates of one kind of job."""

    job: str
    test: str
    sample: Path
    """What the job reads: a file, or a folder of several."""
    files: dict[str, str]
    """By name, if the sample is a folder; else its only one, without a name."""


def texts_of(kind: Kind, module: str) -> Texts:
    """The templates for a new job."""
    sample = Path("samples") / module
    if kind == "flow":
        return Texts(FLOW, TEST_FLOW, sample, {"accounts.csv": ACCOUNTS, "contacts.csv": CONTACTS})
    job, test = (JOB, TEST) if kind == "record-job" else (HAND_WRITTEN, TEST_HAND_WRITTEN)
    return Texts(job, test, sample.with_suffix(".csv"), {"": SAMPLE})
