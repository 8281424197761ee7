from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.zoho.fakes import FakeZoho, Time, records_answer, rig
from zmigrate.errors import CreditsSpent
from zmigrate.zoho.answers import Call
from zmigrate.zoho.credits import CreditLedger

DAY_S = 86_400.0


def ledger(time: Time, folder: Path | None = None, allowance: int | None = 100) -> CreditLedger:
    credits = CreditLedger(time.now)
    if folder is not None:
        credits.open(folder, allowance)
    return credits


def test_nothing_is_known_before_the_org_is(tmp_path: Path) -> None:
    credits = ledger(Time())
    credits.spend(5)

    assert (credits.used, credits.left(), credits.shortage_s(10**9)) == (5, None, 0.0)


def test_what_was_spent_before_the_org_was_known_counts(tmp_path: Path) -> None:
    credits = ledger(Time())
    credits.spend(5)
    credits.open(tmp_path, 100)

    assert credits.left() == 95


def test_credits_come_back_after_24_hours_and_not_at_midnight(tmp_path: Path) -> None:
    time = Time()
    credits = ledger(time, tmp_path)
    credits.spend(60)
    time.passed = DAY_S / 2
    credits.spend(30)
    assert credits.left() == 10

    time.passed = DAY_S - 120
    assert credits.left() == 10
    time.passed = DAY_S + 120

    assert credits.left() == 70


def test_a_shortage_says_how_long_until_enough_is_free(tmp_path: Path) -> None:
    time = Time()
    credits = ledger(time, tmp_path)
    credits.spend(60)
    time.passed = 3_600.0
    credits.spend(40)

    assert credits.shortage_s(10) == pytest.approx(DAY_S - 3_600, abs=61)
    assert credits.shortage_s(70) == pytest.approx(DAY_S, abs=61)


def test_processes_of_one_org_count_together(tmp_path: Path) -> None:
    time = Time()
    first, second = ledger(time, tmp_path), ledger(time, tmp_path)
    first.spend(30)
    second.spend(20)
    first.close()
    second.close()

    assert second.left() == 50
    assert ledger(time, tmp_path).left() == 50
    assert (first.used, second.used) == (30, 20)


def test_zohos_header_is_the_truth_once_it_is_seen(tmp_path: Path) -> None:
    time = Time()
    credits = ledger(time, tmp_path, allowance=1_000)
    credits.spend(10)

    credits.correct("400")
    assert credits.left() == 400
    credits.spend(30)

    assert credits.left() == 370
    credits.close()
    assert ledger(time, tmp_path, allowance=1_000).left() == 370


@pytest.mark.parametrize("header", [None, "", "many", "1.5"])
def test_a_missing_or_odd_header_corrects_nothing(tmp_path: Path, header: str | None) -> None:
    credits = ledger(Time(), tmp_path)

    credits.correct(header)

    assert credits.left() == 100


def test_old_news_of_no_credits_lets_a_call_through_to_hear_new_ones(tmp_path: Path) -> None:
    time = Time()
    credits = ledger(time, tmp_path)
    credits.correct("0")
    assert credits.shortage_s(1) > 0

    time.passed = 1_000.0

    assert credits.shortage_s(1) == 0
    assert credits.exhausted(1)


NOW = Time().now()
MINUTE = int(NOW // 60)
DAMAGE = [
    "",
    "[not json",
    "[]",
    '{"minutes": []}',
    '{"minutes": {"x": 1}}',
    '{"minutes": {"3": "y"}}',
    '{"minutes": {"²": 1}}',
    f'{{"minutes": {{"{MINUTE}": -5}}}}',
    f'{{"minutes": {{"{MINUTE}": 1e30}}}}',
    f'{{"minutes": {{"{MINUTE}": 123456789}}}}',
    f'{{"minutes": {{"{MINUTE}": NaN}}}}',
    f'{{"minutes": {{"{"9" * 5000}": 1}}}}',
    '{"minutes": {}, "uncounted_until": "soon"}',
]


@pytest.mark.parametrize("content", DAMAGE)
def test_after_a_count_that_cant_be_read_nobody_knows_what_is_left_for_a_day(
    content: str, tmp_path: Path
) -> None:
    file, time = tmp_path / "credits.json", Time()
    file.write_text(content, "utf-8")
    os.utime(file, (NOW, NOW))
    credits = ledger(time, tmp_path)
    credits.spend(1)

    assert (credits.left(), credits.shortage_s(10**6)) == (None, 0.0)
    credits.correct("40")
    assert credits.left() == 40
    credits.close()
    time.passed = DAY_S + 120
    assert ledger(time, tmp_path).left() == 100


def test_a_copy_is_kept_of_a_file_that_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "credits.json").write_text("[not json")
    ledger(Time(), tmp_path)

    assert (tmp_path / "credits.damaged").read_text() == "[not json"


