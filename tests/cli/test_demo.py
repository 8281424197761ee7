"""The demo tells the whole story, proves it, and leaves nothing behind but the run folder."""

from __future__ import annotations

import re

from zmigrate.cli.demo import Proof


def test_the_demo_proves_that_every_row_is_there_once_and_leaves_only_its_run_folder(zmigrate, folder):
    done = zmigrate("demo")
    assert done.code == 0, done.out + done.err
    assert "  NO  " not in done.out
    assert done.out.count("  yes  ") == 4
    told = " ".join(done.err.split())
    assert "2,990 rows would be created, 10 refused. Of the former Zoho may refuse 2," in told
    assert "every row read is accounted for" in done.out
    assert re.search(r"\d+ tokens \(\d+ renewed\)", done.out)
    for word in ("the token ran out midway", "429", "no answer: written or not?", "checked by their keys"):
        assert word in done.err
    assert [path.name for path in folder.iterdir()] == [".zmigrate"]
    assert {path.name for path in (folder / ".zmigrate").iterdir()} == {".gitignore", "runs"}
    assert len(list(folder.glob(".zmigrate/runs/*/success.csv"))) == 1
    report = zmigrate("report", "last")
    assert report.code == 0
    assert "MANDATORY_NOT_FOUND" in report.out


def test_a_record_that_is_there_twice_is_no_proof():
    from collections import Counter

    books = {"creates": 2, "created_twice": 0, "foreseen": True, "lost": 1}
    assert Proof(expected=Counter("ab"), found=Counter("ab"), **books).holds
    assert not Proof(expected=Counter("ab"), found=Counter("aab"), **books).holds
    assert not Proof(expected=Counter("abc"), found=Counter("ab"), **books).holds
    assert not Proof(expected=Counter("ab"), found=Counter("ab"), **books | {"created_twice": 1}).holds
    assert not Proof(expected=Counter("ab"), found=Counter("ab"), **books | {"foreseen": False}).holds
