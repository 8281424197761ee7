"""Everything one emulated org holds, in one place. Used from the server's event loop alone: no locks."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Sequence

from .accounts import Accounts
from .answers import Json
from .audit import Audit
from .catalogue import ModuleSpec, catalogue
from .clock import Clock
from .faults import Faults
from .fields import Field
from .limits import Concurrency, Credits
from .metadata_json import FIRST_RECORD_ID, LAYOUT_ID, MODULE_ID
from .options import Options
from .paging import Page
from .rules import RuleContext, Rules
from .store import Record, Store, Values, packed
from .users import CURRENT_USER, Users


class World:
    """Records, users, tokens, limits, faults and books of one org."""

    def __init__(self, options: Options) -> None:
        self._first_options = options
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
        """Empties everything and sets run-time options back to those of the start. Client and org stay."""
        self.change_options_to(self._first_options)
        options = self.options
        self.described: dict[str, ModuleSpec] = catalogue(options)
        self.specs = {name: spec for name, spec in self.described.items() if spec.has_records}
        self.stores = {name: Store(spec) for name, spec in self.specs.items()}
        self.accounts = Accounts(self.clock, self.client_id, self.client_secret, self.zgid)
        self.users = Users()
        self.credits = Credits(self.clock)
        self.concurrency = Concurrency()
        self.audit = Audit()
        self.faults = Faults(random.Random(options.seed))  # noqa: S311  # reproducible faults, not secrets
        self.page_tokens: dict[str, Page] = {}
        self._next_id = FIRST_RECORD_ID
        self._tags: dict[tuple[str, str], str] = {}
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._compile()

    def change_options(self, changes: Json) -> None:
        """Changes run-time options; raises ValueError for one that can't."""
        self.change_options_to(self.options.changed(changes))
        self._compile()

    def change_options_to(self, options: Options) -> None:
        self.options = options
        self.clock.skew_s = self.options.clock_skew_s
        self.clock.utc_offset_minutes = self.options.utc_offset_minutes

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
            subform=self.described.__getitem__,
            tag_id=lambda name: self._tag_id(module, name),
            layout_id=self.layout_id(module),
        )

    def _tag_id(self, module: str, name: str) -> str:
        """The id of a module's tag, which is made when it is new."""
        tag = (module, name.casefold())
        return self._tags.get(tag) or self._tags.setdefault(tag, str(self.new_id()))

    def set_field(self, module: str, field: Field) -> None:
        """Adds a field to a module, or puts it in the place of the one of that name.

        Raises ValueError for a subform of a module that is not there.
        """
        if field.subform is not None and field.subform not in self.described:
            raise ValueError(f"no such module: {field.subform}")
        self.specs[module].fields[field.api_name] = field
        self.stores[module].spec_changed()
        self._compile()

    def _record_exists(self, module: str, record_id: int) -> bool:
        if module == "*":
            return any(record_id in store.records for store in self.stores.values())
        return record_id in self.stores[module].records

    def _user_exists(self, user_id: int) -> bool:
        user = self.users.find(user_id)
        return user is not None and (user.status == "active" or self.options.inactive_owner == "accept")

    def module_id(self, module: str) -> str:
        """The id of a module; "0" for what is none, as the "module" of What_Id."""
        return str(MODULE_ID + self.position(module)) if module in self.described else "0"

    def layout_id(self, module: str) -> str:
        return str(LAYOUT_ID + self.position(module))

    def position(self, module: str) -> int:
        """The module's place among the modules, from 1."""
        return list(self.described).index(module) + 1

    def new_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def create(self, module: str, values: Values, *, user: int, owner: int, created: float) -> Record:
        """Stores a new record. `values` hold neither Owner nor system fields, and no blanks."""
        if self.rules[module].numbered:
            values = {**values, **self._numbered(module)}
        record = Record(self.new_id(), packed(values), created, user, owner)
        self.stores[module].add(record, values)
        return record

    def _numbered(self, module: str) -> Values:
        """The next auto-numbers of a new record."""
        values: Values = {}
        for field in self.rules[module].numbered:
            at = (module, field.api_name)
            values[field.api_name] = f"{field.prefix}{field.start_number + self._numbers[at]}"
            self._numbers[at] += 1
        return values

    def seed(
        self, module: str, rows: Sequence[Json], created_by: int | None, created: float | None
    ) -> list[str]:
        """Puts records there as if they had always been there: no rules, no books."""
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
        """What is stored of a seeded row: subform rows and links get ids, tags too."""
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
