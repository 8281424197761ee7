"""Whatever JSON comes, the answer is Zoho's, never a fault of the emulator's own."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emulator.zoho import Zoho

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["1" * 5000, "²", "-None-", "2020-01-01", "2020-01-01T00:00:00Z", "a@b.de"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name"]), inner),
    max_leaves=5,
)
FIELDS = (
    "id Last_Name Legacy_ID Email Score Legacy_Number No_of_Employees Interests Owner First_Contact Website"
    " Legacy_Created_Time Lead_Source Layout Email_Opt_Out Phone $append_values Full_Name Old_Fax_Number"
    " Created_By No_Such_Field"
)
NAMES = st.sampled_from(FIELDS.split())
ROWS = st.dictionaries(NAMES, VALUES, max_size=6) | VALUES
WORDS = (
    "select id from Leads where ( ) and or = > in 'x' 5 , Email like is not null between limit Owner Owner.id"
    " count true '"
)
QUERY_PARTS = st.lists(st.sampled_from(WORDS.split()), max_size=14)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FEW
@given(rows=st.lists(ROWS, min_size=1, max_size=4), fields=VALUES)
def test_any_rows_get_a_result_each(zoho: Zoho, rows: list[Any], fields: Any) -> None:
    answers = [zoho.insert(rows), zoho.upsert(rows), zoho.update(rows)]
    checked = zoho.upsert(rows, duplicate_check_fields=fields)

    assert [len(answer.json()["data"]) for answer in answers] == [len(rows)] * 3
    assert checked.status_code in (200, 207, 400)


@FEW
@given(body=VALUES)
def test_any_body_gets_an_answer(zoho: Zoho, body: Any) -> None:
    for path in ("Leads", "Leads/upsert", "coql"):
        assert zoho.http.post(f"/crm/v8/{path}", json=body).status_code == 400


@FEW
@given(parts=QUERY_PARTS)
def test_any_query_is_answered_or_refused(zoho: Zoho, parts: list[str]) -> None:
    for text in (" ".join(parts), "select id from Leads where " + " ".join(parts)):
        assert zoho.query(text).status_code in (200, 204, 400)


@FEW
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_parameter_is_answered_or_refused(zoho: Zoho, text: str) -> None:
    for name in ("ids", "page", "per_page", "page_token", "sort_by", "cvid"):
        assert zoho.http.get("/crm/v8/Leads", params={"fields": "id", name: text}).status_code in (204, 400)
    headers = {"If-Modified-Since": "yesterday"}
    assert zoho.get("/Leads/deleted", headers=headers).status_code == 400
