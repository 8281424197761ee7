"""Which environment variables a database's URL may use: `${DB_PASSWORD}`.

A mapping, a URL and a run's folder may come from another person, and the variables that they name go to any
host that they name. So a person allows each variable on the command line. A job's own code could read the
environment anyway, so its URLs need no permission. zmigrate's own variables never go to a database.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from zmigrate.config import secret_variables
from zmigrate.errors import SourceError
from zmigrate.wording import shell_variable
from zmigrate.zoho.secret import Secret

OWN_PREFIX: Final = "ZMIGRATE_"
GIVEN: Final = "FILE|URL"  # the name of a location that a person gave to a command
CREDENTIAL: Final = "ZMIGRATE_CLIENT_SECRET"


@dataclass(frozen=True, slots=True)
class Variables:
    """What a person allows to be read, and what is never read."""

    allowed: frozenset[str] = frozenset()
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    folder: Path | None = None  # The folder of zmigrate.toml. None: the current one.
    secret: Secret | None = None  # the client secret in use

    def value(self, name: str, said_in: str | None, shown: str, host: Callable[[], str]) -> str:
        """A variable's value. `said_in`: where a mapping or an option names it; None: in a job's code.

        Raises SourceError if it may not be read, or is not set. `shown`: the URL, and `host`: where the value
        would go; both for messages.
        """
        if self._is_own(name):
            raise SourceError(
                f"{_place(said_in)}{shown} names the variable {name}, which is zmigrate's own:"
                " no database gets it.",
                hint="Put the database's password into a variable of its own, such as DB_PASSWORD.",
                code="VARIABLE_REFUSED",
            )
        if said_in is not None and name not in self.allowed:
            raise SourceError(
                f"{_place(said_in)}{shown} needs the variable {name} of your environment, but this command"
                " was not told to read it.",
                hint=f"If {host()} may have the value of {name}, add: --allow-env {name}",
                code="VARIABLE_NOT_ALLOWED",
            )
        value = self.environ.get(name)
        if value is None:
            raise SourceError(
                f"the variable {name}, which {shown} names, is not set.",
                hint=f"Set the variable: {shell_variable(name, '...')}; "
                ".env is not read for variables of a URL.",
            )
        return value

    def _is_own(self, name: str) -> bool:
        """Whether it is zmigrate's: by its name, by a profile, or because it holds the client secret."""
        upper = name.upper()
        if upper.startswith(OWN_PREFIX) or upper in map(str.upper, secret_variables(self.folder or Path())):
            return True
        value = self.environ.get(name, "")
        secrets = (self.environ.get(CREDENTIAL, ""), self.secret.reveal() if self.secret is not None else "")
        return any(secret.strip() and secret.strip() in value for secret in secrets)


def _place(said_in: str | None) -> str:
    return "" if said_in is None else f"{said_in}: "
