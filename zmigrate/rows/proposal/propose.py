"""Proposes a field for each column: by the header, by the values, and so that the whole mapping is best. It
reads no file and makes no calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from zmigrate.rows.conversion.converter import field_problem
from zmigrate.rows.proposal.column_sample import SAMPLE_ROWS, Column
from zmigrate.rows.proposal.fit import ALONE, Fit, UsersByName, fit
from zmigrate.rows.proposal.match import best_assignment
from zmigrate.rows.proposal.names import Header, Names, standing_for, words_of
from zmigrate.rows.proposal.refused_values import Misfits, refused_values
from zmigrate.wording import counted
from zmigrate.zoho.facts.modules import STATES, SYSTEM_DUPLICATE_CHECK
from zmigrate.zoho.metadata import LOOKUPS, Field, ModuleFields

if TYPE_CHECKING:
    from zmigrate.job.writes import Operation

PROPOSED: Final = 55.0  # A column with a lower score for every field gets none
EXACT: Final = 0.4  # the bonus for the exact api name, over names that are only alike
SURE: Final = 80
WORTH_A_LOOK: Final = 40.0  # names that are less alike do not count
BY_VALUES: Final = 58.0  # the score of values alone, if they can hardly be anything else
LEGACY_KEY: Final = 74.0  # the score of a column of different ids for a unique field
_NOT_FROM_COLUMNS: Final = frozenset({"layout", "fileupload", "imageupload", "territories"})
_KEY_WORDS: Final = frozenset(
    {"id", "ids", "key", "nr", "no", "number", "ref", "code", "uuid", "guid", "legacy"}
)
RECORD_ID: Final = Field(
    "id", "Record Id", "id", "string", 20, None, True, True, True, None, True, True, True, (), None
)
"""Not among a module's fields, but the key of updates and deletes."""


@dataclass(frozen=True, slots=True)
class Reference:
    """How a lookup finds its record: `ref` among what was imported, `find` in the org."""

    kind: Literal["ref", "find"]
    module: str
    by: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Line:
    """One column and its field."""

    column: Column
    field: Field
    score: int  # how sure it is, from 0 to 100
    why: str
    fit: Fit
    reference: Reference | None = None
    unsure: tuple[str, ...] = ()
    others: tuple[str, ...] = ()  # Other fields that suit the column, and that have no column
    refused: Misfits | None = None

    @property
    def doubts(self) -> list[str]:
        """What is unsure, with an example of a refused value. (`unsure` has none: it may be personal.)"""
        refused = self.refused
        return [each if refused is None or each != refused.said else refused.why for each in self.unsure]

    @property
    def sure(self) -> bool:
        return self.score >= SURE and not self.unsure


