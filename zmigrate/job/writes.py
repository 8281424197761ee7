"""The four writes that a record job can declare, and the scopes of each. Data only; nothing here sends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, get_args

from zmigrate.errors import JobError
from zmigrate.job.key_text import fields_of_key, is_composite, key_name
from zmigrate.job.references import Find, Ref, Reference
from zmigrate.zoho.facts import scopes as scope_facts

if TYPE_CHECKING:
    from zmigrate.rows.sources import Source

Operation = Literal["insert", "update", "upsert", "delete"]

OnExisting = Literal["skip", "update", "fail"]
"""What happens to a row whose record is in the org already."""

OnRepeated = Literal["first", "last", "each", "fail"]
"""Which rows with the same key are written: the first that Zoho accepts, the last, each after the other, or
none. If a job does not say, it is the first that Zoho accepts; later ones fail, unless they are the same in
all fields.

"last" takes the last row that can be converted. If Zoho refuses that row, none of the key is written: the
earlier ones are skipped. Keys are compared letter by letter, except e-mail addresses.
"""

WRITE_SHAPE = """
    write = Insert("Leads", key="Legacy_ID")         # key: optional; finds the record if an answer is lost
    write = Insert("Leads", key="Legacy_ID", on_existing="skip", on_repeated="last")
    write = Insert("Leads", key=("Last_Name", "Company"))  # several fields together
    write = Update("Leads")                          # by id; or key="Legacy_ID", looked up in the org
    write = Update("Leads", key="Legacy_ID", ignore_case=True)
    write = Upsert("Leads", match_on="Legacy_ID")    # match_on: the field that shows whether it is there
    write = Delete("Leads")                          # by id; or key="Legacy_ID", looked up in the org"""

NO_COMPOSITE_UPSERT = (
    "an upsert matches on one field: of several, Zoho takes a record that agrees in any one of them. Use an "
    "insert with this key and on_existing, or an update"
)

_API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Insert:
    """Create a record for each row. `key`: the field that finds a record again if an answer is lost.

    `on_existing`: what happens to a row whose key the org already has. None: Zoho decides: it refuses the row
    if the key is unique, and creates a second record if not. `on_repeated`: which rows with the same key are
    written; see `OnRepeated`. `ignore_case`: also a record whose key differs in letter case exists already.

    A key of several fields is given as a tuple, and read as `Last_Name+Company`.
    """

    module: str
    _: KW_ONLY
    key: str | None = None
    on_existing: OnExisting | None = None
    on_repeated: OnRepeated | None = None
    ignore_case: bool = False
    operation: ClassVar[Literal["insert"]] = "insert"

    if TYPE_CHECKING:

        def __init__(
            self,
            module: str,
            *,
            key: str | Sequence[str] | None = None,
            on_existing: OnExisting | None = None,
            on_repeated: OnRepeated | None = None,
            ignore_case: bool = False,
        ) -> None: ...

    def __post_init__(self) -> None:
        _check_write(self, self.key)
        if self.key == "id":
            raise JobError(f"{self!r}: a new record has no id yet. Write it like this:\n{WRITE_SHAPE}")
        if self.on_existing is not None:
            _check_choice(self, "on_existing", self.on_existing, OnExisting)
            if self.key is None:
                raise JobError(f"{self!r}: without a `key` nothing shows whether a record exists already.")
        elif self.ignore_case:
            raise JobError(f"{self!r}: `ignore_case` needs `on_existing`; else no key is looked up.")


@dataclass(frozen=True, slots=True)
class Update:
    """Change the record that each row names by `id`, or by another `key` that is looked up in the org.

    `ignore_case`: if no record has the key as it is written, take one whose key differs in letter case.
    """

    module: str
    _: KW_ONLY
    key: str = "id"
    on_repeated: OnRepeated | None = None
    ignore_case: bool = False
    operation: ClassVar[Literal["update"]] = "update"

    if TYPE_CHECKING:

        def __init__(
            self,
            module: str,
            *,
            key: str | Sequence[str] = "id",
            on_repeated: OnRepeated | None = None,
            ignore_case: bool = False,
        ) -> None: ...

    def __post_init__(self) -> None:
        _check_write(self, self.key)
        _check_ignore_case(self)


