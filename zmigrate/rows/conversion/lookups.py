"""Fields that refer to other records and to users: ids, references, e-mail addresses and names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from zmigrate.job.references import Find, Ref, Reference
from zmigrate.reasons import Reason
from zmigrate.rows.conversion.choices import parted
from zmigrate.rows.conversion.exported_ids import REMEDY, is_exported
from zmigrate.rows.conversion.json_text import whole
from zmigrate.rows.conversion.left_out import LeftOut, without
from zmigrate.rows.conversion.numbers import refuse_rounded
from zmigrate.rows.conversion.open_id import OpenId
from zmigrate.rows.conversion.refusal import (
    INVALID_DATA,
    MANDATORY_NOT_FOUND,
    NOTHING,
    Refused,
    short,
    shown,
    take,
)
from zmigrate.rows.conversion.texts import as_text

if TYPE_CHECKING:
    from zmigrate.rows.conversion.users import UserDirectory
    from zmigrate.zoho.metadata import Field

ANY_MODULE: Final = frozenset(["*", "se_module"])
"""The module of `What_Id` in the metadata: any module, named by `$se_module` (zoho-api 5.2)."""
WHAT: Final = "What_Id"
SE_MODULE: Final = "$se_module"  # names the module of a `What_Id` (zoho-api 5.2)
WHO_MODULES: Final = frozenset(["Contacts", "Leads"])
"""The modules that `Who_Id` refers to (zoho-api 11.1)."""

REFER: Final = (
    "; give the record's id, or refer to it: in a mapping by ref (what zmigrate wrote) or find (what the org"
    ' has), as in {{ ref = "{}", column = "COLUMN" }}; in a job by Ref(...) or Find(...)'
)
"""The other values that a lookup takes."""

_ID = re.compile(r"[1-9]\d{0,19}\Z", re.ASCII)


class Links:
    """Converters of one module's lookups. They keep references and names of users until the record is
    complete.
    """

    def __init__(self, users: UserDirectory | None, left_out: LeftOut, *, all_new: bool) -> None:
        """`left_out`: gets what is left out of links. `all_new`: all links are those of new records."""
        self._users = users
        self._left_out = left_out
        self._all_new = all_new
        self._asked: list[str] = []
        self.open: list[OpenId] = []
        self.unnamed: list[str] = []  # Fields whose value must name its module, and does not
        self.what = False  # A `What_Id` was met, which needs another field of its record
        self.met = False  # Something was met since the last `leave` or `forget`

    def leave(self, record: dict[str, Any]) -> tuple[tuple[OpenId, ...], tuple[Reason, ...]]:
        """The references of a complete record, and what is wrong with them. Counts users.

        A `What_Id` needs its module beside it (zoho-api 5.2); for a reference it is added.
        """
        if self._users is not None:
            self._users.count(self._asked)
        found, what, unnamed = tuple(self.open), self.what, tuple(self.unnamed)
        self.forget()
        misled = tuple(reason for name in unnamed if (reason := _name_module(record, name)) is not None)
        if not what:
            return found, misled
        module = next((open_id.reference.module for open_id in found if open_id.field == WHAT), None)
        given = record.get(SE_MODULE)
        if given is None and module is not None:
            record[SE_MODULE] = module
        elif given is None:
            message = f"required field not found: it names the module of {WHAT}"
            return found, (Reason(MANDATORY_NOT_FOUND, SE_MODULE, message),)
        elif module not in (None, given):
            message = f"{WHAT} refers to {module}, but {SE_MODULE} says {given}"
            return found, (Reason(INVALID_DATA, SE_MODULE, message, shown(given)),)
        return found, ()

    def forget(self) -> None:
        """Forget what was met."""
        self._asked.clear()
        self.open.clear()
        self.unnamed.clear()
        self.what = False
        self.met = False

    def keep(self, open_ids: Iterable[OpenId]) -> None:
        """Keep references of this record."""
        self.open += open_ids
        self.met = True

    def lookup(self, field: Field) -> Callable[[Any], Any]:
        one = self._one(field)
        if field.names_module:
            return partial(self._named, one, field)
        return partial(self._what, one) if field.api_name == WHAT else one

    def several(self, field: Field) -> Callable[[Any], Any]:
        """For a multi-select lookup: `[{"<its lookup>": {"id": ...}}]`, from ids, references, or a text of
        ids separated by `;`.
        """
        return self._several(field, self._one(field))

    def _one(self, field: Field) -> Callable[[Any], Any]:
        return partial(self._record, field, REFER.format(min(modules_of(field), default="MODULE")))

    def user(self, value: Any) -> Any:
        """`{"id": ...}`, from such an object, an id, an e-mail address or a full name. The address counts for
        an object with an id of another org.
        """
        value = take(whole(value))
        if value is None or value is NOTHING:
            return value
        if isinstance(value, Mapping):
            names = [value[key] for key in ("id", "email", "name") if value.get(key)]
            value = next(iter(names), {})
            if self._users is not None and len(names) > 1:
                value = self._users.choose([as_text(name) for name in names])
        if isinstance(value, Ref | Find):
            raise Refused("a user is wanted: an e-mail address, a full name or an id, not a reference")
        if self._users is None or isinstance(value, Mapping):
            return lookup(value)
        text = as_text(value)
        refuse_rounded(text)
        self._asked.append(text)
        self.met = True
        return {"id": self._users.resolve(text)}

    def several_users(self, field: Field) -> Callable[[Any], Any]:
        return self._several(field, self.user)

    def _several(self, field: Field, one: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return partial(
            _wrapped, one=one, name=field.connected_lookup, bare=partial(self._bare, field.api_name)
        )

    def _bare(self, field: str, link: Mapping[str, Any]) -> dict[str, Any]:
        """A link without what Zoho sets."""
        kept = without(link, new=self._all_new)
        self._left_out.note(field, link, kept)
        return kept

    def _what(self, one: Callable[[Any], Any], value: Any) -> Any:
        linked = one(value)
        if linked is not None and linked is not NOTHING:
            self.what = self.met = True
        return linked

    def _named(self, one: Callable[[Any], Any], field: Field, value: Any) -> Any:
        """`{"id": ..., "module": {"api_name": ...}}`; from the id alone if the module can be only one."""
        value = whole(value)
        linked = one(value)
        if not isinstance(linked, dict) or isinstance(linked, OpenId):
            return linked
        named = value.get("module") if isinstance(value, Mapping) else None
        module = module_named(named) or (min(modules_of(field)) if len(modules_of(field)) == 1 else None)
        if module is None:
            self.unnamed.append(field.api_name)
            self.met = True
            return linked
        _check_module(field, module)
        return {**linked, "module": {"api_name": module}}

    def _record(self, field: Field, instead: str, value: Any) -> Any:
        if not isinstance(value, Ref | Find):
            return lookup(value, instead)
        reference = _with_key(value)
        if reference is None:
            return NOTHING
        _check_module(field, reference.module)
        open_id = OpenId(reference, field.api_name, names_module=field.names_module)
        self.keep((open_id,))
        return open_id


def module_named(module: object) -> str | None:
    """The module beside the id in a lookup: `{"api_name": "Deals"}`, or its name alone."""
    name = module.get("api_name") if isinstance(module, Mapping) else module
    return name if isinstance(name, str) and name else None


def _check_module(field: Field, module: str) -> None:
    modules = modules_of(field)
    if modules and module not in modules:
        raise Refused(f"{field.api_name} refers to {' or '.join(sorted(modules))}, not to {module}")


def _name_module(record: dict[str, Any], name: str) -> Reason | None:
    """Name the module of a lookup by the record's `$se_module`, as older dumps have it; else say why not."""
    module = module_named(record.get(SE_MODULE))
    if module is not None:
        record[name] = {**record[name], "module": {"api_name": module}}
        return None
    message = "it does not say which module its record is in"
    remedy = 'refer to the record (ref, find), or give {"id": "...", "module": {"api_name": "Deals"}}'
    return Reason(MANDATORY_NOT_FOUND, name, message, shown(record[name]["id"]), remedy)


