"""Options: annotations to values, text and JSON."""

from __future__ import annotations

import enum
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmigrate import Argument, Job, Option, RecordJob
from zmigrate.errors import JobError
from zmigrate.job.context import Context
from zmigrate.job.job import decode_options, encode_options, options
from zmigrate.job.options import RESERVED, OptionSpec, parse_option


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Everything(Job):
    """A job with an option of every kind."""

    scopes = ("ZohoCRM.org.READ",)
    seen: ClassVar[int] = 0

    file: Path = Argument(help="A file.")
    word: str = Option(default="x", help="A word.")
    count: int = Option(default=3)
    share: float = 0.5
    loud: bool = Option(default=False)
    since: date | None = Option(default=None)
    price: Decimal = Option(default=Decimal("1.50"))
    colour: Colour = Option(default=Colour.RED)
    size: Literal["small", "big"] = Option(default="small")
    names: list[str] = Option(default=(), metavar="NAME")
    days: list[date] = Option(default=())
    password: str | None = Option(default=None, secret=True, env="OLD_CRM_PASSWORD")

    def run(self, ctx: Context) -> None:
        ctx.log("ran")


def spec(name: str) -> OptionSpec:
    return next(spec for spec in options(Everything) if spec.name == name)


def job_with(**body: Any) -> type[Job]:
    annotations = body.pop("annotations", {})
    parts = {
        "scopes": ("ZohoCRM.org.READ",),
        "run": lambda self, ctx: None,
        "__annotations__": annotations,
        **body,
    }
    return type("Odd", (Job,), parts)


def test_options_are_listed_in_their_order_with_what_they_take() -> None:
    listed = {spec.name: (spec.kind, spec.base, spec.is_list, spec.optional) for spec in options(Everything)}
    assert list(listed)[:3] == ["file", "word", "count"]
    assert listed["file"] == ("argument", Path, False, False)
    assert listed["since"] == ("option", date, False, True)
    assert listed["days"] == ("option", date, True, False)
    assert spec("size").choices == ("small", "big")
    assert spec("colour").choices == ("red", "blue")
    assert spec("names").flag == "--names"
    assert "seen" not in listed


def test_defaults_are_filled_in_and_lists_are_not_shared() -> None:
    first, second = Everything(file=Path("a")), Everything(file=Path("b"))
    first.names.append("x")
    assert (second.names, second.count, second.share, second.colour) == ([], 3, 0.5, Colour.RED)


def test_values_are_checked_and_named() -> None:
    for wrong, message in [
        ({"count": "3"}, r"Everything\.count is an int, not '3'"),
        ({"count": True}, r"Everything\.count is an int, not True"),
        ({"count": None}, r"Everything\.count can't be None"),
        ({"since": datetime(2024, 1, 1)}, r"Everything\.since is a date"),
        ({"size": "huge"}, r"Everything\.size is one of small, big, not 'huge'"),
        ({"names": "abc"}, r"Everything\.names is a list of str, not 'abc'"),
        ({"names": [1]}, r"Everything\.names is a list of str, not 1"),
        ({"fiel": "x"}, r'Everything has no option `fiel`\. Did you mean "file"\?'),
    ]:
        with pytest.raises(JobError, match=message):
            Everything(**{"file": Path("a"), **wrong})
    with pytest.raises(JobError, match="Everything needs `file`"):
        Everything()  # type: ignore[call-arg]


