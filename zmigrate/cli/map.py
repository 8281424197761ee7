"""`zmigrate map FILE --module M`: proposes a mapping file for a person to edit."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from zmigrate.cli import streams
from zmigrate.cli.commands import Command, escaped
from zmigrate.cli.options import AllowEnv, CheckProfile, Json, typed_path
from zmigrate.errors import Fatal, OrgError, RefusedError, ScopeError, UsageError
from zmigrate.job.writes import Operation
from zmigrate.plain_files import no_place_to_write
from zmigrate.printable import RENAME, path_fault
from zmigrate.private_files import replace_whole
from zmigrate.state_folders import place_from_home
from zmigrate.wording import CLOSE_IT, shell_word
from zmigrate.zoho.facts.scopes import FIELDS, LAYOUTS, ORG, USERS

if TYPE_CHECKING:
    from zmigrate.rows.proposal.column_sample import Column
    from zmigrate.rows.proposal.propose import Line, Proposal
    from zmigrate.rows.sources import Source
    from zmigrate.zoho.crm import Crm

WISHED = (LAYOUTS, USERS, ORG)
"""Scopes for layouts, owners and the org's time zone. A proposal can do without them."""

Answer = TypeVar("Answer")


def add_to(app: typer.Typer) -> None:
    @app.command(cls=Command)
    def map(
        file: Annotated[str, typer.Argument(metavar="FILE", help="The file that is to be imported.")],
        module: Annotated[
            str, typer.Option("--module", metavar="M", help="Api name of the module, as in Leads.")
        ],
        operation: Annotated[
            Operation, typer.Option("--operation", help="What to do with each row.")
        ] = "insert",
        key: Annotated[
            str | None,
            typer.Option("--key", metavar="FIELD", help="Field to find records by. Default: the best one."),
        ] = None,
        out: Annotated[
            Path,
            typer.Option(
                "--out", metavar="FILE.toml", callback=typed_path, help="Where to write the mapping."
            ),
        ] = Path("mapping.toml"),
        force: Annotated[bool, typer.Option("--force", help="Overwrite the mapping file.")] = False,
        samples: Annotated[
            bool, typer.Option("--samples", help="Write values of the file into the mapping's comments.")
        ] = False,
        append: Annotated[
            bool, typer.Option("--append", help=escaped("Add a [[load]] to the mapping of a folder."))
        ] = False,
        delimiter: Annotated[
            str | None, typer.Option("--delimiter", metavar="C", help="CSV: what separates the columns.")
        ] = None,
        encoding: Annotated[
            str | None,
            typer.Option("--encoding", metavar="E", help="As in cp1252, for text that is no UTF-8."),
        ] = None,
        sheet: Annotated[
            str | None, typer.Option("--sheet", metavar="NAME", help="Excel: name or number of the sheet.")
        ] = None,
        header: Annotated[
            int | None, typer.Option("--header", min=1, metavar="N", help="Excel: the row of the names.")
        ] = None,
        select: Annotated[
            str | None, typer.Option("--select", metavar="SQL", help="Database: what to read.")
        ] = None,
        order_by: Annotated[
            str | None, typer.Option("--order-by", metavar="COLUMN", help="Database: column to order by.")
        ] = None,
        allow_env: AllowEnv = None,
        as_json: Json = False,
        profile: CheckProfile = None,
        emulator: Annotated[bool, typer.Option("--emulator", help="Ask an embedded emulator.")] = False,
    ) -> None:
        """Propose a mapping file for a file and a module.

        Only you can read the mapping. You can share it: without --samples it holds no values of the file,
        except pick list values that have to be mapped.
        """
        reading = {
            "delimiter": delimiter,
            "encoding": encoding,
            "sheet": sheet,
            "header": header,
            "select": select,
            "order_by": order_by,
        }
        given = {name: value for name, value in reading.items() if value is not None}
        file = place_from_home(file)
        for path in (file, out):
            if (fault := path_fault(path)) is not None:
                raise UsageError(fault, hint=RENAME)
        source = opened(file, given, allow_env or (), profile=profile, emulator=emulator)
        if not append:
            check_out(out, force)
        before = text_so_far(out) if append else None
        proposal = made_proposal(source, module, operation, key, profile=profile, emulator=emulator)
        folder = folder_of(file, out, source) if append else None
        if folder is not None and before:
            check_folder(file, out, folder)
        command = next_command(file, out, source, folder, allow_env or (), profile=profile, emulator=emulator)
        named = file_word(file, out, source, folder)
        write(out, proposal, source.name, command, {**named, **given}, before, samples)
        if as_json:
            streams.print_json(as_data(proposal, file, out, command))
            return
        from zmigrate.display.console import stdout_console
        from zmigrate.display.mapping import summary

        console = stdout_console()
        console.print(summary(proposal, source.name, str(out), console.width))
        console.print(f"next: {command}", soft_wrap=True)


