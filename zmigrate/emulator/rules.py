"""A record's rules: types, lengths, pick lists, lookups, mandatory fields. Compiled: one check a field.

Facts: docs v7 "insert records" (sample attributes), OAS `record.json`; limits as in "field metadata".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from math import isfinite
from typing import Any

from .answers import Json
from .catalogue import ModuleSpec
from .clock import instant
from .fields import Field
from .options import Options

Check = Callable[[Any], Any]

EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@(?=.{4,256}$)([A-Za-z0-9-]+\.)+[A-Za-z]{2,22}")
PHONE = re.compile(r"[0-9A-Za-z+.\- (),;#/]+")
WEBSITE = re.compile(r"(https?://|ftp://)?[^\s/?#.]+(\.[^\s/?#.]+)+([/?#]\S*)?")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?([+-]\d\d:\d\d|Z)")
BIGINT = re.compile(r"-?\d+")
MAX_WHOLE_DIGITS = 16
MAX_ID_DIGITS = 24
DROPPED = object()


class Bad(Exception):
    """One value that Zoho refuses. `path` goes behind the field's name in `json_path`."""

    def __init__(
        self, details: Json, code: str = "INVALID_DATA", message: str = "invalid data", path: str = ""
    ) -> None:
        super().__init__(code)
        self.details = details
        self.code = code
        self.message = message
        self.path = path

    def problem(self, field_name: str, index: int) -> Json:
        """The error object of this value, for row `index` of the call."""
        where = {"api_name": field_name, "json_path": f"$.data[{index}].{field_name}{self.path}"}
        return error(self.code, self.message, {**self.details, **where})


def error(code: str, message: str, details: Json) -> Json:
    return {"code": code, "details": details, "message": message, "status": "error"}


def _expects(kind: str) -> Bad:
    return Bad({"expected_data_type": kind})


def _text(size: int) -> Check:
    def check(value: Any) -> Any:
        if type(value) is not str:
            raise _expects("string")
        if len(value) > size:
            raise Bad({"maximum_length": size})
        return value or None

    return check


def _pattern(size: int, pattern: re.Pattern[str], kind: str) -> Check:
    def check(value: Any) -> Any:
        if type(value) is not str:
            raise _expects(kind)
        if not value:
            return None
        if len(value) > size:
            raise Bad({"maximum_length": size})
        if not pattern.fullmatch(value):
            raise _expects(kind)
        return value

    return check


def _integer(digits: int) -> Check:
    def check(value: Any) -> Any:
        if type(value) is not int:
            raise _expects("integer")
        if len(str(abs(value))) > digits:
            raise Bad({"maximum_length": digits})
        return value

    return check


def _bigint(digits: int) -> Check:
    def check(value: Any) -> Any:
        if type(value) is not str or not BIGINT.fullmatch(value):
            raise _expects("bigint")
        if len(value.lstrip("-")) > digits:
            raise Bad({"maximum_length": digits})
        return value

    return check


def _decimal(digits: int) -> Check:
    def check(value: Any) -> Any:
        if type(value) not in (int, float) or not isfinite(value):
            raise _expects("double")
        if abs(value) >= 10**digits:
            raise Bad({"maximum_length": digits})
        return value

    return check


def _boolean(value: Any) -> Any:
    if type(value) is not bool:
        raise _expects("boolean")
    return value


def _date(value: Any) -> Any:
    if value == "":
        return None
    try:
        if not DATE.fullmatch(value):
            raise _expects("date")
        date.fromisoformat(value)
    except (TypeError, ValueError):
        raise _expects("date") from None
    return value


def _datetime(iso: Callable[[float], str]) -> Check:
    def check(value: Any) -> Any:
        if value == "":
            return None
        try:
            if not DATETIME.fullmatch(value):
                raise _expects("datetime")
            return iso(instant(value))
        except (TypeError, ValueError):
            raise _expects("datetime") from None

    return check


def _picklist(field: Field, mode: str) -> Check:
    members = frozenset(stored for stored, _ in field.picks)
    shown = [stored for stored, _ in field.picks]

    def check(value: Any) -> Any:
        if type(value) is not str:
            raise _expects("string")
        if not value or value == "-None-":
            return None
        if value in members or mode == "accept":
            return value
        if mode == "drop":
            return DROPPED
        raise Bad({"supported_values": shown})

    return check


def _multiselect(field: Field, mode: str) -> Check:
    one = _picklist(field, mode)

    def check(value: Any) -> Any:
        if type(value) is not list:
            raise _expects("jsonarray")
        kept = [one(item) for item in value]
        return [item for item in kept if item is not None and item is not DROPPED] or None

    return check


