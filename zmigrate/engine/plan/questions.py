"""What the org is asked so that the model can answer: the keys of rows, or the whole module if that is
cheaper; and the records that rows name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from zmigrate.engine.dispatch.settling import is_blocked
from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.model.keys import KeyField, askable, askable_together
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.resolver import Wanted
from zmigrate.engine.pipeline.unreadable import HIDDEN, told_as_unreadable
from zmigrate.engine.plan.compare import MOST_COMPARED, comparable_fields
from zmigrate.engine.plan.elsewhere import Elsewhere
from zmigrate.engine.plan.org_model import OrgModel, Record
from zmigrate.engine.plan.record_ids import Pointers
from zmigrate.engine.preflight.first_reads import FirstReads
from zmigrate.errors import Fatal, RefusedError, UsageError
from zmigrate.rows.conversion.keys import fold_key, fold_number
from zmigrate.zoho.coql import can_query
from zmigrate.zoho.facts.limits import COQL_IN_VALUES, COQL_ROWS_PER_CALL, IDS_PER_READ, coql_credits
from zmigrate.zoho.facts.modules import SYSTEM_DUPLICATE_CHECK
from zmigrate.zoho.metadata import ModuleFields

ASKED_BY_DEFAULT = 100_000
"""How many rows' keys are looked up, unless `--ask` says how many."""

IDS_ASKED = 10_000
"""Different ids of one module that are looked for: a hundred calls."""

_ROWS_OF_A_QUESTION = 200
"""The most rows that a query gives back for one credit."""

_Spellings: TypeAlias = dict[str, dict[str, None]]
"""For each folded value the spellings in the source, in their order."""


class OrgQuestion(NamedTuple):
    """Something to ask the org, on a worker; and what the main thread does with the answer."""

    ask: Callable[[], Any]
    learn: Callable[[Any], None]


