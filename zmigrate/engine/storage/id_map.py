"""The id map: key → Zoho id, per org and module, in `<state dir>/orgs/<zgid>/ids.db`.

It is built from the journals and brought up to date when opened; a run adds its own keys as it goes. If
deleted, it is rebuilt, except for the records that `ids check` found deleted.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from zmigrate.engine.model.keys import Matches
from zmigrate.engine.model.outcomes import KNOWN_BY_ID, Outcome, found_by
from zmigrate.engine.storage.folder import make_private
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.journal_file import no_locks
from zmigrate.engine.storage.known_keys import KnownKey, key_after, records_of
from zmigrate.engine.storage.ledger import RunInfo, all_runs, identity
from zmigrate.engine.storage.recorded import Numbered
from zmigrate.engine.storage.scratch import CACHE_KIB, scratch_db
from zmigrate.engine.storage.sent_records import records_written
from zmigrate.errors import RunError, ZmigrateError, lacks_locks
from zmigrate.events import Emit, Log
from zmigrate.job.key_text import fields_of_key, is_composite
from zmigrate.private_files import make_database
from zmigrate.rows.conversion.keys import fold_key, fold_number
from zmigrate.zoho.connection import org_folder

KEYS_AT_ONCE = 500
WRITE_AT_ONCE = 10_000

VERSION = 1
"""Of the schema. Before, it had no number, and a record had one spelling of its key."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS run (journal TEXT PRIMARY KEY, rows INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (
    module TEXT NOT NULL,
    folded TEXT NOT NULL,       -- the key without letter case, or as a number without zeros in front
    field TEXT NOT NULL,
    key TEXT NOT NULL,          -- as it was written
    id TEXT NOT NULL,
    kind TEXT NOT NULL,         -- of the key: see KeyRule
    at REAL NOT NULL,           -- when the run began: of a unique key the latest counts
    PRIMARY KEY (module, folded, field, id, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_id ON entry(id);
CREATE TABLE IF NOT EXISTS gone (id TEXT PRIMARY KEY) WITHOUT ROWID;   -- records that were deleted
"""

SET_ASIDE = "DROP INDEX entry_id; ALTER TABLE entry RENAME TO before;"
TAKE_OVER = "INSERT INTO entry SELECT * FROM before; DROP TABLE before;"

PUT = (
    "INSERT INTO entry(module, folded, field, key, id, kind, at) VALUES (?,?,?,?,?,?,?)"
    " ON CONFLICT DO UPDATE SET kind=excluded.kind, at=max(at, excluded.at)"
)

FORGOTTEN = "`zmigrate ids check` finds the records that were deleted in Zoho."

ROWS_KNOWN = "INSERT INTO run VALUES (?,?) ON CONFLICT DO UPDATE SET rows=excluded.rows"
LATER = "SELECT 1 FROM entry WHERE id=? AND module=? AND field=? AND at>? LIMIT 1"
REPLACED = "DELETE FROM entry WHERE id=? AND module=? AND field=? AND folded<>? AND at<=?"
KEY_OF = "SELECT key FROM entry WHERE id=? AND module=? AND field=? ORDER BY at DESC LIMIT 1"
FORGET = "DELETE FROM entry WHERE id=? AND module=? AND field=?"


@dataclass(frozen=True, slots=True)
class KeyRule:
    """How the keys of one write are compared."""

    module: str
    field: str
    unique: bool = False
    number: bool = False
    case_sensitive: bool = False
    email: bool = False

    @property
    def kind(self) -> str:
        """One letter for each property: unique, number, case-sensitive, e-mail address."""
        return "u" * self.unique + "n" * self.number + "c" * self.case_sensitive + "e" * self.email

    def fold(self, key: str) -> str:
        return fold_number(key) if self.number else fold_key(key)

    @classmethod
    def of(cls, write: Mapping[str, Any] | None) -> KeyRule | None:
        """The rule for a run's write, as `run.json` keeps it; None if its rows have no key of their own. Runs
        of zmigrate 0.1 do not say whether the key is an e-mail address."""
        if not write or write.get("key") in (None, "id"):
            return None
        flags = {name: bool(write.get(name)) for name in ("unique", "number", "case_sensitive", "email")}
        return cls(str(write["module"]), str(write["key"]), **flags)


class Entry(NamedTuple):
    """A key and its record."""

    module: str
    field: str
    key: str
    id: str


class IdMap:
    """The keys of one org. Main thread only."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.unread: dict[str, str] = {}
        """Runs that may have written keys but can't be read, and why."""
        (version,) = db.execute("PRAGMA user_version").fetchone()
        db.executescript(SCHEMA)
        if version < VERSION:
            steps = f"{SET_ASIDE} {SCHEMA} {TAKE_OVER} PRAGMA user_version={VERSION}"
            db.executescript(f"BEGIN IMMEDIATE; {steps}; COMMIT")

    @classmethod
    def open(
        cls, state_dir: Path, org: tuple[str, str], *, lasting: bool = True, emit: Emit | None = None
    ) -> IdMap:
        """Open the id map of an org (see `ledger.identity`) with everything that its runs in this state
        folder did.

        `lasting` False: built in a temporary file, for an org that is gone with the process. `emit` receives
        warnings about runs that can't be read, since their keys are unknown.
        """
        path = None
        if lasting:
            path = make_private(org_folder(state_dir, *org), state_dir) / "ids.db"
        try:
            ids = cls._opened(path, state_dir, org)
        except sqlite3.OperationalError as error:  # it can't be opened, or another process keeps it locked
            raise _unusable(path, error) from error
        except sqlite3.DatabaseError as error:
            if path is None:
                raise _unusable(path, error) from error
            aside = _put_aside(path)
            try:
                ids = cls._opened(path, state_dir, org)
            except sqlite3.DatabaseError as still:
                raise _unusable(path, still) from still
            _warn(emit, f"{path} is damaged ({error}) and was rebuilt; the old file is {aside}. {FORGOTTEN}")
        for run_id, why in ids.unread.items():
            _warn(emit, f"references can't find what run {run_id} wrote: {why}")
        return ids

    @classmethod
    def copied(
        cls, state_dir: Path, org: tuple[str, str], *, lasting: bool = True, emit: Emit | None = None
    ) -> IdMap:
        """What `open` gives, in a temporary file: nothing in the state folder changes. See there."""
        path = org_folder(state_dir, *org) / "ids.db"
        db = scratch_db()
        if lasting and path.exists():
            # A damaged map is rebuilt from the journals by the next run; until then it tells nothing.
            with (
                suppress(sqlite3.DatabaseError),
                closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as known,
            ):
                known.backup(db)
        ids = cls(db)
        ids.replay(state_dir, org)
        for run_id, why in ids.unread.items() if lasting else ():
            _warn(emit, f"references can't find what run {run_id} wrote: {why}")
        return ids

    @classmethod
    def _opened(cls, path: Path | None, state_dir: Path, org: tuple[str, str]) -> IdMap:
        if path is not None:
            _made(path)
        db = sqlite3.connect(path or "", isolation_level=None, timeout=30)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=OFF")  # what a crash destroys is rebuilt
            db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
            ids = cls(db)
            ids.replay(state_dir, org)
            if path is None:
                ids.unread.clear()  # its org began with this process, and so did its runs
        except BaseException:
            db.close()
            raise
        return ids

    def close(self) -> None:
        self._db.close()

    # -- from the journals ------------------------------------------------------------------------

    def replay(self, state_dir: Path, org: tuple[str, str]) -> None:
        """Add what this org's runs have journalled since the last replay."""
        now = time.time()
        # Otherwise a run dated ahead of the clock would have the last word on a key until then.
        if self._db.execute("SELECT 1 FROM entry WHERE at>? LIMIT 1", (now,)).fetchone():
            self._db.execute("UPDATE entry SET at=? WHERE at>?", (now, now))
        self.unread = {}
        known: list[RunInfo] = []
        for run in all_runs(state_dir):
            if isinstance(run, RunInfo):
                known += [run] if identity(run.record.org) == org and run.record.write is not None else []
            elif run.may_have_sent:  # its org is unknown, and so is whether it wrote keys
                self.unread[run.run_id] = run.error.message
        for run in sorted(known, key=lambda run: run.began):
            path = run.folder.journal
            self._replay_run(run, path, path.relative_to(state_dir).as_posix(), now)

    def _replay_run(self, run: RunInfo, path: Path, name: str, now: float) -> None:
        """Add what one run wrote, or note why it can't be read."""
        write = run.record.write or {}
        if not self.concerns(write):
            return
        known = self._db.execute("SELECT rows FROM run WHERE journal=?", (name,)).fetchone()
        try:
            with closing(Journal.read_only(path)) as journal:
                rows = journal.rows_ended()
                if known is None or known[0] != rows:
                    self._db.execute("BEGIN")
                    self._follow(journal, write, run.record.began(now))
                    self._db.execute(ROWS_KNOWN, (name, rows))
                    self._db.execute("COMMIT")
        except (ZmigrateError, ValueError, zlib.error) as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if known is None or run.record.unfinished:  # otherwise all of it was added before
                self.unread[run.run_id] = error.message if isinstance(error, ZmigrateError) else str(error)

    def follow(self, journal: Journal, write: Mapping[str, Any], began: float) -> None:
        """Add what a run wrote, or a plan would write. `write`: see `Target.to_json`."""
        if self.concerns(write):
            self._db.execute("BEGIN")
            self._follow(journal, write, began)
            self._db.execute("COMMIT")

    def concerns(self, write: Mapping[str, Any]) -> bool:
        """Whether a run with this write can change what is known."""
        return write["operation"] == "delete" or KeyRule.of(write) is not None or self.has_other_keys(write)

    def has_other_keys(self, write: Mapping[str, Any]) -> bool:
        """Whether records of the write's module are known by other fields than its key."""
        return bool(self._other_keys(str(write["module"]), KeyRule.of(write)))

    def _follow(self, journal: Journal, write: Mapping[str, Any], began: float) -> None:
        rule = KeyRule.of(write)
        if write["operation"] == "delete":
            self._note_deleted(journal)
        else:
            self._take_up(journal, began, rule, self._other_keys(str(write["module"]), rule))
        # A run that is older than a deletion may have gone on after it.
        self._db.execute("DELETE FROM entry WHERE id IN gone")

    def _take_up(
        self, journal: Journal, began: float, rule: KeyRule | None, others: Mapping[str, KeyRule]
    ) -> None:
        """Add the keys that a run wrote: its own key by `rule`, and its module's `others`."""
        if rule is not None:
            keys = (
                (key, outcome.id)
                for (_, _, key), outcome in journal.ended()
                if key is not None and outcome.id and outcome.action in KNOWN_BY_ID
            )
            self._put(rule, began, keys)
            self._forget_replaced(rule, began, journal.ended())
        if others:
            names = [name for key in others for name in fields_of_key(key)]
            self._change(others, began, records_written(journal, names))

    def _note_deleted(self, journal: Journal) -> None:
        gone = ((one.id,) for _, one in journal.ended() if one.action == "deleted" and one.id)
        self._db.executemany("INSERT OR IGNORE INTO gone VALUES (?)", gone)

    def _forget_replaced(self, rule: KeyRule, at: float, ended: Iterable[tuple[Numbered, Outcome]]) -> None:
        """If an upsert's record was found by another field, its old key was replaced: forget the old key."""
        for (_, _, key), outcome in ended:
            if key is not None and found_by(outcome):
                self._db.execute(REPLACED, (outcome.id, rule.module, rule.field, rule.fold(key), at))

    def _other_keys(self, module: str, own: KeyRule | None) -> dict[str, KeyRule]:
        """The fields of a module by which records are known, except a run's own key."""
        kinds = self._db.execute(
            "SELECT field, max(kind) FROM entry WHERE module=? GROUP BY field", (module,)
        )
        return {
            field: KeyRule(module, field, *(letter in kind for letter in "unce"))
            for field, kind in kinds
            if own is None or field != own.field
        }

    def _change(
        self, rules: Mapping[str, KeyRule], at: float, written: Iterable[tuple[str, Mapping[str, Any]]]
    ) -> None:
        """Add keys from a run that found its records by another field: (id, record) pairs."""
        for record_id, record in written:
            for name, rule in rules.items():
                if record.keys().isdisjoint(fields_of_key(name)):
                    continue
                before = self._db.execute(KEY_OF, (record_id, rule.module, name)).fetchone()
                value = key_after(name, record, before and before[0])
                later = self._db.execute(LATER, (record_id, rule.module, name, at)).fetchone()
                if later is None:
                    self._db.execute(FORGET, (record_id, rule.module, name))
                    if value is not None:
                        self._put(rule, at, [(str(value), record_id)])

    def add(self, rule: KeyRule, at: float, keys: Iterable[tuple[str, str]]) -> None:
        """Add (key, id) pairs of the run at work, which began at this time (epoch seconds)."""
        self._db.execute("BEGIN")
        self._put(rule, at, keys)
        self._db.execute("COMMIT")

    def _put(self, rule: KeyRule, at: float, keys: Iterable[tuple[str, str]]) -> None:
        kind = rule.kind
        rows = ((rule.module, rule.fold(key), rule.field, key.strip(), id_, kind, at) for key, id_ in keys)
        while some := list(islice(rows, WRITE_AT_ONCE)):
            self._db.executemany(PUT, some)

    # -- questions --------------------------------------------------------------------------------

    def find(
        self, module: str, keys: Sequence[str], field: str | None = None, *, ignore_case: bool = False
    ) -> dict[str, Matches]:
        """The records of each key: none if the key is unknown, several if it is ambiguous. `ignore_case`: a
        key in another letter case counts if none is the same.
        """
        found: dict[str, Matches] = {}
        wanted = list(dict.fromkeys(keys))
        for start in range(0, len(wanted), KEYS_AT_ONCE):
            some = wanted[start : start + KEYS_AT_ONCE]
            entries = self._entries_of(module, some)
            for key in some:
                candidates = entries.get(fold_key(key), []) + entries.get(fold_number(key), [])
                in_field = [entry for entry in candidates if entry.field == field]
                if field is None:  # a key of several fields is only meant where they are named
                    in_field = [entry for entry in candidates if not is_composite(entry.field)]
                found[key] = records_of(key, in_field, ignore_case=ignore_case)
        return found

    def _entries_of(self, module: str, keys: Sequence[str]) -> dict[str, list[KnownKey]]:
        folded = list({form for key in keys for form in (fold_key(key), fold_number(key))})
        marks = ",".join("?" * len(folded))
        rows = self._db.execute(
            "SELECT folded, field, key, id, kind, at FROM entry"  # noqa: S608  question marks only
            f" WHERE module=? AND folded IN ({marks})",
            (module, *folded),
        )
        entries: dict[str, list[KnownKey]] = {}
        for row in rows:
            entries.setdefault(row[0], []).append(KnownKey._make(row))
        return entries

    def modules(self) -> list[str]:
        """The modules that have keys."""
        return [name for (name,) in self._db.execute("SELECT DISTINCT module FROM entry ORDER BY module")]

    def records(self, module: str) -> Iterator[str]:
        """The ids of a module's records, each once. Records may be forgotten while this is read."""
        last = ""
        while some := [
            one
            for (one,) in self._db.execute(
                "SELECT DISTINCT id FROM entry WHERE module=? AND id>? ORDER BY id LIMIT ?",
                (module, last, KEYS_AT_ONCE),
            )
        ]:
            yield from some
            last = some[-1]

    def forget(self, ids: Iterable[str]) -> None:
        """Forget records that the org no longer has."""
        dropped = [(one,) for one in ids]
        if dropped:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR IGNORE INTO gone VALUES (?)", dropped)
            self._db.executemany("DELETE FROM entry WHERE id=?", dropped)
            self._db.execute("COMMIT")

    def entries(self, module: str | None = None) -> Iterator[Entry]:
        """Every key with its record, by module, field and key."""
        yield from map(
            Entry._make,
            self._db.execute(
                "SELECT module, field, key, id FROM entry WHERE ?1 IS NULL OR module=?1"
                " ORDER BY module, field, key, id",
                (module,),
            ),
        )


def _made(path: Path) -> None:
    try:
        make_database(path)
    except OSError as error:
        raise _unusable(path, error) from error


def _put_aside(path: Path) -> Path:
    """Move a damaged id map away; return its new place. Only it knows which records were found deleted."""
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    for part in ("", "-wal", "-shm"):
        found = path.with_name(path.name + part)
        if found.exists():
            found.replace(aside.with_name(aside.name + part))
    return aside


def _warn(emit: Emit | None, message: str) -> None:
    if emit is not None:
        emit(Log("warning", message))


def _unusable(path: Path | None, error: sqlite3.Error | OSError) -> RunError:
    if path is not None and isinstance(error, sqlite3.Error) and lacks_locks(error):
        return no_locks(path, error)
    said = error.strerror if isinstance(error, OSError) else error
    return RunError(
        f"{path or 'the id map'}: can't be used: {said}",
        hint=f"Close the program that uses it, or move it away: it is rebuilt from the journals. {FORGOTTEN}",
    )
