"""`zmigrate ids`: which record belongs to which key, according to this folder's runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from zmigrate.cli import streams
from zmigrate.cli.commands import Command, CommandGroup
from zmigrate.cli.map import check_out
from zmigrate.cli.options import CheckProfile, Json, State, typed_path
from zmigrate.errors import UsageError
from zmigrate.private_files import Draft
from zmigrate.wording import CLOSE_IT, count, counted
from zmigrate.zoho.facts.scopes import MODULES, ORG

if TYPE_CHECKING:
    from zmigrate.engine.storage.id_map import Entry
    from zmigrate.engine.storage.ledger import Run


def add_to(app: typer.Typer) -> None:
    ids = typer.Typer(cls=CommandGroup, no_args_is_help=True, pretty_exceptions_enable=False)

    @ids.callback()
    def root() -> None:
        """The id map: which record belongs to which key."""

    @ids.command(cls=Command)
    def export(
        module: Annotated[
            str | None, typer.Option("--module", metavar="M", help="Only this module's records.")
        ] = None,
        org: Annotated[
            str | None, typer.Option("--org", metavar="ID", help="The org, if the runs here went to several.")
        ] = None,
        profile: CheckProfile = None,
        out: Annotated[
            Path, typer.Option("--out", metavar="FILE.csv", callback=typed_path, help="Where to write it.")
        ] = Path("ids.csv"),
        force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
        state_dir: State = None,
        as_json: Json = False,
    ) -> None:
        """Write keys and their ids into a CSV file."""
        from zmigrate.cli.connections import found_settings, teller
        from zmigrate.engine.storage.id_map import IdMap
        from zmigrate.engine.storage.ledger import identity, list_runs

        check_out(out, force)
        if org is not None and profile is not None:
            raise UsageError("--org and --profile exclude each other: both name the org")
        state = found_settings(state_dir).state_dir
        asked = org if profile is None else org_of(profile, state_dir)
        chosen = the_org(list_runs(state), asked, state)
        with closing(IdMap.open(state, identity(chosen), emit=teller())) as found, written(out) as file:
            counts = write(file, found.entries(module))
        tell(chosen, out, counts, module, as_json)

    @ids.command(cls=Command)
    def check(
        module: Annotated[
            str | None, typer.Option("--module", metavar="M", help="Only this module's records.")
        ] = None,
        profile: CheckProfile = None,
        state_dir: State = None,
        as_json: Json = False,
    ) -> None:
        """Look for the records in Zoho, and forget those that were deleted there."""
        from zmigrate.cli.connections import connected, found_settings, teller
        from zmigrate.engine.pipeline.lookups import forget_gone
        from zmigrate.engine.storage.folder import org_json
        from zmigrate.engine.storage.id_map import IdMap
        from zmigrate.engine.storage.ledger import identity

        state = found_settings(state_dir).state_dir
        with connected((ORG, MODULES), profile=profile, state_dir=state_dir) as connection:
            org = org_json(connection.crm.org())
            with closing(IdMap.open(state, identity(org), emit=teller())) as found:
                looked_for, gone = forget_gone(found, connection.crm, module)
        tell_gone(org, looked_for, gone, as_json)

    app.add_typer(ids, name="ids")


def org_of(profile: str, state_dir: Path | None) -> str:
    """The id of the profile's org, as Zoho gives it."""
    from zmigrate.cli.connections import connected

    with connected((ORG,), profile=profile, state_dir=state_dir) as connection:
        return f"id-{connection.crm.org().id}"


def the_org(runs: Iterable[Run], wanted: str | None, state: Path) -> Mapping[str, Any]:
    """The org with this id or zgid, or the only one. Raises UsageError with a list of the orgs."""
    from zmigrate.engine.storage.ledger import identity, readable

    every = list(runs)
    known = readable(every)
    orgs = {identity(run.record.org): run.record.org for run in known if not run.record.practice}
    if not orgs:
        unread = len(every) - len(known)
        raise UsageError(
            f"there are no runs against an org in {state}" + (f"; {unread} can't be read" if unread else ""),
            hint="See: zmigrate runs" if unread else "Name another folder with --state-dir.",
        )
    return org_among([*orgs.values()], wanted)