class OrgQuestions:
    """Knows what the model lacks for the rows of one record job. Main thread only, but for the asking."""

    def __init__(
        self,
        reads: FirstReads,
        model: OrgModel,
        target: Target,
        fields: ModuleFields,
        keys: Sequence[KeyField],
        pointers: Pointers,
        elsewhere: Elsewhere,
        *,
        rows: int | None,
        most: int | None = None,
    ) -> None:
        """`keys`: the target's key, then its unique fields. `rows`: the expected number of rows. `most`: the
        rows whose keys the org is asked for.
        """
        self._reads = reads
        self._crm = reads.crm
        self._model = model
        self._target = target
        self._fields = fields
        self.keys = keys
        self._pointers = pointers
        self._elsewhere = elsewhere
        self._rows = rows
        self._most = ASKED_BY_DEFAULT if most is None else most
        self._compares = target.operation in {"update", "upsert"} or target.on_existing == "update"
        self._begun = False
        self._ids_asked: dict[str, int] = {}
        self.compared = True
        """False: Zoho does not return the fields that the rows write, so no row is known as unchanged."""
        self.empty = False
        """The module had no records."""
        self.asked_rows = 0
        self.looked_into: set[str] = set()
        """The modules that rows looked into for records with a value."""
        self.not_asked: dict[str, str] = {}
        """By module, why records that rows name were not looked up."""
        for key in keys:
            model.index_key(target.module, key)

    @property
    def _names(self) -> list[str]:
        """The fields by which records are found, besides their ids."""
        return [name for key in self.keys for name in key.names]

    @property
    def looks(self) -> bool:
        """Whether there is anything by which records could be found."""
        return bool(self.keys) or self._target.key_kind == "id"

    # -- about the rows' own records ------------------------------------------------------------------

    def about(
        self, rows: Sequence[PreparedRow], *, again: bool = False
    ) -> tuple[list[OrgQuestion], list[PreparedRow]]:
        """What to ask before these rows can be written; and the rows for which the org is not asked. `again`:
        the keys of these rows were looked up.
        """
        if not self._begun:
            self._begun = True
            self._begin(rows)
        module = self._target.module
        if self._model.is_complete(module, self._names):
            self.asked_rows += 0 if self.empty or again else len(rows)
            return [], []
        if again:
            return [], [row for row in rows if self._is_unknown(row)]
        if self._target.key_kind == "id":
            return self._about_ids(rows)
        keyed = [row for row in rows if self._asks(row)]
        room = max(0, self._most - self.asked_rows)
        asked, rest = keyed[:room], keyed[room:]
        self.asked_rows += len(asked)
        questions = [
            self._question(key, part, asked)
            for key, spellings in self._lacking(asked).items()
            for part in _parts(spellings, COQL_IN_VALUES)
        ]
        unaskable = [row for row in asked if row.key is not None and not can_query(row.key)]
        return questions, rest + unaskable

    def _asks(self, row: PreparedRow) -> bool:
        """Whether records of the org can matter for the row."""
        return row.key is not None or any(key.text_of(row.record) is not None for key in self.keys)

    def _is_unknown(self, row: PreparedRow) -> bool:
        """Whether the model does not know what the org has for the row's key."""
        if self._target.operation != "insert" or row.key is None:
            return False
        return not self._model.knows_value(self._target.module, self.keys[0].name, row.key)

    def _begin(self, first: Sequence[PreparedRow]) -> None:
        """Look at the module: it may be empty, or be read whole at less cost than key by key."""
        module = self._target.module
        written = self._written(first)
        if not written or self._most == 0 or self._model.is_complete(module, self._names):
            return
        if self._crm.is_empty(module):
            self.empty = True
            self._model.note_complete(module)
            return
        records = self._crm.count(module) if self._rows is None or self._rows > COQL_IN_VALUES else None
        if records is not None and self._whole_is_cheaper(records, len(written)):
            self._read_whole(first)

    def _written(self, rows: Sequence[PreparedRow]) -> list[KeyField]:
        names = set[str]().union(*(row.record.keys() for row in rows))
        own = [KeyField("id", str.strip)] if self._target.key_kind == "id" else []
        return own + [key for key in self.keys if key.name in names or key.name == self._target.key]

    def _whole_is_cheaper(self, records: int, keys: int) -> bool:
        whole = -(-records // COQL_ROWS_PER_CALL) * coql_credits(COQL_ROWS_PER_CALL)
        asked = self._most if self._rows is None else min(self._rows, self._most)
        size = IDS_PER_READ if self._target.key_kind == "id" else COQL_IN_VALUES
        return whole < -(-asked // size) * keys

    def _read_whole(self, first: Sequence[PreparedRow]) -> None:
        module = self._target.module
        columns = list(dict.fromkeys(self._names))
        columns = [*columns, *self._to_compare(first, columns)][: MOST_COMPARED + 1]
        page: list[Record] = []
        for record in self._crm.select(module, ["id", *columns]):
            page.append(record)
            if len(page) == COQL_ROWS_PER_CALL:
                self._reads.stop.check()
                self._model.learn(module, page)
                page = []
        self._model.learn(module, page)
        self._model.note_complete(module, columns)

    def _to_compare(self, rows: Sequence[PreparedRow], leave_out: Iterable[str]) -> list[str]:
        if not self._compares or not self.compared:
            return []
        names = dict.fromkeys(name for row in rows for name in row.record)
        return comparable_fields(names, self._fields, leave_out)[:MOST_COMPARED]

    def _about_ids(self, rows: Sequence[PreparedRow]) -> tuple[list[OrgQuestion], list[PreparedRow]]:
        """Updates and deletes by id."""
        module = self._target.module
        lacking = [row for row in rows if not self._model.knows_id(module, str(row.record["id"]))]
        room = max(0, self._most - self.asked_rows)
        asked, rest = lacking[:room], lacking[room:]
        self.asked_rows += len(rows) - len(rest)
        fields = ["id", *self._to_compare(asked, ["id"])]
        ids = list(dict.fromkeys(str(row.record["id"]) for row in asked))
        questions = self._for_ids(module, ids, fields)
        left = {row.number for row in rest}
        for key, spellings in self._lacking([row for row in rows if row.number not in left]).items():
            questions += [self._question(key, part, asked) for part in _parts(spellings, COQL_IN_VALUES)]
        return questions, rest

    def _for_ids(self, module: str, ids: Sequence[str], fields: Sequence[str]) -> list[OrgQuestion]:
        def learn(some: Sequence[str], found: Mapping[str, Record]) -> None:
            self._model.learn(module, found.values())
            self._model.note_absent(module, [one for one in some if one not in found])

        return [
            OrgQuestion(partial(self._crm.records_by_id, module, some, list(fields)), partial(learn, some))
            for start in range(0, len(ids), IDS_PER_READ)
            if (some := ids[start : start + IDS_PER_READ])
        ]

    def _lacking(self, rows: Sequence[PreparedRow]) -> dict[KeyField, _Spellings]:
        """For each field the values that the model knows nothing of."""
        module, wanted = self._target.module, dict[KeyField, _Spellings]()
        for key in self.keys:
            own, fold = key.name == self._target.key, fold_number if key.number else fold_key
            for row in rows:
                text = row.key if own else key.text_of(row.record)
                if text is None or not can_query(text):
                    continue
                if not self._model.knows_value(module, key.name, text):
                    wanted.setdefault(key, {}).setdefault(fold(text), {})[text] = None
        return wanted

    def _question(self, key: KeyField, spellings: _Spellings, rows: Sequence[PreparedRow]) -> OrgQuestion:
        """For a record found by another field, its key is read as well."""
        own = self._target.key
        if key.name == own:
            extra = self._to_compare(rows, key.names)
        else:
            extra = [name for name in self._target.key_fields if name != "id"]

        def learn(found: list[Record]) -> None:
            self._model.learn(self._target.module, found)
            self._model.note_asked(self._target.module, key.name, chain.from_iterable(spellings.values()))

        return OrgQuestion(partial(self._find, key, spellings, extra), learn)

    def _find(self, key: KeyField, spellings: _Spellings, extra: Sequence[str]) -> list[Record]:
        """The records with these values, on a worker."""
        if key.parts:
            groups = askable_together(chain.from_iterable(spellings.values()), key)
            return [record for group in groups for record in self._found(key, group, extra)]
        values = askable(chain.from_iterable(spellings.values()), number=key.number)
        return [
            record
            for start in range(0, len(values), COQL_IN_VALUES)
            for record in self._found(key, values[start : start + COQL_IN_VALUES], extra)
        ]

    def _found(self, key: KeyField, values: Sequence[Any], extra: Sequence[str]) -> list[Record]:
        """`values`: of a key of several fields, one tuple for each key."""
        module, by = self._target.module, key.names if key.parts else key.name
        find: Callable[..., list[Record]] = self._crm.find_together if key.parts else self._crm.find
        try:
            found = find(module, by, values, extra, limit=_ROWS_OF_A_QUESTION)
        except Fatal as error:
            if is_blocked(error) or not extra or key.name != self._target.key:
                raise
            self.compared = False  # a field that queries do not give back
            return self._found(key, values, [])
        if len(found) < _ROWS_OF_A_QUESTION:
            return found
        return find(module, by, values, extra)

    # -- about records that rows name -----------------------------------------------------------------

    def about_pointers(self, rows: Sequence[PreparedRow]) -> list[OrgQuestion]:
        """Are the records there that lookups name by id? What other records have the values that are held
        against them?
        """
        lacking: dict[str, dict[str, None]] = {}
        for row in rows:
            if self._pointers.fields.isdisjoint(row.record):
                continue
            for pointed in self._pointers.of(row.record):
                for module in pointed.modules:
                    if not self._model.knows_id(module, pointed.id):
                        lacking.setdefault(module, {})[pointed.id] = None
        held = [
            question
            for each in self._elsewhere.wanted(rows)
            for question in self._about_values(each, assume=False)
        ]
        return held + [
            question
            for module, ids in lacking.items()
            for question in self._for_pointed(module, self._within(module, list(ids)))
        ]

    def _within(self, module: str, ids: list[str]) -> list[str]:
        """The ids that may still be asked for."""
        asked = self._ids_asked.get(module, 0)
        self._ids_asked[module] = asked + len(ids)
        if asked + len(ids) > IDS_ASKED:
            self.not_asked[module] = f"only the first {IDS_ASKED:,} different ids were looked for"
        return ids[: max(0, IDS_ASKED - asked)]

    def _for_pointed(self, module: str, ids: Sequence[str]) -> Iterator[OrgQuestion]:
        def asked(ask: Callable[[], Mapping[str, Record]]) -> Mapping[str, Record] | str:
            """What `ask` gives; or why it can't be asked."""
            try:
                with told_as_unreadable(module):
                    return ask()
            except UsageError:  # no api name: the lookup may refer to any module
                return {}
            except (Fatal, RefusedError) as error:
                return {} if error.code == HIDDEN and not self._exists(module) else error.message

        def learned(learn: Callable[[Any], None], found: Mapping[str, Record] | str) -> None:
            if isinstance(found, str):
                self.not_asked[module] = found
            else:
                learn(found)

        for question in self._for_ids(module, ids, ["id"]):
            yield OrgQuestion(partial(asked, question.ask), partial(learned, question.learn))

    def _exists(self, module: str) -> bool:
        """Whether there is such a module, although Zoho says that there is none: the profile of the token's
        user may not see it. A row may name a module that there is not."""
        leads_there = (module in {each.lookup_module, *each.lookup_modules} for each in self._fields)
        return module in SYSTEM_DUPLICATE_CHECK or any(leads_there)

    def about_finds(self, wanted: Sequence[Wanted]) -> list[OrgQuestion]:
        """What records have these values?"""
        self.looked_into.update(each.place[0] for each in wanted)
        return [question for each in wanted for question in self._about_values(each)]

    def _about_values(self, wanted: Wanted, *, assume: bool = True) -> Iterator[OrgQuestion]:
        """`assume`: where the org can't be asked, take it that the records are there."""
        module, field = wanted.place
        self._model.index(module, field, number=wanted.number)
        fold = fold_number if wanted.number else fold_key
        spellings: _Spellings = {}
        for value in wanted.values:
            if can_query(value) and not self._model.knows_value(module, field, value):
                spellings.setdefault(fold(value), {})[value] = None
        for part in _parts(spellings, COQL_IN_VALUES):
            values = askable(chain.from_iterable(part.values()), number=wanted.number)
            yield OrgQuestion(
                partial(self._finds, module, field, values, halved=assume),
                partial(self._learn_find, wanted, part, assume=assume),
            )

    def _finds(
        self, module: str, field: str, values: Sequence[str | int], *, halved: bool
    ) -> list[Record] | str:
        """The records; or why they can't be asked for. `halved`: a query that a firewall blocks is raised,
        and asked again for fewer rows."""
        try:
            with told_as_unreadable(module):
                return [
                    record
                    for start in range(0, len(values), COQL_IN_VALUES)
                    for record in self._crm.find(module, field, values[start : start + COQL_IN_VALUES])
                ]
        except (Fatal, RefusedError) as error:
            if halved and is_blocked(error):
                raise
            return error.message

    def _learn_find(
        self, wanted: Wanted, spellings: _Spellings, found: list[Record] | str, *, assume: bool
    ) -> None:
        module, field = wanted.place
        if isinstance(found, str):
            self.not_asked[module] = found
            for texts in spellings.values() if assume else ():
                self._model.assume(module, field, next(iter(texts)))
        else:
            self._model.learn(module, found)
        self._model.note_asked(module, field, chain.from_iterable(spellings.values()))


def _parts(spellings: _Spellings, size: int) -> Iterator[_Spellings]:
    folded = list(spellings)
    for start in range(0, len(folded), size):
        yield {one: spellings[one] for one in folded[start : start + size]}
