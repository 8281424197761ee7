"""The table of values, checked both ways: the emulated org takes good ones and gives them back; bad ones
that are sent as they are, it refuses with the code that we give.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from tests.rows.assets import MODULES, converter
from tests.rows.conversion.value_table import BAD, GOOD, Bad, Good
from tests.rows.org import Org, says
from zmigrate.reasons import told
from zmigrate.rows.conversion.converter import BadValue


def named(case: Good | Bad) -> str:
    return f"{case.field}-{repr(case.value)[:30]}"


def convert(case: Good | Bad) -> dict[str, Any]:
    return converter(case.module, formats=case.formats).convert({case.field: case.value})


@pytest.mark.parametrize("case", GOOD, ids=named)
def test_a_good_value_becomes_json(case: Good) -> None:
    json = convert(case)
    assert json == {case.field: case.json, **case.beside}
    assert type(json[case.field]) is type(case.json)


@pytest.mark.parametrize("case", BAD, ids=named)
def test_a_bad_value_is_told(case: Bad) -> None:
    with pytest.raises(BadValue) as bad:
        convert(case)
    (error,) = bad.value.reasons
    assert (error.field, error.code, error.ambiguous) == (case.at or case.field, case.code, case.ambiguous)
    assert case.says in told(error)


def test_every_type_that_the_api_writes_is_in_the_table() -> None:
    fields = {(case.module, case.field) for case in GOOD}
    assert {MODULES[module].fields[name].data_type for module, name in fields} >= {
        one.data_type for one in MODULES["Legacy_Assets"] if one.creatable
    }


@pytest.mark.parametrize("case", GOOD, ids=named)
def test_the_org_takes_a_good_value_and_gives_it_back(org: Org, case: Good) -> None:
    json = convert(case)
    (record,) = org.read_back(case.module, [json])
    assert says(record, org.here(json))


@pytest.mark.parametrize("case", [case for case in BAD if not case.ours], ids=named)
def test_the_org_refuses_a_bad_value_with_the_code_that_we_give(org: Org, case: Bad) -> None:
    as_it_is = orjson.loads(orjson.dumps(case.value))
    (element,) = org.insert(case.module, [{case.field: as_it_is}])
    assert case.code in codes(element)


def codes(element: dict[str, Any]) -> Iterator[str]:
    yield element["code"]
    for error in element["details"].get("errors", ()):
        yield error["code"]
