"""Random loads full of collisions, and the org that they meet. Pure: the same seed gives the same case.

Left out, since no plan can know it: a row that takes a unique value away from a record (it writes another
value there) while another row of the file takes that value, and nothing that both rows share keeps them in
order. Which of the two comes first is then decided on the way. `without_thefts` blanks such a row's value.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from zmigrate.job.references import WhenOpen
from zmigrate.job.writes import OnExisting, OnRepeated, Operation

Cells = dict[str, str]

CODE: Final = "Legacy_ID"
"""Unique in every module."""
PLAIN: Final = "Old_System_Ref"
"""Not unique."""
PARTS: Final = ["x", "x", "X", "y"]
"""Values of a field that is a part of a key."""
UNKNOWN_ID: Final = "9" * 18

BAD: Final[Mapping[str, Sequence[str]]] = {
    "Phone": ["0" * 32, "0" * 31],
    "Legacy_Created_Time": ["2024-13-31T09:30:00+02:00", "yesterday"],
    "Account_Type": ["Nonsense", "customer"],
    "Lead_Source": ["Nonsense", "partner"],
    "Stage": ["Nonsense", "qualification"],
}
GOOD: Final[Mapping[str, Sequence[str]]] = {
    "Phone": ["", "030 123", "030 456"],
    "Legacy_Created_Time": ["", "2024-03-31T09:30:00+02:00"],
    "Account_Type": ["", "Partner"],
    "Lead_Source": ["", "Partner"],
    "Stage": ["Qualification", "Closed Won"],
}


@dataclass(frozen=True, slots=True)
class Module:
    """What a file for a module has. Every module has a second unique field beside CODE."""

    name: str
    file: str
    letter: str
    required: str
    too_long: int
    second: str
    plain: tuple[str, ...]
    """Fields whose values may be wrong."""
    part: str
    """A field that is a key together with PLAIN."""
    own: str | None = None
    """The lookup by which records of the module refer to one another."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Other lookups, and the modules that they refer to."""


