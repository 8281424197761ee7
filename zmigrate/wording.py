"""How messages and results name numbers, times and places."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Final

MINUTE_S = 60
HOUR_S = 3600

CLOSE_IT: Final = "If another program has it open, close it there; or name another file."

_PLAIN_ON_WINDOWS: Final = re.compile(r"[\w.:/\\=+-]+")


def count(number: int) -> str:
    """`12,345`."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """`1 row`, `3,000 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def duration(seconds: float) -> str:
    """`4.2 s`, `38 s`, `12 min 5 s`, `3 h 20 min`."""
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE_S:
        return f"{whole} s"
    if whole < HOUR_S:
        minutes, rest = divmod(whole, MINUTE_S)
        return f"{minutes} min {rest} s" if rest and minutes < 30 else f"{minutes} min"
    hours, rest = divmod(whole, HOUR_S)
    return f"{hours} h {rest // MINUTE_S} min"


_ADDRESS: Final = re.compile(r" at 0x[0-9A-Fa-f]+(?=>)")


def as_text(value: object) -> str:
    """An author's value as text that every file takes: `caf\\udce9` for bytes that are not text, `<Broken>`
    if the value can't be shown.
    """
    try:
        text = str(value)
    except Exception:  # in the author's class
        text = f"<{type(value).__name__}>"
    if not isinstance(value, str):
        text = without_addresses(text)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def without_addresses(text: str) -> str:
    """A value's `repr` without what differs from run to run: `<function f>` for `<function f at 0x7f96…>`."""
    return _ADDRESS.sub("", text)


def name_of(error: BaseException) -> str:
    """`RuntimeError: boom`, or the class alone if there is no message."""
    return f"{type(error).__name__}: {words_of(error)}".rstrip(": ")


def words_of(error: BaseException) -> str:
    """An error's message as text that every file takes; "" if it has none."""
    try:
        said = str(error)
    except Exception:  # in the author's class
        return ""
    return as_text(said)


def nearby(path: str) -> str:
    """A path for a message or a command: relative if it is below the current folder."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def shell_word(word: str) -> str:
    """A word of a command line as the shell takes it; on Windows as cmd and PowerShell do."""
    if sys.platform != "win32":
        return shlex.quote(word)
    if _PLAIN_ON_WINDOWS.fullmatch(word):
        return word
    return '"' + re.sub(r'(\\*)("|$)', lambda found: found[1] * 2 + found[2].replace('"', r"\""), word) + '"'


def shell_variable(name: str, value: str) -> str:
    """The command that sets an environment variable; on Windows that of PowerShell."""
    if sys.platform == "win32":
        inside = value.replace("'", "''")
        return f"$env:{name} = '{inside}'"
    return f"export {name}={shlex.quote(value)}"


def backslash_hint(message: str) -> str | None:
    """What to do if TOML has a path of Windows in double quotes; None if Python's message says otherwise."""
    if "'\\'" not in message and "hex value" not in message.lower():
        return None
    return "In double quotes a backslash begins an escape. Write the text in single quotes: 'C:\\data'."
