"""The forms of phone, e-mail and website that Zoho's page prints, by every example of the fact sheet."""

from __future__ import annotations

import pytest

from zmigrate.zoho.facts.patterns import misses_pattern

PASSES = [
    *(
        ("phone", text)
        for text in (
            "+49 30 1234567",
            "(030) 1234567",
            "030-1234567",
            "+49 (0) 30 12345",
            "555.010.9999",
            "+1 (555) 010-9999 x12",
            "1-800-FLOWERS",
            "555;12",
            "no phone",
        )
    ),
    *(
        ("email", text)
        for text in (
            "jo@example.com",
            "jo@exa_mple.com",
            "jo..x@example.com",
            "jörg@münchen.de",
            "jo\u0308rg@example.com",
            "o'brien+x@mail.example.co.uk",
        )
    ),
    *(
        ("website", text)
        for text in (
            "example.com",
            "www.example.com",
            "https://www.example.com",
            "https://example.com:8080/x",
            "https://example.com/a b",
            "ftp://example.com/x?y=1",
        )
    ),
]
FAILS = [
    *(
        ("phone", text)
        for text in (
            "030 - 1234567",
            "(+49) 30 12345",
            "+49-(0)30-1234",
            "555--1234",
            "9999.",
            "030/1234567",
            "123#4",
            "n.a.",
            "+",
            "-",
            "() Not provided.",
        )
    ),
    *(
        ("email", text)
        for text in (
            ".jo@example.com",
            "'jo@example.com",
            "jo@-example.com",
            "jo@example-.com",
            "jo@example.c",
            "jo@example",
            "jo doe@example.com",
            "jo@@example.com",
            "jo@example.com; al@example.com",
        )
    ),
    *(
        ("website", text)
        for text in (
            "http://localhost:8080",
            "exam,ple.com",
            "HTTP://example.com",
            "//example.com",
            "example..com",
            "example",
        )
    ),
]


@pytest.mark.parametrize(("data_type", "text"), PASSES)
def test_what_has_the_form_that_zoho_prints(data_type: str, text: str) -> None:
    assert not misses_pattern(data_type, text)


@pytest.mark.parametrize(("data_type", "text"), FAILS)
def test_what_zoho_may_refuse(data_type: str, text: str) -> None:
    assert misses_pattern(data_type, text)


@pytest.mark.parametrize("data_type", ["text", "textarea", "picklist"])
def test_other_types_have_no_form(data_type: str) -> None:
    assert not misses_pattern(data_type, "() Not provided.")


@pytest.mark.parametrize("text", ["a" * 5_000, "1-" * 3_000, "a." * 3_000, "a-" * 3_000 + "@x", "(" * 3_000])
@pytest.mark.parametrize("data_type", ["phone", "email", "website"])
def test_a_long_value_is_judged_at_once(data_type: str, text: str) -> None:
    misses_pattern(data_type, f"{text}@{text}!")  # a pattern that backtracks would not come back
