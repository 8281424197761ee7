"""Example: a job with its own `run`. Shows users, a query, and updates with an outcome for each record."""

from __future__ import annotations

from collections.abc import Iterator

from zmigrate import Context, Job, Option, Query, Update, scopes_for


class ReassignRecords(Job):
    """Give the records of a user who left to a successor.

    Records that Zoho refuses are listed in errors.csv. A run that was stopped can be resumed: what the
    successor has by then is not looked for again.
    """

    leaver: str = Option(metavar="E-MAIL", help="The user who left.")
    successor: str = Option(metavar="E-MAIL", help="The active user who gets the records.")
    module: list[str] = Option(metavar="MODULE", help="Module of the records: Leads, Deals, ...; repeatable.")

    @property
    def scopes(self) -> tuple[str, ...]:
        needed = [scopes_for(Update(module), query_of(module, "0")) for module in self.module]
        return ("ZohoCRM.users.READ", *dict.fromkeys(scope for some in needed for scope in some))

    def check(self) -> None:
        if not self.module:
            raise ValueError("name a module: --module Leads")
        if self.leaver.lower() == self.successor.lower():
            raise ValueError("the successor is the user who left")

    def run(self, ctx: Context) -> None:
        old = id_of_user(ctx, self.leaver, "AllUsers")
        new = id_of_user(ctx, self.successor, "ActiveUsers")
        if old is None or new is None:
            missing = self.leaver if old is None else f"{self.successor}, or that user is not active"
            ctx.fail(f"the org has no user {missing}")
            return
        for module in self.module:
            written = ctx.crm.update(module, changes(ctx, module, old, new))
            given = sum(record.ok for record in written)
            ctx.log(f"{module}: {given:,} of {len(written):,} records given to {self.successor}")


def id_of_user(ctx: Context, email: str, kind: str) -> str | None:
    """The id of a user of this kind. None if there is none."""
    for user in ctx.crm.users(kind):
        if str(user.get("email")).lower() == email.lower():
            return str(user["id"])
    return None


def query_of(module: str, owner: str) -> Query:
    return Query(f"select id from {module} where Owner = '{owner}'")  # noqa: S608  Query checks it


def changes(ctx: Context, module: str, old: str, new: str) -> Iterator[dict[str, object]]:
    """The records of the leaver, each with its new owner. They are read while they are written."""
    for record in ctx.crm.query(query_of(module, old).select):
        yield {"id": record["id"], "Owner": {"id": new}}
