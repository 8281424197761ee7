"""The rule of one field in a mapping, read from its words. Words that do not go together are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from zmigrate.job.key_text import key_name
from zmigrate.job.references import WhenOpen
from zmigrate.rows.mapping.format_checks import check_formats
from zmigrate.rows.mapping.places import Places, wrong
from zmigrate.rows.mapping.template import Template, parse_template
from zmigrate.rows.mapping.toml_lines import KeyPath
from zmigrate.rows.mapping.words import FIELD, READING, check_words

UNSET: Final = None  # A word that is not given. TOML has no null.

SHAPES: Final = (
    'A field is a column, Stage = "deal_stage", or a table: '
    'Stage = { column = "deal_stage", values = { Won = "Closed Won" } }.'
)

_FORMAT_WORDS: Final = ("format", "decimal", "thousands", "timezone", "true", "false")
_OF_TEXT: Final = ("trim", "case", "values", "otherwise", "strict", "default", "empty", *_FORMAT_WORDS)
_OF_REFERENCES: Final = ("ref", "find", "by", "when_open", "ignore_case")

TAKES_FROM: Final[Mapping[str, tuple[str, ...]]] = {
    "column": ("split", "part", *_OF_TEXT, *_OF_REFERENCES),
    "columns": ("join", *_OF_TEXT, *_OF_REFERENCES),
    "template": (*_OF_TEXT, *_OF_REFERENCES),
    "constant": _OF_REFERENCES,
    "rows": ("match", "fields", "ignore", *READING),
}
"""The possible sources of a value, and the words that go with each."""

_NEEDS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "columns": (("join",), 'the text between them: join = " "'),
    "part": (("split",), 'the text that separates the parts: split = ","'),
    "otherwise": (("values",), 'the values that are known: values = { Won = "Closed Won" }'),
    "strict": (("values",), 'the values that are known: values = { Won = "Closed Won" }'),
    "by": (("ref", "find"), 'the module of the record: ref = "Accounts"'),
    "when_open": (("ref", "find"), 'the module of the record: ref = "Accounts"'),
    "ignore_case": (("ref", "find"), 'the module of the record: ref = "Accounts"'),
    "find": (("by",), 'the field to find the record by: by = "Email"'),
    "rows": (("match",), 'which of its columns equals which of ours: match = { quote_id = "id" }'),
}
"""A word, the words of which it needs one, and how to write that."""

_EXCLUDE: Final = (
    ("ref", "find", "a record is either one that zmigrate wrote (ref) or one that the org has (find)"),
    ("otherwise", "strict", "a value that is not in `values` is either replaced or fails its row"),
    ("default", "empty", "an empty cell either becomes the default, or is left or erases the field"),
)


@dataclass(frozen=True, slots=True)
class Pointer:
    """`ref` or `find`: the value is the key of a record of this module."""

    kind: Literal["ref", "find"]
    module: str
    by: str | None
    when_open: WhenOpen
    ignore_case: bool


@dataclass(frozen=True, slots=True)
class SubformRows:
    """Rows of a second file, which become rows of a subform."""

    file: str
    match: Mapping[str, str]  # A column of the second file → the column of the main one
    fields: Mapping[str, FieldRule]
    ignore: tuple[str, ...]
    reading: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Where a field's value comes from, and what happens to it, in this order: split and part, trim, case,
    values, default or empty, ref or find.
    """

    column: str | None = None
    columns: tuple[str, ...] = ()
    join: str = ""
    template: Template | None = None
    constant: Any = UNSET
    rows: SubformRows | None = None
    split: str | None = None
    part: int | None = None
    trim: bool = False
    case: str | None = None
    values: Mapping[str, Any] | None = None
    otherwise: Any = UNSET
    strict: bool = False
    default: Any = UNSET
    blank: bool = False
    """An empty cell erases the field."""
    pointer: Pointer | None = None
    formats: Mapping[str, Any] = field(default_factory=dict)
    """Differences from the load's formats, for `Formats.for_field`."""

    @property
    def plain(self) -> bool:
        """Whether the field gets the column's cell unchanged."""
        return self == FieldRule(column=self.column, formats=self.formats)

    @property
    def uses(self) -> tuple[str, ...]:
        """The columns of the main source that the rule uses."""
        if self.column is not None:
            return (self.column,)
        if self.template is not None:
            return self.template.columns
        if self.rows is not None:
            return tuple(dict.fromkeys(self.rows.match.values()))
        return self.columns

    @property
    def shown(self) -> str:
        """For messages about a cell: `column 'stage'`."""
        names = " and ".join(map(repr, self.uses))
        return f"columns {names}" if len(self.uses) > 1 else f"column {names}"


