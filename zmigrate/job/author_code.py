"""Exceptions of an author's code: whose they are, where they were raised, and their texts without secrets."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

from zmigrate.errors import JobFailed, ZmigrateError, is_full_disk
from zmigrate.job.context import Skip
from zmigrate.wording import as_text, name_of, nearby
from zmigrate.zoho.redaction import Redactor

ENTRY_POINT_GROUP: Final = "zmigrate.jobs"
"""Installed packages name their jobs under it."""

OURS: Final = Path(__file__).resolve().parents[1]
INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
"""Folders of packages that somebody installed: libraries, unless they bring jobs."""


class Raised(NamedTuple):
    """Where an exception came from, as far as the author's code is concerned."""

    place: str
    """The innermost line of the author's code: `jobs/import_leads.py:12`."""
    within_ours: bool
    """Whether the author's line called zmigrate, and the exception came from in there."""


def raised_by_author(error: BaseException) -> Raised | None:
    """Where the author's code raised this, or called what raised it. None if no author's code was at work."""
    ours = False
    for frame, line in reversed([*traceback.walk_tb(error.__traceback__)]):
        if _is_authors(frame):
            return Raised(f"{nearby(frame.f_code.co_filename)}:{line}", ours)
        ours = ours or _is_ours(frame.f_code.co_filename)
    return None


def failure_of(error: BaseException, secrets: Redactor) -> JobFailed | None:
    """An exception of the author's code as an error of ours. None if it is not the author's fault."""
    raised = raised_by_author(error)
    if raised is None or is_full_disk(error):
        return None
    called = " in a call of zmigrate" if raised.within_ours else ""
    failure = JobFailed(
        hidden(secrets, f"{raised.place}: the job's code raised {name_of(error)}{called}"),
        hint=f"{advice_for(error)}, then give the command again.",
        detail=traceback_of(error, secrets),
    )
    failure.add_note(failure.detail or "")
    return failure


def advice_for(error: BaseException) -> str:
    """What the author can do about an exception: the beginning of a sentence."""
    if isinstance(error, Skip):
        return "Skip is for `transform`; `run(ctx)` leaves an item out with ctx.skip(reason). Correct the job"
    return "Correct the job"


@contextmanager
def told_as_authors(secrets: Redactor) -> Iterator[None]:
    """Around an author's code: an exception of it is raised as JobFailed, and no error tells a secret."""
    try:
        yield
    except ZmigrateError as error:
        hide(error, secrets)
        raise
    except (Exception, SystemExit) as error:
        failure = failure_of(error, secrets)
        if failure is None:
            raise
        raise failure from None  # the exception itself may tell a secret


def hide(error: ZmigrateError, secrets: Redactor) -> None:
    """Take the secrets out of the error's texts."""
    error.message = hidden(secrets, as_text(error.message))
    error.hint = None if error.hint is None else hidden(secrets, error.hint)
    if (error.message,) != error.args:
        error.args = (error.message,)


def hidden(secrets: Redactor, value: object) -> str:
    """An author's value as text, without secrets."""
    return secrets.redacted_text(as_text(value))


def traceback_of(error: BaseException, secrets: Redactor) -> str:
    """The traceback, without the values of variables and without secrets."""
    return hidden(secrets, "".join(traceback.format_exception(error)))


def _is_authors(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    path = Path(name)
    if name.startswith("<frozen ") or _is_ours(name):
        return False
    if INSTALLED.isdisjoint(path.parts):
        return not path.is_relative_to(_standard_library())
    return str(frame.f_globals.get("__name__")).partition(".")[0] in _packages_with_jobs()


def _is_ours(name: str) -> bool:
    path = Path(name)
    return path.is_relative_to(OURS) or any(path.is_relative_to(folder) for folder in ready_made_folders())


@cache
def ready_made_folders() -> tuple[Path, ...]:
    """Where the ready-made jobs are: in a clone beside zmigrate, otherwise inside."""
    spec = find_spec("zmigrate.ready_jobs")
    return tuple(map(Path, (spec.submodule_search_locations if spec is not None else None) or ()))


@cache
def _packages_with_jobs() -> frozenset[str]:
    return frozenset(point.module.partition(".")[0] for point in entry_points(group=ENTRY_POINT_GROUP))


@cache
def _standard_library() -> str:
    return sysconfig.get_path("stdlib")
