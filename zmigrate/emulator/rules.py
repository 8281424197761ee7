"""The rules of a module's records: a check for each field, mandatory fields, rules over several fields.

Facts: docs v7 "insert records".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import checks, nested, patterns
from .answers import Json, error
from .catalogue import ModuleSpec
from .checks import DROPPED, MAX_WHOLE_DIGITS, Check, Invalid
from .fields import ANY_MODULE, ROWS, ROWS_OF_ALL_SUBFORMS, Field
from .options import Options

NOT_ASKED_FOR = frozenset({"Participants", "Pricing_Details", "Call_Duration"})
"""Fields without which a record is taken, though their metadata say mandatory (SDK v8, `utility`). A finished
call needs its duration: see `took_place`."""
RecordRule = Callable[[Json, Json, int], list[Json]]
"""Takes a record as sent, the values to store and the row's number; returns the error objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleContext:
    """What the rules of a module ask about the org."""

    iso: Callable[[float], str]
    record_exists: Callable[[str, int], bool]
    user_exists: Callable[[int], bool]
    modules: Callable[[], list[str]]
    """Modules whose records What_Id may name."""
    subform: Callable[[str], ModuleSpec]
    module_id: Callable[[str], str]
    tag_id: Callable[[str], str]
    layout_id: str


class Rules:
    """The rules of one module."""

    def __init__(self, spec: ModuleSpec, options: Options, context: RuleContext) -> None:
        fields = list(spec.fields.values())
        mandatory = (field.api_name for field in fields if field.mandatory)
        self._mandatory = tuple(name for name in mandatory if name not in NOT_ASKED_FOR)
        self._layout_mandatory = tuple(field.api_name for field in fields if field.layout_mandatory)
        self.rows = tuple(field for field in fields if field.data_type in ROWS)
        self._subforms = [field.api_name for field in self.rows if field.data_type == "subform"]
        self.numbered = tuple(field for field in fields if field.data_type == "autonumber")
        self._options = options
        self._context = context
        self._refuse_unknown = options.unknown_field == "refuse"
        self._refuse_readonly = options.readonly_field == "refuse"
        stored = [
            one for one in fields if one.stored_by_api and (one.api_name, options.tags) != ("Tag", "drop")
        ]
        self._dropped = {field.api_name for field in fields if field not in stored}
        compiled = {field: self._compile(field) for field in stored}
        self._checks = {
            action: {field.api_name: one for field, one in compiled.items() if field.left_out_of != action}
            for action in ("create", "update")
        }
        self._record_rules: list[RecordRule] = []
        if "What_Id" in spec.fields:
            self._record_rules.append(related_to(context.record_exists, context.modules))
        if "Call_Duration" in spec.fields:
            self._record_rules.append(call_duration)

    def _compile(self, field: Field) -> Check:  # noqa: PLR0911  # a table
        size = field.size
        if field.wire_type in ("jsonarray", "jsonobject"):
            return nested.BY_NAME.get(field.api_name) or self._compile_structured(field)
        match field.data_type:
            case "email" | "phone" | "website" as kind:
                return checks.pattern(size, patterns.BY_OPTION[self._options.patterns][kind], kind)
            case "integer":
                return checks.integer(size)
            case "bigint":
                return nested.wizard if field.api_name == "Wizard" else checks.bigint(size)
            case "double" | "currency":
                return checks.decimal(MAX_WHOLE_DIGITS)
            case "percent":
                return checks.decimal(size)
            case "boolean":
                return checks.boolean
            case "date":
                return checks.day
            case "datetime":
                return checks.moment(self._context.iso)
            case "picklist":
                return checks.choice(field, self._options.picklist)
        return checks.text(size)

    def _compile_structured(self, field: Field) -> Check:  # noqa: PLR0911  # a table
        context = self._context
        match field.data_type:
            case "multiselectpicklist":
                return checks.choices(field, self._options.picklist)
            case "lookup" | "multi_module_lookup" if field.names_module:
                modules = list(field.modules) or context.modules()
                return nested.record_of_module(modules, context.record_exists, context.module_id)
            case "lookup":
                return checks.reference(self._record_of(field))
            case "ownerlookup" | "userlookup":
                return checks.reference(context.user_exists)
            case "multiselectlookup":
                return nested.links(field, self._record_of(field))
            case "multiuserlookup":
                return nested.links(field, context.user_exists)
            case "subform":
                return nested.subform(Rules(context.subform(str(field.subform)), self._options, context))
            case "fileupload" | "imageupload":
                return nested.files
            case "layout":
                return checks.reference(int(context.layout_id).__eq__)
            case "bigint":
                return nested.participants(context.record_exists, context.user_exists)
            case "RRULE" | "ALARM":
                return nested.rule(field.data_type)
            case "multireminder":
                return nested.reminders
        tags = nested.tags(context.tag_id)
        return tags if field.api_name == "Tag" else nested.as_given(field.wire_type)

    def _record_of(self, field: Field) -> Callable[[int], bool]:
        exists, modules = self._context.record_exists, field.lookup_modules or (ANY_MODULE,)
        return lambda record_id: any(exists(module, record_id) for module in modules)

    def check(self, record: Json, index: int, action: str = "create") -> tuple[Json, list[Json]]:
        """The values to store (None empties a field), and the error objects of the refused values."""
        kept: Json = {}
        problems: list[Json] = []
        checks = self._checks[action]
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
            except Invalid as bad:
                problems += bad.problems(name, index)
                continue
            if stored is not DROPPED:
                kept[name] = stored
        for rule in self._record_rules:
            problems += rule(record, kept, index)
        return kept, problems

    def _not_stored(self, name: str, index: int, problems: list[Json]) -> None:
        if name == "id" or name.startswith("$"):
            return
        refuse = self._refuse_readonly if name in self._dropped else self._refuse_unknown
        if refuse:
            problems.append(Invalid({}).problem(name, index))

    def missing(self, kept: Json, problems: list[Json], index: int) -> list[Json]:
        """The errors for mandatory fields that a new record lacks, without already refused fields."""
        names = self._mandatory_names(kept)
        if took_place(kept):
            names = tuple(dict.fromkeys([*names, "Call_Duration"]))
        lacking = [name for name in names if kept.get(name) is None]
        if lacking and problems:
            details = [problem["details"] for problem in problems]
            refused = {one.get("parent_api_name", one.get("api_name")) for one in details}
            lacking = [name for name in lacking if name not in refused]
        return [self.not_found(name, index) for name in lacking]

    def blanked(self, kept: Json, index: int, record_id: str) -> list[Json]:
        """The errors for mandatory fields that an update would empty."""
        emptied = [name for name in self._mandatory_names(kept) if name in kept and kept[name] is None]
        return [self.not_found(name, index, id=record_id) for name in emptied]

    def _mandatory_names(self, kept: Json) -> tuple[str, ...]:
        return self._mandatory if "Layout" not in kept else self._mandatory + self._layout_mandatory

    def join_rows(self, kept: Json, old: Json, index: int, new_id: Callable[[], str]) -> list[Json]:
        """Merges the rows in `kept` with the record's old rows. Returns the error objects."""
        problems: list[Json] = []
        replace = self._options.subform_update == "replace"
        for field in self.rows:
            new = kept.get(field.api_name)
            if new is None:
                continue
            before = old.get(field.api_name, [])
            try:
                drop_old = replace and field.data_type == "subform"
                kept[field.api_name] = nested.joined(field, before, new, new_id, replace=drop_old)
            except Invalid as bad:
                problems += bad.problems(field.api_name, index)
        lengths = {name: len(kept.get(name, old.get(name)) or ()) for name in self._subforms}
        if not problems and sum(lengths.values()) > ROWS_OF_ALL_SUBFORMS:
            last = [name for name in self._subforms if kept.get(name)][-1]
            problems = nested.too_many_rows(ROWS_OF_ALL_SUBFORMS).problems(last, index)
        return problems

    @staticmethod
    def not_found(name: str, index: int, **more: str) -> Json:
        details = {"api_name": name, "json_path": f"$.data[{index}].{name}", **more}
        return error("MANDATORY_NOT_FOUND", "required field not found", details)


