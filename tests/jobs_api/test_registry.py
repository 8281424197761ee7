"""Finding job modules."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

from zmigrate.errors import JobError
from zmigrate.registry import Registry, discover

READY_MADE = {
    "import-csv",
    "import-file",
    "import-folder",
    "import-pipeline",
    "fill-country",
    "reassign-records",
}


def job_text(name: str, head: str = "") -> str:
    return f'''{head}
from __future__ import annotations
from pathlib import Path
from zmigrate import Argument, Csv, Insert, RecordJob, scopes_for

class {name}(RecordJob):
    """Load {name}."""

    write = Insert("Leads", key="Legacy_ID")
    scopes = scopes_for(write)
    file: Path = Argument(help="File.")

    def source(self):
        return Csv(self.file)

    def transform(self, row):
        return {{"Legacy_ID": row["id"]}}
'''


def put(folder: Path, **modules: str) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def names(registry: Registry) -> set[str]:
    return set(registry.jobs) - READY_MADE


def test_the_ready_made_jobs_are_always_there(tmp_path: Path) -> None:
    registry = discover(folder=tmp_path)
    assert registry.broken == ()
    assert {name for name, entry in registry.jobs.items() if entry.origin == "ready-made"} >= READY_MADE


def test_jobs_of_the_current_folder_are_found(tmp_path: Path) -> None:
    put(tmp_path / "jobs", load_a=job_text("LoadA"), __init__="", _private=job_text("Hidden"))
    put(tmp_path / "jobs", test_load=job_text("Tested"))
    registry = discover(folder=tmp_path)
    assert names(registry) == {"load-a"}
    assert registry.get("load-a").__doc__ == "Load LoadA."


def test_what_is_named_goes_before_the_folder_and_the_folder_before_the_ready_made(tmp_path: Path) -> None:
    named = put(tmp_path / "named", one=job_text("LoadA"))
    put(tmp_path / "jobs", two=job_text("LoadA"), mine=job_text("ImportCsv"))
    registry = discover(named, tmp_path)
    assert registry.jobs["load-a"].origin.endswith(os.path.join("named", "one.py"))
    with pytest.raises(JobError, match="and a ready-made job has that name"):
        registry.get("import-csv")
    assert discover(tmp_path / "jobs", tmp_path).get("import-csv").__doc__ == "Load ImportCsv."


def test_a_single_file_can_be_named(tmp_path: Path) -> None:
    put(tmp_path / "named", one=job_text("LoadA"), two=job_text("LoadB"))
    assert names(discover(tmp_path / "named" / "one.py", tmp_path)) == {"load-a"}


def test_a_path_of_jobs_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="no such file or folder of jobs"):
        discover(tmp_path / "gone", tmp_path)


def test_the_same_file_found_twice_is_imported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPORTS", "")
    head = "import os\nos.environ['IMPORTS'] += 'x'\n"
    folder = put(
        tmp_path / "jobs", load=job_text("LoadA").replace("\nfrom pathlib", "\n" + head + "from pathlib")
    )
    (tmp_path / "link").symlink_to(folder)
    assert names(discover(tmp_path / "link", tmp_path).imported()) == {"load-a"}
    assert os.environ["IMPORTS"] == "x"


def test_two_modules_of_one_name_do_not_hide_each_other(tmp_path: Path) -> None:
    named = put(tmp_path / "named", load=job_text("LoadA"))
    put(tmp_path / "jobs", load=job_text("LoadB"))
    assert names(discover(named, tmp_path)) == {"load-a", "load-b"}


@pytest.mark.parametrize(
    ("text", "line", "error"),
    [
        ("x = 1\ndef broken(:\n", 2, "SyntaxError"),
        ("import nothing_of_that_name\n", 1, "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("x = 1\n\nraise RuntimeError('no')\n", 3, "RuntimeError: no"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit: 3"),
        (job_text("LoadB").replace('Insert("Leads", key="Legacy_ID")', 'Upsert("Leads")'), 9, "NameError"),
        (job_text("LoadB").replace("    write", "    writes"), None, "name 'write' is not defined"),
        ("from zmigrate import Upsert\n\nwrite = Upsert('Leads')\n", 3, "has no `match_on`"),
    ],
)
def test_a_broken_module_is_named_and_hides_no_other(
    tmp_path: Path, text: str, line: int | None, error: str
) -> None:
    put(tmp_path / "jobs", bad=text, good=job_text("LoadA"))
    registry = discover(folder=tmp_path).imported()
    assert names(registry) == {"load-a"}
    (broken,) = registry.broken
    assert broken.path.endswith("bad.py")
    assert line in (None, broken.line)
    assert error in broken.error
    assert f"bad.py:{broken.line}: " in str(broken)


def test_an_unknown_job_is_told_with_the_nearest_name_and_what_is_broken(tmp_path: Path) -> None:
    with pytest.raises(JobError, match='no job called "import-cvs"\\. Did you mean "import-csv"\\?'):
        discover(folder=tmp_path).get("import-cvs")
    put(tmp_path / "jobs", bad="1 +\n")
    with pytest.raises(JobError) as error:
        discover(folder=tmp_path).get("load-b")
    assert "bad.py:1" in (error.value.hint or "")


def test_importing_jobs_leaves_the_path_and_the_folder_as_they_were(tmp_path: Path) -> None:
    put(
        tmp_path / "jobs",
        load=job_text("LoadA").replace("\nfrom pathlib", "\nfrom tables import X\nfrom pathlib"),
    )
    put(tmp_path / "jobs", tables="X = 1\n")
    path, folder = list(sys.path), Path.cwd()
    assert names(discover(folder=tmp_path)) == {"load-a"}
    assert (sys.path, Path.cwd()) == (path, folder)


def test_base_classes_and_imported_classes_are_no_jobs_of_the_module(tmp_path: Path) -> None:
    text = "from zmigrate import Job\n\nclass Base(Job, abstract=True):\n    pass\n"
    put(tmp_path / "jobs", base=text)
    assert names(discover(folder=tmp_path)) == set()


def test_entry_points_are_found_and_broken_ones_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "lib", our_jobs_for_entry_points=job_text("LoadE"))
    info = tmp_path / "lib" / "ours-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: ours\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        "[zmigrate.jobs]\nours = our_jobs_for_entry_points\ngone = there_is_no_such_module\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path / "lib")
    importlib.invalidate_caches()
    registry = discover(folder=tmp_path)
    assert registry.jobs["load-e"].origin == "entry point ours"
    assert "there_is_no_such_module" in str(registry.broken[0])