MODULES: Final = {
    module.name: module
    for module in (
        Module(
            "Accounts",
            "accounts.csv",
            "a",
            "Account_Name",
            200,
            "Account_Number",
            ("Phone", "Legacy_Created_Time", "Account_Type"),
            "Account_Site",
            "Parent_Account",
        ),
        Module(
            "Contacts",
            "contacts.csv",
            "c",
            "Last_Name",
            80,
            "Email",
            ("Phone", "Legacy_Created_Time", "Lead_Source"),
            "Title",
            "Reporting_To",
            {"Account_Name": "Accounts"},
        ),
        Module(
            "Deals",
            "deals.csv",
            "d",
            "Deal_Name",
            120,
            "Next_Step",
            ("Legacy_Created_Time", "Stage"),
            "Sales_Agent",
            None,
            {"Account_Name": "Accounts", "Contact_Name": "Contacts"},
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Load:
    """One file, and what a mapping says about it. Columns have the names of their fields."""

    module: Module
    operation: Operation
    key: str | None
    on_existing: OnExisting | None
    on_repeated: OnRepeated | None
    when_open: WhenOpen
    ignore_case: bool
    """Of keys that are looked up in the org, and of references."""
    key_parts: tuple[str, ...]
    """The fields of the key, if there are several."""
    refs: Mapping[str, str]
    """Lookups whose cells are keys of records, and the modules of these."""
    rows: tuple[Cells, ...]

    def mapping(self, head: str, *, file: bool) -> str:
        """The load as TOML; `head`: the name of its table with a dot, or nothing."""
        said = {
            "file": self.module.file if file else None,
            "module": self.module.name,
            "operation": self.operation,
            "match_on" if self.operation == "upsert" else "key": list(self.key_parts) or self.key,
            "on_existing": self.on_existing,
            "on_repeated": self.on_repeated,
            "when_open": self.when_open,
        }
        lines = [f"{word} = {json.dumps(value)}" for word, value in said.items() if value is not None]
        lines.append(f"[{head}fields]")
        lines += [f'{name} = {{ ref = "{module}", column = "{name}" }}' for name, module in self.refs.items()]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class There:
    """A record that the org has beforehand."""

    module: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """`{3}` in a cell is the id of the fourth record of `there`."""

    seed: int
    loads: tuple[Load, ...]
    there: tuple[There, ...]
    case_sensitive: frozenset[str]
    """Modules whose unique fields go by letter case."""
    as_folder: bool
    earlier: bool
    """Whether an earlier run wrote the records that are there, so that references find them."""

    @property
    def unique(self) -> dict[str, str]:
        """The second unique field of each module that is written to."""
        return {load.module.name: load.module.second for load in self.loads}


def make_case(seed: int) -> Case:
    """The case of a seed: one file, or a folder of three."""
    dice = random.Random(seed)
    case_sensitive = frozenset(name for name in MODULES if dice.random() < 0.3)
    as_folder = dice.random() < 0.4
    names = list(MODULES) if as_folder else [dice.choice(list(MODULES))]
    sizes = {name: dice.choice([30, 90, 140] if as_folder else [40, 150, 350]) for name in names}
    maker = _Maker(dice, random.Random(f"keys of case {seed}"), case_sensitive, sizes)
    maker.seed_org()
    return Case(
        seed,
        tuple(maker.load(MODULES[name], sizes[name], as_folder) for name in names),
        tuple(maker.there),
        case_sensitive,
        as_folder,
        dice.random() < 0.3,
    )


class _Maker:
    """Throws the dice for one case. `codes`: how many different codes there are of each module that is
    written to.
    """

    def __init__(
        self,
        dice: random.Random,
        of_keys: random.Random,
        case_sensitive: frozenset[str],
        codes: Mapping[str, int],
    ) -> None:
        self._dice = dice
        self._of_keys = of_keys
        self._case_sensitive = case_sensitive
        self._codes = codes
        self.there: list[There] = []

    # -- the org ----------------------------------------------------------------------------------

    def seed_org(self) -> None:
        share = self._dice.choice([0.0, 0.1, 0.4, 0.8])
        for name, module in MODULES.items():
            written = name in self._codes
            for number in range(self._codes.get(name, 3)):
                if not written or self._dice.random() < share:
                    self.there.append(There(name, self._record(module, number)))
                    if self._dice.random() < 0.1:  # another record with the same key, where that can be
                        twin = {PLAIN: self._code(module, number), module.required: "A twin"}
                        twin[module.part] = self._of_keys.choice(PARTS)
                        self.there.append(There(name, twin))

    def _record(self, module: Module, number: int) -> Cells:
        code = self._code(module, number)
        made = {CODE: code, PLAIN: code, module.required: "There before"}
        made[module.part] = self._of_keys.choice(PARTS)
        if "Stage" in module.plain:
            made["Stage"] = "Closed Lost"
        if self._dice.random() < 0.6:
            made[module.second] = self._second(module, number)
        return made

    # -- files ------------------------------------------------------------------------------------

    def load(self, module: Module, rows: int, as_folder: bool) -> Load:
        operation, key = self._operation(module, as_folder)
        several = key == PLAIN and not as_folder and self._of_keys.random() < 0.5
        parts = (PLAIN, module.part) if several else ()
        key = "+".join(parts) or key
        load = Load(
            module,
            operation,
            key,
            self._some(["skip", "update", "fail"]) if operation == "insert" and key is not None else None,
            self._some(["first", "last", "each", "fail"]) if operation != "delete" else None,
            self._dice.choice(["fail", "fail", "fail", "leave_out"]),
            self._dice.random() < 0.25,
            parts,
            self._refs(module, operation, key, as_folder),
            (),
        )
        made = [self._row(load, number, rows) for number in range(rows)]
        there = [
            {**known.values, "id": f"{{{place}}}"}
            for place, known in enumerate(self.there)
            if known.module == module.name
        ]
        fold = module.name not in self._case_sensitive
        return replace(load, rows=tuple(without_thefts(load, made, there, fold=fold)))

    def _operation(self, module: Module, as_folder: bool) -> tuple[Operation, str | None]:
        if as_folder and module.name != "Deals":  # the files that others refer to
            return self._dice.choice(
                [("insert", CODE), ("insert", CODE), ("upsert", CODE), ("insert", PLAIN)]
            )
        choices: list[tuple[Operation, str | None]] = [
            ("insert", CODE),
            ("insert", CODE),
            ("insert", PLAIN),
            ("insert", PLAIN),
            ("insert", None),
            ("upsert", CODE),
            ("upsert", CODE),
            ("upsert", module.second),
        ]
        if sum(known.module == module.name for known in self.there) > 9:
            changes: list[Operation] = ["update", "update", "delete"]
            choices += [(operation, key) for operation in changes for key in (CODE, PLAIN, "id")]
        return self._dice.choice(choices)

    def _some(self, choices: Sequence[Any]) -> Any:
        return self._dice.choice([None, *choices])

    def _refs(self, module: Module, operation: Operation, key: str | None, as_folder: bool) -> dict[str, str]:
        if operation == "delete":
            return {}
        own = {module.own: module.name} if module.own and key in (CODE, PLAIN) else {}
        return own | (dict(module.others) if as_folder else {})

    def _row(self, load: Load, number: int, rows: int) -> Cells:
        module, dice = load.module, self._dice
        code = self._near(number, rows, self._codes[module.name])
        row = {CODE: self._code(module, code), PLAIN: self._code(module, code)}
        any_code = dice.choice([0, dice.randrange(self._codes[module.name])])
        row[module.second] = dice.choice(
            [*[self._second(module, code)] * 3, "", self._second(module, any_code)]
        )
        if load.key == "id":
            row = {"id": self._id(module.name), **row}
        row[module.part] = self._of_keys.choice(PARTS)
        if load.key is not None and dice.random() < 0.04:
            row[self._of_keys.choice(load.key_parts or [load.key])] = ""
        if load.operation == "delete":
            return {name: row[name] for name in load.key_parts or [load.key or CODE]}
        row[module.required] = dice.choice([f"Name {number}", f"Name {number}", "The same name"])
        for name in module.plain:
            row[name] = dice.choice(GOOD[name])
        if dice.random() < 0.1:
            self._spoil(load, row)
        self._refer(load, row, number, rows)
        if load.key != PLAIN and not load.key_parts and dice.random() < 0.5:
            row[PLAIN] = ""
        return row

    def _near(self, number: int, rows: int, codes: int) -> int:
        """A code's number: most rows have one of their own, some that of a row nearby, or any."""
        chance = self._dice.random()
        if chance < 0.8:
            return number
        if chance < 0.95:
            return max(0, number - self._dice.randrange(6))
        return self._dice.randrange(codes)

    def _code(self, module: Module, number: int) -> str:
        return self._spelt(f"{module.letter}{number}")

    def _spelt(self, text: str) -> str:
        return text.upper() if self._dice.random() < 0.08 else text

    def _second(self, module: Module, number: int) -> str:
        return self._spelt(f"{module.letter}{number}@example.com")

    def _id(self, module: str) -> str:
        known = [place for place, there in enumerate(self.there) if there.module == module]
        return f"{{{self._dice.choice(known)}}}" if known and self._dice.random() < 0.95 else UNKNOWN_ID

    def _spoil(self, load: Load, row: Cells) -> None:
        module = load.module
        names = [module.required, *module.plain]
        name = self._dice.choice(names)
        if name == module.required:
            row[name] = self._dice.choice(["", "x" * (module.too_long + 1)])
        else:
            row[name] = self._dice.choice(BAD[name])

    def _refer(self, load: Load, row: Cells, number: int, rows: int) -> None:
        module, dice = load.module, self._dice
        for name, target in load.refs.items():
            row[name] = ""
            if dice.random() < 0.3:
                codes = self._codes[target]
                here = number if target == module.name else number * codes // rows
                other = self._near(max(0, here + dice.choice([-1, -1, -2, -9, 3])), rows, codes)
                row[name] = dice.choice(
                    [self._code(MODULES[target], other)] * 12 + ["nobody", f"{MODULES[target].letter}{codes}"]
                )
        for name, target in module.others.items():
            if name not in load.refs:
                row[name] = self._id(target) if dice.random() < 0.15 else ""


def without_thefts(load: Load, rows: Sequence[Cells], there: Sequence[Cells], fold: bool) -> Iterator[Cells]:
    """The rows; those that would take a value away from a record while another row takes it lose theirs."""
    thefts = _Thefts(load, rows, there, fold)
    for row in rows:
        lost = {CODE, load.module.second} - {load.key} if thefts.steals(row) else ()
        yield row | dict.fromkeys(lost, "")


class _Thefts:
    """Which rows would take a unique value away from a record, while another row wants it.

    A row changes a record by its key; of an upsert, by any unique value. It is rather called a theft when it
    is none than the other way round: all rows count as accepted.
    """

    def __init__(self, load: Load, rows: Sequence[Cells], there: Sequence[Cells], fold: bool) -> None:
        self._fold = fold
        self._unique = [CODE, load.module.second]
        self._by = self._unique if load.operation == "upsert" else [load.key] if load.key else []
        self._orders = {*self._unique, *([load.key] if load.key else [])}
        several = load.operation == "upsert" or load.on_repeated == "each"
        changes = load.operation in ("update", "upsert") or load.on_existing == "update"
        changed = [*(there if changes else []), *(rows if several else [])]
        self._changed_by: dict[tuple[str, str], list[Cells]] = defaultdict(list)
        for each in changed:
            for value in self._values(each, self._by):
                self._changed_by[value].append(each)
        self._wanted_by: dict[tuple[str, str], list[Cells]] = defaultdict(list)
        for row in rows:
            for value in self._values(row, self._unique):
                self._wanted_by[value].append(row)

    def steals(self, row: Cells) -> bool:
        """Whether a row takes away what another one wants, without being kept in order with it."""
        own = set(self._values(row, self._orders))
        for met in self._values(row, self._by):
            for changed in self._changed_by[met]:
                for name in self._unique:
                    if not row.get(name) or not changed.get(name) or row[name] == changed[name]:
                        continue
                    lost = self._value(name, changed[name])
                    for other in self._wanted_by[lost]:
                        if other is not row and own.isdisjoint(self._values(other, self._orders)):
                            return True
        return False

    def _values(self, row: Cells, names: Iterable[str]) -> list[tuple[str, str]]:
        cells = ((name, "|".join(row.get(part) or "" for part in name.split("+"))) for name in names)
        return [self._value(name, cell) for name, cell in cells if all(cell.split("|"))]

    def _value(self, name: str, text: str) -> tuple[str, str]:
        return (name, text.casefold() if self._fold or name.startswith(("Email", PLAIN)) else text)