def check_out(out: Path, force: bool) -> None:
    """Raise UsageError instead of overwriting a file that a person may have edited."""
    if out.is_dir():
        raise UsageError(f"{out} is a folder, not a file", hint="Name a file with --out.")
    if (what := no_place_to_write(out)) is not None:
        raise UsageError(f"{out} is {what}, not a file", hint="Name a file with --out.")
    if out.exists() and not force:
        more = "add a load for this file with --append, " if is_of_folder(out) else ""
        raise UsageError(
            f"{out} exists already",
            hint=f"{more}choose another name with --out, or overwrite it with --force",
        )
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder {out.parent}")


def is_of_folder(out: Path) -> bool:
    """Whether a file is a folder's mapping. --force would drop its other loads."""
    from zmigrate.errors import JobError
    from zmigrate.rows.mapping.toml_lines import read_toml

    try:
        return "load" in read_toml(out).values
    except JobError:
        return False


def text_so_far(out: Path) -> str:
    """The folder's mapping so far, to add a load to; "" if there is none yet. Raises UsageError for any other
    mapping.
    """
    from zmigrate.rows.mapping import read_mapping
    from zmigrate.rows.mapping.toml_lines import read_toml

    if not out.exists():
        check_out(out, force=False)
        return ""
    if "load" not in read_toml(out).values:
        raise UsageError(
            f"{out} is not the mapping of a folder: it has no [[load]]",
            hint="begin another one: --out FOLDER/mapping.toml --append",
        )
    read_mapping(out)
    return out.read_text(encoding="utf-8-sig").rstrip("\n") + "\n\n\n"


def opened(
    file: str, reading: dict[str, Any], allowed: Sequence[str], *, profile: str | None, emulator: bool
) -> Source:
    """The source: a file, or a database by its URL. Says which variables the URL reads."""
    from zmigrate.cli.connections import found_credentials
    from zmigrate.rows.sources import Sql, open_source
    from zmigrate.rows.sources.variables import GIVEN, Variables

    if Path(file).is_dir():
        raise UsageError(
            f"{file} is a folder, not a file", hint="a mapping is proposed for one file at a time"
        )
    source = open_source(file, **reading, said_in=GIVEN, variables=Variables(frozenset(allowed)))
    if isinstance(source, Sql) and source.spends is not None:
        secret = None if emulator else found_credentials(profile).client_secret
        source = source.with_variables(Variables(frozenset(allowed), secret=secret))
        streams.say(f"reads {source.spends}")
    return source


def made_proposal(
    source: Source, module: str, operation: Operation, key: str | None, *, profile: str | None, emulator: bool
) -> Proposal:
    """Look at the first rows, ask the org for the fields, and match columns with fields."""
    from zmigrate.cli.connections import granted_connection
    from zmigrate.rows.proposal.column_sample import look_at

    columns = look_at((row.values for row in source.rows()), source.columns)
    if not columns:
        raise UsageError(f"{source.name} has no rows to look at")
    with granted_connection((FIELDS,), WISHED, profile=profile, emulator=emulator) as (connection, refused):
        return proposed(connection.crm, columns, module, operation, key, refused)


def proposed(
    crm: Crm,
    columns: Sequence[Column],
    module: str,
    operation: Operation,
    key: str | None,
    refused: ScopeError | None,
) -> Proposal:
    """The proposal, from the fields and whatever else the client may read of the org."""
    from zmigrate.cli.fields import read_layouts, wanted_on
    from zmigrate.engine.preflight.fields import read_fields
    from zmigrate.rows.proposal.fit import UsersByName
    from zmigrate.rows.proposal.propose import propose

    if module.casefold() == "users":
        raise UsageError(
            "users are not imported: invite them in Zoho CRM (Setup > Users)",
            hint='owners are found by their e-mail or name: Owner = "sold_by"',
        )
    fields = read_fields(crm.fields, module)
    if key is not None and key != "id" and fields.get(key) is None:
        unique = ", ".join(each.api_name for each in fields if each.unique) or "none"
        raise UsageError(
            f"{module} has no field {key!r}, so it can't be the key",
            hint=f"Unique fields of {module}: {unique}.",
            code="UNKNOWN_FIELD",
        )
    layouts = read_layouts(crm, module, refused) or ()
    users = asked(lambda: list(crm.users("AllUsers")), refused, "the users") or []
    org = asked(crm.org, refused, "the org's time zone")
    return propose(
        columns,
        fields,
        operation,
        key,
        users=UsersByName.of(users),
        on_layouts=wanted_on(layouts),
        time_zone=org.time_zone if org is not None else None,
    )


