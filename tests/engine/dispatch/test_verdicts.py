"""From Zoho's answer to the outcome of each row."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.fake_org import fold
from tests.engine.fakes import row
from zmigrate.engine.dispatch import zoho_reasons as read
from zmigrate.engine.dispatch.made_by import changed_by_us, in_second_of, made_by_us
from zmigrate.engine.dispatch.verdicts import Question, Verdict, read_answer
from zmigrate.engine.model.batch import Batch
from zmigrate.engine.model.outcomes import Outcome, failed
from zmigrate.engine.model.target import Target
from zmigrate.job.writes import Operation
from zmigrate.reasons import Reason

US = "900"
INTENT = 1_700_000_000.7
"""2023-11-14T22:13:20Z and a bit."""
THERE = {"api_name": "Email", "json_path": "$.data[0].Email", "duplicate_record": {"id": "77"}}


def error(code: str, **details: Any) -> dict[str, Any]:
    return {"code": code, "status": "error", "message": code.lower(), "details": details}


def success(record_id: str = "77", action: str | None = None, **details: Any) -> dict[str, Any]:
    element = {"code": "SUCCESS", "status": "success", "details": {"id": record_id, **details}}
    return element if action is None else {**element, "action": action}


def verdict(operation: Operation, element: dict[str, Any], *, doubted: bool = False) -> Verdict:
    target = Target("Leads", operation, "Legacy_ID", "unique", fold)
    [only] = read_answer(target, Batch(1, [row(1, "k1")], first_intent=INTENT), [element], doubted, US)
    return only


def refusal(element: object, key: str | None = None) -> Outcome:
    return read.refusal(read.zoho_reasons(element, "Leads"), "Leads", key)


def duplicate_of(element: object) -> str | None:
    return read.the_one_in_the_way(read.zoho_reasons(element, "Leads"), "Leads")


# -- what Zoho took --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "element", "action"),
    [
        ("insert", success(), "created"),
        ("update", success(), "updated"),
        ("delete", success(), "deleted"),
        ("upsert", success(action="insert"), "created"),
        ("upsert", success(action="update"), "updated"),
        ("upsert", success(), "updated"),
    ],
)
def test_success_is_named_by_what_was_done(
    operation: Operation, element: dict[str, Any], action: str
) -> None:
    assert verdict(operation, element) == Verdict(Outcome(action, "77"))  # type: ignore[arg-type]


def test_rows_are_matched_by_position() -> None:
    batch = Batch(1, [row(n) for n in (1, 2, 3)])
    data = [success("1"), error("INVALID_DATA", api_name="Email"), success("3")]
    verdicts = read_answer(Target("Leads", "insert", None, "none", fold), batch, data, False, None)
    assert [(found.outcome.action, found.outcome.id) for found in verdicts] == [
        ("created", "1"),
        ("failed", None),
        ("created", "3"),
    ]


# -- what Zoho refused ------------------------------------------------------------------------------


def test_a_refusal_has_zohos_code_field_and_reason() -> None:
    refused = refusal(error("INVALID_DATA", api_name="Amount", expected_data_type="double"))
    assert refused == failed("INVALID_DATA", "Amount", "invalid_data (expected type: double)")


@pytest.mark.parametrize("details", [{}, {"details": None}])
def test_a_refusal_without_details_still_has_its_code(details: dict[str, Any]) -> None:
    refused = refusal({"code": "NOT_APPROVED", "message": "not approved", "status": "error", **details})
    assert refused == failed("NOT_APPROVED", None, "not approved")


def test_a_refusal_without_a_code_is_no_success() -> None:
    assert verdict("insert", {"status": "error", "details": {}}).outcome == failed("UNKNOWN", None, "UNKNOWN")


def test_each_of_several_errors_of_one_row_is_a_reason_of_its_own() -> None:
    errors = [
        error("MANDATORY_NOT_FOUND", api_name="Last_Name"),
        error("INVALID_DATA", api_name="Email"),
        error("INVALID_DATA", api_name="Phone"),
    ]
    refused = refusal(error("MULTIPLE_OR_MULTI_ERRORS", errors=errors))
    assert refused.reasons == (
        Reason("MANDATORY_NOT_FOUND", "Last_Name", "mandatory_not_found"),
        Reason("INVALID_DATA", "Email", "invalid_data"),
        Reason("INVALID_DATA", "Phone", "invalid_data"),
    )
    assert refused.codes == ("MANDATORY_NOT_FOUND", "INVALID_DATA")


def test_several_errors_without_a_list_are_told_as_they_are() -> None:
    assert refusal(error("MULTIPLE_OR_MULTI_ERRORS")).codes == ("MULTIPLE_OR_MULTI_ERRORS",)


def test_choices_that_zoho_names_are_in_the_reason() -> None:
    refused = refusal(error("INVALID_DATA", api_name="Status", supported_values=["Open", "Won"]))
    assert refused.reasons[0].message == "invalid_data (allowed: Open, Won)"


def test_a_code_that_speaks_of_the_org_says_what_to_do_and_one_of_a_row_does_not() -> None:
    (denied,) = refusal(error("NO_PERMISSION")).reasons
    (too_long,) = refusal(error("LIMIT_EXCEEDED")).reasons
    assert "Security Control" in (denied.remedy or "")
    assert too_long.remedy is None


# -- duplicates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("element", "existing"),
    [
        (error("DUPLICATE_DATA", **THERE), "77"),
        (error("DUPLICATE_DATA", api_name="Email", id="77"), "77"),
        (error("DUPLICATE_DATA", api_name="Email"), None),
        (error("INVALID_DATA", id="77"), None),
        (error("MULTIPLE_OR_MULTI_ERRORS", errors=[error("DUPLICATE_DATA", **THERE)] * 2), "77"),
        (error("MULTIPLE_OR_MULTI_ERRORS", errors=[error("DUPLICATE_DATA", **THERE), error("X")]), "77"),
        (
            error(
                "MULTIPLE_OR_MULTI_ERRORS",
                errors=[error("DUPLICATE_DATA", **THERE), error("DUPLICATE_DATA", id="78")],
            ),
            None,
        ),
        (error("MULTIPLE_OR_MULTI_ERRORS", errors=[]), None),
    ],
)
def test_the_record_in_the_way_is_known_if_it_is_one(element: dict[str, Any], existing: str | None) -> None:
    assert duplicate_of(element) == existing


def test_a_duplicate_names_the_record_that_has_the_value() -> None:
    outcome = verdict("insert", error("DUPLICATE_DATA", **THERE)).outcome
    (reason,) = outcome.reasons
    assert (outcome.action, outcome.id, reason.field) == ("failed", "77", "Email")
    assert "the record 77 has this value" in reason.message


# -- after a request that may have been applied -----------------------------------------------------


def test_a_duplicate_is_asked_about_only_after_a_lost_answer() -> None:
    element = error("DUPLICATE_DATA", **THERE)
    assert verdict("insert", element).question is None
    assert verdict("insert", element, doubted=True).question == Question("ours", "77")
    assert verdict("insert", element, doubted=True).outcome.action == "failed"


def test_another_refusal_after_a_lost_answer_stands() -> None:
    refused = verdict("insert", error("INVALID_DATA", api_name="Email"), doubted=True)
    assert refused.question is None
    assert refused.outcome.action == "failed"


def test_a_missing_record_after_a_lost_delete_is_asked_about() -> None:
    element = error("INVALID_DATA", id=77)
    assert verdict("delete", element).question is None
    assert verdict("delete", element, doubted=True).question == Question("gone", "77")
    assert verdict("delete", error("NO_PERMISSION", id="77"), doubted=True).question is None


def ours(**changes: Any) -> dict[str, Any]:
    return {"Created_Time": "2023-11-14T22:13:20+00:00", "Created_By": {"id": US}, **changes}


def test_a_repeated_upsert_claims_the_record_that_came_up_since() -> None:
    repeated = verdict("upsert", success("77", "update", **ours()), doubted=True)
    assert repeated.outcome == Outcome("created", "77")
    assert repeated.unless_owned == Outcome("updated", "77")


@pytest.mark.parametrize(
    "changes",
    [
        {"Created_Time": "2023-11-14T22:13:19+00:00"},
        {"Created_By": {"id": "901"}},
        {"Created_Time": None},
    ],
)
def test_a_repeated_upsert_of_a_record_from_before_or_from_somebody_else_is_an_update(
    changes: dict[str, Any],
) -> None:
    repeated = verdict("upsert", success("77", "update", **ours(**changes)), doubted=True)
    assert repeated == Verdict(Outcome("updated", "77"))


def test_an_upsert_that_was_not_repeated_claims_nothing() -> None:
    assert verdict("upsert", success("77", "update", **ours())) == Verdict(Outcome("updated", "77"))


def test_a_repeated_upsert_that_inserts_has_created() -> None:
    assert verdict("upsert", success("77", "insert", **ours()), doubted=True) == Verdict(
        Outcome("created", "77")
    )


# -- whose record it is -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("created", "not_before"),
    [
        ("2023-11-14T22:13:20Z", True),
        ("2023-11-14T22:13:20+00:00", True),
        ("2023-11-15T03:43:20+05:30", True),
        ("2023-11-14T14:13:20-08:00", True),
        ("2023-11-15T03:43:19+05:30", False),
        ("2023-11-14T14:13:19-08:00", False),
        ("2023-11-14T22:13:20-08:00", True),
        ("2023-11-14T22:13:20+05:30", False),
    ],
)
def test_times_are_compared_whatever_their_offset_is(created: str, not_before: bool) -> None:
    """`Created_Time` has whole seconds, so the second of the intent counts as not before it."""
    assert made_by_us(ours(Created_Time=created), INTENT, US) is not_before


def test_without_an_intent_or_a_time_nothing_is_ours() -> None:
    assert not made_by_us(ours(), None, US)
    assert not made_by_us({"Created_By": {"id": US}}, INTENT, US)


def test_without_a_known_user_the_time_decides() -> None:
    assert made_by_us(ours(Created_By={"id": "901"}), INTENT, None)
    assert made_by_us(ours(Created_By=None), INTENT, US)


@pytest.mark.parametrize("user", [US, 900, " 900 "])
def test_a_users_id_is_the_same_as_a_number(user: Any) -> None:
    assert made_by_us(ours(Created_By={"id": user}), INTENT, US)
    assert not made_by_us(ours(Created_By={"id": 901}), INTENT, US)


@pytest.mark.parametrize("time", [None, 1_700_000_000, "yesterday", "", "2023-11-14T22:13:20", "2023-11-14"])
def test_of_a_time_that_cant_be_read_nobody_knows_whether_it_is_ours(time: Any) -> None:
    """Without an offset it could mean any zone's."""
    assert made_by_us(ours(Created_Time=time), INTENT, US) is None
    assert changed_by_us(ours(Modified_Time=time), INTENT, US) is None
    assert not in_second_of(ours(Modified_Time=time), INTENT)
    assert made_by_us(ours(Created_Time=time, Created_By={"id": "901"}), INTENT, US) is False