def related_to(exists: Callable[[str, int], bool], modules: Callable[[], list[str]]) -> RecordRule:
    """`What_Id` names a record of the module `$se_module`, so both must be given.

    The docs name no code for a missing `$se_module`; others report MANDATORY_NOT_FOUND.
    """

    def check(record: Json, kept: Json, index: int) -> list[Json]:
        what = kept.get("What_Id")
        if what is None:
            return []
        module = record.get("$se_module")
        if module is None:
            return [checks.missing().problem("$se_module", index)]
        if module not in modules():
            return [Invalid({"supported_values": modules()}).problem("$se_module", index)]
        if not exists(module, int(what["id"])):
            return [checks.unknown_id(what["id"]).problem("What_Id", index)]
        kept["$se_module"] = module
        return []

    return check


def took_place(call: Json) -> bool:
    """Whether a record is a finished call. Only such a call needs a duration (docs v7 "insert records")."""
    kind = call.get("Call_Type")
    return kind == "Inbound" or (kind == "Outbound" and call.get("Outbound_Call_Status") != "Scheduled")


def call_duration(record: Json, kept: Json, index: int) -> list[Json]:
    """The duration of a finished call is not zero (docs v7: `DEPENDENT_MISMATCH`)."""
    duration = kept.get("Call_Duration")
    if duration is None or duration.strip("0:") or not took_place(kept):
        return []
    problem = Invalid({}, "DEPENDENT_MISMATCH", "Call Duration can not be zero.")
    return [problem.problem("Call_Duration", index)]
