"""All state of one emulated org. Only the server's event loop uses it, so there are no locks."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .accounts import Accounts
from .answers import Json
from .audit import Audit
from .catalogue import ModuleSpec, catalogue
from .clock import Clock
from .faults import Faults
from .field_json import Org
from .fields import USERS, Field
from .given_fields import given_fields
from .given_modules import with_module
from .limits import Concurrency, Credits
from .metadata_json import FIRST_RECORD_ID, LAYOUT_ID, MODULE_ID
from .options import Options, shown
from .rules import RuleContext, Rules
from .store import Record, Store, Values, packed
from .users import CURRENT_USER, Users


@dataclass(frozen=True, slots=True)
class PageToken:
    """What a page token stands for: the parameters it is bound to, and the last record shown.

    `given` counts the records shown so far; `number` is the page's; `previous` is the token before this one.
    """

    bound: tuple[str | None, ...]
    module: str
    last: tuple[float, int]
    given: int
    number: int
    ends_at: float
    previous: str | None


class World:
    """Records, users, tokens, limits, faults and audit of one org.

    `specs` are the modules with records; `all_specs` also has the modules of subform rows and links.
    """

    def __init__(self, options: Options, fields: Mapping[str, Json] | None = None) -> None:
        self._first_options = options
        self._first_fields = fields or {}
        self.zgid = options.zgid or str(20_000_000_000 + secrets.randbelow(10**9))
        self.client_id = options.client_id or f"1000.{secrets.token_hex(15).upper()}"
        self.client_secret = options.client_secret or secrets.token_hex(21)
        self.url = ""
        self.clock = Clock(options.clock_skew_s, options.utc_offset_minutes)
        self.reset()

    @property
    def soid(self) -> str:
        return f"ZohoCRM.{self.zgid}"

    def reset(self) -> None:
        """Removes all data and sets run-time options back to their start. Client and org stay."""
        options = self._first_options
        self._set_options(options)
        self.all_specs: dict[str, ModuleSpec] = catalogue(options)
        self.specs = {name: spec for name, spec in self.all_specs.items() if spec.has_records}
        self.stores = {name: Store(spec) for name, spec in self.specs.items()}
        self.accounts = Accounts(self.clock, self.client_id, self.client_secret, self.zgid)
        self.users = Users()
        self.credits = Credits(self.clock)
        self.concurrency = Concurrency()
        self.audit = Audit()
        self.faults = Faults(random.Random(options.seed))  # noqa: S311  # reproducible faults, not secrets
        self.page_tokens: dict[str, PageToken] = {}
        self._next_id = FIRST_RECORD_ID
        self._tags: dict[tuple[str, str], str] = {}
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._compile()
        for module, answer in self._first_fields.items():
            self.give_fields(module, answer)

    def change_options(self, changes: Json) -> None:
        """Changes run-time options. Raises ValueError for an option that cannot change."""
        self._set_options(self.options.changed(changes))
        self._compile()

    def _set_options(self, options: Options) -> None:
        self.options = options
        self.clock.skew_s = options.clock_skew_s
        self.clock.utc_offset_minutes = options.utc_offset_minutes

    def _compile(self) -> None:
        self.rules = {
            name: Rules(spec, self.options, self._context(name)) for name, spec in self.specs.items()
        }

    def _context(self, module: str) -> RuleContext:
        return RuleContext(
            iso=self.clock.iso,
            record_exists=self._record_exists,
            user_exists=self._user_exists,
            modules=lambda: list(self.specs),
            subform=self.all_specs.__getitem__,
            module_id=self.module_id,
            tag_id=lambda name: self._tag_id(module, name),
            layout_id=self.layout_id(module),
        )

    def _tag_id(self, module: str, name: str) -> str:
        """The id of the module's tag with this name. A new name makes a tag."""
        tag = (module, name.casefold())
        return self._tags.get(tag) or self._tags.setdefault(tag, str(self.new_id()))

    @property
    def linking(self) -> dict[str, ModuleSpec]:
        """The modules of links. They take inserts of links (Kaizen #199)."""
        return {name: spec for name, spec in self.all_specs.items() if spec.kind == "linking"}

    def rules_of(self, spec: ModuleSpec) -> Rules:
        """The rules of a module without records of its own."""
        return Rules(spec, self.options, self._context(spec.api_name))

    def set_field(self, module: str, field: Field) -> None:
        """Adds a field to a module, or replaces the field with the same name.

        Raises ValueError for a subform whose module does not exist.
        """
        if field.subform is not None and field.subform not in self.all_specs:
            raise ValueError(f"no such module: {field.subform}")
        self.specs[module].fields[field.api_name] = field
        self.stores[module].spec_changed()
        self._compile()

    def give_fields(self, module: str, answer: Any) -> None:
        """Makes a module of a whole answer of `GET /settings/fields`, or gives a known module these fields.

        Raises BadValue for another answer, ValueError for a module that has records.
        """
        if module in self.stores and self.stores[module].records:
            raise ValueError(f"{shown(module)} has records: its fields must be given before")
        made = with_module(self.all_specs, module, given_fields(module, answer), self.options)
        self.all_specs = made
        self.specs = {name: spec for name, spec in made.items() if spec.has_records}
        kept = {name: store for name, store in self.stores.items() if self.specs.get(name) is store.spec}
        self.stores = {name: kept.get(name) or Store(spec) for name, spec in self.specs.items()}
        self._compile()

    def _record_exists(self, module: str, record_id: int) -> bool:
        if module == "*":
            return any(record_id in store.records for store in self.stores.values())
        if module == USERS:
            return self._user_exists(record_id)
        return record_id in self.stores[module].records

    def _user_exists(self, user_id: int) -> bool:
        user = self.users.find(user_id)
        return user is not None and (user.status == "active" or self.options.inactive_owner == "accept")

    @property
    def shown_org(self) -> Org:
        return Org(self.module_id, self.options.unique_spelling)

    def module_id(self, module: str) -> str:
        """The id of a module, or "0" for another name, such as the "se_module" of What_Id."""
        return str(MODULE_ID + self.position(module)) if module in self.all_specs else "0"

    def layout_id(self, module: str) -> str:
        return str(LAYOUT_ID + self.position(module))

    def position(self, module: str) -> int:
        """The module's number, from 1."""
        return list(self.all_specs).index(module) + 1

    def new_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def create(self, module: str, values: Values, *, user: int, owner: int, created: float) -> Record:
        """Stores a new record. `values` have no Owner, no system fields and no empty values."""
        if self.rules[module].numbered:
            values = {**values, **self._numbered(module)}
        record = Record(self.new_id(), packed(values), created, user, owner)
        self.stores[module].add(record, values)
        return record

    def _numbered(self, module: str) -> Values:
        """The auto-numbers of a new record."""
        values: Values = {}
        for field in self.rules[module].numbered:
            at = (module, field.api_name)
            values[field.api_name] = f"{field.prefix}{field.start_number + self._numbers[at]}"
            self._numbers[at] += 1
        return values

    def seed(
        self, module: str, rows: Sequence[Json], created_by: int | None, created: float | None
    ) -> list[str]:
        """Stores records as if they had always existed: without rules and audit. Returns their ids."""
        moment = self.clock.now() if created is None else created
        user = created_by or CURRENT_USER
        made = [
            self.create(
                module,
                self._seeded(module, row),
                user=user,
                owner=int(row["Owner"]["id"]) if row.get("Owner") else user,
                created=moment,
            )
            for row in rows
        ]
        return [str(record.id) for record in made]

    def _seeded(self, module: str, row: Json) -> Values:
        """The values to store of a seeded row. Subform rows, links and tags get ids."""
        values = {name: value for name, value in row.items() if value is not None and name != "Owner"}
        for field in self.rules[module].rows:
            if values.get(field.api_name):
                values[field.api_name] = [{"id": str(self.new_id()), **one} for one in values[field.api_name]]
        if values.get("Tag"):
            values["Tag"] = [{"id": self._tag_id(module, one["name"]), **one} for one in values["Tag"]]
        return values

    def name_of(self, module: str, values: Values) -> str | None:
        """The record's display name."""
        name_field = self.specs[module].name_field
        if name_field == "Full_Name":
            return full_name(values)
        name: str | None = values.get(name_field)
        return name


def full_name(values: Values) -> str:
    return " ".join(part for part in (values.get("First_Name"), values.get("Last_Name")) if part)
