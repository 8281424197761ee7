"""The commands that a person needs next for a run, ready to be pasted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zmigrate.wording import nearby, shell_word


@dataclass(frozen=True, slots=True)
class Named:
    """What the command line named, and the next command must name again. It is not read from the run folder,
    which may be somebody else's and could then choose the code to run and the variables to read.
    """

    state_dir: Path | None = None
    jobs: Path | None = None
    allow_env: Sequence[str] = ()

    def resume(self, run_id: str, *options: str) -> str:
        """The command that continues a run."""
        allowed = [word for name in self.allow_env for word in ("--allow-env", name)]
        return command_of(["resume", run_id, *options, *allowed, *self._places()])

    def report(self, run_id: str) -> str:
        """The command that reports a run."""
        return command_of(["report", run_id, *self._places()])

    def run(self, words: Iterable[str]) -> str:
        """The command that runs a job with these options."""
        return command_of(["run", *words, *self._places()])

    def _places(self) -> list[str]:
        places = {"--jobs": self.jobs, "--state-dir": self.state_dir}
        return [
            word
            for option, path in places.items()
            if path is not None
            for word in (option, nearby(str(path.absolute())))
        ]


NOTHING_NAMED: Final = Named()


def command_of(words: Iterable[str]) -> str:
    """A command line of zmigrate."""
    return " ".join(map(shell_word, ["zmigrate", *words]))
