"""Decides which fault a request meets: first the scripted faults in their order, then random ones by rate."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field, fields
from typing import Any

from .options import EMPTY_BODIES, EmptyBody, Options, shown

STATUS = re.compile(r"([2-5]\d\d)(_after)?", re.ASCII)
SERVER_ERRORS = ("500", "502", "503")
APPLYING = frozenset({"delay", "empty_200", "garbage", "lost_answer", "row_error", "short_data", "slow_body"})
NAMED = APPLYING | {"answer", "hang", "late", "reset", "wrapped"}
DAMAGED_BODIES = ("slow_body", "garbage", "short_data", "empty_200")
RANDOM = ("401", "429", "5xx", "5xx_after", "reset", "lost_answer", "late", *DAMAGED_BODIES)
"""In the order in which they are drawn; each has an option `rate_<name>`."""
OF_WRITES, OF_READS = frozenset({"late", "short_data"}), frozenset({"empty_200"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to one request.

    `kind` is a status or a name. "503" answers with this status and does nothing; "503_after" carries the
    call out first. The names:

    answer: sends `status` and `body`; nothing is done
    delay: answers `delay_s` later
    empty_200: carries the call out, then answers 200 with the body `shape`
    garbage: carries the call out, then answers with text that is not JSON
    hang: never answers; nothing is done
    late: carries the call out after `delay_s` and never answers; `mode` is "close" or "hang"
    lost_answer: carries the call out, then closes the connection
    reset: resets the connection; nothing is done
    row_error: answers the rows with the text `rows_containing` with the error `code`; with `applied` these
        rows are written all the same; the other rows are written and answered as usual
    short_data: carries the call out; the last result is missing in `data[]`
    slow_body: sends the answer in pieces over `delay_s`
    wrapped: refuses the call with `code` as the only element of `data[]`; nothing is done

    With a status, `code` is the code of the refusal. `message` and `details` belong to the code.
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
        """Whether the call is carried out first, and only its answer has the fault."""
        return self.kind in APPLYING or self.kind.endswith("_after")


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
        """Reads the JSON of one entry. Raises ValueError for an unknown or missing key."""
        kind = str(entry.get("fault", ""))
        check(kind, entry)
        given = {name: value for name, value in entry.items() if name != "fault" and value is not None}
        for name in {"contains", "rows_containing"} & given.keys():
            given[name] = given[name].encode()
        matching = {name: given.pop(name) for name in MATCHING & given.keys()}
        return cls(fault=Fault(kind=kind, **{**DEFAULTS.get(kind, {}), **given}), **matching)


MATCHING = frozenset(each.name for each in fields(Script)) - {"fault"}
KEYS = (MATCHING | {"fault"} | {each.name for each in fields(Fault)}) - {"kind"}
DEFAULTS: dict[str, dict[str, Any]] = {"wrapped": {"status": 400}, "row_error": {"code": "INTERNAL_ERROR"}}
NEEDED = {"wrapped": "code", "row_error": "rows_containing"}


def check(kind: str, entry: dict[str, Any]) -> None:
    """Raises ValueError for an unknown fault or key, and for a missing key."""
    if kind not in NAMED and not STATUS.fullmatch(kind):
        known = ", ".join(sorted(NAMED))
        raise ValueError(f"unknown fault: {shown(kind)}. Known are {known}, and a status such as 503")
    unknown = sorted(set(entry) - KEYS)
    if unknown:
        raise ValueError(f"unknown key: {shown(unknown[0])}")
    if entry.get("shape", "none") not in EMPTY_BODIES:
        raise ValueError(f"shape can't be {shown(entry['shape'])}: {', '.join(EMPTY_BODIES)}")
    needed = NEEDED.get(kind)
    if needed and not entry.get(needed):
        raise ValueError(f"{kind} needs {needed}")


class Faults:
    """Chooses the faults. With the same seed, the same requests in the same order meet the same faults."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.scripts: list[Script] = []

    def scripted(self, method: str, path: str, body: bytes) -> Fault | None:
        """The scripted fault for this request, which counts as used."""
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
        """A random fault by the rates of the options, or None."""
        if options.faults_on == "writes" and not is_write:
            return None
        unfit = OF_READS if is_write else OF_WRITES
        rates = {kind: getattr(options, f"rate_{kind}") for kind in RANDOM if kind not in unfit}
        if not any(rates.values()):
            return None
        drawn = self._rng.random()
        for kind, rate in rates.items():
            drawn -= rate
            if drawn < 0 and kind == "empty_200":
                wanted = options.empty_200_body
                shape = self._rng.choice(EMPTY_BODIES) if wanted == "any" else wanted
                return Fault(kind=kind, shape=shape)
            if drawn < 0:
                return Fault(kind=kind.replace("5xx", self._rng.choice(SERVER_ERRORS)))
        return None
