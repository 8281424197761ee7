"""Zoho's answers about an org and its fields, read into dataclasses. Sends nothing.

Source: zoho.com/crm/developer/docs/api/v8/field-meta.html and get-org-data.html. Missing keys get the
documented default, since Zoho's answers differ in their keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from zmigrate.zoho.facts.limits import credit_allowance
from zmigrate.zoho.facts.modules import MANDATORY_IN_PART, NAMED_PARENTS, TAG

WHOLE_NUMBERS = frozenset({"integer", "bigint"})  # Data types of whole numbers

NUMBERS = WHOLE_NUMBERS | {"double", "currency", "percent"}

COMPUTED = frozenset({"autonumber", "formula", "rollup_summary", "profileimage"})
"""Data types that Zoho computes or takes by another call; they are never sent."""

STORED_ELSEWHERE = frozenset({"multiselectlookup", "multiuserlookup", "subform", "fileupload", "imageupload"})
"""Data types with values in another module: virtual, but writable. A row without an id is added to those that
the record has (zoho-api 9.2).
"""

LOOKUPS = frozenset({"lookup", "multiselectlookup", "multi_module_lookup"})  # they refer to records

VIEW_DECIDES = frozenset({"subform"})
"""Data types whose `operation_type` says no, although the API writes them; the view decides (zoho-api 14.7).
"""

_ORG_ID = re.compile(r"[0-9]{1,30}")
_WHOLE_NUMBER = re.compile(r"[0-9]{1,15}")

_ORG_DOMAIN = re.compile(r"org([0-9]{1,30})")
"""An org's `domain_name`: its digits are the zgid (zoho-api 14.1)."""


@dataclass(frozen=True, slots=True)
class PickListValue:
    """One value of a pick list: the stored one, the shown one, and whether it is in use."""

    actual: str
    display: str
    used: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a module."""

    api_name: str
    label: str
    data_type: str
    json_type: str
    length: int | None
    decimal_place: int | None
    mandatory: bool
    unique: bool
    case_sensitive: bool
    """For a unique field: whether `A` and `a` are two keys."""
    external: str | None
    """"org" or "user" for an external-id field."""
    creatable: bool
    updatable: bool
    on_layout: bool
    """False: it is on no layout, so Zoho drops its value and answers SUCCESS."""
    pick_list: tuple[PickListValue, ...]
    lookup_module: str | None
    """The module that a lookup or multi-select lookup refers to; `se_module` if it may be any."""
    lookup_modules: frozenset[str] = frozenset()
    """The modules of a lookup that may refer to several, if Zoho lists them."""
    names_module: bool = False
    """A lookup whose value names the record's module: `{"id": ..., "module": {"api_name": ...}}`."""
    connected_lookup: str | None = None
    """For a multi-select or multi-user lookup: the lookup of its linking module around each id, as in
    `[{"<connected_lookup>": {"id": ...}}]`."""
    subform_module: str | None = None
    """The module of a subform's rows."""
    textarea_kind: str | None = None
    """small, large or rich_text."""
    visible: bool = True
    """False: hidden from the profile of the token's user."""
    custom: bool = False
    encrypted: bool = False
    """Zoho stores it encrypted, so no query can look for its values (zoho-api 14.6)."""

    @property
    def whole_number(self) -> bool:
        """Whether its values are compared and queried as whole numbers."""
        return self.data_type in WHOLE_NUMBERS


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout of a module, and the fields that it requires."""

    id: str
    name: str
    required: tuple[str, ...]  # Checked by Zoho if a record names its layout (zoho-api 13)
    most_rows: tuple[tuple[str, int], ...] = ()
    """By subform: the most rows of one record (zoho-api 14.21)."""


@dataclass(frozen=True, slots=True)
class ModuleFields:
    """The fields of one module by API name."""

    module: str
    fields: Mapping[str, Field]

    def get(self, name: str) -> Field | None:
        return self.fields.get(name)

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields.values())

    def __len__(self) -> int:
        return len(self.fields)


@dataclass(frozen=True, slots=True)
class Org:
    """The org that a token belongs to."""

    id: str
    zgid: str
    name: str
    type: str  # as Zoho writes it, in lower case; "" if Zoho does not say
    edition: str
    users: int
    time_zone: str

    @property
    def sandbox(self) -> bool:
        return self.type == "sandbox"

    @property
    def production(self) -> bool:
        """True unless the org is known to be a sandbox or a developer org."""
        return self.type not in {"sandbox", "developer"}

    @property
    def credit_allowance(self) -> int | None:
        """Credits for 24 hours by edition and users. None for an unknown edition."""
        return credit_allowance(self.edition, self.users)

    def answers_to(self, soid: str) -> bool | None:
        """Whether the soid's digits are this org's zgid (zoho-api 14.1). None if Zoho has not named the
        zgid.
        """
        digits = soid.rpartition(".")[2]
        if self.zgid:
            return digits == self.zgid
        return True if digits and digits == self.id else None


def is_org_id(text: str) -> bool:
    """Whether a text can be an org's id or zgid: digits only, so that it is safe in a path."""
    return _ORG_ID.fullmatch(text) is not None


