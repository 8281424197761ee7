"""Temporary databases for data as long as the source: they spill to disk, so memory stays flat."""

from __future__ import annotations

import sqlite3

CACHE_KIB = 512
"""Memory for pages. SQLite's own 2 MB, times the several databases of a run, would show in its peak."""


def scratch_db() -> sqlite3.Connection:
    """A database that is deleted when closed. Any thread may close it, also the garbage collector's."""
    db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    db.execute("PRAGMA journal_mode=OFF")  # no rollbacks, and nothing survives the process
    return db
