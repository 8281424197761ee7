"""Credentials and settings: one set from one place, never mixed. Nothing here talks to Zoho."""

from __future__ import annotations

import difflib
import io
import math
import os
import re
import shlex
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values

from zmigrate.errors import ConfigError
from zmigrate.plain_files import read_served, read_small
from zmigrate.printable import LOCALE, is_unicode
from zmigrate.state_folders import from_home
from zmigrate.wording import backslash_hint
from zmigrate.zoho.credential_formats import address, client_id, client_secret, normalise_soid, upload_address
from zmigrate.zoho.facts.data_centres import ACCOUNTS_DOMAINS, ACCOUNTS_URLS
from zmigrate.zoho.facts.limits import TOKEN_WINDOW_S, TOKENS_PER_WINDOW
from zmigrate.zoho.redaction import Redactor
from zmigrate.zoho.secret import Secret

__all__ = ["Credentials", "Secret", "Settings", "load_credentials", "load_settings"]

PROFILES_FILE = "zmigrate.toml"
DOTENV_FILE = ".env"
STATE_FOLDER = ".zmigrate"
DEFAULT_PROFILE = "default"

SWITCHES = frozenset({"portal"})  # keys of a profile with true or false; the others have texts
PROFILE_KEYS = (
    *("client_id", "soid", "dc", "accounts_url", "upload_url", "client_secret_env", "client_secret_command"),
    *SWITCHES,
)

_SECRET_COMMAND_TIMEOUT_S = 120.0

DOTENV_WAIT_S: Final = 60.0  # for a `.env` that is a pipe: its password manager may ask a person first
_served: dict[Path, bytes] = {}
"""The contents of such pipes. Each is asked for once, however often a command reads the file."""

SAVE_AS_UTF8: Final = "Save it as UTF-8; the > of Windows PowerShell writes UTF-16."

_LONGEST_LINE = 2_000
"""Bytes of a line of zmigrate.toml. A key of thousands of parts would take minutes to read."""

_LONGEST_TIME_S = 30 * 24 * 3_600.0  # the system's timeouts have an upper limit


@dataclass(frozen=True, slots=True)
class Credentials:
    """How zmigrate identifies itself to Zoho, for one org. `place`: where this was found, for the banner."""

    client_id: str
    client_secret: Secret
    soid: str
    accounts_url: str
    place: str
    profile: str = ""
    upload_url: str | None = None
    portal: bool = False
    """The soid is a portal's id, so its digits are not the org's own."""
    redactor: Redactor = field(default_factory=Redactor, repr=False, compare=False)
    """Hides the secret, and the tokens that are got with it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How zmigrate behaves. Seconds where the name says so."""

    state_dir: Path
    read_timeout_s: float = 60.0
    retry_budget_s: float = 900.0
    settle_s: float | None = None
    """One wait before any lost answer is checked; None: depends on what happened."""
    token_limit: tuple[int, float] = (TOKENS_PER_WINDOW, TOKEN_WINDOW_S)
    """(tokens, seconds)."""
    wait_for_credits: bool = False
    concurrency: int | None = None


def load_credentials(profile: str | None, *, folder: Path, environ: Mapping[str, str]) -> Credentials:
    """The credentials from the named profile, else the environment, else `.env`, else the profile `default`.

    The first place that has any must have all. Raises ConfigError.
    """
    dotenv = _read_dotenv(folder)
    if profile is not None:
        return _from_profile(profile, folder, environ, dotenv)
    for values, place in ((environ, "the environment"), (dotenv, DOTENV_FILE)):
        if values.get("ZMIGRATE_CLIENT_ID") or values.get("ZMIGRATE_SOID"):
            return _from_variables(values, place)
    profiles = read_profiles(folder)
    if DEFAULT_PROFILE in profiles:
        return _from_profile(DEFAULT_PROFILE, folder, environ, dotenv)
    if profiles:
        raise ConfigError(
            f"No profile is named, {folder / PROFILES_FILE} has no profile `{DEFAULT_PROFILE}`, and there are"
            " no credentials in the environment or .env.",
            hint="Name one: " + " or ".join(f"--profile {name}" for name in sorted(profiles)) + ".",
        )
    raise ConfigError(
        "There are no credentials: no --profile, no ZMIGRATE_CLIENT_ID in the environment or .env, and no"
        f" profile `{DEFAULT_PROFILE}` in {folder / PROFILES_FILE}.",
        hint="Run `zmigrate init`; or try the job with --emulator, which needs no credentials.",
    )


