"""Turns an error into a message and an exit code. Nothing else prints errors."""

from __future__ import annotations

import errno
import os
import re
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from zmigrate.cli import INTERRUPTED, streams
from zmigrate.errors import (
    MORE_FILES,
    OUT_OF_FILES,
    CreditsSpent,
    JobFailed,
    UsageError,
    ZmigrateError,
    disk_full,
    is_full_disk,
)
from zmigrate.printable import printable
from zmigrate.private_files import replace_whole
from zmigrate.state_folders import private_folder
from zmigrate.stopping import StopRequested
from zmigrate.wording import name_of

if TYPE_CHECKING:
    from typer._click import Context

INTERNAL = 5
JOB_COMMANDS = frozenset({"plan", "run"})  # Commands that take a job's name
OF_IMPORT_FILE = frozenset({"--sheet", "--header", "--select", "--order-by"})
OF_PLAN = frozenset({"--ask", "--details", "--force", "--rejects"})
RULE_AS_OPTION = """--field 'City = {column = "City", empty = "blank"}'"""
RUN_COMMANDS = frozenset({"run", "resume"})
VALUE_WORDS = (
    (r"Input should be a valid integer", "must be a whole number"),
    (r"Input should be a valid number", "must be a number"),
    (r"Input should be greater than or equal to (\S+)", r"must be at least \1"),
    (r"Input should be less than or equal to (\S+)", r"must be at most \1"),
)
"""pydantic's words about a value, which typer passes on, and ours."""


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """The error for a person, and the exit code for the shell."""

    code: str
    message: str
    hint: str | None
    exit_code: int
    traceback: str | None = None
    """What `-v` shows."""


def problem_behind(error: BaseException, argv: Sequence[str]) -> ErrorMessage:
    """The message for whatever ended a command."""
    if isinstance(error, StopRequested):
        return ErrorMessage("INTERRUPTED", "interrupted; nothing was written", None, INTERRUPTED)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return ErrorMessage("INTERRUPTED", "interrupted", None, INTERRUPTED)
    if isinstance(error, ZmigrateError | typer.TyperException):
        return problem_of(error, argv)
    if is_full_disk(error):
        return problem_of(disk_full(error, "then give the command again"), argv)
    return of_machine(error) or unexpected(error, argv)


def of_machine(error: BaseException) -> ErrorMessage | None:
    """The message for what no file or command can be in, whatever option, folder or limit it comes from."""
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        message = f"no file can have a name as long as {str(error.filename)[:40]!r}…"
        return ErrorMessage("USAGE", message, None, UsageError.exit_code)
    if isinstance(error, OSError) and error.errno in OUT_OF_FILES:
        return ErrorMessage("USAGE", error.strerror or str(error), MORE_FILES, UsageError.exit_code)
    if isinstance(error, FileNotFoundError) and not has_folder():
        hint = "Go to a folder that exists (cd), and give the command again."
        return ErrorMessage("USAGE", "the current folder was deleted", hint, UsageError.exit_code)
    return None


def unexpected(error: BaseException, argv: Sequence[str]) -> ErrorMessage:
    """The message for an error of a job's author, or a fault of our own."""
    from zmigrate.job.author_code import failure_of
    from zmigrate.zoho.redaction import Redactor

    authors = failure_of(error, Redactor())  # a job hides its own secrets before
    return crash(error, argv) if authors is None else failure(authors, argv)


def has_folder() -> bool:
    """Whether the current folder exists."""
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def problem_of(error: Exception, argv: Sequence[str] = ()) -> ErrorMessage:
    """The message for an error of ours or of the command-line parser."""
    if isinstance(error, JobFailed):
        return failure(error, argv)
    if isinstance(error, CreditsSpent):
        # The error's own hint is for a run that has begun: to resume, or --wait. Other commands have neither.
        wait = ", or at once with --wait" if RUN_COMMANDS.intersection(argv[:1]) else ""
        return ErrorMessage(error.code, error.message, f"Give the command again then{wait}.", error.exit_code)
    if isinstance(error, ZmigrateError):
        return ErrorMessage(error.code, error.message, error.hint, error.exit_code)
    if isinstance(error, typer.TyperException):
        return ErrorMessage("USAGE", usage_message(error), usage_hint(error), error.exit_code)
    raise TypeError(type(error))