# -- whatever shape it comes in -------------------------------------------------------------------------

NAMES = [
    "id",
    "errors",
    "duplicate_record",
    "module",
    "api_name",
    "json_path",
    "more_records",
    "Created_Time",
]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner)),
    max_leaves=12,
)
CODES = ["SUCCESS", "DUPLICATE_DATA", "INVALID_DATA", "INTERNAL_ERROR", "MULTIPLE_OR_MULTI_ERRORS"]
ELEMENTS = st.fixed_dictionaries(
    {"code": st.sampled_from(CODES), "details": JSON}, optional={"message": JSON}
)
NESTED = st.builds(lambda errors: error("MULTIPLE_OR_MULTI_ERRORS", errors=errors), st.lists(ELEMENTS | JSON))


@given(st.sampled_from(["insert", "update", "upsert", "delete"]), ELEMENTS | NESTED | JSON, st.booleans())
def test_no_shape_of_an_answer_is_too_odd_to_be_read(operation: Any, element: Any, doubted: bool) -> None:
    found = verdict(operation, element, doubted=doubted)
    assert found.outcome.id is None or found.outcome.id.isdigit()
    assert all(reason.message for reason in found.outcome.reasons)


@pytest.mark.parametrize("details", [None, [], "text", 7, {"errors": None}, {"errors": ["text", 7, None]}])
def test_details_that_are_no_object_harm_nothing(details: Any) -> None:
    refused = refusal({"code": "MULTIPLE_OR_MULTI_ERRORS", "message": "many", "details": details})
    assert refused == failed("MULTIPLE_OR_MULTI_ERRORS", None, "many")


