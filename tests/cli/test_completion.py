"""Completion knows the commands and the jobs."""

from __future__ import annotations

import pytest

from zmigrate.cli import main


@pytest.mark.parametrize(
    ("words", "position", "wanted"),
    [
        ("zmigrate re", "1", {"resume", "report"}),
        ("zmigrate ids ex", "2", {"export"}),
        ("zmigrate ids export --mo", "3", {"--module"}),
        ("zmigrate map --operation in", "3", {"insert"}),
        ("zmigrate fields --wri", "2", {"--writable"}),
        ("zmigrate run import-c", "2", {"import-csv"}),
        ("zmigrate run import-csv --keep", "3", {"--keep-going"}),
    ],
)
def test_bash_completes(monkeypatch, capsys, words, position, wanted):
    monkeypatch.setenv("_ZMIGRATE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", position)
    with pytest.raises(SystemExit):
        main([])
    assert wanted <= set(capsys.readouterr().out.split())