def load_settings(
    *, environ: Mapping[str, str], folder: Path, state_dir: Path | None = None, **overrides: Any
) -> Settings:
    """The settings from options (`state_dir`, and fields of Settings by name), else the environment, else
    `.env`.

    An override of None counts as not given. Raises ConfigError with the variable's name.
    """
    values = {**_read_dotenv(folder), **environ}
    found: dict[str, Any] = {}
    for name, (variable, read) in _SETTINGS.items():
        text = values.get(variable, "").strip()
        if text:
            found[name] = read(variable, text)
    found.update({name: value for name, value in overrides.items() if value is not None})
    chosen = state_dir or Path(values.get("ZMIGRATE_STATE_DIR", "").strip() or STATE_FOLDER)
    where = folder / from_home(chosen, "--state-dir /path/to/folder")
    for place, what in ((folder.absolute(), "current folder"), (where, "state folder")):
        if not is_unicode(str(place)):
            raise ConfigError(
                f"The {what} {place} can't be used: its path is not UTF-8.",
                hint=f"Rename it, or choose another. {LOCALE}",
            )
    if "\0" in str(where):
        raise ConfigError(f"{str(chosen)!r} can't be a folder.", hint="Name another with --state-dir.")
    if os.path.exists(where) and not os.path.isdir(where):  # Path's own raise if it is not accessible
        what = "a file" if os.path.isfile(where) else "a pipe or device"
        raise ConfigError(
            f"{chosen} is {what}, not a folder to keep runs in.",
            hint="Name a folder with --state-dir or ZMIGRATE_STATE_DIR; it need not exist yet.",
        )
    return Settings(state_dir=where, **found)


def secret_variables(folder: Path) -> frozenset[str]:
    """The variables of client secrets, as the profiles name them. Raises ConfigError."""
    profiles = [each for each in read_profiles(folder).values() if isinstance(each, dict)]
    return frozenset(
        str(each["client_secret_env"]).strip() for each in profiles if "client_secret_env" in each
    )


def accounts_url_of(
    dc: str | None, accounts_url: str | None, where: str, *, names: tuple[str, str] = ("dc", "accounts_url")
) -> str:
    """The base URL of the accounts server, by data centre or by URL: https on a Zoho host, or plain http to
    this machine (the emulator). `names`: what the two are called in this place. Raises ConfigError.
    """
    dc_name, url_name = names
    if bool(dc) == bool(accounts_url):
        raise ConfigError(
            f"{where}: {dc_name} and {url_name} are both set; only one may be."
            if dc
            else f"{where}: neither {dc_name} nor {url_name} is set.",
            hint=f"{dc_name} is one of {', '.join(ACCOUNTS_URLS)}: the end of your Zoho address.",
        )
    if dc:
        url = ACCOUNTS_URLS.get(dc.strip().upper())
        if url is None:
            raise ConfigError(
                f"{where}: {dc_name} is {dc.strip()[:20]!r}, an unknown data centre.",
                hint=f"Use one of {', '.join(ACCOUNTS_URLS)}; for another give {url_name}.",
            )
        return url
    return address(accounts_url or "", ACCOUNTS_DOMAINS, f"{where}: {url_name}")


def _from_variables(values: Mapping[str, str], place: str) -> Credentials:
    needed = ("ZMIGRATE_CLIENT_ID", "ZMIGRATE_CLIENT_SECRET", "ZMIGRATE_SOID")
    lacking = [name for name in needed if not values.get(name, "").strip()]
    if lacking:
        raise ConfigError(
            f"The credentials in {place} are not complete: {', '.join(lacking)} missing.",
            hint="All of them must come from the same place; set the missing ones there.",
        )
    return Credentials(
        client_id=client_id(values["ZMIGRATE_CLIENT_ID"].strip(), f"ZMIGRATE_CLIENT_ID in {place}"),
        client_secret=client_secret(
            values["ZMIGRATE_CLIENT_SECRET"].strip(), f"ZMIGRATE_CLIENT_SECRET in {place}"
        ),
        soid=normalise_soid(values["ZMIGRATE_SOID"], f"ZMIGRATE_SOID in {place}"),
        accounts_url=accounts_url_of(
            values.get("ZMIGRATE_DC"),
            values.get("ZMIGRATE_ACCOUNTS_URL"),
            place,
            names=("ZMIGRATE_DC", "ZMIGRATE_ACCOUNTS_URL"),
        ),
        place=place,
        upload_url=upload_address(values.get("ZMIGRATE_UPLOAD_URL"), f"ZMIGRATE_UPLOAD_URL in {place}"),
    )


