"""Opens a journal's file, checks its version, and explains SQLite's errors. `journal` knows the tables."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, Final

import orjson

from zmigrate.engine.storage import journal_sql as sql
from zmigrate.engine.storage.scratch import CACHE_KIB
from zmigrate.errors import (
    MORE_FILES,
    OUT_OF_FILES,
    DiskFull,
    InternalError,
    JournalDamaged,
    RunError,
    ZmigrateError,
    lacks_locks,
)
from zmigrate.file_owner import ANOTHER_PLACE, cant_read
from zmigrate.private_files import check_database, make_database, open_private, read_whole

RUN = "run"
"""The fact that holds the run's record, as `run.json` does."""

RECORD_FILE = "run.json"

RECORD_BYTES: Final = 64 << 20
"""The largest record that is read. A record lists a flow's steps and their options, mostly kilobytes."""

RECOVERY = (
    "Restore the run folder from a copy and resume. Without a copy, start again with an upsert on a unique "
    "key, which finds the records that were created."
)


def connect(path: Path, *, lasting: bool = True) -> sqlite3.Connection:
    """A writing connection to a file that need not exist yet. `lasting` False: the file is not needed after
    this process. Raises JournalDamaged.
    """
    try:
        make_database(path)
        connection = sqlite3.connect(
            path, isolation_level=None, cached_statements=64, check_same_thread=lasting
        )
    except (sqlite3.Error, OSError) as error:
        raise _not_opened(path, error) from error
    with guard(path):
        # WAL with FULL: a committed turn survives a power cut, and readers never block the run.
        connection.execute(f"PRAGMA journal_mode={'WAL' if lasting else 'MEMORY'}")
        connection.execute(f"PRAGMA synchronous={'FULL' if lasting else 'OFF'}")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection for reading, also while a process works on the run. Raises JournalDamaged."""
    return _reader(path, sql.OLDEST_READ)


def _reader(path: Path, oldest: int) -> sqlite3.Connection:
    _refuse_missing(path)
    try:
        check_database(path)
        reader = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    except (sqlite3.Error, OSError) as error:
        raise _not_opened(path, error) from error
    return _checked(reader, path, oldest)


def connect_again(path: Path) -> sqlite3.Connection:
    """A writing connection to a journal of this version. Raises JournalDamaged if any page is damaged."""
    _reader(path, sql.SCHEMA_VERSION).close()  # a file that is not ours is not changed
    connection = connect(path)
    try:
        with guard(path):
            trouble = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if trouble != "ok":
            raise JournalDamaged(f"{path}: the journal is damaged: {trouble}", hint=RECOVERY)
    except BaseException:
        connection.close()
        raise
    return connection


def holds_nothing(path: Path) -> bool:
    """Whether a journal's file, maybe a damaged one, certainly holds no row. False if that can't be known."""
    try:
        check_database(path)
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as reader:
            (mark,) = reader.execute("PRAGMA application_id").fetchone()
            tables = {name for (name,) in reader.execute(sql.TABLES)}
            if mark != sql.APPLICATION_ID:
                return mark == 0 and not tables
            return not any(reader.execute(sql.ANY[name]).fetchone() for name in tables & sql.ANY.keys())
    except (sqlite3.Error, OSError):
        return False


@contextmanager
def guard(path: Path) -> Iterator[None]:
    """Turn an SQLite error into one that says what it means for the run."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if lacks_locks(error):
            raise no_locks(path, error) from error
        if "full" in str(error) or "disk I/O" in str(error):
            raise DiskFull(
                f"{path}: the journal can't grow: {error}",
                hint="Make room on the disk, then resume the run.",
            ) from error
        raise _not_opened(path, error) from error
    except sqlite3.ProgrammingError as error:
        raise InternalError(
            f"{path}: the journal was used from another thread, or after the run had ended: {error}",
            hint="Nothing is damaged.",
        ) from error
    except sqlite3.DatabaseError as error:
        raise JournalDamaged(f"{path}: {error}", hint=RECOVERY) from error


