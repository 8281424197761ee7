"""One `git add .` away: neither secrets nor what customers have entrusted may go along with it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.rows.proposal.test_propose import USERS, column, proposed, text_of
from tests.support import thorough
from zmigrate.cli import main
from zmigrate.cli.git_ignore import keep_from_git
from zmigrate.emulator import Emulator
from zmigrate.state_folders import private_folder

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

PERSONAL = ("Ada Lovelace", "ada@example.com", "+49 30 123456", "Old Timer", "1,234", "n/a")


def git(folder: Path, *words: str) -> str:
    named = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    done = subprocess.run(
        ["git", "-C", str(folder), *named, *words], capture_output=True, text=True, check=True
    )
    return done.stdout


def committed(folder: Path) -> list[str]:
    """What git would take with `git add .`."""
    git(folder, "add", ".")
    return sorted(git(folder, "diff", "--cached", "--name-only").split())


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    return tmp_path


# -- the state folder -------------------------------------------------------------------------------


@needs_git
@pytest.mark.parametrize("name", [".zmigrate", "state", "deep/er/state"])
def test_git_takes_nothing_of_a_state_folder_whatever_its_name(name: str, repository: Path) -> None:
    state = repository / name
    runs = private_folder(state / "runs", state)
    (runs / "run.json").write_text("{}")
    assert committed(repository) == []


@needs_git
def test_a_state_folder_of_an_earlier_version_is_kept_from_git_too(repository: Path) -> None:
    state = repository / ".zmigrate"
    (state / "runs" / "one").mkdir(parents=True)
    (state / "runs" / "one" / "run.json").write_text("{}")
    private_folder(state / "runs", state)
    assert committed(repository) == []


@needs_git
def test_in_a_folder_that_holds_other_things_too_git_is_left_alone(repository: Path) -> None:
    (repository / "job.py").write_text("")
    private_folder(repository / "tokens", repository)
    assert committed(repository) == ["job.py"]
    assert not (repository / ".gitignore").exists()


def test_a_gitignore_of_the_users_own_stays(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("!runs\n")
    private_folder(tmp_path / "runs", tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "!runs\n"


# -- .env ------------------------------------------------------------------------------------------


@needs_git
@pytest.mark.parametrize(
    "before",
    [None, "", "*.pyc\n", "*.pyc", "a\r\nb\r\n", "# .env\n", ".env\n!.env\n", "/other/.env\n", "[ab\n"],
)
def test_env_is_ignored_and_the_rest_of_gitignore_stays(before: str | None, repository: Path) -> None:
    place = repository / ".gitignore"
    if before is not None:
        place.write_bytes(before.encode())
        place.chmod(0o644)
    (repository / ".env").write_text("SECRET=1")
    (said,) = keep_from_git(repository / ".env")
    assert said.startswith(".env was added to .gitignore")
    assert committed(repository) == [".gitignore"]
    assert place.read_bytes().startswith((before or "").encode())
    if before is not None:
        assert stat.S_IMODE(place.stat().st_mode) == 0o644
    assert list(keep_from_git(repository / ".env")) == []  # once is enough


@needs_git
@pytest.mark.parametrize("before", [".env\n", "/.env\n", ".env*\n", "**/.env\n", "!.env\n.env  \n", "*\n"])
def test_env_that_is_ignored_already_changes_nothing(before: str, repository: Path) -> None:
    (repository / ".gitignore").write_text(before)
    assert list(keep_from_git(repository / ".env")) == []
    assert (repository / ".gitignore").read_text() == before
    assert git(repository, "check-ignore", ".env") == ".env\n"


@needs_git
def test_the_repository_may_begin_further_up(repository: Path) -> None:
    below = repository / "jobs" / "old crm"
    below.mkdir(parents=True)
    (below / ".env").write_text("SECRET=1")
    assert len(list(keep_from_git(below / ".env"))) == 1
    assert not any(name.endswith(".env") for name in committed(repository))
    (repository / "other").mkdir()
    (repository / ".gitignore").write_text(".env\n")
    assert list(keep_from_git(repository / "other" / ".env")) == []


def test_outside_of_a_repository_there_is_no_gitignore(tmp_path: Path) -> None:
    assert list(keep_from_git(tmp_path / ".env")) == []
    assert list(tmp_path.iterdir()) == []


@needs_git
def test_env_that_git_has_already_is_told(repository: Path) -> None:
    (repository / ".env").write_text("SECRET=1")
    git(repository, "add", ".env")
    done, warning = keep_from_git(repository / ".env")
    assert "was added" in done
    assert "git rm --cached .env" in warning
    assert "make a new one" in warning


@needs_git
def test_a_gitignore_that_is_a_link_is_neither_followed_nor_replaced(repository: Path) -> None:
    foreign = repository / "foreign"
    foreign.write_text("mine\n")
    (repository / ".gitignore").symlink_to(foreign)
    (said,) = keep_from_git(repository / ".env")
    assert said.startswith("warning: git would take .env")
    assert foreign.read_text() == "mine\n"
    assert (repository / ".gitignore").is_symlink()


@needs_git
def test_init_keeps_the_secret_from_git(repository: Path) -> None:
    with Emulator() as emulator:
        answers = ["", emulator.accounts_url, emulator.client_id, emulator.client_secret, emulator.soid]
        done = subprocess.run(
            [sys.executable, "-m", "zmigrate", "init"],
            cwd=repository,
            input="".join(f"{each}\n" for each in answers),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert ".env was added to .gitignore" in done.stderr
    assert committed(repository) == [".gitignore", "zmigrate.toml"]
    assert emulator.client_secret not in git(repository, "diff", "--cached")
    assert stat.S_IMODE((repository / ".env").stat().st_mode) == 0o600


# -- mappings --------------------------------------------------------------------------------------


def test_a_mapping_has_no_values_of_the_file_unless_they_are_asked_for() -> None:
    proposal = proposed(
        column("deal name", "Ada Lovelace", "ada@example.com"),
        column("zzz", "+49 30 123456", "b"),
        column("agent", "Anna Snelling", "Old Timer"),
        column("amount", "1,234", "n/a"),
        users=USERS,
    )
    text = text_of(proposal)
    tomllib.loads(text)
    assert [value for value in PERSONAL if value in text] == []
    shown = text_of(proposal, samples=True)
    tomllib.loads(shown)
    assert [value for value in PERSONAL if value not in shown] == []
    assert "before you share" in shown


def test_words_of_a_pick_list_stay_and_what_looks_personal_goes() -> None:
    values = ["Closed Won"] * 3 + ["closed lost"] * 2 + ["Zzz", "ada@example.com", "+49 30 123456", "x" * 60]
    proposal = proposed(column("stage", *values))
    text = text_of(proposal)
    assert tomllib.loads(text)["fields"]["Stage"]["values"] == {"closed lost": "Closed Lost"}
    assert '# "Zzz" = ""' in text
    assert "3 more values that the pick list lacks" in text
    assert not any(value in text for value in ("ada@", "+49", "xxx"))
    assert "ada@example.com" in text_of(proposal, samples=True)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
@pytest.mark.parametrize("words", thorough([[], ["--samples"]]))
def test_a_mapping_is_its_owners_alone(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leads.csv").write_text("Last_Name,Email\nLovelace,ada@example.com\nLi,li@example.com\n")
    before = os.umask(0)
    try:
        assert main(["map", "leads.csv", "--module", "Leads", "--emulator", *words]) == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "mapping.toml").stat().st_mode) == 0o600
    assert ("ada@example.com" in (tmp_path / "mapping.toml").read_text()) == bool(words)
