"""The checks' reads of an org, several at a time: the checks wait once, not for one read after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final, TypeVar, cast

from zmigrate.stopping import StopSignal
from zmigrate.zoho.crm import FIELD_LISTS, Crm
from zmigrate.zoho.facts.limits import HEAVY_IN_FLIGHT
from zmigrate.zoho.metadata import Layout, ModuleFields, Org
from zmigrate.zoho.workers import WAIT_S, Finished, Workers, in_parallel

GIVE_UP_S: Final = 5.0
"""How long a failed check waits for reads that are still under way."""

Answer = TypeVar("Answer")
Tag = TypeVar("Tag")
Read = tuple[str, ...]
"""What is read: `("layouts", "Leads")`."""


class FirstReads:
    """Reads each thing once. `begin` sends reads side by side; anything else is read when it is asked for.

    A read's error is raised where its answer is used, so errors keep the order of the checks. Main thread
    only.
    """

    def __init__(self, crm: Crm, stop: StopSignal, deliver: Callable[[], None]) -> None:
        """`deliver` hands on the events of the reads while they are waited for."""
        self.crm = crm
        self.stop = stop
        self._deliver = deliver
        self._begun: dict[Read, Finished[Read] | None] = {}
        """The answer of each read; None while it is under way."""
        self._workers: Workers[Read] | None = None

    def begin(
        self,
        fields_of: Iterable[str] = (),
        layouts_of: Iterable[str] = (),
        *,
        users: bool = False,
        current_user: bool = False,
    ) -> None:
        """Send the reads: of the org, of the fields and layouts of modules, of users."""
        tasks: dict[Read, Callable[[], object]] = {("org",): self.crm.org}
        for module in fields_of:
            for which in FIELD_LISTS:
                tasks["fields", module, which] = partial(self.crm.field_list, module, which)
        if current_user:
            tasks["current user",] = self.crm.current_user
        if users:
            tasks["users",] = self._all_users
        for module in layouts_of:
            tasks["layouts", module] = partial(self.crm.layouts, module)
        self._workers = Workers(min(len(tasks), HEAVY_IN_FLIGHT))
        for read, task in tasks.items():
            self._begun[read] = None
            self._workers.start(read, task)

    def org(self) -> Org:
        """The org of the token. Raises what `Crm.org` raises."""
        return self._value(("org",), self.crm.org)

    def fields(self, module: str) -> ModuleFields:
        """The fields of a module. Raises what `Crm.fields` raises."""
        for which in FIELD_LISTS:
            self._let_end(("fields", module, which))
        return self.crm.fields(module)

    def layouts(self, module: str) -> tuple[Layout, ...]:
        """The layouts of a module. Raises what `Crm.layouts` raises."""
        return self._value(("layouts", module), partial(self.crm.layouts, module))

    def users(self) -> list[dict[str, Any]]:
        """All users of the org, inactive ones too."""
        return self._value(("users",), self._all_users)

    def current_user(self) -> dict[str, Any]:
        """The user whom the token acts as."""
        return self._value(("current user",), self.crm.current_user)

    def side_by_side(self, tasks: Iterable[tuple[Tag, Callable[[], Answer]]]) -> Iterator[tuple[Tag, Answer]]:
        """What further reads give, as they end. Raises the error of a read."""
        return in_parallel(tasks, self.stop, self._deliver)

    def close(self) -> None:
        """Wait for reads that nobody needs any more, but not for long, and not after a hard stop."""
        end = time.monotonic() + GIVE_UP_S
        while self._under_way and time.monotonic() < end and not self.stop.aborted:
            self._take(WAIT_S)
        if self._workers is not None:
            self._workers.close(wait=not self._under_way)
            self._workers = None

    def _all_users(self) -> list[dict[str, Any]]:
        return list(self.crm.users("AllUsers"))

    @property
    def _under_way(self) -> bool:
        return self._workers is not None and self._workers.busy > 0

    def _value(self, read: Read, now: Callable[[], Answer]) -> Answer:
        """The answer of a read; `now` makes the read if it was not begun."""
        self._let_end(read)
        found = self._begun.get(read)
        if found is None:
            found = self._begun[read] = Finished(read, value=now())
        return cast("Answer", found.value)

    def _let_end(self, read: Read) -> None:
        """Wait for a read, if it was begun. Raises its error."""
        while read in self._begun and self._begun[read] is None:
            self.stop.check()
            self._take(WAIT_S)
            self._deliver()
        found = self._begun.get(read)
        if found is not None and found.error is not None:
            raise found.error

    def _take(self, wait_s: float) -> None:
        if self._workers is not None:
            for finished in self._workers.finished(wait_s):
                self._begun[finished.tag] = finished
