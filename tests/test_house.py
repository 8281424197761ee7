"""The house in order: imports go one way, and the emulator and the client share nothing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from graphlib import TopologicalSorter
from pathlib import Path

import zmigrate

ROOT = Path(zmigrate.__file__).parent

ROOMS = [
    ("__init__", "__main__"),
    ("cli",),
    ("testing",),
    ("display",),
    ("engine",),
    ("registry",),
    ("job_files",),
    ("rows",),
    ("job",),
    ("config",),
    ("zoho",),
    ("events",),
    ("state_folders",),
    ("private_files",),
    ("file_owner",),
    ("signals",),
    ("errors", "plain_files", "printable", "reasons", "signals_of_system", "stopping", "wording"),
    ("emulator",),
]
"""Top to bottom: a room imports from rooms below its own, and from itself. `testing` runs jobs against an
emulator, so it stands above both the engine and the emulator, which meet only over HTTP.
"""

LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}

WINGS = ("entry", "plan", "runner", "dispatch", "pipeline", "preflight", "storage", "model")
"""The engine, top to bottom: a wing imports from wings below its own, and from itself."""

KNOWS_NOTHING_OF = {
    "cli": {"httpx"},
    "display": {"httpx"},
    "engine": {"typer", "rich", "httpx"},
    "rows": {"typer", "rich", "httpx"},
    "job": {"typer", "rich", "httpx"},
    "zoho": {"typer", "rich", "sqlite3"},
    "emulator": {"typer", "rich", "httpx"},
}


def sources() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of every import that runs: those for type checkers only aside."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_checkers = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for part in branch.body
        for node in ast.walk(part)
    }
    for node in ast.walk(tree):
        if id(node) in for_checkers:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = absolute(path, node)
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def absolute(path: Path, node: ast.ImportFrom) -> str:
    """The module that a `from … import` names, relative or not."""
    if node.level == 0:
        return node.module or ""
    package = ["zmigrate", *path.relative_to(ROOT).parts[: -node.level]]
    return ".".join([*package, *([node.module] if node.module else [])])


def faults_of(path: Path) -> Iterator[str]:
    """What a file imports that is not for it."""
    room = room_of(path)
    for line, module in imports(path):
        parts = module.split(".")
        where = f"{path.relative_to(ROOT)}:{line} imports {module}"
        if parts[0] in KNOWS_NOTHING_OF.get(room, set()):
            yield where
        if parts[0] != "zmigrate" or len(parts) < 2 or parts[1] not in LEVEL:
            continue
        other = parts[1]
        if room == "emulator" and other != "emulator":
            yield f"{where}: the emulator shares no code"
        if room != other and LEVEL[room] >= LEVEL[other]:
            yield f"{where}: {room} is below {other}"


def test_imports_go_one_way_and_rooms_know_nothing_of_what_is_not_theirs() -> None:
    assert [fault for path in sources() for fault in faults_of(path)] == []


def wing_of(parts: Sequence[str]) -> str | None:
    """The wing of a module inside the engine: of `zmigrate.engine.storage.journal`, storage."""
    return parts[2] if parts[:2] == ["zmigrate", "engine"] and len(parts) > 2 else None


def test_inside_the_engine_imports_go_one_way_from_wing_to_wing() -> None:
    faults = []
    for path in sources():
        own = wing_of(["zmigrate", *path.relative_to(ROOT).with_suffix("").parts])
        if own is None or own == "__init__":
            continue
        for line, module in imports(path):
            other = wing_of(module.split("."))
            if other in WINGS and other != own and WINGS.index(other) < WINGS.index(own):
                faults.append(f"{path.relative_to(ROOT)}:{line} imports {module}: {own} is below {other}")
    assert faults == []


def test_every_room_of_the_engine_is_in_a_wing() -> None:
    rooms = {path.relative_to(ROOT / "engine").parts[0] for path in (ROOT / "engine").rglob("*.py")}
    assert rooms == {"__init__.py", "entry.py", *WINGS[1:]}


def test_the_engine_knows_nothing_of_mappings() -> None:
    for path in sources():
        if room_of(path) == "engine":
            assert all(not module.startswith("zmigrate.rows.mapping") for _, module in imports(path)), path


def test_modules_import_one_another_in_no_circle() -> None:
    names = {
        ".".join(["zmigrate", *path.relative_to(ROOT).with_suffix("").parts]): path for path in sources()
    }
    graph = {name: {module for _, module in imports(path)} & names.keys() for name, path in names.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_the_name_of_a_class_stands_once_in_the_product() -> None:
    where = defaultdict(set)
    for path in sources():
        if room_of(path) != "emulator":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    where[node.name].add(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in where.items() if len(paths) > 1} == {}


def test_ready_made_jobs_use_the_front_door_only() -> None:
    for path in (ROOT.parent / "jobs").glob("*.py"):
        for line, module in imports(path):
            inside = module.startswith("zmigrate.") and module.split(".")[1] not in zmigrate.__all__
            assert not inside, f"{path.name}:{line} imports {module}"


def test_the_emulator_is_used_over_the_wire_by_the_client() -> None:
    for room in ("zoho", "rows", "config", "job", "registry"):
        for path in sources():
            if room_of(path) == room:
                assert all(not module.startswith("zmigrate.emulator") for _, module in imports(path))


def test_every_name_of_the_front_door_is_there() -> None:
    for name in zmigrate.__all__:
        assert getattr(zmigrate, name) is not None


def test_files_are_small() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in sources()}
    assert {name: size for name, size in sizes.items() if size > 430} == {}


def test_the_libraries_of_the_extras_are_imported_by_what_needs_them() -> None:
    heavy = ("python_calamine", "sqlalchemy", "duckdb", "rapidfuzz", "openpyxl", "pandas", "numpy")
    code = (
        "import sys, zmigrate; [getattr(zmigrate, name) for name in zmigrate.__all__];"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_tour_of_the_engine_names_files_that_exist() -> None:
    tour = ast.get_docstring(ast.parse((ROOT / "engine" / "__init__.py").read_text(encoding="utf-8"))) or ""
    places = re.findall(r"`([a-z]+(?:/[a-z_]+)+)`", tour)
    assert len(places) > 15
    for place in places:
        found = [
            (base / place).with_suffix(".py").exists() or (base / place).is_dir()
            for base in (ROOT, ROOT / "engine")
        ]
        assert any(found), place