def test_credits_that_are_dated_ahead_were_spent_by_now_and_are_free_again_in_a_day(tmp_path: Path) -> None:
    ahead = {"minutes": {str(MINUTE + 10**6): 60}, "header": [NOW + 10**6, 3], "uncounted_until": 0}
    (tmp_path / "credits.json").write_text(json.dumps(ahead))
    time = Time()

    assert ledger(time, tmp_path).left() == 40, "and a header from the future is dropped"
    time.passed = DAY_S - 120
    assert ledger(time, tmp_path).left() == 40
    time.passed = DAY_S + 120
    assert ledger(time, tmp_path).left() == 100


def test_a_clock_that_is_set_back_during_a_run_keeps_the_count_and_drops_the_header(tmp_path: Path) -> None:
    time = Time()
    time.passed = 10**6
    credits = ledger(time, tmp_path)
    credits.spend(30)
    credits.correct("5")
    time.passed = 0

    assert credits.left() == 70


@pytest.mark.parametrize("header", ["²", "--5", "9" * 5000, "1e9", "NaN"])
def test_a_header_that_is_no_number_corrects_nothing(header: str, tmp_path: Path) -> None:
    credits = ledger(Time(), tmp_path)
    credits.correct(header)

    assert credits.left() == 100


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    minutes=JSON | st.dictionaries(st.from_regex(r"[0-9]{1,8}", fullmatch=True), JSON, max_size=3),
    header=JSON | st.tuples(st.floats() | st.integers(), st.integers()),
    until=JSON,
)
def test_whatever_stands_in_the_file_a_day_later_all_is_known_again(
    minutes: object, header: object, until: object, tmp_path: Path
) -> None:
    content = {"minutes": minutes, "header": header, "uncounted_until": until}
    (tmp_path / "credits.json").write_text(json.dumps(content), "utf-8")
    time = Time()
    left = ledger(time, tmp_path).left()
    time.passed = DAY_S + 120

    assert left is None or isinstance(left, int)
    assert ledger(time, tmp_path).left() == 100


def test_writes_to_the_file_are_buffered(tmp_path: Path) -> None:
    time = Time()
    credits = ledger(time, tmp_path)
    before = (tmp_path / "credits.json").read_bytes()
    credits.spend(1)
    assert (tmp_path / "credits.json").read_bytes() == before

    time.passed = 3.0
    credits.spend(1)

    assert (tmp_path / "credits.json").read_bytes() != before


def test_a_call_that_does_not_fit_is_not_sent(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho([records_answer()])) as wire:
        wire.credits.open(tmp_path, 15)
        call = Call("GET", "/crm/v8/Leads", credits=10)
        wire.transport.send(call)
        with pytest.raises(CreditsSpent) as caught:
            wire.transport.send(call)

    assert (len(wire.zoho.requests), caught.value.exit_code) == (1, 4)
    assert "--wait" in (caught.value.hint or "")


def test_credits_that_others_have_spent_are_free_again_nobody_knows_when(tmp_path: Path) -> None:
    time = Time()
    credits = ledger(time, tmp_path)
    credits.spend(60)
    assert "enough are free again about 20" in credits.spent_error(credits.shortage_s(50)).message
    credits.correct("0")
    assert "it is unknown when enough are free again" in credits.spent_error(credits.shortage_s(90)).message
