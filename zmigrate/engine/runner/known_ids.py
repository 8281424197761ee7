"""`ctx.ids`: the records that runs against this org wrote, by their keys."""

from __future__ import annotations

from collections.abc import Callable

from zmigrate.engine.storage.id_map import IdMap
from zmigrate.errors import JobError


class KnownIds:
    """The records that this or an earlier run against the same org wrote, by their keys. It is only read."""

    def __init__(self, open_map: Callable[[], IdMap]) -> None:
        self._open = open_map
        self._map: IdMap | None = None

    def find(
        self, module: str, key: str | int, field: str | None = None, *, ignore_case: bool = False
    ) -> str | None:
        """The id of the record that was written for `key`, or None: `ctx.ids.find("Accounts", "K7")`.

        `field`: the field that the key was written to; None: any. `ignore_case`: a key in another letter case
        counts if none is the same. Raises JobError if several records have the key.
        """
        if self._map is None:
            self._map = self._open()
        found = self._map.find(module, [str(key)], field, ignore_case=ignore_case)[str(key)]
        if len(found.ids) > 1:
            raise JobError(
                f"ctx.ids: {len(found.ids)} records of {module} have the key {str(key)!r}",
                hint="Name the field that has the key: ctx.ids.find(module, key, field=...).",
            )
        return found.ids[0] if found.ids else None

    def close(self) -> None:
        if self._map is not None:
            self._map.close()
