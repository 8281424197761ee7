"""References that can mean no record are refused where they are made."""

from __future__ import annotations

from typing import Any

import pytest

from zmigrate import Blank, Find, Ref
from zmigrate.errors import JobError

KEY = ("Last_Name", "Company")


def test_blank_is_no_part_of_a_key() -> None:
    parts: Any = ("Doe", Blank)
    with pytest.raises(JobError, match="Blank is no value of a key"):
        Ref("Leads", parts, field=KEY)


def test_an_absent_part_of_a_key_stays_empty() -> None:
    parts: Any = ("Doe", None)
    assert Ref("Leads", parts, field=KEY) == Ref("Leads", ("Doe", ""), field=KEY)


@pytest.mark.parametrize(
    ("field", "value"), [(KEY, ("Doe", "Acme")), ("Last_Name", ["Doe"]), (list(KEY), "Doe")]
)
def test_a_find_by_several_fields_is_refused_with_what_to_write(field: Any, value: Any) -> None:
    with pytest.raises(JobError, match=r"Write Find\('Leads', field, value\)"):
        Find("Leads", field, value)
