"""What a person chose for a run, its resume, or a plan: one value, from the command to the last step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from zmigrate.errors import UsageError
from zmigrate.zoho.facts.triggers import TRIGGERS, are_triggers

KEPT: Final = ("profile", "concurrency", "trigger", "keep_going", "wait")
"""Settings that a resume takes over from its run, unless they are given again."""
TOLD: Final = ("limit", "allow_env")
"""Further settings in `run.json`, only to be shown."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of a run, or of its resume. None: not given."""

    profile: str | None = None
    emulator: bool = False
    """Run on an embedded emulator."""
    limit: int | None = None
    """The most rows to read now."""
    concurrency: int | None = None
    trigger: Sequence[str] | None = None
    """The automations that Zoho runs for written records. Not given: none."""
    yes: bool = False
    again: bool = False
    keep_going: bool | None = None
    wait: bool | None = None
    """Wait for API credits."""
    allow_env: tuple[str, ...] = ()
    """The variables of the environment that the URL of a database may have."""
    state_dir: Path | None = None

    def __post_init__(self) -> None:
        if not are_triggers(self.trigger or ()):
            raise UsageError(
                f"trigger is {str(self.trigger)[:80]!r}.",
                hint=f'It is a list of {", ".join(TRIGGERS)}, as in trigger=["workflow"].',
            )
        if self.trigger is not None:
            object.__setattr__(self, "trigger", tuple(self.trigger))  # the dataclass is frozen

    def to_json(self) -> dict[str, Any]:
        """As `run.json` keeps them."""
        chosen = asdict(self)
        return {name: chosen[name] for name in (*KEPT, *TOLD)} | {"trigger": list(self.trigger or ())}

    def with_kept(self, settings: Mapping[str, Any]) -> RunOptions:
        """The options of a resume, completed from its run's; an older `run.json` may have fewer. Raises
        UsageError for an unknown trigger.
        """
        kept: dict[str, Any] = {name: settings.get(name) for name in KEPT if getattr(self, name) is None}
        return replace(self, **kept)


@dataclass(frozen=True, slots=True)
class PlanOptions(RunOptions):
    """The options of a plan: those of the run that it foresees, and its own."""

    ask: int | None = None
    """The most rows whose keys the org is asked for. Not given: 100,000."""
