"""How messages and results name numbers, times and places."""

from __future__ import annotations

from pathlib import Path

MINUTE_S = 60
HOUR_S = 3600


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


def as_text(value: object) -> str:
    """An author's value as text that every file takes: `caf\\udce9` for bytes that are not text, `<Broken>`
    if the value can't be shown.
    """
    try:
        text = str(value)
    except Exception:  # in the author's class
        text = f"<{type(value).__name__}>"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


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
