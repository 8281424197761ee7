from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


def test_a_token_counts_from_its_answer_also_if_that_came_after_the_window(tmp_path: Path) -> None:
    slow, other = ledger(tmp_path, (1, 60.0)), ledger(tmp_path, (1, 60.0))

    slow.reserve(100.0)
    assert other.left(161.0) == 1
    slow.confirm(100.0, 162.0)

    assert other.reserve(163.0) == pytest.approx(59.0, abs=0.1)


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


def file_of(folder: Path, content: str, written_at: float) -> Path:
    """The file of the client's tokens, with this in it."""
    ledger(folder).left(0.0)
    [path] = (folder / "tokens").glob("*.json")
    path.write_text(content, "utf-8")
    os.utime(path, (written_at, written_at))
    return path


@pytest.mark.parametrize("content", ["", "[not json", "[]", '{"times": [NaN]}', '{"times": [1e999]}'])
def test_a_damaged_file_counts_as_a_window_that_was_used_up_when_it_was_written(
    content: str, tmp_path: Path
) -> None:
    path = file_of(tmp_path, content, 100.0)

    assert ledger(tmp_path).left(130.0) == 0
    assert ledger(tmp_path).reserve(130.0) == pytest.approx(30.0, abs=0.1)
    assert ledger(tmp_path).reserve(160.1) == 0
    assert path.with_suffix(".damaged").read_text() == content


def test_a_damaged_file_that_is_dated_ahead_keeps_nobody_waiting_for_longer_than_a_window(
    tmp_path: Path,
) -> None:
    file_of(tmp_path, "", 10.0**9)

    assert 0 < ledger(tmp_path).reserve(100.0) <= 60.1
    assert ledger(tmp_path).reserve(160.1) == 0


@pytest.mark.parametrize("ahead", ["1e12", "1e300", '"soon"', "null", "true", "[]"])
def test_a_block_that_ends_far_ahead_ends_in_a_window_and_not_in_one_from_each_look(
    ahead: str, tmp_path: Path
) -> None:
    file_of(tmp_path, f'{{"blocked_until": {ahead}}}', 100.0)

    assert ledger(tmp_path).left(100.0) == 0
    assert 0 < ledger(tmp_path).reserve(110.0) <= 60.1
    assert "no more tokens" in ledger(tmp_path).reason(120.0)
    assert ledger(tmp_path).reserve(160.1) == 0


@pytest.mark.parametrize("times", ['["soon", null, true]', '"soon"', "[1e12, 1e300, 200]"])
def test_times_that_cant_be_read_or_lie_ahead_count_as_now(times: str, tmp_path: Path) -> None:
    file_of(tmp_path, f'{{"times": {times}}}', 100.0)
    budget = ledger(tmp_path)

    assert budget.left(100.0) == 0
    assert budget.reserve(130.0) == pytest.approx(30.0, abs=0.1)
    assert budget.reserve(160.1) == 0


JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.none())


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(times=JSON | st.lists(JSON, max_size=5), blocked=JSON, written_at=st.floats(0, 1e9))
def test_whatever_stands_in_the_file_a_place_is_free_after_a_window(
    times: object, blocked: object, written_at: float, tmp_path: Path
) -> None:
    file_of(tmp_path, json.dumps({"times": times, "blocked_until": blocked}), written_at)

    assert 0 <= ledger(tmp_path).reserve(1000.0) <= 60.1
    ledger(tmp_path).release(1000.0)
    assert ledger(tmp_path).reserve(1060.2) == 0


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