@pytest.mark.parametrize(
    ("element", "left_open"),
    [
        (error("INTERNAL_ERROR"), True),
        (error("MULTIPLE_OR_MULTI_ERRORS", errors=[error("INTERNAL_ERROR")]), True),
        (error("MULTIPLE_OR_MULTI_ERRORS", errors=[error("INTERNAL_ERROR"), error("INVALID_DATA")]), False),
        (success("none"), True),
        (success(7), False),  # type: ignore[arg-type]
        (error("INVALID_DATA"), False),
    ],
)
def test_a_row_is_left_open_where_zoho_does_not_say_whether_it_was_applied(
    element: dict[str, Any], left_open: bool
) -> None:
    assert (verdict("insert", element).left_open == "unknown") is left_open


@pytest.mark.parametrize(
    ("element", "stands"),
    [
        (error("DUPLICATE_DATA", api_name="Legacy_ID"), False),
        (error("DUPLICATE_DATA"), False),
        (error("DUPLICATE_DATA", api_name="Email"), True),
        (
            error("DUPLICATE_DATA", api_name="Legacy_ID", duplicate_record={"id": "7", "module": "Contacts"}),
            True,
        ),
        (error("NO_PERMISSION"), True),
    ],
)
def test_after_a_lost_answer_the_key_is_asked_for_where_zoho_names_no_record(
    element: dict[str, Any], stands: bool
) -> None:
    for operation in ("insert", "upsert"):
        assert verdict(operation, element, doubted=True).question == Question("key", stands=stands)
        assert verdict(operation, element).question is None


def test_an_update_finds_no_record_in_its_own_way() -> None:
    """`details.id` of an update is the record of the row itself, as it is with a lock."""
    found = read.zoho_reasons(error("DUPLICATE_DATA", api_name="Email", id="77"), "Leads", "77")
    assert "77" not in read.refusal(found, "Leads").reasons[0].message
