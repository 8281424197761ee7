"""Temporary databases for what may be as long as the source: they spill to disk, and memory stays flat."""

from __future__ import annotations

import sqlite3

CACHE_KIB = 512
"""Memory for pages. SQLite's own 2 MB, times the several databases of a run, would show in its peak."""


def scratch_db(*, other_threads: bool = False) -> sqlite3.Connection:
    """A database that is gone when it is closed. `other_threads`: it may be closed by another one."""
    db = sqlite3.connect("", isolation_level=None, check_same_thread=not other_threads)
    db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    db.execute("PRAGMA journal_mode=OFF")  # nobody goes back, and nothing survives the process
    return db