def modules_of(field: Field) -> frozenset[str]:
    """The modules that a lookup may refer to. Empty if the metadata do not say."""
    if field.api_name == WHAT:
        return frozenset()
    if field.api_name == "Who_Id":
        return WHO_MODULES
    return field.lookup_modules or frozenset([field.lookup_module or "*"]) - ANY_MODULE


def lookup(value: Any, instead: str = "") -> Any:
    """`{"id": ...}`, from such an object, its JSON, or the id alone. `instead`: ends the refusal of other
    text.
    """
    value = take(whole(value))
    if value is None or value is NOTHING:
        return value
    if isinstance(value, Mapping):
        value = value.get("id")
    found = record_id(value, instead)
    if found is NOTHING or found is None:
        raise Refused("no id", remedy='give {"id": "..."} or the id itself')
    return {"id": found}


def record_id(value: Any, instead: str = "") -> Any:
    value = take(value)
    if value is None or value is NOTHING:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**20:
        return str(value)
    if isinstance(value, str) and _ID.match(value):
        return value
    if isinstance(value, str):
        refuse_rounded(value)
        if is_exported(value):
            raise Refused(f"{short(value)} is not an id of Zoho, but as its exports write one", remedy=REMEDY)
    raise Refused(f"{short(value)} is not an id of Zoho, which is up to 20 digits{instead}")


def _with_key(reference: Reference) -> Reference | None:
    """The reference with its key as trimmed text. None if the key is empty."""
    key = reference.key if isinstance(reference, Ref) else reference.value
    text = "" if key is None else as_text(key).strip()
    if not text:
        return None
    if text == key:
        return reference
    return replace(reference, key=text) if isinstance(reference, Ref) else replace(reference, value=text)


def _wrapped(
    value: Any,
    one: Callable[[Any], Any],
    name: str | None,
    bare: Callable[[Mapping[str, Any]], dict[str, Any]],
) -> Any:
    several = parted(value)
    if several is None:
        return take(value)
    rows = []
    for item in several:
        if isinstance(item, Mapping) and (name in item or "_delete" in item):
            rows.append(_row(dict(item) if "_delete" in item else bare(item), one, name))
            continue
        linked = one(item)
        if linked is None or linked is NOTHING:
            continue
        if name is None:
            raise Refused(
                "Zoho's metadata do not say how its ids are wrapped",
                remedy='give them as Zoho reads them: [{"<name of the linking lookup>": {"id": "..."}}]',
            )
        rows.append({name: linked})
    return rows


def _row(row: dict[str, Any], one: Callable[[Any], Any], name: str | None) -> dict[str, Any]:
    """A row of the linking module as Zoho reads it; `_delete` removes the row."""
    if name in row:
        row[name] = one(row[name])
        if row[name] is None or row[name] is NOTHING:
            raise Refused(f"a row with an empty {name}", remedy="leave the row out")
    if "id" in row:
        row["id"] = record_id(row["id"])
    return row