@dataclass(frozen=True, slots=True)
class Left:
    """A column without a field, and the field that suits it most, if any."""

    column: Column
    near: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mapping for one file, for a person to check."""

    module: str
    operation: Operation
    key: str | None
    key_why: str
    lines: tuple[Line, ...]  # in the order of the columns
    left: tuple[Left, ...]
    wanted: tuple[Field, ...]  # mandatory fields without a column
    rows: int  # how many rows were read for it

    @property
    def more_rows(self) -> bool:
        return self.rows >= SAMPLE_ROWS


def propose(
    columns: Sequence[Column],
    fields: ModuleFields,
    operation: Operation,
    key: str | None = None,
    *,
    users: UsersByName | None = None,
    on_layouts: Mapping[str, Sequence[str]] | None = None,
    time_zone: str | None = None,
) -> Proposal:
    """The best mapping of these columns to the module's fields. A column with a field's name goes to that
    field; problems with its values are reported.

    `key`: the field to find records by; None: propose one. `on_layouts`: the layouts that require a field, by
    its name. `time_zone`: the org's, for date-times without an offset.
    """
    known = users or UsersByName()
    takers = _takers(fields, operation, key)
    weigher = _Weigher(takers, fields.module, known, key)
    scores = {
        column.name: {} if column.name.startswith(STATES) else weigher.scores(column) for column in columns
    }
    by_name = {each.api_name: each for each in takers}
    own = {column.name for column in columns if column.name in by_name and column.name != RECORD_ID.api_name}
    pairs = {name: name for name in own} | best_assignment(
        {
            name: {each: value for each, value in found.items() if value >= PROPOSED and each not in own}
            for name, found in scores.items()
            if name not in own
        }
    )
    lines = [
        weigher.line(column, by_name[pairs[column.name]], scores[column.name])
        for column in columns
        if column.name in pairs
    ]
    chosen, key_why = _key(lines, fields, operation, key)
    lines = [_with_refused(_zoned(line, time_zone), fields, operation, key) for line in lines]
    lines = [_with_reference(line, fields.module, chosen, lines) for line in lines]
    filled = {line.field.api_name for line in lines}
    lines = [_with_others(line, scores[line.column.name], filled) for line in lines]
    return Proposal(
        fields.module,
        operation,
        chosen,
        key_why,
        tuple(lines),
        tuple(
            _left(column, scores[column.name], filled, _why_not(column, fields, operation, key))
            for column in columns
            if column.name not in pairs
        ),
        tuple(_wanted(takers, operation, filled, on_layouts or {})),
        max((column.rows for column in columns), default=0),
    )


def _takers(fields: ModuleFields, operation: Operation, key: str | None) -> list[Field]:
    """The fields that a column can go to."""
    found = [
        each
        for each in fields
        if field_problem(fields, each.api_name, operation, key) is None
        and each.data_type not in _NOT_FROM_COLUMNS
        and not (each.data_type in LOOKUPS and each.lookup_module in (None, "se_module"))
    ]
    if operation != "insert":
        found = [each for each in found if each.api_name != "id"] + [RECORD_ID]
    return [each for each in found if each.api_name == (key or "id")] if operation == "delete" else found


class _Weigher:
    """Scores columns for the fields of one module."""

    def __init__(self, takers: Sequence[Field], module: str, users: UsersByName, key: str | None) -> None:
        self._takers = [(each, Names(each, module)) for each in takers]
        self._module = module
        self._users = users
        self._key = key
        self._fits: dict[tuple[str, str], Fit] = {}
        self._alike: dict[tuple[str, str], float] = {}

    def scores(self, column: Column) -> dict[str, float]:
        """How well each field suits the column, up to 100. Fields that do not suit it at all are left out."""
        header = Header(column.name)
        looks_key = _looks_key(column, header, self._module)
        found: dict[str, float] = {}
        for each, names in self._takers:
            likeness = names.likeness(header)
            as_key = each.unique and looks_key
            if likeness < WORTH_A_LOOK and not as_key and each.data_type not in ALONE:
                continue
            taken = fit(column, each, self._users, named=likeness >= WORTH_A_LOOK)
            self._fits[column.name, each.api_name] = taken
            self._alike[column.name, each.api_name] = likeness
            score = _weighed(likeness, taken, column)
            if as_key and taken.share == 1:
                score = max(score, LEGACY_KEY + (10 if _is_own_id(header, self._module, each) else 0))
            if score >= PROPOSED:
                score += (3 if each.mandatory else 0) + (3 if each.api_name == self._key else 0)
            found[each.api_name] = min(score, 100.0) + (EXACT if each.api_name == column.name else 0)
        return found

    def line(self, column: Column, to: Field, scores: Mapping[str, float]) -> Line:
        """The line for a column and its field."""
        place = (column.name, to.api_name)
        taken, alike = self._fits[place], self._alike[place]
        score = round(scores[to.api_name])
        why = "the name" if alike >= SURE else "a similar name" if alike >= WORTH_A_LOOK else ""
        if to.unique and alike < LEGACY_KEY <= score:
            why = "keys, all different"
        said = [part for part in (why, taken.why) if part]
        return Line(column, to, score, "; ".join(said), taken, unsure=_doubts(column, to, scores, taken))


def _doubts(column: Column, to: Field, scores: Mapping[str, float], taken: Fit) -> tuple[str, ...]:
    score = round(scores[to.api_name])
    unsure = list(taken.unsure)
    if score < SURE:
        rivals = [name for name, value in scores.items() if name != to.api_name and value >= score - 8]
        unsure.insert(0, f"it may be {' or '.join(rivals[:2])}" if rivals else "is this the field?")
    guessed = [each for each in taken.values if not each.sure]
    if guessed:
        unsure.append(f"{counted(len(guessed), 'value')} that the pick list lacks")
    if to.mandatory and column.filled < column.rows:
        unsure.append(f"mandatory, but empty in {counted(column.rows - column.filled, 'row')}")
    return tuple(unsure)


def _weighed(likeness: float, taken: Fit, column: Column) -> float:
    """The likeness of the names, corrected by how well the values fit."""
    if not column.values:
        return likeness if likeness >= SURE else 0.0
    if taken.share < 0.5:
        return likeness - 60
    score = likeness - 30 * (1 - taken.share)
    if not taken.telling:
        return score
    return max(score + 6, BY_VALUES if taken.alone and taken.share > 0.8 else 0.0)


def _looks_key(column: Column, header: Header, module: str) -> bool:
    """Whether each row has a different value, and the header names an id that is not another module's."""
    return (
        column.unique
        and not _KEY_WORDS.isdisjoint(header.words)
        and not any(" " in value for value in column.values)
        and not _of_another(header, module)
    )


def _is_own_id(header: Header, module: str, to: Field) -> bool:
    """Whether the header names this module's id (`deal_id` or `id`), and the field is meant for such ids."""
    named = tuple(word for word in header.standing if word not in _KEY_WORDS)
    own = standing_for(words_of(module.removesuffix("s")))
    return named in ((), own) and (to.external is not None or "legacy" in words_of(to.api_name))


