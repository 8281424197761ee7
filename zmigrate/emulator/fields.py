"""A field of a module, and the data types (docs v7 "field metadata"); its JSON is in `field_json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

DATA_TYPES = {
    "text": ("string", 255),
    "textarea": ("string", 2000),
    "email": ("string", 100),
    "phone": ("string", 30),
    "website": ("string", 450),
    "integer": ("integer", 9),
    "bigint": ("string", 18),
    "double": ("double", 16),
    "currency": ("double", 16),
    "percent": ("double", 5),
    "date": ("string", 20),
    "datetime": ("string", 120),
    "boolean": ("boolean", 5),
    "picklist": ("string", 120),
    "multiselectpicklist": ("jsonarray", 250),
    "lookup": ("jsonobject", 120),
    "ownerlookup": ("jsonobject", 120),
    "userlookup": ("jsonobject", 120),
    "formula": ("string", 255),
    "autonumber": ("string", 60),
    "layout": ("jsonobject", 120),
    "multiselectlookup": ("jsonarray", 50),
    "multiuserlookup": ("jsonarray", 50),
    "subform": ("jsonarray", 0),
    "fileupload": ("jsonarray", 60),
    "imageupload": ("jsonarray", 60),
    "rollup_summary": ("double", 16),
    "RRULE": ("jsonobject", 100),
    "ALARM": ("jsonobject", 100),
    "multireminder": ("jsonarray", 100),
    "multi_module_lookup": ("jsonobject", 120),
    "territories": ("jsonarray", 120),
    "profileimage": ("string", 255),
}
"""Each data type with its JSON type and its usual length."""
NUMBERS = frozenset({"integer", "bigint", "double", "currency", "percent"})
COMPUTED = frozenset({"formula", "autonumber", "rollup_summary"})
NEVER_STORED = COMPUTED | {"territories", "profileimage"}
"""Types whose value a record write never stores: Zoho computes it, or another call sets it."""
ROWS = frozenset({"multiselectlookup", "multiuserlookup", "subform", "fileupload", "imageupload"})
"""Types whose value is a list of rows with ids. Only a read of one record shows them (docs "get records")."""
SMALL_TEXTAREA, LARGE_TEXTAREA, RICH_TEXTAREA = 2000, 32000, 50000
TEXTAREAS = {"small": SMALL_TEXTAREA, "large": LARGE_TEXTAREA, "rich_text": RICH_TEXTAREA}
OTHER_TYPE = ("string", 255)
"""JSON type and length of a data type that is not among DATA_TYPES."""
ANY_MODULE = "*"
"""The `lookup` of What_Id, whose module is named by `$se_module`."""
USERS = "users"  # The `lookup` of a field that names users, which are no records
SUBFORM_ROWS = 100
"""The most rows of a subform in one record, unless the layout says fewer (docs v7 "insert subform data")."""
ROWS_OF_ALL_SUBFORMS = 200
"""The most rows of all subforms of one record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a module.

    `picks`: pairs of stored and shown value; `unused_picks`: stored values that cannot be chosen any more.
    `external`: "org", "user" or None. `also_lookup`: more modules of a lookup, not in its metadata.
    `modules`: the modules of a multi_module_lookup. `encrypted`: queries cannot compare its text.
    `subform`: the module of the subform's rows, of which a record has `max_rows` at most.
    `prefix` and `start_number` belong to auto-numbers. `left_out_of`: "create" or "update", where the field
    is written only in the other. `given`: its JSON as a test gave it.

    A multi-select or multi-user lookup uses the linking module `linking`. This module has two lookups:
    `back_lookup` to the record itself, and `wrapped_in` to the other record. `wrapped_in` is also the key
    around each id of a value.
    """

    api_name: str
    data_type: str = "text"
    label: str = ""
    length: int = 0
    mandatory: bool = False
    layout_mandatory: bool = False
    unique: bool = False
    case_sensitive: bool = False
    external: str | None = None
    picks: tuple[tuple[str, str], ...] = ()
    unused_picks: tuple[str, ...] = ()
    lookup: str | None = None
    also_lookup: tuple[str, ...] = ()
    custom: bool = False
    writable: bool = True
    on_layout: bool = True
    decimals: int | None = None
    json_type: str = ""
    linking: str | None = None
    back_lookup: str = ""
    wrapped_in: str = ""
    subform: str | None = None
    max_rows: int = SUBFORM_ROWS
    modules: tuple[str, ...] = ()
    encrypted: bool = False
    prefix: str = ""
    start_number: int = 1
    left_out_of: str = ""
    given: Json | None = field(default=None, compare=False, repr=False)

    @property
    def size(self) -> int:
        return self.length or DATA_TYPES.get(self.data_type, OTHER_TYPE)[1]

    @property
    def lookup_modules(self) -> tuple[str, ...]:
        """The modules whose records a value may name."""
        return (self.lookup, *self.also_lookup) if self.lookup else self.modules

    @property
    def names_module(self) -> bool:
        """Whether a value names its module, as `{"id", "module": {"api_name"}}` (docs v7 "insert notes")."""
        return bool(self.modules) or (self.lookup == ANY_MODULE and self.api_name != "What_Id")

    @property
    def stored_by_api(self) -> bool:
        """If False, a value is dropped with SUCCESS (seen in live orgs: formula, system, unused fields)."""
        return self.writable and self.on_layout and self.data_type not in NEVER_STORED

    @property
    def is_rich_text(self) -> bool:
        return self.data_type == "textarea" and self.size > LARGE_TEXTAREA

    @property
    def wire_type(self) -> str:
        return self.json_type or DATA_TYPES.get(self.data_type, OTHER_TYPE)[0]


def picks(*values: str) -> tuple[tuple[str, str], ...]:
    """Pick-list values that are shown as they are stored, after `-None-`."""
    return (("-None-", "-None-"), *((value, value) for value in values))


def text(name: str, length: int = 255, **more: object) -> Field:
    return Field(api_name=name, length=length, **more)  # type: ignore[arg-type]


def of(data_type: str, name: str, **more: object) -> Field:
    return Field(api_name=name, data_type=data_type, **more)  # type: ignore[arg-type]


def pick(name: str, values: str, **more: object) -> Field:
    """A pick list. `values` are separated by a comma and a blank."""
    return Field(api_name=name, data_type="picklist", picks=picks(*values.split(", ")), **more)  # type: ignore[arg-type]
