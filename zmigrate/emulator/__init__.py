"""A local Zoho: Accounts and CRM over HTTP on loopback, with faults on demand and an audit of every write.

The emulator imports nothing of the rest of zmigrate. Both were written from Zoho's documents, and meet only
over HTTP.
"""

from __future__ import annotations

from .options import BadValue, Options
from .server import Emulator, serve

__all__ = ["BadValue", "Emulator", "Options", "serve"]
