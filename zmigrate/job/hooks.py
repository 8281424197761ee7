"""What a record job can say of itself before its first row, where it goes by more than code: by a mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from zmigrate.reasons import Reason

if TYPE_CHECKING:
    from zmigrate.job.context import Fill
    from zmigrate.zoho.metadata import ModuleFields


Refusals: TypeAlias = Callable[[str, Any], Sequence[Reason]]
"""Says why a field, named first, does not take a value; `()` if it takes it."""


@dataclass(frozen=True, slots=True)
class JobHooks:
    """The defaults are those of a job that is code alone."""

    where: Callable[[str], str] = lambda word: ""
    """Where `module`, `operation` or `key` is said, for messages: `old.toml:3: module`."""
    where_user: Callable[[str | None], str] = lambda leaver: ""
    """Where the successor of a leaver is declared; None: the default user."""
    may_stop: bool | None = None
    """Whether an open reference may stop the run before its first write. None: see `refers_to`."""
    inner_fills: Mapping[str, Sequence[Fill]] = field(default_factory=dict)
    """The fields of subform rows that are filled, by subform, as far as they are known."""
    warnings: Callable[[], Iterable[str]] = tuple
    """What a person should know of the job's files before the first write."""
    problems: Callable[[ModuleFields, Mapping[str, ModuleFields], Refusals], Iterable[str]] = (
        lambda fields, subforms, refusals: ()
    )
    """What the job itself says that the org's fields do not take. The second: the fields of subform rows."""
    names_finds: bool = False
    """Whether the job's `scopes` have what its `Find`s need. Else it may look into all that it refers to."""
