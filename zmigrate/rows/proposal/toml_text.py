"""Writes a proposal as a TOML file for a person to edit: each line shows its reasons, and what is unsure. The
file is valid TOML whatever a header or a value contains.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from zmigrate.errors import UsageError
from zmigrate.rows.conversion.choices import used_values
from zmigrate.rows.proposal.column_sample import Column, shortened
from zmigrate.rows.proposal.fit import is_word
from zmigrate.rows.proposal.propose import Left, Line, Proposal
from zmigrate.wording import counted
from zmigrate.zoho.metadata import Field

SAMPLES: Final = "The comments show values of the file: look at them before you share this mapping."
NO_SAMPLES: Final = (
    "No values of the file are shown here, except pick list values. With examples: zmigrate map --samples"
)
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+\Z")
_STRANGERS_LISTED: Final = 100


def mapping_text(
    proposal: Proposal,
    *,
    file: str,
    next_command: str,
    source: Mapping[str, Any] | None = None,
    as_load: bool = False,
    samples: bool = False,
) -> str:
    """The mapping's text. `source`: the file and how it was opened, in the mapping's words (delimiter, sheet,
    …). `as_load`: one of several loads, for a folder. `samples`: show values of the file in comments; they
    may be personal, and a mapping may be shared. Pick list values are always included.
    """
    table = "load.fields" if as_load else "fields"
    reading = dict(source or {})
    plain = [line for line in proposal.lines if not line.fit.values]
    replaced = [line for line in proposal.lines if line.fit.values]
    named = [f"file = {quoted(reading.pop('file'))}"] if "file" in reading else []
    parts = [
        *_comment(f"Proposed for {shortened(file, 60)} from its header and {_looked_at(proposal)}."),
        *_comment("Check every line that says UNSURE, then try it:"),
        *_comment(f"    {next_command}"),
        *_comment(SAMPLES if samples else NO_SAMPLES),
        "",
        *(["[[load]]"] if as_load else []),
        *named,
        f"module = {quoted(proposal.module)}",
        f"operation = {quoted(proposal.operation)}",
        *_key_lines(proposal),
        *(f"{name} = {value_text(value)}" for name, value in reading.items()),
        "",
        *_ignore_lines(proposal.left, samples),
        *_user_lines(proposal.lines, as_load, samples),
        f"[{table}]",
        *(text for line in plain for text in _field_lines(line, proposal, samples)),
        *_wanted_lines(proposal),
        *(text for line in replaced for text in _value_lines(line, table, samples)),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def _looked_at(proposal: Proposal) -> str:
    return (
        f"the first {counted(proposal.rows, 'row')}" if proposal.more_rows else counted(proposal.rows, "row")
    )


def _key_lines(proposal: Proposal) -> Iterator[str]:
    word = "match_on" if proposal.operation == "upsert" else "key"
    if proposal.key is None:
        yield from _comment(f"UNSURE: {proposal.key_why}. Without a key a lost answer can't be looked up.")
        yield f'# {word} = "Legacy_ID"'
        return
    yield from _comment(f"The field that finds a row's record: {proposal.key_why}.")
    if proposal.key not in {line.field.api_name for line in proposal.lines}:
        yield from _comment("UNSURE: give it a column, below.")
    yield f"{word} = {quoted(proposal.key)}"


def _ignore_lines(left: Sequence[Left], samples: bool) -> Iterator[str]:
    if not left:
        return
    yield "# These columns go nowhere. To use one, take it out and give it a field."
    yield "ignore = ["
    for each in left:
        near = f" (nearest: {each.near})" if each.near else ""
        about = f"{_plain(each.why)}{near}; {_described(each.column, samples)}"
        yield f"    {quoted(each.column.name)},  # {about}"
    yield "]"
    yield ""


def _user_lines(lines: Sequence[Line], as_load: bool, samples: bool) -> Iterator[str]:
    """A commented table of the names that belong to no user of the org."""
    strangers = {name: (rows, near) for line in lines for name, rows, near in line.fit.strangers}
    if not strangers:
        return
    where = " on top of this file" if as_load else ""
    who = "these" if samples else f"{counted(len(strangers), 'name')} in the file"
    are = "is not an active user" if not samples and len(strangers) == 1 else "are not active users"
    yield f"# UNSURE: {who} {are} of the org. Name{where} their successors, or a default."
    yield '# default_user = "admin@example.com"'
    yield "# [users]"
    if not samples:
        yield '# "old.name@example.com" = "new.name@example.com"  # zmigrate plan lists the names'
        yield ""
        return
    for name, (rows, near) in list(strangers.items())[:_STRANGERS_LISTED]:
        yield from _comment(f"{quoted(name)} = {quoted(near or '')}  # {counted(rows, 'row')}")
    if len(strangers) > _STRANGERS_LISTED:
        yield from _comment(f"and {counted(len(strangers) - _STRANGERS_LISTED, 'more name')}")
    yield ""


def _field_lines(line: Line, proposal: Proposal, samples: bool) -> Iterator[str]:
    yield from _about(line, samples)
    yield f"{key_text(line.field.api_name)} = {_source_text(line)}"
    if line.reference is not None:
        yield from _comment(f"or: {key_text(line.field.api_name)} = {_other_reference(line, proposal)}")
    yield ""


def _about(line: Line, samples: bool) -> Iterator[str]:
    yield from _comment(f"{_described(line.column, samples)}. {line.score} %: {line.why}.")
    for each in line.doubts if samples else line.unsure:
        yield from _comment(f"UNSURE: {each}")
    if line.others:
        yield from _comment(f"{' and '.join(line.others)} would suit it too, and have no column.")


def _source_text(line: Line) -> str:
    """The column alone, or a table if more is needed."""
    column = quoted(line.column.name)
    if line.reference is not None:
        return _reference_text(line.reference.kind, line.reference.module, line.reference.by, column)
    if not line.fit.settings:
        return column
    return inline({"column": line.column.name, **line.fit.settings})


def _reference_text(kind: str, module: str, by: str | None, column: str) -> str:
    found_by = f", by = {quoted(by)}" if by else ""
    return f"{{ {kind} = {quoted(module)}{found_by}, column = {column} }}"


def _other_reference(line: Line, proposal: Proposal) -> str:
    reference, column = line.reference, quoted(line.column.name)
    if reference is None or reference.kind == "find":
        module = reference.module if reference else ""
        return _reference_text("ref", module, None, column) + "   # if zmigrate imports them"
    by = proposal.key if reference.module == proposal.module and proposal.key else "Legacy_ID"
    return _reference_text("find", reference.module, by, column) + "   # if the org has them"


def _wanted_lines(proposal: Proposal) -> Iterator[str]:
    for each in proposal.wanted:
        what = "mandatory" if each.mandatory else "mandatory on a layout"
        yield from _comment(f"UNSURE: no column goes to {each.api_name} ({each.data_type}), which is {what}.")
        yield from _comment(f"{key_text(each.api_name)} = {_constant_for(each, proposal.lines)}")
        yield ""


def _constant_for(wanted: Field, lines: Sequence[Line]) -> str:
    """An example value: a pick list's first one, or for text the columns that name a row."""
    shown = [each.display for each in used_values(wanted)]
    if shown:
        return f"{{ constant = {quoted(shown[0])} }}"
    telling = sorted(
        (line for line in lines if line.reference is not None or _names_a_row(line)),
        key=lambda line: line.reference is None,
    )
    named = [line.column.name for line in telling if not re.search(r"[{}]", line.column.name)]
    if wanted.mandatory and wanted.data_type == "text" and named:
        return f"{{ template = {quoted(' - '.join('{' + name + '}' for name in named[:2]))} }}"
    return '{ constant = "" }'


