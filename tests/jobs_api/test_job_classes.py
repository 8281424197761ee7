"""What a job class may look like, and what a malformed one is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import zmigrate
from zmigrate import (
    Argument,
    Csv,
    Delete,
    Insert,
    Job,
    Option,
    Query,
    RecordJob,
    Skip,
    Update,
    Upsert,
    scopes_for,
)
from zmigrate.errors import JobError
from zmigrate.job.job import fills_of, job_name
from zmigrate.rows.sources.of_job import missing_scopes, source_of

LEAD_SCOPES = (
    "ZohoCRM.modules.leads.CREATE",
    "ZohoCRM.modules.leads.UPDATE",
    "ZohoCRM.modules.leads.READ",
    "ZohoCRM.coql.READ",
)


class ImportLeads(RecordJob):
    """Upsert leads from the old CRM's export."""

    scopes = LEAD_SCOPES
    write = Upsert("Leads", match_on="Legacy_ID")

    file: Path = Argument(help="CSV export to read.")

    def source(self) -> Csv:
        return Csv(self.file)

    def transform(self, row: Mapping[str, Any]) -> dict[str, Any]:
        if not row["email"]:
            raise Skip("no email")
        return {"Legacy_ID": row["id"], "Last_Name": row["name"], "Email": row["email"].lower()}


def record_job(**parts: Any) -> type[RecordJob]:
    """A record job class, with parts replaced or (None) left out."""
    whole = {
        "write": Insert("Leads", key="Legacy_ID"),
        "scopes": LEAD_SCOPES,
        "source": lambda self: Csv("leads.csv"),
        "transform": lambda self, row: row,
    } | parts
    return type("LoadLeads", (RecordJob,), {name: part for name, part in whole.items() if part is not None})


def test_the_example_of_the_manual_is_accepted() -> None:
    job = ImportLeads(file=Path("leads.csv"))
    assert job.transform({"id": "7", "name": "Ada", "email": "Ada@Example.com"}) == {
        "Legacy_ID": "7",
        "Last_Name": "Ada",
        "Email": "ada@example.com",
    }
    with pytest.raises(Skip, match="no email"):
        job.transform({"id": "7", "name": "Ada", "email": ""})


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("ImportLeads", "import-leads"),
        ("ImportCSVFile", "import-csv-file"),
        ("Import", "import"),
        ("Step2Deals", "step2-deals"),
    ],
)
def test_a_job_is_named_after_its_class(name: str, command: str) -> None:
    assert job_name(type(name, (RecordJob,), dict(vars(record_job())))) == command


@pytest.mark.parametrize("part", ["scopes", "write", "source"])
def test_a_missing_part_is_named_with_the_right_shape(part: str) -> None:
    with pytest.raises(JobError, match=f"LoadLeads has no `{part}`") as error:
        record_job(**{part: None})
    assert "class ImportLeads(RecordJob):" in error.value.message


def test_a_record_job_without_transform_needs_columns() -> None:
    with pytest.raises(JobError, match="neither `transform` nor `columns`"):
        record_job(transform=None)
    job = record_job(transform=None, columns={"id": "Legacy_ID", "name": "Last_Name"})()
    assert job.transform({"id": "7", "name": "Ada", "other": ""}) == {"Legacy_ID": "7", "Last_Name": "Ada"}


def test_a_record_job_with_a_run_of_its_own_is_told_to_be_a_job() -> None:
    with pytest.raises(JobError, match="has its own `run`"):
        record_job(run=lambda self, ctx: None)


def test_a_job_without_run_is_shown_the_shape() -> None:
    with pytest.raises(JobError, match=r"def run\(self, ctx\)"):
        type("CountDeals", (Job,), {"scopes": ("ZohoCRM.modules.deals.READ",)})


