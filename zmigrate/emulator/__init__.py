"""A local Zoho: Accounts and CRM over HTTP on loopback, with faults on demand and an audit of every write.

Imports nothing of the rest of zmigrate: two readings of Zoho's documents, which meet only on the wire.
"""

from __future__ import annotations

from .options import BadValue, Options
from .server import Emulator, serve

__all__ = ["BadValue", "Emulator", "Options", "serve"]
