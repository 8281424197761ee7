"""Damaged files of every kind: each is read to its end, or refused by its name. Nothing else comes of it."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import duckdb
import pytest

from tests.rows.workbooks import ods, xls, xlsb, xlsx
from tests.support import thorough
from zmigrate.errors import ZmigrateError
from zmigrate.rows.mapping import read_mapping
from zmigrate.rows.sources import open_source

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is Linux's")

MUTANTS: Final = 300
QUICK: Final = 6
BATCHES: Final = 4
MEMORY: Final = 1_536 << 20
ROWS: Final = [
    ["id", "name", "city"],
    *([str(row), f"Name {row}", "#REF!" * (row == 9)] for row in range(40)),
]
TEXT: Final = "id,name,note\n" + "".join(f'{row},Name {row},"a ""b"" {row}"\n' for row in range(200))
MAPPING: Final = """
module = "Leads"
operation = "upsert"
match_on = "Legacy_ID"
decimal = ","
[fields]
Last_Name = "name"
Legacy_ID = { column = "id" }
Lead_Status = { column = "state", values = { a = "Cold", b = "Hot" }, default = "Cold" }
Annual_Revenue = { column = "sum", decimal = "." }
"""


def xlsx_of(folder: Path) -> Path:
    return xlsx(folder, ROWS)


def ods_of(folder: Path) -> Path:
    return ods(folder, [[cell.replace("#", "") for cell in row] for row in ROWS])


def xls_of(folder: Path) -> Path:
    return xls(folder, ROWS)


def xlsb_of(folder: Path) -> Path:
    return xlsb(folder, ROWS)


def parquet_of(folder: Path) -> Path:
    path = folder / "leads.parquet"
    select = "select i as id, 'name ' || (i % 7) as name, [i] as ids, current_date as d from range(500) t(i)"
    with duckdb.connect() as database:
        database.execute(f"copy ({select}) to '{path}' (row_group_size 100)")
    return path


def csv_gz_of(folder: Path) -> Path:
    path = folder / "leads.csv.gz"
    path.write_bytes(gzip.compress(TEXT.encode(), mtime=0))
    return path


def zip_of(folder: Path) -> Path:
    path = folder / "leads.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("leads.csv", TEXT)
    return path


def toml_of(folder: Path) -> Path:
    path = folder / "leads.toml"
    path.write_text(MAPPING, "utf-8")
    return path


def jsonl_of(folder: Path) -> Path:
    path = folder / "leads.jsonl"
    path.write_text(
        "".join(json.dumps({"id": row, "tags": [{"é": None}]}) + "\n" for row in range(60)), "utf-8"
    )
    return path


KINDS: Final[dict[str, Callable[[Path], Path]]] = {
    "xls": xls_of,
    "xlsx": xlsx_of,
    "xlsb": xlsb_of,
    "ods": ods_of,
    "parquet": parquet_of,
    "csv.gz": csv_gz_of,
    "zip": zip_of,
    "toml": toml_of,
    "jsonl": jsonl_of,
}


def mutant(whole: bytes, seed: int) -> bytes:
    """Some bits turned over; or a piece cut out, doubled, or made zeros."""
    dice = random.Random(seed)
    content = bytearray(whole)
    place, size = dice.randrange(len(content)), dice.randint(1, 400)
    match dice.choice(("bits", "bits", "cut", "end", "double", "zeros", "other")):
        case "bits":
            for _ in range(dice.randint(1, 12)):
                content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        case "cut":
            del content[place : place + size]
        case "end":
            del content[place:]
        case "double":
            content[place:place] = content[place : place + size]
        case "zeros":
            content[place : place + size] = bytes(len(content[place : place + size]))
        case "other":
            content[place : place + 4] = dice.randbytes(4)
    return bytes(content)


def unpacked_mutant(whole: Path, seed: int) -> bytes:
    """Of an archive, one part of it that is damaged, and packed as it should be."""
    dice = random.Random(seed)
    with zipfile.ZipFile(whole) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = dice.choice(sorted(parts, key=lambda each: -len(parts[each]))[:4])
    damaged = whole.with_name("damaged")
    with zipfile.ZipFile(damaged, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in parts.items():
            archive.writestr(each, mutant(content, seed) if each == name and content else content)
    return damaged.read_bytes()


def read_all(path: Path) -> None:
    if path.suffix == ".toml":
        read_mapping(path)
        return
    source = open_source(path)
    source.scan()
    for _ in source.rows():
        pass


def fault_of(path: Path) -> str | None:
    """What is wrong with how a file is read; None where nothing is."""
    try:
        read_all(path)
    except ZmigrateError as error:
        if error.exit_code != 2 or path.name not in error.message or not error.hint:
            return f"exit {error.exit_code}: {error.message} ({error.hint})"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return None


def read_mutants(kind: str, folder: Path, seeds: range) -> None:
    """Run in a process of its own: prints the seeds of those that were read wrongly, and why."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    whole = KINDS[kind](folder)
    intact = whole.read_bytes()
    for seed in seeds:
        inside = kind in ("xlsx", "xlsb", "ods", "zip") and seed % 2
        if inside:
            whole.write_bytes(intact)
        whole.write_bytes(unpacked_mutant(whole, seed) if inside else mutant(intact, seed))
        print(json.dumps({"began": seed}), flush=True)
        fault = fault_of(whole)
        if fault is not None:
            print(json.dumps({"seed": seed, "fault": fault}), flush=True)
    print(json.dumps("done"))


def faults(kind: str, folder: Path, seeds: range) -> list[object]:
    program = (
        "import sys; from pathlib import Path; from tests.security.test_fuzzed_files import read_mutants;"
        "read_mutants(sys.argv[1], Path(sys.argv[2]), range(int(sys.argv[3]), int(sys.argv[4])))"
    )
    words = [sys.executable, "-c", program, kind, str(folder), str(seeds.start), str(seeds.stop)]
    here = Path(__file__).parents[2]  # from where `tests` can be imported
    done = subprocess.run(words, cwd=here, capture_output=True, text=True, check=False, timeout=600)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    found = [each for each in told if isinstance(each, dict) and "fault" in each]
    if not told or told[-1] != "done":
        found.append({"ended": done.returncode, "after": told[-1:], "said": done.stderr[-2_000:]})
    if done.stderr and not found:
        found.append({"said": done.stderr[-2_000:]})
    return found


@pytest.mark.parametrize("kind", thorough(KINDS, 2))
def test_some_damaged_files_are_read_or_refused_by_their_name(tmp_path: Path, kind: str) -> None:
    assert faults(kind, tmp_path, range(QUICK)) == []


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_read_or_refused_by_their_name(tmp_path: Path, kind: str, batch: int) -> None:
    size = MUTANTS // BATCHES
    assert faults(kind, tmp_path, range(QUICK + batch * size, QUICK + (batch + 1) * size)) == []