def read_fields(module: str, answer: Mapping[str, Any], unused: Mapping[str, Any]) -> ModuleFields:
    """From GET /settings/fields with type=all and with type=unused (both may be empty)."""
    on_no_layout = {str(raw.get("api_name")): raw for raw in _list(unused, "fields")}
    merged = {**on_no_layout, **{str(raw.get("api_name")): raw for raw in _list(answer, "fields")}}
    fields = {
        name: read_field(raw, on_layout=_used(raw, name, on_no_layout), module=module)
        for name, raw in merged.items()
    }
    return ModuleFields(module, MappingProxyType(fields))


def _used(raw: Mapping[str, Any], name: str, on_no_layout: Mapping[str, object]) -> bool:
    """Whether the field is on a layout: what it says itself counts, whatever its list (zoho-api 14.22)."""
    said = raw.get("type")
    return said == "used" if said in ("used", "unused") else name not in on_no_layout


def read_field(raw: Mapping[str, Any], *, on_layout: bool, module: str = "") -> Field:
    """One element of `fields[]`, of a module."""
    name = str(raw.get("api_name"))
    unique = raw.get("unique")
    external = raw.get("external")
    lookup = _object(raw, "lookup")
    linking = _object(raw, "multiselectlookup") or _object(raw, "multiuserlookup")
    rows = _object(raw, "subform") or _object(raw, "associated_module")
    several = _module_names(_list(_object(raw, "multi_module_lookup"), "modules"))
    only = next(iter(several)) if len(several) == 1 else None
    return Field(
        api_name=name,
        label=_one_line(raw.get("field_label") or raw.get("display_label") or raw.get("api_name")),
        data_type=str(raw.get("data_type") or "text"),
        json_type=str(raw.get("json_type") or "string"),
        length=_int(raw.get("length")),
        decimal_place=_int(raw.get("decimal_place")),
        mandatory=_flag(raw.get("system_mandatory")) is True and name not in MANDATORY_IN_PART,
        unique=bool(unique) if isinstance(unique, dict) else _flag(unique) is True,
        case_sensitive=isinstance(unique, dict) and _counts_case(unique),
        external=str(external["type"]) if isinstance(external, dict) and external.get("type") else None,
        creatable=_may(raw, "create"),
        updatable=_may(raw, "update"),
        on_layout=on_layout,
        pick_list=tuple(_pick_list_value(value) for value in _list(raw, "pick_list_values")),
        lookup_module=_module_name(lookup.get("module") or linking.get("connected_module")) or only,
        lookup_modules=several,
        names_module=raw.get("data_type") == "multi_module_lookup" or (module, name) in NAMED_PARENTS,
        connected_lookup=str(linking.get("connectedlookup_apiname") or "") or None,
        subform_module=_module_name(rows.get("module")) or _module_name(rows),
        textarea_kind=_text(_object(raw, "textarea").get("type")),
        visible=_flag(raw.get("visible")) is not False,
        custom=_flag(raw.get("custom_field")) is True,
        encrypted=bool(raw.get("crypt")),
    )


def _counts_case(unique: Mapping[str, Any]) -> bool:
    """Zoho spells it `casesensitive` and `case_sensitive`, as a boolean and as text (zoho-api 14.9)."""
    return any(_flag(unique.get(name)) is True for name in ("case_sensitive", "casesensitive"))


