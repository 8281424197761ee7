"""A command that is to be copied stands in one line, however narrow the terminal is."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console, Group

from zmigrate.display.next_commands import Named
from zmigrate.display.summary import step_line


def test_a_command_behind_its_words_is_never_cut():
    named = Named(state_dir=Path("/somewhere/a state folder"), jobs=Path("/somewhere/other jobs"))
    for command in (named.resume("20261201-025437-hand-x-62b6"), named.report("20261201-025437-hand-x-62b6")):
        out = io.StringIO()
        Console(file=out, width=40).print(Group(step_line(f"Continue with: {command}")), crop=False)
        assert out.getvalue() == f"Continue with: {command}\n"
