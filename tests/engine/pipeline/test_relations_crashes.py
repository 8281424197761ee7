"""kill -9 while records that point at one another are written, then resume: all links right, none twice."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.engine.pipeline.test_relations import parents, tree
from tests.engine.victim import Victim
from tests.support import Bench, write_rows

STORM = {
    "rate_lost_answer": 0.06,
    "rate_5xx": 0.04,
    "rate_5xx_after": 0.04,
    "rate_reset": 0.04,
    "concurrency": 6,
    "latency_ms": 15.0,
}
PARENT = 'Parent_Account = { ref = "Accounts", column = "parent" }'


def killed(bench: Bench, seed: int, count: int, kills: int) -> None:
    dice = random.Random(seed)
    keys = [f"k{n}" for n in range(count)]
    rows = tree(*[(key, dice.choice(keys) if dice.random() < 0.8 else "") for key in keys])
    path = write_rows(bench.folder / "accounts.csv", rows)
    write = [["insert", "--key"], ["upsert", "--match-on"]][seed % 2]
    columns = ["--map", "id=Legacy_ID", "--map", "name=Account_Name", "--field", PARENT]
    arguments = ["run", "import-csv", str(path), "--module", "Accounts", "--operation", *write, "Legacy_ID"]
    arguments += columns
    for _ in range(kills):
        victim = Victim(bench, *arguments)
        moment = writes(bench) + dice.randrange(1, count // 40)
        victim.wait_until(lambda moment=moment: writes(bench) >= moment)
        victim.kill()
        victim.gone()
        opened = list(bench.folder.glob(".zmigrate/runs/*/run.json"))
        arguments = ["resume", "last"] if opened else arguments
    result = Victim(bench, *arguments).result()
    if result["error"] is not None and result["error"]["code"] == "RUN":
        assert "finished" in result["error"]["message"]
    else:
        assert (result["error"], result["state"]) == (None, "finished"), result
        assert (result["rows"]["read"], result["rows"]["created"]) == (count, count)
    assert parents(bench) == {row["id"]: row["parent"] or None for row in rows}
    audit = bench.audit("Accounts")
    assert (audit["records"], audit["created_twice"]) == (count, [])


def writes(bench: Bench) -> int:
    """Requests that write accounts, answered or not."""
    requests: dict[str, int] = bench.stats()["requests"]
    return sum(count for what, count in requests.items() if "/Accounts" in what and "GET" not in what)


def test_killed_and_resumed_every_link_is_right(bench_with: Callable[..., Bench]) -> None:
    killed(bench_with(seed=0, **STORM), 0, count=500, kills=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
def test_killed_and_resumed_at_more_points(seed: int, bench_with: Callable[..., Bench]) -> None:
    killed(bench_with(seed=seed, **STORM), seed, count=1_500, kills=3)
