"""An exception of an author's code is told as such, with its file and line, and is no fault of zmigrate's."""

from __future__ import annotations

import json

import pytest

HEAD = """from pathlib import Path
from zmigrate import Argument, Csv, Flow, Insert, Job, Option, Query, RecordJob, Upsert, scopes_for

class Load(RecordJob):
    '''Load.'''
    write = Insert("Leads")
    scopes = scopes_for(write)
    columns = {"name": "Last_Name"}
    def source(self):
        return Csv("leads.csv")
"""

RECORD_JOBS = {
    "source": "    def source(self):\n        return boom()\n",
    "write": "    scopes = ('ZohoCRM.modules.leads.ALL',)\n"
    "    @property\n    def write(self):\n        boom()\n",
    "scopes": "    @property\n    def scopes(self):\n        boom()\n",
    "columns": "    @property\n    def columns(self):\n        boom()\n",
    "formats": "    @property\n    def formats(self):\n        boom()\n",
    "users": "    @property\n    def users(self):\n        boom()\n",
    "reads": "    @property\n    def reads(self):\n        boom()\n",
    "refers_to": "    def transform(self, row):\n        return row\n"
    "    @property\n    def refers_to(self):\n        boom()\n",
    "check": "    def check(self):\n        boom()\n",
    "rows of a source": "    def source(self):\n"
    "        class Mine(Csv):\n            def scan(self, keys=None):\n                boom()\n"
    "        return Mine('leads.csv')\n",
}

BOOM = "def boom():\n    raise RuntimeError('boom')\n\n"


@pytest.fixture
def module(folder):
    (folder / "jobs").mkdir()
    (folder / "leads.csv").write_text("name\nAda\n")

    def write(text):
        (folder / "jobs" / "mine.py").write_text(HEAD + BOOM + text)

    return write


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize("part", RECORD_JOBS)
def test_an_exception_in_any_part_of_a_record_job_names_its_line(zmigrate, folder, module, part, command):
    if (part, command) == ("reads", "plan"):
        pytest.skip("a plan does not keep what the job reads")
    module(f"class Mine(Load):\n    '''Mine.'''\n{RECORD_JOBS[part]}")
    done = zmigrate(command, "mine", "--emulator", "--json")
    assert done.code == 2, done.err
    assert "error: jobs/mine.py:12: the job's code raised RuntimeError: boom\n" in done.err
    assert "fault of zmigrate" not in done.err
    assert json.loads(done.out)["error"]["code"] == "JOB_FAILED"
    kept = done.err.partition("The traceback is in ")[2].split()[0].rstrip(".")
    text = (folder / kept.removesuffix(".")).read_text()
    assert "in boom" in text or "RuntimeError: boom" in text


@pytest.mark.parametrize("command", ["plan", "run"])
def test_an_exception_in_the_jobs_of_a_flow_names_its_line(zmigrate, module, command):
    module("class Mine(Flow):\n    '''Mine.'''\n    def jobs(self):\n        yield Load()\n        boom()\n")
    done = zmigrate(command, "mine", "--emulator")
    assert done.code == 2
    assert "jobs/mine.py:12: the job's code raised RuntimeError: boom" in done.err


def test_an_exception_in_run_names_its_line_and_the_run_goes_on_once_the_job_is_corrected(
    zmigrate, module, credentials
):
    text = (
        "class Mine(Job):\n    '''Mine.'''\n    scopes = ('ZohoCRM.modules.leads.ALL',)\n"
        "    def run(self, ctx):\n        for item in ctx.each([{'id': 'a'}, {'id': 'b'}]):\n"
        "            if item['id'] == 'b':\n                BOOM\n"
    )
    module(text.replace("BOOM", "boom()"))
    done = zmigrate("run", "mine", "--json")
    assert done.code == 2
    assert "jobs/mine.py:12: the job's code raised RuntimeError: boom" in done.err
    said = json.loads(done.out)
    assert (said["state"], said["rows"]["unchanged"], said["error"]["code"]) == ("broken", 1, "JOB_FAILED")
    assert "run.log" in said["error"]["hint"]
    module(text.replace("BOOM", "pass"))
    assert zmigrate("resume", "last").code == 0