def _names_a_row(line: Line) -> bool:
    return line.column.unique and line.field.data_type == "text"


def _value_lines(line: Line, table: str, samples: bool) -> Iterator[str]:
    """A separate table for a field with replaced values."""
    name = key_text(line.field.api_name)
    yield ""
    yield from _about(line, samples)
    active = [each for each in line.fit.values if each.near]
    yield f"[{table}.{name}]"
    yield f"column = {quoted(line.column.name)}"
    yield from (f"{word} = {value_text(value)}" for word, value in line.fit.settings.items())
    yield f"{'' if active else '# '}[{table}.{name}.values]"
    shown = [each for each in line.fit.values if each.near or samples or is_word(each.value, line.column)]
    for each in shown:
        rows = counted(each.rows, "row")
        if each.near:
            unsure = "" if each.sure else "; UNSURE: the nearest"
            yield f"{quoted(each.value)} = {quoted(each.near)}  # {rows}{unsure}"
        else:
            yield from _comment(f'{quoted(each.value)} = ""  # {rows}; UNSURE: nothing near')
    if len(shown) < len(line.fit.values):
        left_out = counted(len(line.fit.values) - len(shown), "more value")
        yield from _comment(f"UNSURE: {left_out} that the pick list lacks; zmigrate plan lists them")


def _described(column: Column, samples: bool) -> str:
    """`"city": 45 values`, and with samples `, as "Rome", "Bonn"`, shortened and without secrets."""
    name = _plain(shortened(column.name, 60))
    if not column.values:
        return f'"{name}": empty'
    what = "a different value in each row" if column.unique else counted(len(column.values), "value")
    if not samples:
        return f'"{name}": {what}'
    if column.secret:
        return f'"{name}": {what} (not shown)'
    shown = ", ".join(f'"{_plain(value)}"' for value in column.samples())
    return f'"{name}": {what}, as {shown}'


def _comment(text: str) -> Iterable[str]:
    return (f"# {_plain(text)}".rstrip(),)


def _plain(text: str) -> str:
    """The text for a comment: on one line, without control characters."""
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def quoted(text: str) -> str:
    """A TOML string. Raises UsageError for half of a character, which TOML can't hold."""
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise UsageError(
            f"{text[:60]!r} has half of a character (a lone surrogate), which a mapping can't contain",
            hint="Fix the name in the file.",
        )
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _plain(escaped) + '"'


def _escaped(letter: str) -> str:
    usual = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    code = ord(letter)
    return usual.get(letter) or (f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}")


def key_text(name: str) -> str:
    """A key, in quotes if it needs them."""
    return name if _BARE.match(name) and name.isascii() else quoted(name)


def value_text(value: Any) -> str:
    """A value in TOML: text, numbers, yes and no, lists of text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(value_text, value)) + "]"
    return str(value) if isinstance(value, int) else quoted(str(value))


def inline(table: Mapping[str, Any]) -> str:
    """An inline table."""
    return "{ " + ", ".join(f"{key_text(name)} = {value_text(value)}" for name, value in table.items()) + " }"