def test_an_upsert_without_match_on_is_refused_with_the_right_shape() -> None:
    with pytest.raises(JobError, match='write = Upsert\\("Leads", match_on="Legacy_ID"\\)'):
        Upsert("Leads")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Insert("my leads"),
        lambda: Update("Leads", key="Legacy ID"),
        lambda: Delete(""),
        lambda: Insert("Leads", key="id"),
    ],
)
def test_a_write_with_a_name_that_can_be_none_is_refused(make: Any) -> None:
    with pytest.raises(JobError, match="Write it like this"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Insert("Leads", key="Legacy_ID", ignore_case=True),
        lambda: Update("Leads", ignore_case=True),
        lambda: Delete("Leads", ignore_case=True),
        lambda: Upsert("Leads", match_on="Email", ignore_case=True),  # type: ignore[call-arg]
    ],
)
def test_ignoring_case_is_refused_where_no_key_is_looked_up(make: Any) -> None:
    with pytest.raises(JobError, match="`ignore_case`"):
        make()


def test_a_write_knows_its_module_operation_and_key() -> None:
    writes = [
        Insert("Leads"),
        Update("Leads"),
        Upsert("Leads", match_on="Email"),
        Delete("Leads", key="Old_ID"),
    ]
    assert [(write.module, write.operation, write.key) for write in writes] == [
        ("Leads", "insert", None),
        ("Leads", "update", "id"),
        ("Leads", "upsert", "Email"),
        ("Leads", "delete", "Old_ID"),
    ]


@pytest.mark.parametrize("scopes", ["ZohoCRM.modules.ALL", (), ("leads",), (3,), {"ZohoCRM.modules.ALL"}])
def test_scopes_are_a_tuple_of_scopes(scopes: Any) -> None:
    with pytest.raises(JobError, match="scope"):
        record_job(scopes=scopes)


def test_a_write_that_is_none_is_refused() -> None:
    with pytest.raises(JobError, match="the `write` of LoadLeads is 'Leads'"):
        record_job(write="Leads")


def test_too_few_scopes_are_refused_at_definition_with_the_missing_ones_named() -> None:
    with pytest.raises(JobError, match=r"missing: ZohoCRM\.modules\.leads\.READ, ZohoCRM\.coql\.READ"):
        record_job(scopes=("ZohoCRM.modules.leads.CREATE",))


def test_a_scope_that_covers_more_is_enough() -> None:
    assert record_job(scopes=("ZohoCRM.modules.ALL", "zohocrm.COQL.read"))()