def test_a_call_of_zmigrate_that_the_author_got_wrong_names_the_authors_line(zmigrate, module):
    module("class Mine(Load):\n    '''Mine.'''\n    def source(self):\n        return Csv(None)\n")
    done = zmigrate("run", "mine", "--emulator")
    assert done.code == 2
    assert "jobs/mine.py:17: the job's code raised TypeError" in done.err
    assert "in a call of zmigrate" in done.err


def test_a_value_error_has_the_authors_words_and_a_hint_where_it_was_raised(zmigrate, module):
    module(
        "class Mine(Load):\n    '''M.'''\n    def source(self):\n        raise ValueError('no such year')\n"
    )
    done = zmigrate("run", "mine", "--emulator")
    assert done.code == 2
    assert "error: mine: no such year\nhint: This was raised in jobs/mine.py:17." in done.err


def test_the_list_of_jobs_names_the_line_of_a_module_that_fails(zmigrate, folder, module):
    module("")
    (folder / "jobs" / "bad.py").write_text("import json\nx = json.loads('{')\n")
    done = zmigrate("jobs")
    assert done.code == 0
    assert "jobs/bad.py:2: JSONDecodeError" in done.err
    assert "load" in done.out


def test_a_job_whose_class_attributes_are_odd_does_not_break_the_list(zmigrate, module):
    module(
        "class Odd(Load):\n    '''Odd.'''\n    def write(self):\n        return Insert('Leads')\n"
        "    scopes = ('ZohoCRM.modules.leads.ALL',)\n"
    )
    for words in (["jobs"], ["jobs", "--json"]):
        done = zmigrate(*words)
        assert done.code == 0
        assert "jobs/mine.py:14: the `write` of Odd is" in done.err


# -- plain attributes -------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["plan", "run"])
def test_source_and_jobs_may_be_plain_attributes(zmigrate, module, command):
    module(
        "class Mine(Load):\n    '''Mine.'''\n    source = Csv('leads.csv')\n\n"
        "class Both(Flow):\n    '''Both.'''\n    jobs = [Mine, Load()]\n\n"
        "class Backfill(RecordJob):\n    '''Backfill.'''\n    write = Insert('Contacts')\n"
        "    source = Query('select id, Last_Name from Leads where Last_Name is not null')\n"
        "    scopes = scopes_for(write, source)\n    columns = {'Last_Name': 'Last_Name'}\n"
    )
    for job, created in (("mine", 1), ("both", 2), ("backfill", 0)):
        done = zmigrate(command, job, "--emulator", "--json")
        assert done.code == 0, done.err
        said = json.loads(done.out)
        if command == "run":
            assert said["rows"]["created"] == created


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("[Counts()]", "gave Counts"),
        ("[Counts]", "gave the class Counts"),
        ("['load']", "gave str"),
        ("Load", "gave the class Load"),
        ("None", "gave None"),
        ("[Needs]", "gave the class Needs, which needs `file`"),
    ],
)
def test_a_flow_says_what_may_be_in_it(zmigrate, module, given, said):
    module(
        "class Counts(Job):\n    '''C.'''\n    scopes = ('ZohoCRM.modules.leads.ALL',)\n"
        "    def run(self, ctx): pass\n\n"
        "class Needs(Load):\n    '''N.'''\n    file: Path = Argument()\n\n"
        f"class Mine(Flow):\n    '''Mine.'''\n    jobs = {given}\n"
    )
    done = zmigrate("run", "mine", "--emulator")
    assert done.code == 2
    assert said in done.err
    assert (
        "Needs(file=...)" in done.err if "needs" in said else "Give record jobs with their values" in done.err
    )


# -- declarations of another shape ------------------------------------------------------------------

OWN = "    def transform(self, row):\n        return {'Last_Name': row['name']}\n"