def _from_profile(
    name: str, folder: Path, environ: Mapping[str, str], dotenv: Mapping[str, str]
) -> Credentials:
    profiles = read_profiles(folder)
    path = folder / PROFILES_FILE
    if name not in profiles:
        near = difflib.get_close_matches(name, profiles, 1)
        known = f"It has: {', '.join(sorted(profiles))}." if profiles else "It has none."
        raise ConfigError(
            f"There is no profile `{name}` in {path}. {known}",
            hint=f"Did you mean `{near[0]}`?"
            if near
            else f"A profile is a table [profiles.{name}]; `zmigrate init` writes one.",
        )
    where = f"{path}, [profiles.{name}]"
    values = _checked_profile(profiles[name], where)
    for key in ("client_id", "soid"):
        if not values.get(key):
            raise ConfigError(f"{where}: {key} is missing.", hint=f'Add {key} = "…" there.')
    soid = normalise_soid(values["soid"], f"{where}: soid")
    accounts_url = accounts_url_of(values.get("dc"), values.get("accounts_url"), where)
    upload_url = upload_address(values.get("upload_url"), f"{where}: upload_url")
    return Credentials(
        client_id=client_id(values["client_id"], f"{where}: client_id"),
        client_secret=_secret(values, where, environ, dotenv),
        soid=soid,
        accounts_url=accounts_url,
        place=f"profile `{name}` in {PROFILES_FILE}",
        profile=name,
        upload_url=upload_url,
        portal=profiles[name].get("portal") is True,
    )


def _checked_profile(table: object, where: str) -> dict[str, str]:
    """The texts of a profile. Raises ConfigError for a key or value that a profile can't have."""
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is not a table.", hint="Write [profiles.NAME] above the profile's keys.")
    if "client_secret" in table:
        raise ConfigError(
            f"{where}: client_secret does not belong in this file.",
            hint='Put the secret into .env or the environment, and name it: client_secret_env = "NAME".',
        )
    for key, value in table.items():
        if key not in PROFILE_KEYS:
            near = difflib.get_close_matches(key, PROFILE_KEYS, 1)
            raise ConfigError(
                f"{where}: unknown key {key}.",
                hint=f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(PROFILE_KEYS)}.",
            )
        if key in SWITCHES:
            if not isinstance(value, bool):
                raise ConfigError(
                    f"{where}: {key} must be true or false.", hint=f"Write {key} = true, without quotes."
                )
        elif not isinstance(value, str):
            raise ConfigError(f"{where}: {key} must be a text.", hint=f'Write {key} = "…", in quotes.')
    return {key: value.strip() for key, value in table.items() if key not in SWITCHES}


def _secret(
    values: Mapping[str, str], where: str, environ: Mapping[str, str], dotenv: Mapping[str, str]
) -> Secret:
    variable, command = values.get("client_secret_env"), values.get("client_secret_command")
    if bool(variable) == bool(command):
        raise ConfigError(
            f"{where} must name the secret by client_secret_env or by client_secret_command"
            + (", not by both." if variable else "; it has neither."),
            hint='Put the secret into .env as NAME=… and write client_secret_env = "NAME".',
        )
    if command:
        return _secret_of_command(command, where)
    secret = (environ.get(variable or "") or dotenv.get(variable or "") or "").strip()
    if not secret:
        raise ConfigError(
            f"{where}: the variable {variable} is not set, neither in the environment nor in .env.",
            hint=f"Write {variable}=… into .env, or run `zmigrate init` again.",
        )
    return client_secret(secret, f"{where}: the variable {variable}")