def no_locks(path: Path, error: sqlite3.Error) -> RunError:
    """The error for a database on a file system that SQLite can't work on."""
    return RunError(
        f"{path}: its file system can't hold a database, as some network and shared folders ({error})",
        hint=f"{ANOTHER_PLACE} To go on with a run, copy the whole state folder there.",
    )


def made_by_another(what: str, path: Path, version: str | None, *, newer: bool) -> JournalDamaged:
    """The error for a run made by another version of zmigrate, named if known. `what` can't be read."""
    if version is None:
        which = "a newer" if newer else "an older"
        hint = f"The file is fine: install the zmigrate that began this run, {which} one."
        return JournalDamaged(f"{path}: {what}, by {which} zmigrate than this one", hint=hint)
    if version == installed("zmigrate"):
        return JournalDamaged(
            f"{path}: {what}, by another copy of zmigrate {version}",
            hint="Nothing is wrong with it. Resume the run with the copy that began it.",
        )
    return JournalDamaged(
        f"{path}: {what}, by zmigrate {version}",
        hint=f"The file is fine. Continue with that version: pip install zmigrate=={version}",
    )


def version_in(record: object) -> str | None:
    """The zmigrate version in a run's record; None if it names none."""
    named = record.get("versions") if isinstance(record, Mapping) else None
    version = named.get("zmigrate") if isinstance(named, Mapping) else None
    fits = isinstance(version, str) and re.fullmatch(r"[0-9][0-9A-Za-z.+!-]{0,40}", version)
    return str(version) if fits else None


def _checked(db: sqlite3.Connection, path: Path, oldest: int) -> sqlite3.Connection:
    """The connection, if the file is a journal with a schema from `oldest` to ours. All readers ask here."""
    try:
        with guard(path):
            (mark,) = db.execute("PRAGMA application_id").fetchone()
            schema = schema_of(db)
            foreign = db.execute(sql.FOREIGN).fetchone()
        if mark != sql.APPLICATION_ID or foreign is not None:
            raise JournalDamaged(f"{path}: the file is not a zmigrate journal", hint=RECOVERY)
        if not oldest <= schema <= sql.SCHEMA_VERSION:
            what = f"the journal was written in another format (schema {schema}, needed {sql.SCHEMA_VERSION})"
            version = _made_by(db, path)
            raise made_by_another(what, path, version, newer=schema > sql.SCHEMA_VERSION)
    except ZmigrateError:
        db.close()
        raise
    return db


def schema_of(db: sqlite3.Connection) -> int:
    """The schema that a journal was made with."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _made_by(db: sqlite3.Connection, path: Path) -> str | None:
    """The zmigrate version that made a journal, from the run's record beside the journal or in it."""
    stored: list[bytes | str] = []
    with suppress(OSError):  # then the journal may know
        stored.append(read_whole(path.with_name(RECORD_FILE), RECORD_BYTES))
    with suppress(sqlite3.Error):  # another format may keep it elsewhere: then the version is unknown
        stored += [value for (value,) in db.execute(sql.FACT, (RUN,))]
    return next(filter(None, (version_in(_json(each)) for each in stored)), None)


def _json(content: bytes | str) -> Any:
    try:
        return orjson.loads(content)
    except ValueError:
        return None


def _refuse_missing(path: Path) -> None:
    try:
        path.stat()
    except FileNotFoundError:
        raise JournalDamaged(f"{path}: the journal is missing", hint=RECOVERY) from None
    except OSError as error:
        raise cant_read(path, error) from error


def _not_opened(path: Path, error: sqlite3.Error | OSError) -> ZmigrateError:
    """SQLite does not say why it can't open a file; the system does."""
    try:
        os.close(open_private(path, os.O_RDONLY))
    except PermissionError as refused:
        return cant_read(path, refused)
    except OSError as refused:
        if refused.errno in OUT_OF_FILES:
            return RunError(f"{path}: can't be opened: {refused.strerror}", hint=MORE_FILES)
        return JournalDamaged(f"{path}: can't be opened: {refused.strerror}", hint=RECOVERY)
    if isinstance(error, OSError):  # the error is about a file beside it
        return JournalDamaged(f"{path}: can't be opened: {error}", hint=RECOVERY)
    return JournalDamaged(f"{path}: {error}", hint=RECOVERY)