def parse_field(
    said: Any, places: Places, path: KeyPath, when_open: WhenOpen = "fail", *, inner: bool = False
) -> FieldRule:
    """The rule of a field. `inner`: a field of a subform's rows. Raises JobError."""
    if isinstance(said, str) and said.strip():
        return FieldRule(column=said)
    if not isinstance(said, Mapping):
        raise wrong(places, path, f"{said!r} is neither a column nor a table.", SHAPES)
    check_words(said, FIELD, places, path)
    source = _source_word(said, places, path)
    _check_together(said, source, places, path)
    if source == "rows" and inner:
        raise wrong(places, path, "a subform has no subforms of its own.")
    values = said.get("values")
    return FieldRule(
        column=said.get("column"),
        columns=tuple(said.get("columns", ())),
        join=said.get("join", ""),
        template=_template(said, places, path),
        constant=_frozen(said.get("constant")),
        rows=_rows(said, places, path, when_open) if source == "rows" else None,
        split=said.get("split"),
        part=said.get("part"),
        trim=said.get("trim", False),
        case=said.get("case"),
        values=None if values is None else _values(values, said.get("case"), places, path),
        otherwise=said.get("otherwise"),
        strict=said.get("strict", False),
        default=_frozen(said.get("default")),
        blank=said.get("empty") == "blank",
        pointer=_pointer(said, when_open),
        formats=_formats(said, places, path),
    )


def _source_word(said: Mapping[str, Any], places: Places, path: KeyPath) -> str:
    sources = [word for word in TAKES_FROM if word in said]
    if len(sources) > 1:
        raise wrong(
            places, path, f"{' and '.join(f'`{word}`' for word in sources)} exclude each other.", SHAPES
        )
    if not sources:
        raise wrong(
            places,
            path,
            "the value has no source.",
            f"Give one of {', '.join(TAKES_FROM)}: {FIELD['column'].shape}",
        )
    return sources[0]


def _check_together(said: Mapping[str, Any], source: str, places: Places, path: KeyPath) -> None:
    for word in said:
        if word != source and word not in TAKES_FROM[source]:
            raise wrong(
                places,
                (*path, word),
                f"`{word}` does not go with `{source}`.",
                f"With `{source}` go: {', '.join(TAKES_FROM[source])}.",
            )
    several = isinstance(said.get("by"), list) and len(said["by"]) > 1
    if several:
        _check_several(said, places, path)
    for word, (needed, how) in _NEEDS.items():
        if several and word == "columns":
            continue
        if word in said and not any(other in said for other in needed):
            raise wrong(places, (*path, word), f"`{word}` needs {how}.")
    if "rows" in said and "fields" not in said:
        raise wrong(
            places, (*path, "rows"), '`rows` needs the fields of its rows: fields = { Quantity = "qty" }.'
        )
    for one, other, why in _EXCLUDE:
        if one in said and other in said:
            raise wrong(places, (*path, other), f"`{one}` and `{other}` exclude each other: {why}.")
    if ("ref" in said or "find" in said) and (found := [word for word in _FORMAT_WORDS if word in said]):
        raise wrong(places, (*path, found[0]), f"`{found[0]}` does not go with a reference.")


def _check_several(said: Mapping[str, Any], places: Places, path: KeyPath) -> None:
    """Check a reference by a key of several fields."""
    shape = 'ref = "Accounts", by = ["Account_Name", "Billing_City"], columns = ["account", "city"]'
    wrong_words = [word for word in ("find", "join", "default", "values", "case") if word in said]
    if wrong_words:
        what = f"`{wrong_words[0]}` does not go with several fields in `by`."
        raise wrong(places, (*path, wrong_words[0]), what, f"Write it like this: {shape}")
    if len(said.get("columns", ())) != len(said["by"]):
        what = "several fields in `by` need `columns`, one for each."
        raise wrong(places, (*path, "by"), what, f"Write it like this: {shape}")


def _template(said: Mapping[str, Any], places: Places, path: KeyPath) -> Template | None:
    if "template" not in said:
        return None
    try:
        return parse_template(said["template"])
    except ValueError as error:
        raise wrong(
            places, (*path, "template"), f"{error}", f"Write it like this: {FIELD['template'].shape}"
        ) from None


def _values(values: Mapping[str, Any], case: str | None, places: Places, path: KeyPath) -> dict[str, Any]:
    """The replaced values by their trimmed text, which cells are compared with."""
    found: dict[str, Any] = {}
    for text, value in values.items():
        here = (*path, "values", text)
        if case is not None and getattr(text, case)() != text:
            raise wrong(
                places,
                here,
                f'`case = "{case}"` comes first, so no cell is ever {text!r}.',
                f"Write it as {getattr(text, case)()!r}, or leave `case` out.",
            )
        if text.strip() in found:
            raise wrong(places, here, f"{text!r} is there twice.")
        found[text.strip()] = value
    return found


def _pointer(said: Mapping[str, Any], when_open: WhenOpen) -> Pointer | None:
    for kind in ("ref", "find"):
        if kind in said:
            when_open = said.get("when_open", when_open)
            by = said.get("by")
            by = None if by is None else key_name(by)
            return Pointer(kind, said[kind], by, when_open, said.get("ignore_case", False))
    return None


def _rows(said: Mapping[str, Any], places: Places, path: KeyPath, when_open: WhenOpen) -> SubformRows:
    return SubformRows(
        file=said["rows"],
        match=dict(said["match"]),
        fields={
            name: parse_field(inner, places, (*path, "fields", name), when_open, inner=True)
            for name, inner in said["fields"].items()
        },
        ignore=tuple(said.get("ignore", ())),
        reading={word: said[word] for word in READING if word in said},
    )


def _formats(said: Mapping[str, Any], places: Places, path: KeyPath) -> dict[str, Any]:
    return check_formats({word: said[word] for word in _FORMAT_WORDS if word in said}, places, path)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def as_given(value: Any) -> Any:
    """A constant or a default in the form that a field takes."""
    return list(value) if isinstance(value, tuple) else value