def usage_message(error: typer.TyperException) -> str:
    """The parser's message in our style: small first letter, no full stop."""
    if isinstance(error, typer.BadParameter) and error.message:
        return value_message(error)
    elsewhere = getattr(error, "option_name", None) in OF_PLAN  # what the parser finds similar is no help
    message = (error.message if elsewhere else error.format_message()).strip().rstrip(".")
    message = re.sub(r"^Option '(\S+)' requires an argument$", r"\1 needs a value", message)
    return message[:1].lower() + message[1:]


def value_message(error: typer.BadParameter) -> str:
    """What is wrong with an option's value, in our words."""
    option = error.param
    if option is None:  # our own error, which names the option
        return error.message
    name = option.opts[-1] if option.opts else "a value"
    if option.param_type_name == "argument":
        name = str(option.metavar or option.name)
    said = error.message.strip().rstrip(".").removeprefix("Value error, ")
    for pattern, words in VALUE_WORDS:
        match = re.match(pattern, said)
        if match is not None:
            return f"{name} {match.expand(words)}"
    return f"{name}: {said}"


def usage_hint(error: typer.TyperException) -> str | None:
    """What is missing, if that is an argument; and how to see the command's help."""
    context = getattr(error, "ctx", None)
    if context is None:
        return None
    see = f"see {context.command_path} --help"
    said = error.format_message()
    unknown = getattr(error, "option_name", None)
    if unknown is not None:
        return option_hint(unknown, context) or see
    if said.startswith("No such command") and "Did you mean" not in said and context.parent is None:
        return f"{see}; to start a job: {context.command_path} run JOB"
    if not said.startswith("Missing argument"):
        return see
    what = getattr(getattr(error, "param", None), "help", None)
    return f"{what} S{see[1:]}" if what else see


def option_hint(unknown: str, context: Context) -> str | None:
    """Where an option belongs that the command does not have."""
    words = context.command_path.split()
    if words[-1] in JOB_COMMANDS and len(words) == 2:
        return f"options go after the job's name: {context.command_path} JOB {unknown}"
    if words[1:2] == ["run"] and unknown in OF_PLAN:
        return f"{unknown} is an option of plan: {words[0]} plan {words[-1]} ... {unknown}"
    if words[-1] == "import-csv" and unknown in OF_IMPORT_FILE:
        other = context.command_path.replace("import-csv", "import-file")
        return f"import-file reads workbooks, databases and all other kinds: {other} FILE {unknown}"
    if words[1:2] in (["run"], ["plan"]) and words[-1] in ("import-csv", "import-file"):
        from zmigrate.rows.mapping.field_rule import TAKES_FROM

        word = unknown.lstrip("-").replace("-", "_")
        if word in TAKES_FROM["column"]:
            return f"{word} is a word of a field's rule, as in: {RULE_AS_OPTION}"
    return None


def failure(error: JobFailed, argv: Sequence[str]) -> ErrorMessage:
    """An exception of the author's code, before anything was sent: its traceback goes to a file."""
    where = error.detail and keep_traceback(error.detail, crash_folder(argv))
    hint = f"{error.hint} The traceback is in {where}." if where else error.hint
    return ErrorMessage(error.code, error.message, hint, error.exit_code, error.detail)


