"""The wire against the emulator over a real socket: threads, processes, faults."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from tests.zoho.conftest import SCOPES, LocalZoho, LocalZohoFactory
from zmigrate.errors import CreditsSpent, InDoubt, RefusedError, ScopeError
from zmigrate.events import Retrying, Throttled, TokenAcquired, Waiting
from zmigrate.stopping import StopRequested, StopSignal
from zmigrate.zoho.answers import Answer
from zmigrate.zoho.connection import Connection
from zmigrate.zoho.record_calls import write_body

THREADS = 25


def together(work: Callable[[int], Any]) -> list[Any]:
    """The work of 25 threads that begin at the same moment."""
    barrier = threading.Barrier(THREADS)

    def begin(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def insert(connection: Connection, *keys: str, repeatable: bool = False) -> Answer:
    body = write_body([{"Last_Name": key, "Legacy_ID": key} for key in keys], "insert")
    return connection.crm.write("Leads", "insert", body, rows=len(keys), repeatable=repeatable)


def upsert(connection: Connection, *keys: str) -> Answer:
    records = [{"Last_Name": key, "Legacy_ID": key} for key in keys]
    body = write_body(records, "upsert", match_on="Legacy_ID")
    return connection.crm.write("Leads", "upsert", body, rows=len(keys), repeatable=True)


@contextmanager
def lifted_once_refused(zoho: LocalZoho) -> Iterator[None]:
    """Accounts gives tokens again as soon as it has refused one, so that no test waits for its clock."""

    def lift() -> None:
        while not zoho.ask("stats")["tokens_refused"]:
            time.sleep(0.01)
        zoho.order("faults", {"token_limit": 1_000})

    lifting = threading.Thread(target=lift, daemon=True)
    lifting.start()
    yield
    lifting.join()


def test_25_threads_that_meet_one_expired_token_make_one_token_request(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho(latency_ms=20)
    connection = zoho.connect()
    zoho.order("expire_tokens")

    answers = together(lambda _: connection.crm.org().id)

    assert len(set(answers)) == 1
    assert zoho.ask("stats")["token_requests"] == 2, "the first token, and one for all 25"
    assert (connection.tokens.acquired, connection.tokens.renewed) == (2, 1)


def test_25_threads_at_an_expiry_known_ahead_make_one_token_request(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho(token_life_s=1, latency_ms=20)
    connection = zoho.connect()
    zoho.order("faults", {"token_life_s": 3600})
    time.sleep(0.95)

    together(lambda _: connection.crm.get("/crm/v8/org"))

    assert zoho.ask("stats")["token_requests"] == 2


def test_one_client_serves_25_threads(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho(latency_ms=60, edition="ultimate")
    connection = zoho.connect()

    def work(number: int) -> int:
        return sum(insert(connection, f"{number}-{turn}").status == 201 for turn in range(12))

    assert sum(together(work)) == THREADS * 12
    audit = zoho.ask("audit", module="Leads")
    assert (audit["creates"], audit["distinct_keys"]) == (300, 300)
    assert connection.transport.sent == 300
    assert 10 < zoho.ask("stats")["in_flight_max"] <= 25


def test_the_limiter_finds_a_ceiling_of_six_and_loses_nothing(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho(latency_ms=5, concurrency=6)
    connection = zoho.connect()

    together(lambda number: [insert(connection, f"{number}-{turn}") for turn in range(8)])

    assert zoho.ask("audit", module="Leads")["records"] == 200
    assert zoho.told(Throttled)
    assert connection.limiter.limit(False) <= 12


def test_tokens_that_live_a_second_are_renewed_without_a_failed_call(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho(token_life_s=1, token_limit=1_000, latency_ms=10)
    connection = zoho.connect(token_limit=(1_000, 600.0))
    end = time.monotonic() + 2.5

    def work(number: int) -> int:
        turn = 0
        while time.monotonic() < end:
            insert(connection, f"{number}-{turn}")
            turn += 1
        return turn

    done = sum(together(work))

    assert zoho.ask("audit", module="Leads")["records"] == done
    assert 2 <= connection.tokens.renewed <= 12
    assert [event.renewed for event in zoho.told(TokenAcquired)][:2] == [False, True]


MINT = """
import sys
from pathlib import Path
from zmigrate.config import Credentials, Secret, Settings
from zmigrate.stopping import StopRequested, StopSignal
from zmigrate.zoho.connection import connect
url, client_id, secret, soid, folder = sys.argv[1:]
settings = Settings(state_dir=Path(folder), token_limit=(3, 600.0))
credentials = Credentials(client_id, Secret(secret), soid, url, "a test")
stop = StopSignal()
def stop_at_a_wait(event):
    if type(event).__name__ == "Waiting":
        stop.request()
