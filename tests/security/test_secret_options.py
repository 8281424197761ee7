"""The value of a secret option reaches no file and no screen, whatever the author's code says of it."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests.cli.conftest import credentials, emulator, folder, zmigrate  # noqa: F401  fixtures
from zmigrate.zoho.redaction import Redactor

SECRET = "hünter 2/ß+'x"
HEAD = """import base64
from urllib.parse import quote, quote_plus
from zmigrate import Csv, Flow, Insert, Job, Option, RecordJob, Skip, scopes_for

class Load(RecordJob):
    '''Load.'''
    write = Insert("Leads")
    scopes = scopes_for(write)
    columns = {"name": "Last_Name"}
    password: str = Option(secret=True, env="OLD_PASSWORD", help="Password.")
    def source(self):
        return Csv("leads.csv")
    def forms(self):
        basic = base64.b64encode(f"admin:{self.password}".encode()).decode()
        url = f"https://admin:{quote(self.password, safe='')}@old.example/?p={quote_plus(self.password)}"
        return f"login {self.password} {self.password!r} Basic {basic} {url} failed"

class ByHand(Job, abstract=True):
    scopes = ('ZohoCRM.modules.leads.ALL',)
    password: str = Option(secret=True, env="OLD_PASSWORD", help="Password.")
    forms = Load.forms

"""
RECORD = "class Mine(Load):\n    '''M.'''\n"
HAND = "class Mine(ByHand):\n    '''M.'''\n    def run(self, ctx):\n"
CASES = {
    "check": RECORD + "    def check(self):\n        raise ValueError(self.forms())\n",
    "check breaks": RECORD + "    def check(self):\n        raise RuntimeError(self.forms())\n",
    "source": RECORD + "    def source(self):\n        raise ValueError(self.forms())\n",
    "source breaks": RECORD + "    def source(self):\n        raise RuntimeError(self.forms())\n",
    "property": RECORD + "    @property\n    def users(self):\n        raise RuntimeError(self.forms())\n",
    "chain": RECORD + "    def source(self):\n        try:\n            raise KeyError(self.forms())\n"
    "        except KeyError as error:\n            raise RuntimeError('no login') from error\n",
    "transform": RECORD + "    def transform(self, row):\n        raise RuntimeError(self.forms())\n",
    "field": RECORD + "    def transform(self, row):\n"
    "        return {'Last_Name': 'Ada', 'Company': 'x', 'Lead_Source': self.password}\n",
    "skip": RECORD + "    def transform(self, row):\n        raise Skip(self.forms())\n",
    "run": HAND + "        raise RuntimeError(self.forms())\n",
    "run in an item": HAND + "        for item in ctx.each([{'id': 1}]):\n"
    "            ctx.crm.post('/crm/v8/Leads', json={'data': [{'Last_Name': 'Ada'}]})\n"
    "            raise RuntimeError(self.forms())\n",
    "log": HAND + "        for say in (ctx.log, ctx.fail, ctx.skip):\n            say(self.forms())\n",
    "call": HAND + "        ctx.crm.post('/crm/v8/Leads/' + self.password, json={'data': [{}]})\n",
    "flow": RECORD + "    def transform(self, row):\n        raise RuntimeError(self.forms())\n\n"
    "class Other(Flow):\n    '''O.'''\n"
    "    password: str = Option(secret=True, env='OLD_PASSWORD', help='P.')\n"
    "    forms = Load.forms\n"
    "    def jobs(self):\n        return [Mine(password=self.password)]\n",
    "jobs of a flow": "class Mine(Flow):\n    '''M.'''\n"
    "    password: str = Option(secret=True, env='OLD_PASSWORD', help='P.')\n"
    "    forms = Load.forms\n    def jobs(self):\n        raise RuntimeError(self.forms())\n",
}


def tells(text: str) -> list[str]:
    """The forms of the secret that a text has."""
    forms = [SECRET, repr(SECRET)[1:-1], quote(SECRET, safe=""), quote_plus(SECRET), quote(SECRET)]
    forms += [SECRET.encode("unicode_escape").decode(), SECRET.split("/", maxsplit=1)[0]]
    for user in ("", "a", "ad", "admin:"):
        forms.append(base64.b64encode(f"{user}{SECRET}".encode()).decode()[8:20])
    return [form for form in forms if form in text]


@pytest.mark.parametrize("command", [("plan",), ("run",), ("run", "-v"), ("run", "--json")])
@pytest.mark.parametrize("case", CASES)
def test_no_file_and_no_screen_has_the_value_of_a_secret_option(
    zmigrate,  # noqa: F811
    folder: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    case: str,
    command: tuple[str, ...],
) -> None:
    if command == ("plan",) and CASES[case].startswith(HAND):
        pytest.skip("a hand-written job has no plan")
    monkeypatch.setenv("OLD_PASSWORD", SECRET)
    request.getfixturevalue("credentials")
    (folder / "jobs").mkdir()
    (folder / "leads.csv").write_text("name\nAda\n")
    (folder / "jobs" / "mine.py").write_text(HEAD + CASES[case])
    job = "other" if case == "flow" else "mine"
    done = zmigrate(command[0], job, *command[1:])
    shown = done.out + done.err + (zmigrate("report", "last").out if command == ("run",) else "")
    assert tells(shown) == []
    files = [path for path in (folder / ".zmigrate").rglob("*") if path.is_file()]
    for path in files:
        assert tells(path.read_bytes().decode("utf-8", "replace")) == [], path
    kept = "".join(path.read_bytes().decode("utf-8", "replace") for path in files)
    assert "***" in shown + kept or case == "call"


def test_an_uncaught_error_of_the_library_shows_the_authors_line_and_no_secret(tmp_path: Path) -> None:
    import subprocess

    script = HEAD + CASES["chain"] + "\nfrom zmigrate import run\n"
    script += f"run(Mine(password={SECRET!r}), emulator=True)\n"
    (tmp_path / "leads.csv").write_text("name\nAda\n")
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "RuntimeError: no login" in done.stderr
    assert tells(done.stderr.replace(f"password={SECRET!r}", "")) == []


@pytest.mark.parametrize("secret", ["s3c", "hunter2", "pässwörd", "a b&c=d", 'quo"te\\', "x" * 200])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_secret_is_found_in_base64_wherever_it_begins(secret: str, encoding: str) -> None:
    hidden = Redactor()
    hidden.add_for_people(secret)
    assert hidden.redacted_text(f"is {secret}.") == "is ***."
    assert hidden.redacted_text(f"is {quote_plus(secret)}.") == "is ***."
    assert hidden.redacted_text(f"is {secret.encode()!r}.") == "is b'***'."
    for user in ("", "u", "us", "use", "user"):
        wrapped = base64.b64encode(f"{user}:{secret}".encode(encoding)).decode()
        for text in (wrapped, wrapped.translate(str.maketrans("+/", "-_"))):
            told = hidden.redacted_text(f"Authorization: Basic {text}, refused")
            assert told == "Authorization: Basic ***, refused" or len(secret) < 4


def test_a_short_secret_is_hidden_as_a_word_and_other_words_stay() -> None:
    hidden = Redactor()
    hidden.add_for_people("ab")
    assert hidden.redacted_text("login ab failed: about") == "login *** failed: about"


def test_a_secret_that_is_part_of_another_leaves_no_rest() -> None:
    hidden = Redactor()
    for secret in ("hunter", "hunter2-admin"):
        hidden.add_for_people(secret)
    assert hidden.redacted_text("hunter2-admin and hunter") == "*** and ***"
