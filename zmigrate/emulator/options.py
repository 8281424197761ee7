"""Every switch of the emulator. Times are seconds unless the name says otherwise; rates are shares, 0 to 1.

Behaviour that Zoho's documents leave open is a switch here, with the documented reading as its default.
What a switch can be set to is decided here too, for the command line and for a change at run time alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from functools import cache
from math import isfinite
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from .empty_answers import EmptyBody

OrgType = Literal["production", "sandbox", "developer", "bigin", "absent"]
Edition = Literal["free", "standard", "professional", "enterprise", "ultimate"]

HOUR_S = 3600.0
YEAR_S = 366 * 24 * HOUR_S
MANY = 10**9
TEXT_LENGTH = 10_000
SHOWN_LENGTH = 60


class Within(NamedTuple):
    """The lowest and the highest value of a number, both included; and what the number is, for messages."""

    low: float
    high: float
    what: str = ""


ANY_COUNT = Within(0, MANY)
ANSWER_STATUS = Within(200, 599)
"""Those below are no answers: a client would wait for one."""


class Like(NamedTuple):
    """The pattern of a text, and the pattern in words."""

    pattern: re.Pattern[str]
    what: str


WORD = Like(re.compile(r"[!-~]+"), "letters, digits and signs of ASCII, without blanks")
ZGID = Like(re.compile(r"[0-9]{1,20}"), "1 to 20 digits")


class BadValue(ValueError):
    """What an option, or another value that was posted, can't be. `why` goes on where its name ends."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name[:SHOWN_LENGTH]} {why}")
        self.name = name
        self.why = why


def _opt(
    default: Any, text: str, *, live: bool = True, within: Within = ANY_COUNT, like: Like | None = None
) -> Any:
    """A field with its help text. `live` says that `POST /_emulator/faults` may change it while running.

    A number is `within` two others, a text `like` a pattern.
    """
    return field(default=default, metadata={"help": text, "live": live, "within": within, "like": like})


def _fixed(default: Any, text: str, *, within: Within = ANY_COUNT, like: Like | None = None) -> Any:
    return _opt(default, text, live=False, within=within, like=like)


