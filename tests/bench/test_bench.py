"""The benchmark itself is run by hand; here only that its command is there."""

from __future__ import annotations

import pytest

from tests.bench.__main__ import main
from tests.bench.table import at_most, drawn


def test_help_names_every_measurement(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    assert "{speed,latency,size,resume,start}" in capsys.readouterr().out


def test_what_falls_short_is_plain_in_the_table():
    assert drawn([at_most("memory", 120.0, 100, "120.0 MiB", " MiB")]).endswith("| ≤ 100 MiB | NO  |")
