"""Records and users that a record points at, by something else than their ids. Data only.

A `Ref` is a record that zmigrate wrote, known by its key; a `Find` is one that the org has, found by a field.
Both go wherever a lookup goes: `{"Account_Name": Ref("Accounts", row["company_id"])}`; a multi-select lookup
takes a list of them. Owners and other users need neither: their fields take an e-mail address, a full name or
an id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

WhenOpen = Literal["fail", "leave_out", "stop"]
"""What becomes of a row whose reference points at nothing: it fails, is written without the field, or the run
stops before its first write."""


@dataclass(frozen=True, slots=True)
class Ref:
    """The record of `module` that this or an earlier run against the same org wrote for `key`.

    `field`: the field that the key was written to; None: whichever it was. An empty key points at nothing,
    and leaves the field alone.
    """

    module: str
    key: str
    field: str | None = None
    when_open: WhenOpen = "fail"


@dataclass(frozen=True, slots=True)
class Find:
    """The record of `module` whose `field` has this value in the org. Several such records fail the row."""

    module: str
    field: str
    value: str
    when_open: WhenOpen = "fail"


Reference: TypeAlias = Ref | Find


@dataclass(frozen=True, slots=True)
class Users:
    """How users of the old system are read: leavers by their `successors`, whoever is unknown as `default`.

    Both sides are e-mail addresses, full names or ids. Without a `default` an unknown or inactive user fails
    the row.
    """

    successors: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    default: str | None = None
