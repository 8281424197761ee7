"""`--key` given twice is a key of both fields, also in the commands that a run shows."""

from __future__ import annotations

import json
import re
import shlex


def test_two_keys_are_one_of_both_fields(zmigrate, folder, credentials):
    (folder / "leads.csv").write_text("Last_Name,Company,Email\nDoe,Acme,bad\nDoe,Bolt,b@example.com\n")
    load = ["import-csv", "leads.csv", "--module", "Leads", "--operation", "insert"]
    keys = ["--key", "Last_Name", "--key", "Company"]
    planned = json.loads(zmigrate("plan", *load, *keys, "--json").out)
    assert (planned["key"], planned["creates"]) == ("Last_Name+Company", 1)
    done = zmigrate("run", *load, *keys, "--yes")
    assert done.code == 1
    (again,) = re.findall(r"^  (zmigrate run .*)$", done.err, re.M)
    errors = next(word for word in shlex.split(again) if word.endswith("errors.csv"))
    with open(errors) as file:
        mended = file.read().replace(",bad", ",a@example.com")
    with open(errors, "w") as file:
        file.write(mended)
    assert json.loads(zmigrate(*shlex.split(again)[1:], "--json").out)["rows"]["created"] == 1


def test_an_upsert_with_two_keys_is_refused_with_the_reason(zmigrate, folder, credentials):
    (folder / "leads.csv").write_text("Last_Name,Company\nDoe,Acme\n")
    words = ["import-csv", "leads.csv", "--module", "Leads", "--operation", "upsert"]
    refused = zmigrate("plan", *words, "--key", "Last_Name", "--key", "Company")
    assert refused.code == 2
    assert "an upsert matches on one field" in " ".join(refused.err.split())
