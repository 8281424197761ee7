"""Writes a profile that `zmigrate init` has tried: into zmigrate.toml, and its secret into .env."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from zmigrate.config import DOTENV_FILE, PROFILE_KEYS, PROFILES_FILE, Secret
from zmigrate.errors import ConfigError
from zmigrate.plain_files import NotAFile, read_small
from zmigrate.private_files import replace_shared, replace_whole

_PROFILE_NAME = re.compile(r"[A-Za-z0-9_-]+")


def write_profile(folder: Path, name: str, values: Mapping[str, str | bool], secret: Secret) -> None:
    """Write `[profiles.NAME]` into zmigrate.toml, and its secret into `.env` (0600). The rest of both files
    stays as it is.

    `values`: the profile's keys, without those for the secret. Raises ConfigError.
    """
    check_profile_name(name)
    variable = f"ZMIGRATE_{name.upper().replace('-', '_')}_CLIENT_SECRET"
    path = folder / PROFILES_FILE
    try:
        document = tomlkit.parse(read_small(path).decode()) if path.exists() else tomlkit.document()
        profiles = document.setdefault("profiles", tomlkit.table(is_super_table=True))
        _check_variable_is_free(profiles, name, variable)
        table = profiles.get(name)
        if not isinstance(table, Table):
            table = profiles[name] = tomlkit.table()
        for key in PROFILE_KEYS:
            table.pop(key, None)
        table.update({key: value for key, value in values.items() if value})
        table["client_secret_env"] = variable
        text = _with_variable(_text_of(folder / DOTENV_FILE), variable, secret)
        replace_whole(folder / DOTENV_FILE, text.reveal().encode())
        replace_shared(path, tomlkit.dumps(document).encode())
    except TOMLKitError as error:
        raise ConfigError(f"{path}: {error}", hint="Fix the file, then run `zmigrate init` again.") from None
    except OSError as error:
        raise ConfigError(
            f"{error.filename or folder} can't be written: {error.strerror}.",
            hint="Make the folder writable.",
        ) from None


def check_profile_name(name: str) -> None:
    """Raise ConfigError if a profile can't have this name."""
    if _PROFILE_NAME.fullmatch(name) is None:
        raise ConfigError(f"{name!r} can't be a profile's name.", hint="Use letters, digits, - and _.")


def _check_variable_is_free(profiles: Any, name: str, variable: str) -> None:
    for other, table in profiles.items():
        if other != name and isinstance(table, dict) and table.get("client_secret_env") == variable:
            raise ConfigError(
                f"The profile `{other}` already keeps its secret in {variable}.", hint="Choose another name."
            )


def _text_of(path: Path) -> str:
    """The text of `.env`. Raises ConfigError if a password manager serves the file through a pipe."""
    try:
        return read_small(path).decode() if path.exists() else ""
    except NotAFile as error:
        raise ConfigError(
            f"{path} is {error.what}, so a secret can't be written into it.",
            hint=f"Add the secret to the program that serves the file, and the profile to {PROFILES_FILE} by "
            "hand; or move the pipe away.",
        ) from None


def _with_variable(text: str, variable: str, secret: Secret) -> Secret:
    """The text of `.env` with this variable set. Every other line stays as it is."""
    if any(letter in secret.reveal() for letter in "\r\n\0"):
        raise ConfigError("The secret has a line break in it.", hint="Copy it again, without the line break.")
    quoted = secret.reveal().replace("\\", "\\\\").replace("'", "\\'")
    pattern = re.compile(rf"\s*(?:export\s+)?{re.escape(variable)}\s*=")
    lines = [line for line in text.splitlines() if not pattern.match(line)]
    return Secret("\n".join([*lines, f"{variable}='{quoted}'", ""]))