def org_among(orgs: Sequence[Mapping[str, Any]], wanted: str | None) -> Mapping[str, Any]:
    """The org with this id (`222`, `id-222`) or zgid (`222`, `ZohoCRM.222`), or the only one. Raises
    UsageError.
    """
    from zmigrate.engine.storage.ledger import identity

    listed = ", ".join(f"{_named(org)} ({org.get('name')})" for org in orgs)
    if wanted is None:
        if len(orgs) > 1:
            raise UsageError("the runs here went to several orgs", hint=f"name one with --org: {listed}")
        return orgs[0]
    kind, _, digits = wanted.replace("id-", "id.", 1).rpartition(".")
    sought = {"": (0, 1), "id": (0,)}.get(kind, (1,))
    found = [org for org in orgs if any(identity(org)[place] == digits for place in sought)]
    if not found:
        raise UsageError(f"no run here went to the org {wanted}", hint=f"they went to {listed}")
    if len(found) > 1:
        raise UsageError(
            f"{wanted} is the id of one org and the zgid of another", hint=f"name one with --org: {listed}"
        )
    return found[0]


def _named(org: Mapping[str, Any]) -> str:
    """The org as `--org` takes it."""
    return f"ZohoCRM.{org['zgid']}" if org.get("zgid") else f"id-{org.get('id')}"


@contextmanager
def written(out: Path) -> Iterator[IO[str]]:
    """The file, readable by its owner alone; it appears once it is complete. Raises UsageError."""
    try:
        with Draft(out) as file:
            yield file
    except OSError as error:
        raise UsageError(f"{out} can't be written: {error.strerror or error}", hint=CLOSE_IT) from None


def write(file: IO[str], entries: Iterable[Entry]) -> dict[str, int]:
    """Write one line an entry, escaped as `Csv` reads it. Returns how many entries each module has."""
    import csv

    from zmigrate.rows.spreadsheet import IDS_COLUMNS, escape

    counts: dict[str, int] = {}
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(IDS_COLUMNS)
    for entry in entries:
        writer.writerow(map(escape, (entry.module, entry.field, entry.key, entry.id)))
        counts[entry.module] = counts.get(entry.module, 0) + 1
    return counts


def tell_gone(
    org: Mapping[str, Any], looked_for: Mapping[str, int], gone: Mapping[str, int], as_json: bool
) -> None:
    """Show how many records were looked for, and how many are gone."""
    checked, total = sum(looked_for.values()), sum(gone.values())
    modules = {name: number for name, number in gone.items() if number}
    if as_json:
        streams.print_json({"org": _org_data(org), "checked": checked, "gone": total, "modules": modules})
        return
    streams.echo(f"{counted(checked, 'record')} of {org.get('name')} looked for, {total:,} gone")
    for name, number in modules.items():
        streams.echo(f"{count(number):>9}  {name}: their keys are forgotten")
    if total:
        streams.echo("Looked for by id, as the API user: a record that this user may not see counts as gone.")


def tell(
    org: Mapping[str, Any], out: Path, counts: Mapping[str, int], module: str | None, as_json: bool
) -> None:
    """Show how many keys of which modules were written."""
    total = sum(counts.values())
    if as_json:
        streams.print_json({"org": _org_data(org), "file": str(out), "keys": total, "modules": counts})
        return
    streams.echo(f"{counted(total, 'key')} of {org.get('name')} written to {out}")
    for name, number in counts.items():
        streams.echo(f"{count(number):>9}  {name}")
    if not counts:
        what = f"no run has written records of {module}" if module else "no run here has written records"
        streams.echo(f"{what} with a key")


def _org_data(org: Mapping[str, Any]) -> dict[str, Any]:
    return {name: org.get(name) for name in ("id", "zgid", "name")}
