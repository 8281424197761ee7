"""E-mail addresses, phone numbers and websites that an org takes or refuses."""

from __future__ import annotations

import pytest

from tests.emulator.zoho import Zoho, lead, only

TAKEN = {
    "Phone": [
        "+49 30 1234567",
        "(030) 1234567",
        "030-1234567",
        "+49 (0) 30 12345",
        "555.010.9999",
        "+1 (555) 010-9999 x12",
        "1-800-FLOWERS",
        "555;12",
        "no phone",
    ],
    "Email": ["jo@exa_mple.com", "jo..x@example.com", "jürgen@müller.example", "ju\u0308rgen@example.com"],
    "Website": ["example.com", "https://example.com:8080/x", "http://example.com/a b", "www.example.com"],
}
REFUSED_BY_SOME = {
    "Phone": [
        "030 - 1234567",
        "(+49) 30 12345",
        "+49-(0)30-1234",
        "555--1234",
        "9999.",
        "123#4",
        "n.a.",
        "+",
        "-",
        "() Not provided.",
    ],
    "Email": [".jo@example.com", "'jo@example.com", "jo@-example.com", "jo@example-.com"],
    "Website": ["exa,mple.com"],
}
REFUSED = {
    "Phone": ["030/1234567"],
    "Email": ["jo@example.c", "nobody"],
    "Website": ["http://localhost:8080", "//example.com", "example..com"],
}


def each(values: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(field, value) for field, found in values.items() for value in found]


@pytest.mark.parametrize(("field", "value"), each(TAKEN))
def test_a_strict_org_takes_what_zohos_patterns_take(zoho: Zoho, field: str, value: str) -> None:
    zoho.set(patterns="strict")

    assert only(zoho.insert([lead(**{field: value})]))["code"] == "SUCCESS"


@pytest.mark.parametrize(("field", "value"), each(REFUSED_BY_SOME))
def test_what_zohos_patterns_refuse_is_refused_by_a_strict_org_only(
    zoho: Zoho, field: str, value: str
) -> None:
    loose = only(zoho.insert([lead(**{field: value})]))
    zoho.set(patterns="strict")
    strict = only(zoho.insert([lead(2, **{field: value})]))

    assert (loose["code"], strict["code"]) == ("SUCCESS", "INVALID_DATA")
    assert strict["details"]["expected_data_type"] == field.lower()


@pytest.mark.parametrize(("field", "value"), each(REFUSED))
@pytest.mark.parametrize("patterns", ["loose", "strict"])
def test_what_is_no_such_thing_is_refused_by_every_org(
    zoho: Zoho, patterns: str, field: str, value: str
) -> None:
    zoho.set(patterns=patterns)

    assert only(zoho.insert([lead(**{field: value})]))["code"] == "INVALID_DATA"
