from __future__ import annotations

import copy
import dataclasses
import json
import pickle

import pytest

from tests.zoho.fakes import CREDENTIALS, SECRET
from zmigrate.zoho.secret import Secret


def test_a_secret_shows_itself_as_stars_wherever_it_is_printed() -> None:
    secret = Secret(SECRET)

    assert [repr(secret), str(secret), f"{secret}", f"{secret:>9}", "%s" % secret] == ["***"] * 5  # noqa: UP031
    assert repr({"secret": [secret]}) == "{'secret': [***]}"
    assert SECRET not in repr(CREDENTIALS)
    assert SECRET not in str(dataclasses.asdict(CREDENTIALS))


def test_a_secret_can_be_neither_pickled_nor_written_as_json() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret(SECRET))
    with pytest.raises(TypeError):
        json.dumps({"secret": Secret(SECRET)})


def test_only_reveal_gives_the_text() -> None:
    secret = Secret(SECRET)

    assert secret.reveal() == SECRET
    assert copy.deepcopy(secret) == secret == Secret(SECRET) != Secret("other")
    assert not hasattr(secret, "__dict__")