def _of_another(header: Header, module: str) -> bool:
    """Whether the header names another module's id: `account_id` in a file of contacts."""
    named = [word for word in header.words if word not in _KEY_WORDS and len(word) > 2]
    own = set(words_of(module.removesuffix("s"))) | {"legacy", "old", "external", "record", "source", "row"}
    others = {"account", "contact", "deal", "lead", "product", "user", "owner", "company", "customer"} - own
    return any(word in others for word in named)


def _key(
    lines: Sequence[Line], fields: ModuleFields, operation: Operation, key: str | None
) -> tuple[str | None, str]:
    """The field to find records by, and the reason."""
    filled = {line.field.api_name: line for line in lines}
    if key is not None:
        why = f'from "{filled[key].column.name}"' if key in filled else "no column goes there"
        return key, why
    if operation in ("update", "delete") and "id" in filled:
        return "id", "the record's id"
    unique = [line for line in lines if line.field.unique and line.column.unique and not line.field.encrypted]
    unique.sort(key=lambda line: (line.field.external is None, -line.score))
    if unique:
        return unique[0].field.api_name, "unique in Zoho, and different in each row"
    usual = filled.get(SYSTEM_DUPLICATE_CHECK.get(fields.module, "Name"))
    if usual is not None and usual.column.unique and not usual.field.encrypted:
        return usual.field.api_name, "not unique in Zoho, but different in each row"
    return None, "no unique field has a column with a different value in each row"


def _zoned(line: Line, time_zone: str | None) -> Line:
    dates = line.column.dates if line.field.data_type == "datetime" else None
    if dates is None or dates.offset:
        return line
    said = "the values have no offset from UTC; in which time zone are they?"
    zone = {"timezone": time_zone} if time_zone else {}
    fit = replace(line.fit, settings={**line.fit.settings, **zone})
    return replace(line, fit=fit, unsure=(*line.unsure, said))


def _with_refused(line: Line, fields: ModuleFields, operation: Operation, key: str | None) -> Line:
    if line.field is RECORD_ID:
        return line
    refused = refused_values(line.column, line.field, line.fit.settings, fields, operation, key)
    if refused is None:
        return line
    return replace(line, unsure=(*line.unsure, refused.said), refused=refused)


def _with_reference(line: Line, module: str, key: str | None, lines: Sequence[Line]) -> Line:
    to, column = line.field, line.column
    target = to.lookup_module
    if to.data_type not in LOOKUPS or target is None or not column.values or line.fit.why:
        return line
    by = _found_by(target, column)
    of_key = next((each.column for each in lines if each.field.api_name == key), None)
    if target == module and of_key is not None and column.share(_common(column, of_key)) >= 0.5:
        reference = Reference("ref", target, None, f'values of "{of_key.name}" in this file')
        return replace(line, reference=reference)
    like_ids = words_of(column.name)[-1:] in (("id",), ("key",), ("nr",), ("ref",))
    if like_ids:
        reference = Reference("ref", target, None, "keys of the old system")
        said = f"{target} must have been imported with these keys, earlier or in the same folder"
    else:
        reference = Reference("find", target, by, f"looked for in the org by {target}.{by}")
        said = f"is each of them one record's {target}.{by}? if zmigrate imported {target}, use ref"
    return replace(line, reference=reference, unsure=(*line.unsure, said))


def _with_others(line: Line, scores: Mapping[str, float], filled: set[str]) -> Line:
    others = [name for name, score in scores.items() if score >= SURE and name not in filled]
    return replace(line, others=tuple(others))


def _common(column: Column, other: Column) -> list[str]:
    known = {value.casefold() for value in other.values}
    return [value for value in column.values if value.casefold() in known]


def _found_by(target: str, column: Column) -> str:
    """The field by which people usually name a record of this module."""
    usual = SYSTEM_DUPLICATE_CHECK.get(target, "Name")
    if usual == "Email" and column.share(value for value in column.values if "@" in value) < 0.5:
        return "Full_Name"
    return usual


def _why_not(column: Column, fields: ModuleFields, operation: Operation, key: str | None) -> str | None:
    """Why a column does not go to the field with its name."""
    if column.name.startswith(STATES):
        return "it tells the state of a record in Zoho, and is no field"
    if fields.get(column.name) is None:
        return None
    problem = field_problem(fields, column.name, operation, key)
    return None if problem is None else problem[1]


def _left(column: Column, scores: Mapping[str, float], filled: set[str], why_not: str | None) -> Left:
    if why_not is not None:
        return Left(column, None, why_not)
    if not column.values:
        return Left(column, None, "all empty")
    near = max(scores, key=lambda name: scores[name], default=None)
    if near is None or scores[near] < 35:
        return Left(column, None, "no field is like it")
    why = "another column goes there" if near in filled else "too little alike"
    return Left(column, near, why)


def _wanted(
    takers: Sequence[Field], operation: Operation, filled: set[str], on_layouts: Mapping[str, Sequence[str]]
) -> list[Field]:
    if operation not in ("insert", "upsert"):
        return []
    return [
        each
        for each in takers
        if each.api_name not in filled
        and each is not RECORD_ID
        and (each.mandatory or on_layouts.get(each.api_name))
    ]