@dataclass(frozen=True, slots=True)
class Upsert:
    """Change the record with the row's `match_on`, or create it if there is none."""

    module: str
    _: KW_ONLY
    match_on: str = ""
    on_repeated: OnRepeated | None = None
    ignore_case: bool = False
    operation: ClassVar[Literal["upsert"]] = "upsert"

    if TYPE_CHECKING:  # `match_on` is required: it has a default only so that our own error names it

        def __init__(self, module: str, *, match_on: str, on_repeated: OnRepeated | None = None) -> None: ...

    def __post_init__(self) -> None:
        if not self.match_on:
            raise JobError(f"Upsert({self.module!r}) has no `match_on`. Write it like this:\n{WRITE_SHAPE}")
        if not isinstance(self.match_on, str) or is_composite(self.match_on):
            raise JobError(f"{self!r}: {NO_COMPOSITE_UPSERT}")
        _check_write(self, self.match_on)
        if self.ignore_case:
            raise JobError(
                f"{self!r}: Zoho finds an upsert's record in its own way; leave out `ignore_case`."
            )

    @property
    def key(self) -> str:
        return self.match_on


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the record that each row names by `id`, or by another `key` that is looked up in the org.

    `ignore_case`: if no record has the key as it is written, take one whose key differs in letter case.
    """

    module: str
    _: KW_ONLY
    key: str = "id"
    ignore_case: bool = False
    on_repeated: ClassVar[None] = None
    operation: ClassVar[Literal["delete"]] = "delete"

    if TYPE_CHECKING:

        def __init__(
            self, module: str, *, key: str | Sequence[str] = "id", ignore_case: bool = False
        ) -> None: ...

    def __post_init__(self) -> None:
        _check_write(self, self.key)
        _check_ignore_case(self)


Write: TypeAlias = Insert | Update | Upsert | Delete


def scopes_for(
    write: Write | None = None,
    *reads: Source | Reference,
    finds: Iterable[str] = (),
    refers_to: Iterable[str] = (),
) -> tuple[str, ...]:
    """The OAuth scopes for a write, the look-up of its key, its sources, and what its rows refer to:
    `scopes_for(write, Query("select …"), Find("Accounts"))`.

    | write                 | module scopes        | COQL | why                                           |
    | --------------------- | -------------------- | ---- | --------------------------------------------- |
    | Insert without key    | CREATE               |      | nothing can be looked up                      |
    | Insert with key       | CREATE, READ         | yes  | a lost answer is looked up by the key         |
    | Update by id          | UPDATE               |      | repeating it is safe                          |
    | Update by another key | UPDATE, READ         | yes  | the id is looked up                           |
    | Upsert                | CREATE, UPDATE, READ | yes  | to find out "created" or "updated"            |
    | Delete by id          | DELETE, READ         |      | "is it gone?" after a lost answer             |
    | Delete by another key | DELETE, READ         | yes  | the id is looked up                           |
    | Query (a source)      | READ of its modules  | yes  | also of those that a lookup path leads to     |
    | Find("Accounts")      | READ of its module   | yes  | also as finds=("Accounts",)                   |
    | Ref to its own module | UPDATE               |      | rows that refer to one another in a circle;   |
    |                       |                      |      | also as refers_to=("Accounts",)               |
    | Ref to another module |                      |      | the id map knows the record                   |
    | on_existing="update"  | UPDATE               |      | existing records are updated                  |
    """
    wanted: list[str] = []
    if write is not None:
        wanted += scope_facts.scopes_of_write(
            write.module, write.operation, keyed=write.key not in (None, "id")
        )
    own = {*refers_to, *(each.module for each in reads if isinstance(each, Ref))}
    if isinstance(write, Insert) and (write.on_existing == "update" or write.module in own):
        wanted += scope_facts.scopes_of_write(write.module, "update", keyed=False)
    for source in reads:
        if not isinstance(source, Ref | Find):
            wanted += source.scopes
    for module in (*finds, *(each.module for each in reads if isinstance(each, Find))):
        wanted += scope_facts.scopes_of_query(module)
    return tuple(dict.fromkeys(wanted))


def _check_write(write: Write, key: object) -> None:
    if isinstance(key, list | tuple) and all(isinstance(name, str) for name in key):
        key = key_name(key)
        object.__setattr__(write, "key", key)
    names = fields_of_key(key) if isinstance(key, str) else (key,)
    if len(names) > 1 and ("id" in names or len(set(names)) < len(names)):
        raise JobError(f"{write!r}: a key of several fields has each field once, and no id.")
    for what, name in (("module", write.module), *(("field", name) for name in names)):
        if name is not None and not (isinstance(name, str) and _API_NAME.match(name)):
            raise JobError(
                f"{name!r} in {type(write).__name__}(...) is not an api name of a {what}. "
                f"Write it like this:\n{WRITE_SHAPE}"
            )
    if write.on_repeated is not None:
        _check_choice(write, "on_repeated", write.on_repeated, OnRepeated)


def _check_ignore_case(write: Update | Delete) -> None:
    if write.ignore_case and write.key == "id":
        raise JobError(f"{write!r}: an id has no letter case; `ignore_case` needs another `key`.")


def _check_choice(write: Write, what: str, chosen: object, choices: Any) -> None:
    if chosen not in get_args(choices):
        raise JobError(f"`{what}` of {write!r} is one of {', '.join(get_args(choices))}.")
