"""What a sender asks of the wire for a batch, and the verdicts that it makes of the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.fake_org import fold
from tests.engine.fakes import row
from tests.zoho.fakes import FakeZoho, rig
from zmigrate.engine.dispatch.sender import Sender, Sent, Written
from zmigrate.engine.dispatch.verdicts import Verdict
from zmigrate.engine.model.batch import Batch
from zmigrate.engine.model.outcomes import Outcome
from zmigrate.engine.model.target import Target
from zmigrate.errors import ZmigrateError
from zmigrate.job.writes import Operation
from zmigrate.zoho.answers import Answer
from zmigrate.zoho.crm import Crm

US = "900"
INTENT = 1_700_000_000.7
BEFORE, SINCE = "2023-11-14T22:13:19+00:00", "2023-11-14T22:13:20+00:00"
REFUSED = {"code": "INVALID_DATA", "status": "error", "message": "no", "details": {"api_name": "Email"}}


def written(record_id: Any, action: str | None = None, created: str = SINCE) -> dict[str, Any]:
    stamps = {"Created_Time": created, "Created_By": {"id": US}, "Modified_By": {"id": US, "name": "Zoë"}}
    element = {"code": "SUCCESS", "status": "success", "details": {**stamps, "id": record_id}}
    return element if action is None else {**element, "action": action}


@dataclass
class Listening:
    """Carries writes to a Crm, and remembers which ones were to be answered in brief."""

    crm: Crm
    brief: list[bool] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def write(self, module: str, operation: Operation, content: bytes | None, **options: Any) -> Answer:
        self.brief.append(options["brief"])
        self.answers.append(self.crm.write(module, operation, content, **options))
        return self.answers[-1]

    def find(self, *_: object) -> list[dict[str, Any]]:
        return []

    def records_by_id(self, *_: object) -> dict[str, dict[str, Any]]:
        return {}


class Deaf(Listening):
    """Never answers in brief."""

    def write(self, module: str, operation: Operation, content: bytes | None, **options: Any) -> Answer:
        return super().write(module, operation, content, **{**options, "brief": False})


def batch_of(rows: int, *, doubted: bool = False) -> Batch:
    return Batch(1, [row(number) for number in range(1, rows + 1)], first_intent=INTENT, doubted=doubted)


def sender_of(wire: Listening, operation: Operation = "upsert", user: str | None = US) -> Sender:
    return Sender(wire, Target("Leads", operation, "Ref", "unique", fold), user)


def answering(*elements: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json={"data": elements})


def test_records_that_were_all_written_are_read_in_brief(tmp_path: Path) -> None:
    zoho = FakeZoho([answering(written("7", "insert"), written("8", "update"))])
    with rig(tmp_path, zoho) as line:
        wire = Listening(line.crm)
        sent = sender_of(wire).send(batch_of(2))

    assert sent == Written([Outcome("created", "7"), Outcome("updated", "8")])
    assert (wire.brief, wire.answers[0].body) == ([True], None)


def test_one_refused_row_among_a_hundred_fails_and_the_others_do_not(tmp_path: Path) -> None:
    data = [REFUSED if number == 42 else written(str(number)) for number in range(1, 101)]
    with rig(tmp_path, FakeZoho([answering(*data, status=207)])) as line:
        sent = sender_of(Listening(line.crm), "insert").send(batch_of(100))

    assert isinstance(sent, Sent)
    failed = [number for number, told in enumerate(sent.verdicts, 1) if told.outcome.action == "failed"]
    assert failed == [42]
    assert [told.outcome.id for told in sent.verdicts[42:]] == [str(number) for number in range(43, 101)]


def test_the_user_is_learnt_from_the_first_answer_and_the_next_is_read_in_brief(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho([answering(written("7"))])) as line:
        wire = Listening(line.crm)
        sender = sender_of(wire, "insert", user=None)
        first, second = sender.send(batch_of(1)), sender.send(batch_of(1))

    assert sender.user == US
    assert wire.brief == [False, True]
    assert first == Sent([Verdict(Outcome("created", "7"))], doubted=False)
    assert second == Written([Outcome("created", "7")])


def test_a_batch_in_doubt_is_answered_as_a_whole(tmp_path: Path) -> None:
    """Its record may be the one that the lost request made."""
    zoho = FakeZoho([answering(written("7", "update"), written("8", "update", BEFORE))])
    with rig(tmp_path, zoho) as line:
        wire = Listening(line.crm)
        sent = sender_of(wire).send(batch_of(2, doubted=True))

    ours, theirs = Outcome("created", "7"), Outcome("updated", "8")
    assert isinstance(sent, Sent)
    assert sent.verdicts == [Verdict(ours, unless_owned=ours._replace(action="updated")), Verdict(theirs)]
    assert wire.brief == [False]


@pytest.mark.parametrize("trouble", [httpx.ReadTimeout("lost"), httpx.Response(502)])
def test_a_request_that_the_wire_repeats_is_answered_as_a_whole(
    tmp_path: Path, trouble: httpx.Response | Exception
) -> None:
    with rig(tmp_path, FakeZoho([trouble, answering(written("7", "update"))])) as line:
        sent = sender_of(Listening(line.crm)).send(batch_of(1))

    assert isinstance(sent, Sent)
    assert (sent.doubted, sent.verdicts[0].outcome) == (True, Outcome("created", "7"))


ELEMENTS = st.one_of(
    st.builds(
        written,
        st.integers(1, 99).map(str),
        st.sampled_from([None, "insert", "update"]),
        st.sampled_from([BEFORE, SINCE]),
    ),
    st.sampled_from([REFUSED, written(7), written("7", "merged"), {**written("7"), "unheard": ["of"]}]),
)
ANSWERS = st.builds(
    lambda data, status, more: httpx.Response(status, json={**more, "data": data}),
    st.lists(ELEMENTS, min_size=1, max_size=4),
    st.sampled_from([200, 200, 201, 202, 207, 400, 403]),
    st.sampled_from([{}, {}, {"info": {}}, {"code": "INVALID_DATA", "status": "error"}, {"code": 429}]),
)


def verdicts_of(kind: type[Listening], operation: Operation, answer: httpx.Response, doubted: bool) -> Any:
    with TemporaryDirectory() as place, rig(Path(place), FakeZoho([answer])) as line:
        try:
            sent = sender_of(kind(line.crm), operation).send(batch_of(3, doubted=doubted))
        except ZmigrateError as error:
            return type(error), str(error)
    return (
        Sent([Verdict(each) for each in sent.outcomes], doubted=False) if isinstance(sent, Written) else sent
    )


@given(st.sampled_from(["insert", "upsert", "update"]), ANSWERS, st.booleans())
def test_in_brief_or_as_a_whole_an_answer_has_the_same_verdicts(
    operation: Operation, answer: httpx.Response, doubted: bool
) -> None:
    whole = verdicts_of(Deaf, operation, answer, doubted)
    assert verdicts_of(Listening, operation, answer, doubted) == whole