def asked(ask: Callable[[], Answer], refused: ScopeError | None, what: str) -> Answer | None:
    """The org's answer. None, with a warning, if this client may not ask. Raises OrgError if it is the wrong
    org.
    """
    from zmigrate.cli.fields import say

    if refused is not None:
        return None
    try:
        return ask()
    except OrgError:
        raise
    except (RefusedError, Fatal) as error:
        say(f"{what} can't be read: {error.message}")
        return None


def folder_of(file: str, out: Path, source: Source) -> Path:
    """The folder of the file, or of the archive with the file. A database belongs to the mapping's folder."""
    from zmigrate.rows.sources import Sql
    from zmigrate.rows.sources.packed import TextFile

    return out.parent if isinstance(source, Sql) else TextFile(Path(file)).disk.parent


def check_folder(file: str, out: Path, folder: Path) -> None:
    """Raise UsageError if the mapping is for files of another folder."""
    from zmigrate.rows.mapping import read_mapping

    files = [str(load.location) for load in read_mapping(out, folder)]
    own = [load.file for load in read_mapping(out) if Path(str(load.location)).exists()]
    if own and not any(Path(each).exists() for each in files):
        raise UsageError(
            f"{out} is for the files of {out.parent} ({', '.join(own)}), and {file} is in another folder",
            hint=f"Copy the file there, or start a mapping beside it: --out {folder / 'mapping.toml'}",
        )


def file_word(file: str, out: Path, source: Source, folder: Path | None) -> dict[str, str]:
    """The mapping's `file` line: relative to the folder, or to the mapping. A single database has none."""
    from zmigrate.rows.sources import Sql

    if isinstance(source, Sql):
        return {} if folder is None else {"file": file}
    if folder is not None:
        return {"file": Path(file).relative_to(folder).as_posix()}
    try:
        return {"file": Path(os.path.relpath(file, out.parent)).as_posix()}
    except ValueError:  # another drive, on Windows
        return {"file": Path(file).absolute().as_posix()}


def next_command(
    file: str,
    out: Path,
    source: Source,
    folder: Path | None,
    allow_env: Sequence[str],
    *,
    profile: str | None,
    emulator: bool,
) -> str:
    """The command to type next. `folder`: given if the mapping is a folder's."""
    from zmigrate.rows.sources import Csv

    if folder is not None:
        words = ["zmigrate", "plan", "import-folder", str(folder)]
        words += [] if out == folder / "mapping.toml" else ["--mapping", str(out)]
    else:
        job = "import-csv" if isinstance(source, Csv) else "import-file"
        words = ["zmigrate", "plan", job, file, "--mapping", str(out)]
    words += [word for name in allow_env for word in ("--allow-env", name)]
    words += ["--profile", profile] if profile else []
    words += ["--emulator"] if emulator else []
    return " ".join([shell_word(word) for word in words])


def write(
    out: Path,
    proposal: Proposal,
    file: str,
    command: str,
    reading: dict[str, Any],
    before: str | None,
    samples: bool,
) -> None:
    """Write the mapping, readable by its owner alone. `before`: the folder's mapping so far. Raises
    UsageError.
    """
    from zmigrate.rows.proposal.toml_text import mapping_text

    as_load = before is not None
    text = mapping_text(
        proposal, file=file, next_command=command, source=reading, as_load=as_load, samples=samples
    )
    try:
        replace_whole(out, ((before or "") + text).encode())
    except OSError as error:
        raise UsageError(f"{out} can't be written: {error.strerror or error}", hint=CLOSE_IT) from None


def as_data(proposal: Proposal, file: str, out: Path, command: str) -> dict[str, Any]:
    """The proposal as JSON."""
    return {
        "file": file,
        "mapping": str(out),
        "module": proposal.module,
        "operation": proposal.operation,
        "key": proposal.key,
        "rows_looked_at": proposal.rows,
        "columns": [line_data(line) for line in proposal.lines],
        "ignored": [
            {"column": each.column.name, "nearest": each.near, "why": each.why} for each in proposal.left
        ],
        "unfilled": [each.api_name for each in proposal.wanted],
        "next": command,
    }


def line_data(line: Line) -> dict[str, Any]:
    """One column and its field."""
    reference = line.reference
    return {
        "column": line.column.name,
        "field": line.field.api_name,
        "score": line.score,
        "sure": line.sure,
        "why": line.why,
        "unsure": line.doubts,
        "others": list(line.others),
        "settings": dict(line.fit.settings),
        "values": {each.value: each.near for each in line.fit.values},
        "reference": None if reference is None else {reference.kind: reference.module, "by": reference.by},
    }
