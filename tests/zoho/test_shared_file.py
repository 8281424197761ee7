from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

import pytest

from zmigrate.errors import ConfigError
from zmigrate.zoho.credits import CreditLedger
from zmigrate.zoho.shared_file import SharedFile


def count(path: Path, times: int) -> None:
    for _ in range(times):
        with SharedFile(path).edit() as content:
            content["n"] = content.get("n", 0) + 1


def test_no_change_is_lost_among_processes_and_threads(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "count.json"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=count, args=(path, 100)) for _ in range(2)]
    threads = [threading.Thread(target=count, args=(path, 100)) for _ in range(3)]

    for process in processes:
        process.start()
    for thread in threads:
        thread.start()
    for process in processes:
        process.join()
    for thread in threads:
        thread.join()

    with SharedFile(path).edit() as content:
        assert content["n"] == 500


def test_an_error_inside_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "count.json"
    count(path, 1)

    def change_and_fail() -> None:
        with SharedFile(path).edit() as content:
            content["n"] = 99
            raise KeyError

    with pytest.raises(KeyError):
        change_and_fail()

    with SharedFile(path).edit() as content:
        assert content["n"] == 1


@pytest.mark.parametrize("content", ["", "[]", "[not json", "7"])
def test_a_damaged_file_is_not_an_empty_one(content: str, tmp_path: Path) -> None:
    path = tmp_path / "count.json"
    path.write_text(content)

    with pytest.raises(ConfigError, match="damaged"), SharedFile(path).edit():
        pass
    assert path.read_text() == content


def test_a_file_that_cant_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "count.json").mkdir()

    with pytest.raises(ConfigError, match="can't be read"), SharedFile(tmp_path / "count.json").edit():
        pass


def test_a_lock_that_is_never_given_back_is_told(tmp_path: Path) -> None:
    path = tmp_path / "count.json"

    with (
        SharedFile(path).edit(),
        pytest.raises(ConfigError, match="locked by another process"),
        SharedFile(path, sleep=lambda _: None).edit(),
    ):
        pass


def test_credits_that_can_not_be_written_do_not_cost_an_answer(tmp_path: Path) -> None:
    credits = CreditLedger()
    folder = tmp_path / "org"
    credits.open(folder, 100)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("")

    credits.spend(1)
    credits.close()

    assert credits.left() == 99