def test_properties_are_checked_when_the_job_is_built() -> None:
    class Load(RecordJob):
        module: str = Option(help="Module.")

        @property
        def write(self) -> Insert:
            return Insert(self.module, key="Legacy_ID")

        @property
        def scopes(self) -> tuple[str, ...]:
            return LEAD_SCOPES

        def source(self) -> Csv:
            return Csv("x.csv")

        def transform(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
            return row

    assert Load(module="Leads").write.module == "Leads"
    with pytest.raises(JobError, match=r"missing: ZohoCRM\.modules\.contacts\.CREATE"):
        Load(module="Contacts")
    with pytest.raises(JobError, match="not an api name"):
        Load(module="no module")


def test_scopes_that_a_source_needs_are_told_when_it_is_known() -> None:
    job = record_job(write=Update("Leads"), source=lambda self: Query("select id from Accounts"))()
    assert missing_scopes(job) == ("ZohoCRM.modules.accounts.READ",)
    assert missing_scopes(ImportLeads(file=Path("x.csv"))) == ()


@pytest.mark.parametrize(
    ("write", "verbs", "coql"),
    [
        (Insert("Leads"), "CREATE", False),
        (Insert("Leads", key="Legacy_ID"), "CREATE READ", True),
        (Update("Leads"), "UPDATE", False),
        (Update("Leads", key="Legacy_ID"), "UPDATE READ", True),
        (Upsert("Leads", match_on="Email"), "CREATE UPDATE READ", True),
        (Delete("Leads"), "DELETE READ", False),
        (Delete("Leads", key="Legacy_ID"), "DELETE READ", True),
    ],
)
def test_scopes_for_a_write(write: Any, verbs: str, coql: bool) -> None:
    wanted = {f"ZohoCRM.modules.leads.{verb}" for verb in verbs.split()} | (
        {"ZohoCRM.coql.READ"} if coql else set()
    )
    assert set(scopes_for(write)) == wanted


def test_scopes_for_a_query_and_for_modules_without_a_scope_of_their_own() -> None:
    query = Query("select id from Price_Books")
    assert set(scopes_for(None, query)) == {"ZohoCRM.modules.pricebooks.READ", "ZohoCRM.coql.READ"}
    assert scopes_for(Insert("Legacy_Assets")) == ("ZohoCRM.modules.custom.CREATE",)


def test_a_source_that_is_none_is_told() -> None:
    with pytest.raises(JobError, match=r"LoadLeads\.source\(\) gave str"):
        source_of(record_job(source=lambda self: "leads.csv")())


def test_a_value_error_of_the_author_is_a_job_error() -> None:
    def columns(self: RecordJob) -> dict[str, str]:
        raise ValueError("no column called id")

    with pytest.raises(JobError, match="load-leads: no column called id"):
        fills_of(record_job(columns=property(columns))())


def test_check_refuses_values_that_do_not_fit_together() -> None:
    def check(self: RecordJob) -> None:
        raise ValueError("choose one of both")

    with pytest.raises(JobError, match="choose one of both"):
        record_job(check=check)()


def test_a_base_class_of_jobs_is_no_job() -> None:
    class Base(RecordJob, abstract=True):
        file: Path = Argument(help="File.")

        def source(self) -> Csv:
            return Csv(self.file)

    class Load(Base):
        write = Insert("Leads")
        scopes = scopes_for(write)
        columns = {"a": "Last_Name"}  # noqa: RUF012 - as an author writes it

    assert Load(file=Path("x.csv")).source().path == Path("x.csv")
    with pytest.raises(JobError, match="base class"):
        Base(file=Path("x.csv"))


# -- functions that do nothing when they are called ------------------------------------------------


async def waits(self: Any, *given: Any) -> None:
    """As an author writes it who is used to asyncio."""


def yields(self: Any, *given: Any) -> Iterator[Any]:
    """As an author writes it who takes `run` for a source."""
    yield from given


async def waits_and_yields(self: Any, *given: Any) -> AsyncIterator[Any]:
    yield given


NOTHING_DONE = [(waits, "is `async def`"), (yields, "has a `yield`"), (waits_and_yields, "is `async def`")]


@pytest.mark.parametrize(("code", "found"), NOTHING_DONE)
@pytest.mark.parametrize("part", ["transform", "check"])
def test_a_part_that_would_do_nothing_is_refused_with_the_right_shape(
    part: str, code: Any, found: str
) -> None:
    with pytest.raises(JobError, match=f"`{part}` of LoadLeads {found}") as error:
        record_job(**{part: code})
    assert "class ImportLeads(RecordJob):" in error.value.message


@pytest.mark.parametrize(("code", "found"), NOTHING_DONE)
def test_a_run_that_would_do_nothing_is_refused_with_the_right_shape(code: Any, found: str) -> None:
    with pytest.raises(JobError, match=f"`run` of CountDeals {found}") as error:
        type("CountDeals", (Job,), {"__module__": __name__, "scopes": LEAD_SCOPES, "run": code})
    assert "def run(self, ctx):" in error.value.message


@pytest.mark.parametrize("call", [zmigrate.run, zmigrate.plan])
def test_a_class_in_place_of_a_job_is_told_how_to_make_one(call, tmp_path):
    with pytest.raises(JobError, match="ImportLeads is a class, not a job") as told:
        call(ImportLeads, emulator=True, folder=tmp_path, state_dir=tmp_path / "state")
    assert told.value.hint == "Give its options to it: ImportLeads(...)"


def test_a_plain_generator_is_no_source_since_it_gives_its_rows_once() -> None:
    with pytest.raises(JobError, match="`source` of LoadLeads is a generator, and gives its rows only once"):
        record_job(source=(row for row in ()))
