"""The plugin in a pytest run of its own: registered by the package, documented, and light."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import zmigrate
import zmigrate.testing
from tests.test_readme import block
from zmigrate.cli.scaffold import write_scaffold


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest in a process of its own, in a folder that has nothing of this repository."""
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *arguments]
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "ZMIGRATE_"))
    }
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, encoding="utf-8", check=False
    )


def test_the_test_that_new_writes_passes_in_a_fresh_folder(tmp_path: Path) -> None:
    write_scaffold("import-customers", tmp_path)
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_the_readmes_tests_pass(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "import_old_leads.py").write_text(block("job"), encoding="utf-8")
    (tmp_path / "test_leads.py").write_text(block("testing"), encoding="utf-8")
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_a_test_that_fails_tells_why(tmp_path: Path) -> None:
    write_scaffold("import-customers", tmp_path)
    (tmp_path / "samples" / "import_customers.csv").write_text("id,name,email,company\n1,Ada,nonsense,Acme\n")
    done = run_pytest(tmp_path, "-k", "killed")
    assert done.returncode == 1
    assert "not killed: it sent 0 write requests" in done.stdout


def test_pytest_pays_nothing_for_the_plugin_until_a_fixture_is_used(tmp_path: Path) -> None:
    heavy = (
        "httpx",
        "orjson",
        "starlette",
        "uvicorn",
        "zmigrate.engine",
        "zmigrate.emulator",
        "zmigrate.zoho",
    )
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n\n\ndef test_nothing():\n"
        f"    assert [name for name in {heavy!r} if name in sys.modules] == []\n"
        "    assert 'zmigrate.testing.plugin' in sys.modules\n",
        encoding="utf-8",
    )
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stdout


def test_the_fixtures_and_the_marker_are_listed(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, "--fixtures", "-v")
    for name in ("zoho", "run_job", "plan_job", "resume_job"):
        assert f"\n{name}" in done.stdout
    assert "@pytest.mark.zoho(**options)" in run_pytest(tmp_path, "--markers").stdout


def test_only_the_plugin_imports_pytest() -> None:
    root = Path(zmigrate.__file__).parent
    importing = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import) and any(alias.name == "pytest" for alias in node.names)
    ]
    assert importing == ["testing/plugin.py"]


def test_every_public_name_is_there_and_documented() -> None:
    for name in zmigrate.testing.__all__:
        kind = getattr(zmigrate.testing, name)
        assert kind.__doc__
        undocumented = [
            member
            for member, value in vars(kind).items()
            if callable(value) and not member.startswith("_") and not value.__doc__
        ]
        assert undocumented == []
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        zmigrate.testing.Nothing  # noqa: B018