with connect(credentials, ["ZohoCRM.org.READ"], settings=settings, emit=stop_at_a_wait, stop=stop) as way:
    try:
        way.tokens.renew(1)
    except StopRequested:
        print("waited")
"""


def test_the_token_beyond_the_limit_over_two_processes_is_waited_for_and_not_asked_for(
    local_zoho: LocalZohoFactory,
) -> None:
    zoho = local_zoho(token_limit=3)
    emulator = zoho.emulator
    command = [sys.executable, "-c", MINT, emulator.url, emulator.client_id, emulator.client_secret]
    command += [emulator.soid, str(zoho.folder)]

    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = "".join(process.communicate(timeout=30)[0] for process in processes)

    stats = zoho.ask("stats")
    assert [process.returncode for process in processes] == [0, 0]
    assert (stats["token_requests"], stats["tokens_refused"]) == (3, 0)
    assert said == "waited\n"


def test_waiting_for_a_token_ends_at_once_when_told_to_stop(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho()
    stop = StopSignal()
    connection = zoho.connect(stop=stop, token_limit=(1, 600.0))
    threading.Timer(0.1, stop.request).start()
    began = time.monotonic()

    with pytest.raises(StopRequested):
        connection.tokens.renew(1)

    assert time.monotonic() - began < 60, "the window lasts for 600 s"
    assert zoho.told(Waiting)


def test_all_threads_that_wait_for_a_token_stop(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho()
    stop = StopSignal()
    connection = zoho.connect(stop=stop, token_limit=(1, 600.0))
    zoho.order("expire_tokens")
    threading.Timer(0.3, stop.request).start()
    began = time.monotonic()

    def work(_: int) -> str:
        try:
            connection.crm.get("/crm/v8/org")
        except StopRequested:
            return "stopped"
        return "answered"

    assert set(together(work)) == {"stopped"}
    assert time.monotonic() - began < 60, "the window lasts for 600 s"
    assert zoho.ask("stats")["token_requests"] == 1


def test_a_stop_during_a_long_backoff_wakes_at_once(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho()
    stop = StopSignal()
    connection = zoho.connect(stop=stop)
    zoho.order(
        "script", [{"path": "/crm/v8/org", "fault": "429", "headers": {"Retry-After": "15"}, "times": 9}]
    )
    threading.Timer(0.2, stop.request).start()
    began = time.monotonic()

    with pytest.raises(StopRequested):
        connection.crm.org()

    assert time.monotonic() - began < 10, "Zoho asked for 15 s"
    assert connection.transport.sent == 1


def test_a_renewed_token_with_another_api_domain_stops_the_run(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho()
    connection = zoho.connect()
    zoho.order("faults", {"api_domain": "http://127.0.0.1:9"})
    zoho.order("expire_tokens")

    with pytest.raises(RefusedError, match=r"127\.0\.0\.1:9"):
        insert(connection, "a")

    assert zoho.ask("audit", module="Leads")["records"] == 0


def test_a_foreign_api_domain_gets_no_token(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho(api_domain="https://www.zohoapis.example")

    with pytest.raises(RefusedError, match="not a host of Zoho"):
        zoho.connect()


@pytest.mark.parametrize(
    "fault", ["lost_answer", "reset", "500_after", "500", "garbage", "short_data", "late"]
)
def test_an_insert_whose_answer_is_lost_is_sent_once_and_is_in_doubt(
    local_zoho: LocalZohoFactory, fault: str
) -> None:
    zoho = local_zoho()
    connection = zoho.connect()
    zoho.order("script", [{"method": "POST", "path": "/crm/v8/Leads", "fault": fault, "delay_s": 0.05}])

    with pytest.raises(InDoubt):
        insert(connection, "a")

    assert len(zoho.ask("writes", module="Leads")) == 1


@pytest.mark.parametrize("fault", ["lost_answer", "reset", "500_after", "500", "garbage", "short_data"])
def test_an_upsert_whose_answer_is_lost_is_repeated_and_creates_one_record(
    local_zoho: LocalZohoFactory, fault: str
) -> None:
    zoho = local_zoho()
    connection = zoho.connect()
    zoho.order("script", [{"path": "/crm/v8/Leads/upsert", "fault": fault, "times": 2}])

    answer = upsert(connection, "a", "b")

    assert (answer.attempts, answer.doubted_at is None) == (3, False)
    assert zoho.ask("audit", module="Leads")["creates"] == 2


def test_a_server_that_hangs_times_out_and_leaves_a_doubt(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho()
    connection = zoho.connect(read_timeout_s=0.3)
    zoho.order("script", [{"path": "/crm/v8/Leads", "fault": "hang"}])

    with pytest.raises(InDoubt) as caught:
        insert(connection, "a")

    assert caught.value.timed_out


def test_revoking_at_accounts_that_are_gone_fails_quietly(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho()
    connection = zoho.connect()

    zoho.emulator.__exit__(None, None, None)

    assert connection.tokens.revoke() is False


def test_a_scope_that_the_token_lacks_is_named_with_what_the_call_needs(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho()
    connection = zoho.connect(scopes=("ZohoCRM.org.READ",))

    with pytest.raises(ScopeError) as caught:
        insert(connection, "a")

    assert "ZohoCRM.modules.leads.CREATE" in (caught.value.hint or "")


@pytest.mark.parametrize("language", ["en", "zh", "de"])
def test_throttling_by_accounts_is_waited_out_whatever_its_language(
    local_zoho: LocalZohoFactory, language: str
) -> None:
    zoho = local_zoho(token_limit=1, throttle_language=language)
    connection = zoho.connect(token_limit=(10, 0.5))

    with lifted_once_refused(zoho):
        connection.tokens.renew(1)

    assert zoho.ask("stats")["tokens_refused"] >= 1
    assert zoho.told(Waiting)


def test_closing_revokes_the_token(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho()

    with zoho.connect() as connection:
        connection.crm.org()

    assert zoho.ask("stats")["revoked"] == 1


def test_closing_in_haste_leaves_the_token_to_expire(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho()

    zoho.connect().close(revoke=False)

    assert zoho.ask("stats")["revoked"] == 0


def test_revoking_takes_some_seconds_at_most(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho()
    connection = zoho.connect()
    zoho.order("script", [{"path": "/oauth/v2/token/revoke", "fault": "hang"}])
    began = time.monotonic()

    connection.close()

    assert time.monotonic() - began < 20, "the server hangs for ever"


def test_credits_are_counted_as_zoho_counts_them(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho()
    connection = zoho.connect()
    crm = connection.crm

    crm.org()
    crm.fields("Leads")
    insert(connection, *[f"a{number}" for number in range(25)])
    upsert(connection, "b")
    ids = [row["id"] for row in crm.query("select id from Leads")]
    crm.write("Leads", "delete", None, ids=ids[:20], rows=20, repeatable=True)
    list(crm.records("Leads", ["id"]))
    crm.post("/crm/v8/Leads", json={"data": [{"Last_Name": "c"}]})

    assert connection.credits.used == zoho.ask("stats")["credits_used"]


def test_credits_that_run_out_pause_the_run_and_say_when_to_go_on(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho(credits=30)
    connection = zoho.connect()

    def insert_until_refused() -> None:
        for number in range(100):
            insert(connection, str(number))

    with pytest.raises(CreditsSpent, match=r"free again about 20\d\d-"):
        insert_until_refused()

    assert zoho.ask("audit", module="Leads")["records"] == connection.credits.used == 30


def test_zohos_clock_is_known_within_a_second_after_some_calls(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho(clock_skew_s=3_600.0)
    connection = zoho.connect()

    connection.crm.org()
    connection.crm.get("/crm/v8/org")

    assert connection.clock.skew() == pytest.approx(3_600.0, abs=1.1)


def test_the_wire_needs_no_more_scopes_than_it_asks_for(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho(allowed_scopes=",".join(SCOPES))
    zoho.connect()

    assert zoho.ask("stats")["tokens"] == [list(SCOPES)]
    with pytest.raises(ScopeError, match=r"ZohoCRM\.bulk\.ALL"):
        zoho.connect(scopes=("ZohoCRM.bulk.ALL",))


@pytest.mark.parametrize("shape", ["code", "number"])
def test_spent_credits_without_zohos_header_pause_as_what_they_most_likely_are(
    local_zoho: LocalZohoFactory, shape: str
) -> None:
    zoho = local_zoho(credits=2, credits_header=False, too_many_shape=shape)
    connection = zoho.connect()
    insert(connection, "a")
    insert(connection, "b")

    with pytest.raises(CreditsSpent, match="most likely") as caught:
        insert(connection, "c")

    assert caught.value.exit_code == 4


def test_a_throttle_of_accounts_without_a_status_is_waited_out(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho(token_limit=1, throttle_bare=True, throttle_status=200, throttle_language="zh")
    connection = zoho.connect(token_limit=(10, 0.5))

    with lifted_once_refused(zoho):
        connection.tokens.renew(1)

    assert zoho.ask("stats")["tokens_refused"] >= 1
    assert connection.tokens.acquired == 2


@pytest.mark.parametrize("where", ["header", "details", "retry_in_seconds"])
def test_a_wait_that_zoho_asks_for_is_kept_wherever_it_stands(
    local_zoho: LocalZohoFactory, where: str
) -> None:
    zoho = local_zoho(retry_after_s=1, retry_after_in=where)
    zoho.order("script", [{"path": "/crm/v8/org", "fault": "429"}])

    zoho.connect().crm.org()

    (waited,) = [each for each in zoho.told(Retrying) if each.path.endswith("/org")]
    assert waited.wait_s >= 1.0
