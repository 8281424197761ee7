"""Records and users that a record refers to by something other than their ids. Data only.

A `Ref` is a record that zmigrate wrote, known by its key; a `Find` is a record of the org, found by a field.
Both are values of a lookup: `{"Account_Name": Ref("Accounts", row["company_id"])}`; a multi-select lookup
takes a list. Owners and other users need neither: their fields take an e-mail address, a full name or an id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from zmigrate.errors import JobError
from zmigrate.job.blank import Blank
from zmigrate.job.key_text import fields_of_key, key_name, key_text

WhenOpen = Literal["fail", "leave_out", "stop"]
"""What happens to a row whose reference is not found: it fails, it is written without the field, or the run
stops before its first write. If there is a record, but its key differs in letter case, `leave_out` fails the
row."""


@dataclass(frozen=True, slots=True)
class Ref:
    """The record of `module` that this or an earlier run against the same org wrote for `key`.

    `field`: the field that the key was written to; None: any. With an empty key the field is left alone.
    `ignore_case`: if no record has the key as it is written, take one whose key differs in letter case. Keys
    that are e-mail addresses always ignore it.

    Of a key of several fields: `Ref("Contacts", ("Doe", "Acme"), field=("Last_Name", "Company"))`.
    """

    module: str
    key: str
    field: str | None = None
    when_open: WhenOpen = "fail"
    ignore_case: bool = False

    if TYPE_CHECKING:

        def __init__(
            self,
            module: str,
            key: str | Sequence[str],
            field: str | Sequence[str] | None = None,
            when_open: WhenOpen = "fail",
            ignore_case: bool = False,
        ) -> None: ...

    def __post_init__(self) -> None:
        if isinstance(self.field, tuple | list):
            object.__setattr__(self, "field", key_name(self.field))
        if isinstance(self.key, tuple | list):
            if any(value is Blank for value in self.key):
                raise JobError(
                    f"{self!r}: Blank is no value of a key. Leave the field out if a value is empty."
                )
            values = ["" if value is None else str(value).strip() for value in self.key]
            if len(values) != len(fields_of_key(self.field)):
                raise JobError(f"{self!r}: a key of several values needs `field`, with as many fields.")
            object.__setattr__(self, "key", key_text(values) if any(values) else "")


@dataclass(frozen=True, slots=True)
class Find:
    """The record of `module` whose `field` has this value in the org. Several such records fail the row.

    `Find("Accounts")` alone declares that rows look into a module: `scopes_for(write, Find("Accounts"))`.
    `ignore_case`: if no record has the value as it is written, take one whose value differs in letter case.
    E-mail addresses always ignore it.
    """

    module: str
    field: str = ""
    value: str = ""
    when_open: WhenOpen = "fail"
    ignore_case: bool = False

    def __post_init__(self) -> None:
        for given in (self.field, self.value):
            if isinstance(given, tuple | list):
                raise JobError(
                    f"{self!r}: a Find looks into one field. Write Find({self.module!r}, field, value);"
                    " a key of several fields is for a Ref, which knows the records that zmigrate wrote."
                )


Reference: TypeAlias = Ref | Find


@dataclass(frozen=True, slots=True)
class Users:
    """How to read users of the old system: `successors` replace leavers, `default` replaces unknown users.

    All are e-mail addresses, full names or ids. Without a `default` an unknown or inactive user fails the
    row.
    """

    successors: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    default: str | None = None