def _reference(exists: Callable[[int], bool]) -> Check:
    def check(value: Any) -> Any:
        if type(value) is not dict:
            raise _expects("jsonobject")
        wanted = str(value.get("id", ""))
        if not wanted.isdecimal() or len(wanted) > MAX_ID_DIGITS or not exists(int(wanted)):
            raise Bad({"id": wanted}, message="the id given seems to be invalid", path=".id")
        return {"id": wanted}

    return check


class Rules:
    """The compiled rules of one module."""

    def __init__(
        self,
        spec: ModuleSpec,
        options: Options,
        *,
        iso: Callable[[float], str],
        lookup_exists: Callable[[str, int], bool],
        user_exists: Callable[[int], bool],
    ) -> None:
        self.mandatory = tuple(field.api_name for field in spec.fields.values() if field.mandatory)
        self.layout_mandatory = tuple(f.api_name for f in spec.fields.values() if f.layout_mandatory)
        self._iso = iso
        self._picklist = options.picklist
        self._lookup_exists = lookup_exists
        self._user_exists = user_exists
        self._refuse_unknown = options.unknown_field == "refuse"
        self._refuse_readonly = options.readonly_field == "refuse"
        self._dropped = {field.api_name for field in spec.fields.values() if not field.stored_by_api}
        self._checks = {
            field.api_name: self._compile(field) for field in spec.fields.values() if field.stored_by_api
        }

    def _compile(self, field: Field) -> Check:  # noqa: PLR0911, PLR0912  # a table
        size = field.size
        match field.data_type:
            case "email":
                return _pattern(size, EMAIL, "email")
            case "phone":
                return _pattern(size, PHONE, "phone")
            case "website":
                return _pattern(size, WEBSITE, "website")
            case "integer":
                return _integer(size)
            case "bigint":
                return _bigint(size)
            case "double" | "currency":
                return _decimal(MAX_WHOLE_DIGITS)
            case "percent":
                return _decimal(size)
            case "boolean":
                return _boolean
            case "date":
                return _date
            case "datetime":
                return _datetime(self._iso)
            case "picklist":
                return _picklist(field, self._picklist)
            case "multiselectpicklist":
                return _multiselect(field, self._picklist)
            case "lookup":
                return self._lookup(field.lookup or "*")
            case "ownerlookup" | "userlookup":
                return _reference(self._user_exists)
            case "layout":
                return _layout
        return _text(size)

    def _lookup(self, module: str) -> Check:
        return _reference(lambda record_id: self._lookup_exists(module, record_id))

    def check(self, record: Json, index: int) -> tuple[Json, list[Json]]:
        """What is stored of a record (None blanks a field), and the error objects of what is refused."""
        kept: Json = {}
        problems: list[Json] = []
        checks = self._checks
        for name, value in record.items():
            check = checks.get(name)
            if check is None:
                self._not_stored(name, index, problems)
                continue
            if value is None:
                kept[name] = None
                continue
            try:
                stored = check(value)
            except Bad as bad:
                problems.append(bad.problem(name, index))
                continue
            if stored is not DROPPED:
                kept[name] = stored
        return kept, problems

    def _not_stored(self, name: str, index: int, problems: list[Json]) -> None:
        if name == "id" or name.startswith("$"):
            return
        refuse = self._refuse_readonly if name in self._dropped else self._refuse_unknown
        if refuse:
            problems.append(Bad({}).problem(name, index))

    def missing(self, kept: Json, problems: list[Json], index: int) -> list[Json]:
        """The errors for mandatory fields that a new record lacks; not for those refused already."""
        names = self.mandatory if "Layout" not in kept else (*self.mandatory, *self.layout_mandatory)
        lacking = [name for name in names if kept.get(name) is None]
        if lacking and problems:
            refused = {problem["details"].get("api_name") for problem in problems}
            lacking = [name for name in lacking if name not in refused]
        return [self.not_found(name, index) for name in lacking]

    def blanked(self, kept: Json, index: int, record_id: int) -> list[Json]:
        """The errors for mandatory fields that an update would blank."""
        return [
            self.not_found(name, index, id=str(record_id))
            for name in self.mandatory
            if name in kept and kept[name] is None
        ]

    @staticmethod
    def not_found(name: str, index: int, **more: str) -> Json:
        details = {"api_name": name, "json_path": f"$.data[{index}].{name}", **more}
        return error("MANDATORY_NOT_FOUND", "required field not found", details)


def _layout(value: Any) -> Any:
    if type(value) is not dict or "id" not in value:
        raise _expects("jsonobject")
    return {"id": str(value["id"])}