MISTAKES = {
    "source gives nothing": (
        "    def source(self):\n        pass\n",
        ("gave None", "lack a `return`", "Csv(self.file)", "a list of dicts", "Rows(...)"),
    ),
    "source gives a number": ("    def source(self):\n        return 5\n", ("gave int", "Csv(self.file)")),
    "source gives a path": ("    source = 'leads.csv'\n", ("gave str", "Csv(self.file)")),
    "source gives bytes": ("    source = b'name'\n", ("gave bytes", "Csv(self.file)")),
    "source is a class": ("    source = Csv\n", ("gave the class Csv", "Csv(self.file)")),
    "source without self": ("    def source():\n        return []\n", ("`def source(self)`",)),
    "source with more": ("    def source(self, file):\n        return []\n", ("`def source(self)`",)),
    "transform without a row": (
        "    def transform(self):\n        return {}\n",
        ("`def transform(self, row)`",),
    ),
    "check with more": ("    def check(self, file):\n        pass\n", ("`def check(self)`",)),
    "static transform": (
        "    @staticmethod\n    def transform(self, row):\n        return {}\n",
        ("`transform` of Mine",),
    ),
    "columns as a list": ("    columns = ['name']\n", ("`columns` of Mine", "{")),
    "columns as a text": (
        "    @property\n    def columns(self):\n        return 'name'\n",
        ("`columns` of Mine", "{"),
    ),
    "formats as a class": ("    formats = Formats\n" + OWN, ("`formats` of Mine", "Formats(")),
    "formats as a dict": (
        "    @property\n    def formats(self):\n        return {}\n" + OWN,
        ("`formats` of Mine", "Formats("),
    ),
    "users as a class": ("    users = Users\n" + OWN, ("`users` of Mine", "Users(")),
    "refers_to as a text": ("    refers_to = 'Accounts'\n" + OWN, ("`refers_to` of Mine", '("Accounts",)')),
    "refers_to as a generator": (
        "    refers_to = (each for each in ['Accounts'])\n" + OWN,
        ("`refers_to` of Mine", '("Accounts",)'),
    ),
    "refers_to as a Find": (
        "    refers_to = [Find('Accounts')]\n" + OWN,
        ("`refers_to` of Mine", '("Accounts",)'),
    ),
    "reads as a text": ("    reads = 'rules.toml'\n" + OWN, ("`reads` of Mine", "Path(")),
    "rows of no function": ("    source = Rows(lambda: None)\n" + OWN, ("gave None", "Rows([")),
    "rows of a class": ("    source = Rows(Csv)\n" + OWN, ("the class Csv", "Rows([")),
    "a column without a name": ("    source = [{'name': 'Ada', 7: 1}]\n" + OWN, ("row 1 has a column 7",)),
}


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize("mistake", list(MISTAKES))
def test_what_a_job_declares_in_another_shape_is_told_with_the_right_one(zmigrate, module, mistake, command):
    text, said = MISTAKES[mistake]
    module(f"from zmigrate import Find, Formats, Rows, Users\nclass Mine(Load):\n    '''Mine.'''\n{text}")
    done = zmigrate(command, "mine", "--emulator")
    copying = mistake == "rows of no function" and command == "run"  # found out by the run's copy of the rows
    assert done.code == (4 if copying else 2), done.err
    for words in said:
        assert words in done.err


def test_methods_that_take_more_than_they_get_are_called(zmigrate, module):
    module(
        "from functools import wraps\n"
        "def logged(code):\n    @wraps(code)\n    def inner(self, row):\n"
        "        return code(self, row, 'x')\n"
        "    return inner\n\n"
        "class Mine(Load):\n    '''Mine.'''\n    @staticmethod\n    def source(*more, file='leads.csv'):\n"
        "        return Csv(file)\n    @logged\n    def transform(self, row, more):\n"
        "        return {'Last_Name': more}\n    @classmethod\n    def check(cls):\n        pass\n"
    )
    done = zmigrate("run", "mine", "--emulator", "--json")
    assert json.loads(done.out)["rows"]["created"] == 1, done.err


def test_a_loop_over_a_class_is_told_as_such(zmigrate, module):
    module(
        "class Mine(Job):\n    '''M.'''\n    scopes = ('ZohoCRM.modules.leads.ALL',)\n"
        "    def run(self, ctx):\n        for row in ctx.each(Csv):\n            pass\n"
    )
    assert "ctx.each was given the class Csv, which has no items" in zmigrate("run", "mine", "--emulator").err