def crash(error: BaseException, argv: Sequence[str]) -> ErrorMessage:
    """An unexpected error: its traceback goes to a file, the person gets one line."""
    where = write_traceback(error, crash_folder(argv))
    what = f"unexpected {name_of(error)}"
    hint = f"the traceback is in {where}" if where else "run again with -v to see the traceback"
    text = "".join(traceback.format_exception(error))
    return ErrorMessage("INTERNAL", f"{what} (a fault of zmigrate's own)", hint, INTERNAL, text)


@contextmanager
def never_the_result(what: str, state_dir: Path | None) -> Iterator[None]:
    """Around what shows a run that has ended: an error in there is reported, and changes no exit code."""
    try:
        yield
    except Exception as error:
        where = write_traceback(error, crash_folder(("--state-dir", str(state_dir)) if state_dir else ()))
        there = f"; the traceback is in {where}" if where else ""
        streams.say(f"warning: {what} can't be shown: {name_of(error)}{there}")


def crash_folder(argv: Sequence[str]) -> Path:
    """The folder for tracebacks, beside the runs: --state-dir, else ZMIGRATE_STATE_DIR, else .zmigrate."""
    state = value_of("--state-dir", argv) or os.environ.get("ZMIGRATE_STATE_DIR") or ".zmigrate"
    return Path(state) / "crashes"


def value_of(option: str, argv: Sequence[str]) -> str | None:
    """The value of a long option among raw arguments, before they are parsed."""
    for index, word in enumerate(argv):
        if word == "--":
            return None
        if word == option and index + 1 < len(argv):
            return argv[index + 1]
        if word.startswith(option + "="):
            return word[len(option) + 1 :]
    return None


def write_traceback(error: BaseException, folder: Path) -> Path | None:
    """Write a traceback, without the values of variables, for its owner only. None if it can't be written."""
    return keep_traceback("".join(traceback.format_exception(error)), folder)


def keep_traceback(text: str, folder: Path) -> Path | None:
    """Write a traceback for its owner only. None if it can't be written."""
    try:
        private_folder(folder, folder.parent)
        path = folder / time.strftime("%Y%m%d-%H%M%S.txt")
        replace_whole(path, text.encode("utf-8", "backslashreplace"))
    except (OSError, ValueError, ZmigrateError):  # ValueError: not a folder name
        return None
    return path


def tell(problem: ErrorMessage, stream: TextIO) -> None:
    """Print `error: what is wrong and where`, then `hint: what to do`."""
    color = stream.isatty() and not os.environ.get("NO_COLOR")
    error, hint = ("\x1b[1;31merror:\x1b[0m", "\x1b[36mhint:\x1b[0m") if color else ("error:", "hint:")
    stream.write(f"{error} {printable(problem.message)}\n")
    if problem.hint:
        stream.write(f"{hint} {printable(problem.hint)}\n")
    stream.flush()


def tell_json(problem: ErrorMessage, argv: Sequence[str]) -> None:
    """Print the error as an object on stdout: for a run with all keys of its JSON, else just `error`."""
    error = {"code": problem.code, "message": problem.message, "hint": problem.hint}
    words = [word for word in argv if not word.startswith("-") and word != value_of("--jobs", argv)]
    body: dict[str, Any] = {"error": error}
    if words and words[0] in RUN_COMMANDS:
        body = nothing_ran(words[1] if words[0] == "run" and len(words) > 1 else None) | body
    streams.print_json(body)


def nothing_ran(job: str | None) -> dict[str, Any]:
    """The object of `run --json` if no run began (DESIGN, section 6)."""
    from zmigrate.engine.model.outcomes import RowCounts

    return {
        "run_id": None,
        "job": job,
        "state": None,
        "org": None,
        "api_domain": None,
        "rows": RowCounts().to_json(),
        "requests": {"sent": 0, "retried": 0, "throttled": 0},
        "tokens": {"acquired": 0, "renewed": 0},
        "credits": {"estimated": None, "used": 0},
        "elapsed_s": 0.0,
        "rows_per_s": None,
        "files": {"run": None, "success": None, "errors": None, "report": None},
        "error": None,
    }
