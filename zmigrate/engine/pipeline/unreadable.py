"""What to say where the token may not read the module that a reference leads to: it is not that there is no
such record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from zmigrate.errors import ApiError, Fatal, RefusedError, ScopeError
from zmigrate.zoho.facts.codes import WHAT_TO_DO
from zmigrate.zoho.facts.scopes import missing, scopes_of_query

HIDDEN = "INVALID_MODULE"
"""Zoho's code for a module that there is not, or whose tab the user's profile does not see."""


def declaration(module: str) -> str:
    """The line by which a job may look into a module."""
    return f'scopes = scopes_for(write, Find("{module}"))  # or refers_to = ("{module}",)'


def lacking(scopes: Sequence[str], module: str) -> list[str]:
    """The scopes that are missing among these to look for records of a module by a field."""
    return missing(scopes, scopes_of_query(module))


@contextmanager
def told_as_unreadable(module: str) -> Iterator[None]:
    """A refusal to read a module says that it is one, and what to do.

    Raises ScopeError, or RefusedError where the profile or the edition is to blame.
    """
    try:
        yield
    except ScopeError as error:
        raise ScopeError(
            f"the token may not read {module}, where rows look for records: add the scope"
            f" {' and '.join(error.needed) or scopes_of_query(module)[-1]} to the job.",
            hint=f"Write it like this: {declaration(module)}",
            code=error.code,
            needed=error.needed,
        ) from None
    except (RefusedError, Fatal) as error:
        if isinstance(error, Fatal) and error.code != HIDDEN:
            raise
        raise _hidden(module, error) from None


def _hidden(module: str, error: RefusedError | ApiError) -> RefusedError:
    hint = WHAT_TO_DO[HIDDEN] if error.code == HIDDEN else error.hint
    return RefusedError(
        f"the token may not read {module}, where rows look for records: {error.message}",
        hint=hint,
        code=error.code,
    )