def test_values_without_loss_are_taken() -> None:
    job = Everything(file="a.csv", share=2, price=7, colour="blue", names=("a", "b"))  # type: ignore[arg-type]
    assert (job.file, job.share, job.price, job.colour, job.names) == (
        Path("a.csv"),
        2.0,
        Decimal(7),
        Colour.BLUE,
        ["a", "b"],
    )


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("file", "a/b.csv", Path("a/b.csv")),
        ("count", "-12", -12),
        ("share", "0.25", 0.25),
        ("loud", "Yes", True),
        ("loud", "0", False),
        ("since", "2024-02-29", date(2024, 2, 29)),
        ("price", "1234.50", Decimal("1234.50")),
        ("colour", "blue", Colour.BLUE),
        ("size", "big", "big"),
        ("days", "2024-02-29", date(2024, 2, 29)),
    ],
)
def test_text_becomes_a_value(name: str, text: str, value: object) -> None:
    assert parse_option(spec(name), text) == value


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("count", "1.5", "a whole number"),
        ("share", "much", "a number"),
        ("loud", "maybe", "yes or no"),
        ("since", "29.02.2024", "a date such as 2024-03-31"),
        ("since", "2023-02-29", "a date"),
        ("price", "1,234.50", "a number such as 1234.50"),
        ("price", "NaN", "a number"),
        ("colour", "bleu", 'Did you mean "blue"'),
    ],
)
def test_bad_text_says_what_is_wanted(name: str, text: str, wanted: str) -> None:
    with pytest.raises(JobError, match=wanted) as error:
        parse_option(spec(name), text)
    assert spec(name).flag in error.value.message


def test_a_secret_is_shown_and_kept_nowhere() -> None:
    job = Everything(file=Path("a"), password="hunter2")
    assert job.password == "hunter2"
    assert "hunter2" not in repr(job)
    assert "password=***" in repr(job)
    assert "password" not in encode_options(job)
    assert spec("password").env == "OLD_CRM_PASSWORD"
    with pytest.raises(JobError) as error:
        Everything(file=Path("a"), password=b"hunter2")  # type: ignore[arg-type]
    assert "hunter2" not in str(error.value)


def test_a_secret_has_an_environment_variable_of_its_own() -> None:
    secret = job_with(annotations={"token": str}, token=Option(secret=True))
    assert options(secret)[0].env == "ZMIGRATE_TOKEN"


def test_a_job_comes_back_from_what_is_stored_of_it() -> None:
    job = Everything(
        file=Path("a.csv"),
        since=date(2024, 1, 2),
        price=Decimal("9.90"),
        colour=Colour.BLUE,
        names=["x"],
        days=[date(2024, 1, 3)],
        password="hunter2",
    )
    stored = encode_options(job)
    assert stored["file"] == str(Path("a.csv").absolute())
    again = decode_options(Everything, stored, {"password": "hunter2"})
    assert repr(again) == repr(job).replace("'a.csv'", repr(str(Path("a.csv").absolute())))


def test_stored_options_that_the_class_lost_are_told() -> None:
    with pytest.raises(JobError, match="no option `gone`"):
        decode_options(Everything, {"file": "/a", "gone": 1})


@given(
    st.text(), st.integers(), st.booleans(), st.dates(), st.decimals(allow_nan=False, allow_infinity=False)
)
def test_any_value_survives_being_stored(
    word: str, count: int, loud: bool, since: date, price: Decimal
) -> None:
    job = Everything(file=Path("/a"), word=word, count=count, loud=loud, since=since, price=price)
    assert vars(decode_options(Everything, encode_options(job))) == vars(job)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_name_of_the_runner_is_refused_at_definition(name: str) -> None:
    with pytest.raises(JobError, match=f"can't be called `{name}`"):
        job_with(annotations={name: str}, **{name: Option(default="")})


def test_every_public_name_of_the_job_classes_is_reserved() -> None:
    public = {name for name in dir(RecordJob) if not name.startswith("_")}
    assert public <= RESERVED


@pytest.mark.parametrize(
    "kind", [dict, dict[str, int], int | str, Literal[1, 2], bytes, list[list[int]], datetime]
)
def test_a_type_that_can_be_no_option_is_refused_with_the_right_shape(kind: Any) -> None:
    with pytest.raises(JobError, match=r"Odd\.thing") as error:
        job_with(annotations={"thing": kind})
    assert "file: Path = Argument" in error.value.message


