"""Which fault a request meets: scripted ones first, in order, then random ones by rate."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any

from .empty_answers import EMPTY_BODIES, EmptyBody
from .options import Options, shown

STATUS = re.compile(r"([2-5]\d\d)(_after)?", re.ASCII)
NAMED = frozenset(
    {
        "answer",
        "delay",
        "empty_200",
        "garbage",
        "hang",
        "late",
        "lost_answer",
        "reset",
        "row_error",
        "short_data",
        "slow_body",
        "wrapped",
    }
)
KEYS = frozenset(
    {"applied", "body", "code", "contains", "delay_s", "details", "fault", "headers", "message", "method"}
    | {"mode", "path", "rows_containing", "shape", "skip", "status", "times"}
)
"""What an entry of a script may name."""
SERVER_ERRORS = ("500", "502", "503")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is to happen to one request.

    `kind` is a status ("503": answered so, nothing done; "503_after": done, then answered so) or a name:
    answer (given status and body, nothing done), delay (answered `delay_s` later), empty_200 (done, then
    answered 200 with the `shape` of a body: one of EMPTY_BODIES), garbage, hang (never answered, nothing
    done), late (done after `delay_s`, never answered; `mode` "close" or "hang"), lost_answer (done,
    connection closed), reset (connection reset, nothing done), row_error (of an insert, update or upsert the
    rows with the text `rows_containing` are answered with the error `code`, done all the same or, where
    `applied` is false, not done; the others as ever), short_data (done, a result is missing in `data[]`),
    slow_body (sent in pieces over `delay_s`), wrapped (the call is refused with `code` as the only element of
    `data[]`, nothing done).

    With a status, `code` names the refusal, which is bare then. `message` and `details` go with a code.
    """

    kind: str
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float | None = None
    mode: str | None = None
    shape: EmptyBody = "none"
    code: str | None = None
    message: str | None = None
    details: Any = None
    rows_containing: bytes = b""
    applied: bool = True

    @property
    def applies(self) -> bool:
        """Whether the call is carried out at once all the same."""
        return self.kind in APPLYING or self.kind.endswith("_after")


APPLYING = frozenset({"delay", "empty_200", "garbage", "lost_answer", "row_error", "short_data", "slow_body"})


@dataclass(slots=True, kw_only=True)
class Script:
    """One entry of `POST /_emulator/script`: a fault for the next requests that match."""

    fault: Fault
    method: str | None = None
    path: str | None = None
    contains: bytes = b""
    times: int = 1
    skip: int = 0

    def matches(self, method: str, path: str, body: bytes) -> bool:
        if self.method and self.method != method:
            return False
        if self.path and not (
            path.startswith(self.path[:-1]) if self.path.endswith("*") else path == self.path
        ):
            return False
        return self.contains in body and self.fault.rows_containing in body

    @classmethod
    def read(cls, entry: dict[str, Any]) -> Script:
        """From JSON; raises ValueError for what is not known."""
        kind = str(entry.get("fault", ""))
        check(kind, entry)
        return cls(
            fault=Fault(
                kind=kind,
                status=entry.get("status", 400 if kind == "wrapped" else None),
                body=entry.get("body"),
                headers=entry.get("headers") or {},
                delay_s=entry.get("delay_s"),
                mode=entry.get("mode"),
                shape=entry.get("shape", "none"),
                code=entry.get("code", "INTERNAL_ERROR" if kind == "row_error" else None),
                message=entry.get("message"),
                details=entry.get("details"),
                rows_containing=(entry.get("rows_containing") or "").encode(),
                applied=entry.get("applied", True),
            ),
            method=entry.get("method"),
            path=entry.get("path"),
            contains=(entry.get("contains") or "").encode(),
            times=entry.get("times", 1),
            skip=entry.get("skip", 0),
        )


def check(kind: str, entry: dict[str, Any]) -> None:
    """Raises ValueError for a script's entry that names what is not known, or lacks what its fault needs."""
    if kind not in NAMED and not STATUS.fullmatch(kind):
        raise ValueError(f"unknown fault: {shown(kind)}")
    unknown = sorted(set(entry) - KEYS)
    if unknown:
        raise ValueError(f"unknown key: {shown(unknown[0])}")
    if entry.get("shape", "none") not in EMPTY_BODIES:
        raise ValueError(f"shape can't be {shown(entry['shape'])}: {', '.join(EMPTY_BODIES)}")
    needed = {"wrapped": "code", "row_error": "rows_containing"}.get(kind)
    if needed and not entry.get(needed):
        raise ValueError(f"{kind} needs {needed}")


class Faults:
    """Chooses. Seeded, so that the same requests in the same order meet the same faults."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.scripts: list[Script] = []

    def scripted(self, method: str, path: str, body: bytes) -> Fault | None:
        """The scripted fault for this request; uses it up."""
        for script in self.scripts:
            if not script.matches(method, path, body):
                continue
            if script.skip > 0:
                script.skip -= 1
                continue
            script.times -= 1
            if script.times <= 0:
                self.scripts.remove(script)
            return script.fault
        return None

    def random(self, options: Options, *, is_write: bool) -> Fault | None:
        """A fault by the rates of the options, or none."""
        if options.faults_on == "writes" and not is_write:
            return None
        rates = (
            ("401", options.rate_401),
            ("429", options.rate_429),
            ("5xx", options.rate_5xx),
            ("5xx_after", options.rate_5xx_after),
            ("reset", options.rate_reset),
            ("lost_answer", options.rate_lost_answer),
            ("late", options.rate_late if is_write else 0.0),
            ("slow_body", options.rate_slow_body),
            ("garbage", options.rate_garbage),
            ("short_data", options.rate_short_data if is_write else 0.0),
            ("empty_200", 0.0 if is_write else options.rate_empty_200),
        )
        if not any(rate for _, rate in rates):
            return None
        drawn = self._rng.random()
        for kind, rate in rates:
            drawn -= rate
            if drawn < 0 and kind == "empty_200":
                return Fault(kind=kind, shape=self._shape(options))
            if drawn < 0:
                return Fault(kind=kind.replace("5xx", self._rng.choice(SERVER_ERRORS)))
        return None

    def _shape(self, options: Options) -> EmptyBody:
        wanted = options.empty_200_body
        return self._rng.choice(EMPTY_BODIES) if wanted == "any" else wanted