def _secret_of_command(command: str, where: str) -> Secret:
    """The secret that the command prints. On failure its stderr is shown, its output never."""
    key = f"{where}: client_secret_command"
    try:
        # Windows programs get their command line as it is written, and take it apart themselves.
        words = command if sys.platform == "win32" else shlex.split(command)
        done = subprocess.run(  # noqa: S603 - the person's own command, without a shell
            words, capture_output=True, timeout=_SECRET_COMMAND_TIMEOUT_S, check=False
        )
    except (ValueError, IndexError):
        raise ConfigError(f"{key} can't be read as a command.", hint="Check its quotes.") from None
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"{key} did not end within {_SECRET_COMMAND_TIMEOUT_S:.0f} s.", hint="Run it by hand first."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{key}: {error.filename or command} can't be run: {error.strerror}.", hint="Check its path."
        ) from None
    if done.returncode != 0:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[-500:]
        raise ConfigError(
            f"{key} failed with exit code {done.returncode}" + (f": {said}" if said else "."),
            hint="Run it by hand and fix it. zmigrate runs it without a shell, so write ~ and $NAME out.",
        )
    secret = done.stdout.decode("utf-8", "replace").strip()
    if not secret or "\n" in secret:
        raise ConfigError(f"{key} must print the secret and nothing else.", hint="Run it by hand to see.")
    return client_secret(secret, key)


def read_profiles(folder: Path) -> dict[str, Any]:
    """The profiles of zmigrate.toml as written, by name. Raises ConfigError."""
    path = folder / PROFILES_FILE
    try:
        text = read_small(path)
        if max(map(len, text.splitlines()), default=0) > _LONGEST_LINE:
            raise ConfigError(f"{path} has a line that is too long.", hint="Check that it is the right file.")
        content = tomllib.loads(text.decode("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}.", hint="Check its permissions.") from None
    except RecursionError:
        raise ConfigError(f"{path} has brackets nested too deeply.", hint="Fix the file.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8.", hint=SAVE_AS_UTF8) from None
    except ValueError as error:  # not TOML, or a number with thousands of digits
        hint = backslash_hint(str(error)) or "Fix the line that it names."
        raise ConfigError(f"{path} is not valid TOML: {error}.", hint=hint) from None
    profiles = content.get("profiles", {})
    if not isinstance(profiles, dict):
        raise ConfigError(
            f"{path}: `profiles` is not a table.", hint="Write [profiles.NAME] above the profile's keys."
        )
    return profiles


def _read_dotenv(folder: Path) -> dict[str, str]:
    """The variables of `.env`. They never enter this process's environment."""
    path = folder / DOTENV_FILE
    if path.is_dir():  # a virtual environment of that name
        return {}
    try:
        values = dotenv_values(stream=io.StringIO(_content_of(path).decode("utf-8-sig")), interpolate=False)
    except FileNotFoundError:
        return {}
    except TimeoutError as error:
        raise ConfigError(
            f"{path} can't be read: {error.strerror}.",
            hint="Unlock the password manager that serves the file. Or remove the pipe, and fetch the "
            "secret by client_secret_command in a profile of zmigrate.toml.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{path} can't be read: {why}.", hint=f"Check the file. {SAVE_AS_UTF8}") from None
    return {name: value for name, value in values.items() if value is not None}


def _content_of(path: Path) -> bytes:
    """The content of `.env`, which may be a named pipe. Raises OSError."""
    if not stat.S_ISFIFO(os.stat(path).st_mode):
        return read_small(path)
    place = path.absolute()
    if place not in _served:
        _served[place] = read_served(path, DOTENV_WAIT_S)
    return _served[place]


def _seconds(variable: str, text: str) -> float:
    try:
        seconds = float(text) if text.isascii() else math.nan
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= _LONGEST_TIME_S:
        raise ConfigError(
            f"{variable} is not a number of seconds: {text[:40]!a}.",
            hint=f"Write it as 60 or 0.5; at most {_LONGEST_TIME_S:.0f}.",
        )
    return seconds


def _timeout(variable: str, text: str) -> float:
    seconds = _seconds(variable, text)
    if seconds == 0:
        raise ConfigError(f"{variable} must be more than 0 seconds.", hint="Write it as 60.")
    return seconds


def _token_limit(variable: str, text: str) -> tuple[int, float]:
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,6}(?:\.[0-9]{1,6})?)", text)
    if match is None or int(match.group(1)) == 0:
        raise ConfigError(
            f"{variable} is not a token limit: {text[:40]!r}.", hint="Write it as 10/600: tokens in seconds."
        )
    return int(match.group(1)), float(match.group(2))


_SETTINGS: Mapping[str, tuple[str, Callable[[str, str], Any]]] = {
    "read_timeout_s": ("ZMIGRATE_READ_TIMEOUT_S", _timeout),
    "retry_budget_s": ("ZMIGRATE_RETRY_BUDGET_S", _seconds),
    "settle_s": ("ZMIGRATE_SETTLE_S", _seconds),
    "token_limit": ("ZMIGRATE_TOKEN_LIMIT", _token_limit),
}