def test_an_option_without_a_type_is_refused() -> None:
    with pytest.raises(JobError, match=r"Odd\.thing has no type"):
        job_with(thing=Option(default=1))


def test_an_annotation_that_can_not_be_read_is_named() -> None:
    with pytest.raises(JobError, match="name 'Nowhere' is not defined"):
        job_with(annotations={"thing": "Nowhere"})


def test_an_option_may_be_called_like_its_type() -> None:
    odd = job_with(annotations={"date": "date | None"}, date=Option(default=None), __module__=__name__)
    assert options(odd)[0].base is date


def test_a_default_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(JobError, match=r"Odd\.count: the default is an int, not 'many'"):
        job_with(annotations={"count": int}, count=Option(default="many"))


@pytest.mark.parametrize("name", ["_hidden", "Big", "two__"])
def test_odd_names_are_refused_unless_they_are_plain(name: str) -> None:
    if name == "two__":
        assert options(job_with(annotations={name: int}))
        return
    with pytest.raises(JobError, match="small letters"):
        job_with(annotations={name: int})


def test_options_are_inherited_and_can_be_changed() -> None:
    class Child(Everything):
        count: int = Option(default=9)
        extra: str = Option(default="")

        def run(self, ctx: Context) -> None:
            ctx.log("ran")

    assert Child(file=Path("a")).count == 9
    assert [spec.name for spec in options(Child)][-1] == "extra"


def test_a_repr_shows_what_differs_from_the_defaults() -> None:
    assert repr(Everything(file=Path("a.csv"), count=4)) == "Everything(file='a.csv', count=4)"


class Months(enum.IntEnum):
    JANUARY = 1
    MAY = 5


class Chosen(Job):
    """A job with choices."""

    scopes = ("ZohoCRM.org.READ",)
    region: str = Option(choices=["emea", "apac"], default="emea", help="Region.")
    year: int = Option(choices=(2023, 2024), help="Year.")
    tiers: list[str] = Option(choices=("gold", "silver"), default=())
    month: Months = Option(default=Months.MAY)

    def run(self, ctx: Context) -> None:
        """Nothing."""


def test_declared_choices_are_the_only_values_of_an_option() -> None:
    specs = {each.name: each for each in options(Chosen)}
    assert (specs["region"].choices, specs["year"].choices) == (("emea", "apac"), ("2023", "2024"))
    assert parse_option(specs["year"], "2024") == 2024
    job = Chosen(year=2023, tiers=["gold"])
    assert (job.region, job.year, job.tiers, job.month) == ("emea", 2023, ["gold"], Months.MAY)
    assert decode_options(Chosen, encode_options(job)).__dict__ == job.__dict__
    for wrong in ({"year": 2025}, {"year": 2023, "region": "emae"}, {"year": 2023, "tiers": ["bronze"]}):
        with pytest.raises(JobError, match="is one of"):
            Chosen(**wrong)
    with pytest.raises(JobError, match=r"--year is one of 2023, 2024, not '2025'"):
        parse_option(specs["year"], "2025")
    with pytest.raises(JobError, match=r'not \'emae\'. Did you mean "emea"'):
        parse_option(specs["region"], "emae")


@pytest.mark.parametrize(
    ("annotation", "choices"),
    [
        ("int", ("a", "b")),
        ("bool", (True,)),
        ("Literal['a', 'b']", ("a",)),
        ("Colour", ("red",)),
        ("str", "ab"),
    ],
)
def test_choices_that_do_not_fit_the_type_are_refused(annotation: str, choices: Any) -> None:
    with pytest.raises(JobError, match="choices"):
        job_with(annotations={"x": eval(annotation)}, x=Option(choices=choices))


def test_a_default_that_is_no_choice_is_refused() -> None:
    with pytest.raises(JobError, match="the default is one of a, b"):
        job_with(annotations={"x": str}, x=Option(choices=("a", "b"), default="c"))
