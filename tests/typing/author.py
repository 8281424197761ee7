"""The job author's API as type checkers see it. Checked by mypy, never run; see test_author_api.py."""

from collections.abc import Mapping
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, Literal, assert_type

from zmigrate import (
    Argument,
    Context,
    Csv,
    Delete,
    Find,
    Insert,
    Job,
    JsonLines,
    Option,
    Query,
    RecordJob,
    Ref,
    Skip,
    Update,
    Upsert,
    WrittenRecord,
    scopes_for,
)


class Region(Enum):
    EMEA = "emea"


class ImportLeads(RecordJob):
    """The example of the manual, typed."""

    scopes = ("ZohoCRM.modules.leads.CREATE", "ZohoCRM.modules.leads.UPDATE", "ZohoCRM.modules.leads.READ")
    write = Upsert("Leads", match_on="Legacy_ID")

    file: Path = Argument(help="CSV export to read.")
    since: date | None = Option(default=None, help="Only newer ones.")
    region: Region = Option(default=Region.EMEA)
    size: Literal["small", "big"] = Option(default="small")
    tags: list[str] = Option(default=())

    def source(self) -> Csv:
        return Csv(self.file)

    def transform(self, row: Mapping[str, Any]) -> dict[str, Any]:
        if not row["email"]:
            raise Skip("no email")
        return {"Legacy_ID": row["id"]}


class Untyped(RecordJob):
    write = Insert("Leads", key="Legacy_ID")
    scopes = scopes_for(write)
    file: Path = Argument(help="File.")

    def source(self):  # type: ignore[no-untyped-def]
        return JsonLines(self.file)

    def transform(self, row):  # type: ignore[no-untyped-def]
        return {"Legacy_ID": row["id"]}


class Flexible(RecordJob):
    module: str = Option(help="Module.")

    @property
    def write(self) -> Update | Delete:
        return Update(self.module)

    @property
    def scopes(self) -> tuple[str, ...]:
        return scopes_for(self.write, self.source())

    @property
    def columns(self) -> dict[str, str]:
        return {"id": "id"}

    def source(self) -> Query:
        return Query("select id from Leads")


class CountDeals(Job):
    scopes = ("ZohoCRM.modules.deals.READ",)
    stage: str = Option(default="Closed Won")

    def run(self, ctx: Context) -> None:
        for deal in ctx.each(ctx.crm.records("Deals", fields=["id"])):
            assert_type(deal, dict[str, Any])
            ctx.log(str(deal["id"]))
        for name in ctx.each(["a", "b"], key=lambda item: item.upper()):
            assert_type(ctx.crm.insert("Leads", [{"Last_Name": name}]), list[WrittenRecord])
            assert_type(ctx.crm.delete("Leads", [name]), list[WrittenRecord])
            assert_type(ctx.crm.delete("/crm/v8/Leads", {"ids": name}), dict[str, Any])
            assert_type(ctx.ids.find("Leads", name), str | None)
        for row in ctx.each(Csv("a.csv")):
            assert_type(row, Mapping[str, Any])


job = ImportLeads(file=Path("leads.csv"), region=Region.EMEA)
assert_type(job.file, Path)
assert_type(job.since, date | None)
assert_type(job.tags, list[str])
assert_type(job.write.match_on, str)
assert_type(job.write.operation, Literal["upsert"])
CountDeals()
Update("Leads", key="Legacy_ID", ignore_case=True)
Delete("Leads", key="Legacy_ID", ignore_case=True)
Insert("Leads", key="Legacy_ID", on_existing="skip", ignore_case=True)
Ref("Accounts", "A1", ignore_case=True)
Find("Accounts", "Account_Name", "Acme", ignore_case=True)

ImportLeads()  # error: Missing named argument "file"
ImportLeads(fiel=Path("leads.csv"))  # error: Unexpected keyword argument "fiel"
ImportLeads(Path("leads.csv"))  # error: Too many positional arguments
ImportLeads(file=Path("a"), since="2024-01-01")  # error: incompatible type "str"; expected "date | None"
ImportLeads(file=Path("a"), size="huge")  # error: expected "Literal['small', 'big']"
Upsert("Leads")  # error: Missing named argument "match_on"
Upsert("Leads", match_on="x", ignore_case=True)  # error: Unexpected keyword argument "ignore_case"
Insert("Leads", match_on="x")  # error: Unexpected keyword argument "match_on"