def _rate(text: str) -> Any:
    return _opt(0.0, text, within=Within(0, 1, "a share of the requests, "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the emulator behaves. Frozen: a change at run time makes a new one."""

    host: str = _fixed("127.0.0.1", "address to listen on; loopback only")
    port: int = _fixed(0, "port to listen on; 0 takes a free one", within=Within(0, 65535))
    seed: int = _fixed(0, "seed of the random faults, so that a run can be repeated", within=Within(0, 2**63))

    client_id: str | None = _fixed(None, "client id; a new one each time when not given", like=WORD)
    client_secret: str | None = field(
        default=None,
        repr=False,
        metadata={
            "help": "client secret; a new one each time when not given",
            "live": False,
            "within": ANY_COUNT,
            "like": WORD,
        },
    )
    zgid: str | None = _fixed(
        None, "digits of the soid, and zgid of the org; new ones each time when not given", like=ZGID
    )
    allowed_scopes: str = _opt("", "comma-separated scopes the client may have; empty allows every scope")
    token_life_s: float = _opt(3600.0, "life of an access token", within=Within(0, YEAR_S))
    token_limit: int = _opt(10, "tokens one client may get in a window")
    token_window_s: float = _opt(600.0, "that window", within=Within(0, YEAR_S))
    active_tokens: int = _opt(
        15, "active tokens of a client; one more drops the oldest", within=Within(1, MANY)
    )
    token_error_status: int = _opt(200, "HTTP status of the token endpoint's refusals", within=ANSWER_STATUS)
    throttle_status: int = _opt(400, "HTTP status of the token endpoint's throttling", within=ANSWER_STATUS)
    throttle_language: Literal["en", "zh", "de"] = _opt("en", "language of the throttling text")
    soid_case_sensitive: bool = _opt(False, "take the soid's service name only as `ZohoCRM`")
    wrong_org_error: Literal["invalid_soid", "invalid_org"] = _opt(
        "invalid_soid", "refusal of an unknown org"
    )
    dead_token_code: Literal["INVALID_TOKEN", "AUTHENTICATION_FAILURE"] = _opt(
        "INVALID_TOKEN", "code of the 401 for a token that is no longer good"
    )
    refuse_tokens: bool = _opt(False, "answer every token with that 401, as for a client that was removed")
    accept_bearer: bool = _opt(True, "take `Bearer` beside `Zoho-oauthtoken`")
    api_domain: str | None = _opt(
        None, "api_domain of the token answer; the emulator's own URL when not given"
    )

    org_type: OrgType = _opt("sandbox", "`type` of the org; `absent` leaves the key out")  # noqa: RUF009  # field()
    wrong_zgid: bool = _opt(False, "GET /org names another org than the soid")
    edition: Edition = _opt("enterprise", "edition: sets credits and concurrency")  # noqa: RUF009  # field()
    users_purchased: int = _opt(10, "user licences: they add credits")
    credits: int | None = _opt(
        None, "API credits of 24 hours; by edition when not given", within=Within(0, 10**12)
    )
    credits_window_s: float = _opt(86400.0, "the credits' rolling window", within=Within(0, YEAR_S))
    count_credits: int = _opt(50, "what a record count costs")
    deleted_credits: int = _opt(2, "what a list of deleted records costs")
    concurrency: int | None = _opt(
        None, "calls in flight at once; by edition when not given", within=Within(1, MANY)
    )
    sub_concurrency: int = _opt(10, "heavy calls in flight at once")
    retry_after_s: int | None = _opt(
        None, "Retry-After header of 429 answers; none when not given", within=Within(0, YEAR_S)
    )
    records_limit: int | None = _opt(
        None, "records that the org holds, of all modules; none when not given", within=Within(0, 10**12)
    )
    full_code: Literal["MAX_RECORDS_LIMIT_REACHED", "STORAGE_SPACE_EXCEEDED", "LICENSE_LIMIT_EXCEEDED"] = (
        _opt("MAX_RECORDS_LIMIT_REACHED", "refusal of an insert beyond that")
    )
    full_shape: Literal["bare", "wrapped", "rows"] = _opt(
        "bare", "that refusal: of the call, of the call in `data[]`, or of the rows that don't fit"
    )
    clock_skew_s: float = _opt(
        0.0, "how far the emulator's clock is ahead of this machine's", within=Within(-YEAR_S, YEAR_S)
    )
    utc_offset_minutes: int = _opt(120, "offset in which date-times are shown", within=Within(-1439, 1439))

    email_unique: bool = _fixed(False, "Email is unique in Leads and Contacts")
    legacy_case_sensitive: bool = _fixed(False, "Legacy_ID is unique with regard to letter case")
    duplicate_check: Literal["own", "converted_records", "mapped_module_records"] = _opt(
        "own", "the duplicate check preference of Leads; with the last, Contacts are checked too"
    )
    duplicate_shape: Literal["record", "record_without_module", "id", "number", "none", "text", "list"] = (
        _opt("record", "what the details of DUPLICATE_DATA name, or are")
    )
    picklist: Literal["strict", "accept", "drop"] = _opt("strict", "a value that is not in a pick list")
    unknown_field: Literal["drop", "refuse"] = _opt("drop", "a key that names no field")
    readonly_field: Literal["drop", "refuse"] = _opt("drop", "a value for a field that can't be written")
    inactive_owner: Literal["refuse", "accept"] = _opt("refuse", "an Owner who is not active")
    subform_update: Literal["append", "replace"] = _opt(
        "append", "an update's subform rows: those that are not named stay, or go"
    )
    batch_twins: Literal["update", "refuse"] = _opt("update", "upsert: the same key twice in one call")
    deleted_block_unique: bool = _opt(False, "values of deleted records still count as taken")
    ids_as: Literal["text", "number"] = _opt("text", "each `id` in an answer: a text, or a JSON number")
    unknown_id_status: Literal["400", "204"] = _opt("400", "answer to a read of an id that does not exist")
    page_tokens: Literal["given", "withheld"] = _opt("given", "a list's token of the next page")
    page_cap: int = _opt(100_000, "records that page tokens give in all")
    coql_case_sensitive: bool = _opt(False, "COQL compares text with regard to letter case")
    coql_backslash: Literal["literal", "escape"] = _opt("literal", "how COQL reads a backslash in text")
    coql_lag_s: float = _opt(0.0, "time until COQL sees a write", within=Within(0, YEAR_S))

    faults_on: Literal["all", "writes"] = _opt("all", "CRM calls that the random faults hit")
    latency_ms: float = _opt(
        0.0, "answers are sent this long after the request came (ms)", within=Within(0, HOUR_S * 1000)
    )
    rate_401: float = _rate("share answered with the 401 of a dead token, nothing done")
    rate_429: float = _rate("share answered 429, nothing done")
    rate_5xx: float = _rate("share answered 500, 502 or 503, nothing done")
    rate_5xx_after: float = _rate("share done, but answered 500, 502 or 503")
    rate_reset: float = _rate("share whose connection is reset, nothing done")
    rate_lost_answer: float = _rate("share done, but the connection is closed without an answer")
    rate_late: float = _rate("share that is done only after the client gave up")
    late_s: float = _opt(1.0, "late: how long after the request came it is done", within=Within(0, HOUR_S))
    late_mode: Literal["close", "hang"] = _opt(
        "close", "late: close the connection, or let the client time out"
    )
    rate_slow_body: float = _rate("share whose body comes in small pieces")
    slow_body_s: float = _opt(1.0, "slow body: how long it takes", within=Within(0, HOUR_S))
    rate_garbage: float = _rate("share done, but with a body that is not JSON")
    rate_short_data: float = _rate("share of writes done, but with a result missing in `data[]`")
    rate_empty_200: float = _rate("share of reads answered 200 with an empty or a wrong body")
    empty_200_body: Literal["any", EmptyBody] = _opt("any", "that body")

    def __post_init__(self) -> None:
        """Raises BadValue for a value that its option can't have."""
        hints = hints_of_options()
        for each in fields(self):
            value = getattr(self, each.name)
            why = fault_of(value, hints[each.name], each.metadata["within"], each.metadata["like"])
            if why:
                raise BadValue(each.name, why)

    def changed(self, changes: dict[str, Any]) -> Options:
        """A copy with `changes`; raises ValueError for a name that can't change at run time."""
        unknown = sorted(set(changes) - LIVE)
        if unknown:
            raise ValueError(f"not a run-time option: {shown(unknown[0])}")
        return replace(self, **changes)


@cache
def hints_of_options() -> dict[str, Any]:
    return get_type_hints(Options)


def shown(value: Any) -> str:
    """A value as a message quotes it."""
    text = f"{value:.10g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= SHOWN_LENGTH else text[:SHOWN_LENGTH] + "…"


def fault_of(  # noqa: PLR0911  # a table
    value: Any, hint: Any, within: Within = ANY_COUNT, like: Like | None = None
) -> str | None:
    """Why a value can't be one of a field with this type, in words that go on behind its name; None where
    it can."""
    choices = get_args(hint)
    if get_origin(hint) is Literal:
        wanted = ", ".join(map(str, choices))
        return (
            None
            if type(value) is str and value in choices
            else f"must be one of {wanted}, not {shown(value)}"
        )
    if choices:  # a type, or None
        return None if value is None else fault_of(value, choices[0], within, like)
    if hint is bool:
        return None if type(value) is bool else f"must be true or false, not {shown(value)}"
    if hint is str:
        if not isinstance(value, str):
            return f"must be a text, not {shown(value)}"
        if len(value) > TEXT_LENGTH:
            return f"must have at most {TEXT_LENGTH} characters, not {len(value)}"
        return None if like is None or like.pattern.fullmatch(value) else f"must be {like.what}"
    kinds = (int, float) if hint is float else (int,)
    if type(value) not in kinds or (isinstance(value, float) and not isfinite(value)):
        return f"must be a {'' if hint is float else 'whole '}number, not {shown(value)}"
    if within.low <= value <= within.high:
        return None
    return f"must be {within.what}from {within.low:.0f} to {within.high:.0f}, not {shown(value)}"


LIVE = frozenset(f.name for f in fields(Options) if f.metadata["live"])
