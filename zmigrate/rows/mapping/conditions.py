"""`skip_if`: leaves rows out, depending on a column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from zmigrate.rows.mapping.cells import NOT_TEXT, as_text, bad_value
from zmigrate.rows.mapping.places import Places, wrong
from zmigrate.rows.mapping.toml_lines import KeyPath
from zmigrate.rows.mapping.words import CONDITION, LOAD, check_words
from zmigrate.rows.patterns import BadPattern, finder

_TESTS: Final = ("is", "empty", "not_empty", "matches")
_HINT: Final = f"Write it like this: {LOAD['skip_if'].shape}"


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one column."""

    column: str
    test: str
    values: tuple[str, ...] = ()  # for `is`: the values, compared trimmed
    pattern: str = ""  # for `matches`: found anywhere in the cell

    def compiled(self) -> Callable[[Mapping[str, Any]], str | None]:
        """A function that gives the reason to leave a row out, or None."""
        column, holds = self.column, self._test()

        def reason(row: Mapping[str, Any]) -> str | None:
            try:
                return holds(as_text(row.get(column)))
            except ValueError as error:
                raise bad_value("", NOT_TEXT, f"skip_if: column {column!r} {error}") from None

        return reason

    def _test(self) -> Callable[[str], str | None]:
        column = self.column
        if self.test == "is":
            known = frozenset(self.values)
            return lambda text: (
                f"{column} is {found or 'empty'}" if (found := text.strip()) in known else None
            )
        if self.test == "empty":
            return lambda text: None if text.strip() else f"{column} is empty"
        if self.test == "not_empty":
            return lambda text: f"{column} is not empty" if text.strip() else None
        found, said = finder(self.pattern), f"{column} matches {self.pattern}"
        return lambda text: said if found(text) else None


def parse_conditions(said: Any, places: Places) -> tuple[Condition, ...]:
    """The conditions of `skip_if`. Raises JobError for unknown or contradictory words."""
    if isinstance(said, Mapping):
        return (_parse(said, places, ("skip_if",)),)
    return tuple(_parse(each, places, ("skip_if", number)) for number, each in enumerate(said))


def _parse(said: Mapping[str, Any], places: Places, path: KeyPath) -> Condition:
    check_words(said, CONDITION, places, path)
    if "column" not in said:
        raise wrong(places, path, "no column is named.", _HINT)
    tests = [test for test in _TESTS if test in said]
    if len(tests) != 1:
        what = f"it has {' and '.join(tests)}" if tests else "it has no test"
        raise wrong(
            places, path, f"{what}: one of {', '.join(_TESTS)}.", f"{_HINT}; a list of them means any."
        )
    values = said.get("is", ())
    if "matches" in said:
        try:
            finder(said["matches"])
        except BadPattern as error:
            raise wrong(places, (*path, "matches"), str(error), error.hint) from None
    return Condition(
        column=said["column"],
        test=tests[0],
        values=tuple(value.strip() for value in ([values] if isinstance(values, str) else values)),
        pattern=said.get("matches", ""),
    )
