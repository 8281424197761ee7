from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from zmigrate.errors import ConfigError
from zmigrate.zoho.token_budget import MintLedger


def ledger(folder: Path, limit: tuple[int, float] = (3, 60.0), client: str = "1000.A") -> MintLedger:
    return MintLedger(folder, client, limit)


def test_the_token_beyond_the_limit_waits_until_the_first_leaves_the_window(tmp_path: Path) -> None:
    budget = ledger(tmp_path)

    assert [budget.reserve(now) for now in (100.0, 110.0, 120.0)] == [0, 0, 0]
    assert budget.reserve(130.0) == pytest.approx(30.0, abs=0.1)
    assert budget.reserve(159.0) > 0
    assert budget.reserve(160.1) == 0


def test_two_ledgers_of_one_client_count_together_and_other_clients_do_not(tmp_path: Path) -> None:
    first, second, stranger = ledger(tmp_path), ledger(tmp_path), ledger(tmp_path, client="1000.B")

    assert [first.reserve(1.0), second.reserve(2.0), first.reserve(3.0)] == [0, 0, 0]
    assert second.reserve(4.0) > 0
    assert stranger.reserve(4.0) == 0


def test_a_token_counts_from_its_answer_and_not_from_its_request(tmp_path: Path) -> None:
    budget = ledger(tmp_path, (1, 60.0))

    budget.reserve(100.0)
    budget.confirm(100.0, 104.0)

    assert budget.reserve(161.0) == pytest.approx(3.0, abs=0.1)


def test_a_request_that_never_left_gives_its_place_back(tmp_path: Path) -> None:
    budget = ledger(tmp_path, (1, 60.0))

    budget.reserve(100.0)
    budget.release(100.0)

    assert budget.reserve(101.0) == 0


def test_nobody_asks_for_a_whole_window_once_zoho_has_throttled(tmp_path: Path) -> None:
    ledger(tmp_path).block(100.0)

    assert ledger(tmp_path).reserve(130.0) == pytest.approx(30.0, abs=0.1)
    assert ledger(tmp_path).reserve(161.0) == 0


def test_a_clock_that_was_set_back_does_not_wait_longer_than_a_window(tmp_path: Path) -> None:
    budget = ledger(tmp_path, (1, 60.0))
    budget.reserve(1_000_000.0)
    budget.block(1_000_000.0)

    assert 0 < budget.reserve(500.0) <= 60.1


def test_a_damaged_file_counts_as_empty(tmp_path: Path) -> None:
    budget = ledger(tmp_path)
    budget.reserve(1.0)
    for path in (tmp_path / "tokens").glob("*.json"):
        path.write_text("[not json")

    assert budget.reserve(2.0) == 0


def test_the_file_holds_times_and_no_name(tmp_path: Path) -> None:
    ledger(tmp_path, client="1000.VERYOWN").reserve(123.0)

    [path] = (tmp_path / "tokens").glob("*.json")
    assert "VERYOWN" not in path.name + path.read_text()
    assert b"123.0" in path.read_bytes()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs file modes that bind")
def test_a_folder_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)

    with pytest.raises(ConfigError, match="can't be written"):
        ledger(tmp_path).reserve(1.0)


def test_a_file_in_the_place_of_the_folder_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("")

    with pytest.raises(ConfigError, match="can't be written"):
        ledger(tmp_path).reserve(1.0)


def test_what_is_left_is_told_and_nothing_while_zoho_keeps_the_client_out(tmp_path: Path) -> None:
    budget = ledger(tmp_path)

    budget.reserve(100.0)
    assert (budget.left(110.0), budget.left(161.0)) == (2, 3)
    budget.block(110.0)
    assert budget.left(120.0) == 0