def read_layouts(answer: Mapping[str, Any]) -> tuple[Layout, ...]:
    """From GET /settings/layouts: the active layouts, since records can only be on these.

    `required` is the layout's own flag (zoho.com/crm/developer/docs/api/v8/layouts-meta.html).
    """
    return tuple(
        Layout(
            id=str(raw.get("id") or ""),
            name=_one_line(raw.get("display_label") or raw.get("name") or ""),
            required=tuple(
                str(each.get("api_name"))
                for section in _list(raw, "sections")
                for each in _list(section, "fields")
                if _flag(each.get("required")) is True
            ),
            most_rows=tuple(_most_rows(raw)),
        )
        for raw in _list(answer, "layouts")
        if (raw.get("status") or "active") == "active"
    )


def _most_rows(layout: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Each subform of a layout that says how many rows it takes."""
    for section in _list(layout, "sections"):
        most = _int(_object(section, "properties").get("maximum_rows"))
        for each in _list(section, "fields"):
            if most is not None and each.get("data_type") == "subform":
                yield str(each.get("api_name")), most


def read_org(answer: Mapping[str, Any]) -> Org:
    """From GET /org. A missing `type` stays empty and counts as production. The domain name has the
    zgid too.
    """
    orgs = _list(answer, "org")
    raw: Mapping[str, Any] = orgs[0] if orgs else {}
    license_details = raw.get("license_details")
    paid: Mapping[str, Any] = license_details if isinstance(license_details, dict) else {}
    domain = _ORG_DOMAIN.fullmatch(str(raw.get("domain_name") or "").strip())
    zgid = str(raw.get("zgid") or (domain[1] if domain else "")).strip()
    return Org(
        id=str(raw.get("id") or zgid).strip(),
        zgid=zgid,
        name=_one_line(raw.get("company_name") or ""),
        type=_one_line(raw.get("type") or "").lower(),
        edition=_edition(paid),
        users=_int(paid.get("users_license_purchased")) or 0,
        time_zone=str(raw.get("time_zone") or ""),
    )


def _edition(license_details: Mapping[str, Any]) -> str:
    """The edition whose limits count: that of a trial, while it lasts (zoho-api 14.14)."""
    tried = None if _flag(license_details.get("paid")) is True else license_details.get("trial_type")
    return _one_line(tried or license_details.get("paid_type") or "")


def _may(raw: Mapping[str, Any], verb: str) -> bool:
    """Whether the API may write the field: `operation_type` decides; `read_only` alone is not enough."""
    kind = str(raw.get("data_type"))
    if kind in COMPUTED or (_flag(raw.get("virtual_field")) is True and kind not in STORED_ELSEWHERE):
        return False
    view = _object(raw, "view_type")
    in_view = _flag(view.get("create")), _flag(view.get("edit"))
    if in_view == (False, False) and raw.get("api_name") != TAG:
        return False
    if kind in VIEW_DECIDES:
        allowed = in_view[0 if verb == "create" else 1]
    else:
        allowed = _flag(_object(raw, "operation_type").get(f"api_{verb}"))
        if allowed is not None:
            return allowed
    # Every version of the API shows Owner as `field_read_only`, though each takes it.
    locks = ("read_only",) if raw.get("api_name") == "Owner" else ("read_only", "field_read_only")
    locked = any(_flag(raw.get(name)) is True for name in locks)
    return allowed is not False and not locked


def _pick_list_value(raw: Mapping[str, Any]) -> PickListValue:
    display = str(raw.get("display_value") or "")
    return PickListValue(
        actual=str(raw.get("actual_value") or display), display=display, used=raw.get("type") != "unused"
    )


def _module_name(target: object) -> str | None:
    match target:
        case {"api_name": str() as name}:
            return name
        case str() if target:
            return target
    return None


def _module_names(targets: Iterable[object]) -> frozenset[str]:
    return frozenset(name for target in targets if (name := _module_name(target)) is not None)


def _object(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def _list(raw: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    values = raw.get(key)
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _one_line(value: object) -> str:
    """A name on one line."""
    return " ".join(str(value).split())


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _flag(value: object) -> bool | None:
    """A yes or no in any of Zoho's spellings: true, "true", 1, "1". None: it says neither."""
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip().lower())


def _int(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value) else None
