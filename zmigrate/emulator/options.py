"""Every option of the emulator. Times are in seconds unless the name says otherwise; rates are 0 to 1.

Where Zoho's documents leave a behaviour open, an option decides, and the documented reading is its default.
The command line and a change at run time use the same checks of values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from functools import cache
from math import isfinite
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

OrgType = Literal["production", "sandbox", "developer", "bigin", "absent"]
Edition = Literal["free", "standard", "professional", "enterprise", "ultimate"]
Patterns = Literal["loose", "strict"]
UniqueSpelling = Literal["case_sensitive", "casesensitive"]
EmptyBody = Literal["none", "object", "null_list", "list", "text", "number", "html", "half"]
"""No body; `{}`; null in place of the list; a JSON list, text or number; an HTML page; JSON cut off."""
EMPTY_BODIES: tuple[EmptyBody, ...] = get_args(EmptyBody)

HOUR_S = 3600.0
YEAR_S = 366 * 24 * HOUR_S
MANY = 10**9
TEXT_LENGTH = 10_000
SHOWN_LENGTH = 60


class Within(NamedTuple):
    """The lowest and the highest value of a number, both included. `what` names the number in messages."""

    low: float
    high: float
    what: str = ""


ANY_COUNT = Within(0, MANY)
UP_TO_A_YEAR = Within(0, YEAR_S)
UP_TO_AN_HOUR = Within(0, HOUR_S)
ANSWER_STATUS = Within(200, 599)
"""A client takes a lower status for an interim answer, and waits."""


class Like(NamedTuple):
    """The pattern of a text, and the same in words."""

    pattern: re.Pattern[str]
    what: str


WORD = Like(re.compile(r"[!-~]+"), "letters, digits and signs of ASCII, without blanks")
ZGID = Like(re.compile(r"[0-9]{1,20}"), "1 to 20 digits")


class BadValue(ValueError):
    """A value that an option or a control endpoint does not take. `why` continues a sentence that the name
    begins."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name[:SHOWN_LENGTH]} {why}")
        self.name = name
        self.why = why


def _opt(
    default: Any,
    text: str,
    within: Within = ANY_COUNT,
    *,
    live: bool = True,
    like: Like | None = None,
    secret: bool = False,
) -> Any:
    """A field with its help text. `live`: `POST /_emulator/faults` may change it while the emulator runs.

    A number must be `within` its limits, a text `like` its pattern.
    """
    metadata = {"help": text, "live": live, "within": within, "like": like}
    return field(default=default, metadata=metadata, repr=not secret)


def _fixed(default: Any, text: str, within: Within = ANY_COUNT, **more: Any) -> Any:
    return _opt(default, text, within, live=False, **more)


def _rate(text: str) -> Any:
    return _opt(0.0, text, Within(0, 1, "a share of the requests, "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the emulator behaves. Frozen: a change at run time makes a new object."""

    host: str = _fixed("127.0.0.1", "address to listen on; loopback only")
    port: int = _fixed(0, "port to listen on; 0 takes a free one", Within(0, 65535))
    seed: int = _fixed(0, "seed of the random faults, so that a run can be repeated", Within(0, 2**63))

    client_id: str | None = _fixed(None, "client id; a new one each time if not given", like=WORD)
    client_secret: str | None = _fixed(
        None, "client secret; a new one each time if not given", like=WORD, secret=True
    )
    zgid: str | None = _fixed(None, "zgid of the org, as in the soid; random if not given", like=ZGID)
    allowed_scopes: str = _opt("", "comma-separated scopes the client may have; empty allows every scope")
    token_life_s: float = _opt(3600.0, "life of an access token", UP_TO_A_YEAR)
    token_limit: int = _opt(10, "tokens one client may get in a window")
    token_window_s: float = _opt(600.0, "length of that window", UP_TO_A_YEAR)
    active_tokens: int = _opt(15, "active tokens of a client; one more ends the oldest", Within(1, MANY))
    token_error_status: int = _opt(200, "HTTP status of the token endpoint's refusals", ANSWER_STATUS)
    throttle_status: int = _opt(400, "HTTP status when a client asks for too many tokens", ANSWER_STATUS)
    throttle_bare: bool = _opt(False, "leave the key `status` out of that refusal")
    throttle_language: Literal["en", "zh", "de"] = _opt("en", "language of that refusal")
    soid_case_sensitive: bool = _opt(False, "accept the service name in the soid only as `ZohoCRM`")
    wrong_org_error: Literal["invalid_soid", "invalid_org"] = _opt("invalid_soid", "error for an unknown org")
    dead_token_code: Literal["INVALID_TOKEN", "AUTHENTICATION_FAILURE"] = _opt(
        "INVALID_TOKEN", "code of the 401 for an expired or revoked token"
    )
    refuse_tokens: bool = _opt(False, "answer every token with that 401, as for a client that was removed")
    accept_bearer: bool = _opt(True, "accept `Bearer` beside `Zoho-oauthtoken`")
    api_domain: str | None = _opt(None, "api_domain of the token answer; this emulator's URL if not given")

    org_type: OrgType = _opt("sandbox", "`type` of the org; `absent` leaves the key out")  # noqa: RUF009  # field()
    wrong_zgid: bool = _opt(False, "GET /org names another org than the soid")
    edition: Edition = _opt("enterprise", "edition: sets credits and concurrency")  # noqa: RUF009  # field()
    trial: bool = _opt(False, "the org tries the edition out: not paid, with a `trial_type`")
    users_purchased: int = _opt(10, "user licences: they add credits")
    credits: int | None = _opt(None, "API credits of 24 hours; by edition if not given", Within(0, 10**12))
    credits_window_s: float = _opt(86400.0, "rolling window of the credits", UP_TO_A_YEAR)
    count_credits: int = _opt(50, "credits of a record count")
    deleted_credits: int = _opt(2, "credits of a list of deleted records")
    concurrency: int | None = _opt(None, "calls in flight at once; by edition if not given", Within(1, MANY))
    sub_concurrency: int = _opt(10, "heavy calls in flight at once")
    credits_header: bool = _opt(True, "tell the credits left, once half of them are spent")
    retry_after_s: int | None = _opt(
        None, "seconds to wait, as 429 answers tell them in `retry_after_in`; none if not given", UP_TO_A_YEAR
    )
    retry_after_in: Literal["header", "details", "retry_in_seconds"] = _opt(
        "header", "the header Retry-After, or a key of the body: `details.retry_after`, `retry_in_seconds`"
    )
    too_many_shape: Literal["code", "number"] = _opt(
        "code", "body of 429 answers: with Zoho's code, or the older one with a number for it"
    )
    denied_permissions: str = _opt(
        "", "comma-separated permissions that the user's profile lacks, as Crm_Implied_Create_Leads"
    )
    denied_shape: Literal["bare", "wrapped", "rows"] = _opt(
        "bare", "what is refused for it: the call, the call inside `data[]`, or each record"
    )
    denied_status: int = _opt(403, "HTTP status of a call refused for it", ANSWER_STATUS)
    records_limit: int | None = _opt(
        None, "most records of the org, over all modules; no limit if not given", Within(0, 10**12)
    )
    full_code: Literal["MAX_RECORDS_LIMIT_REACHED", "STORAGE_SPACE_EXCEEDED", "LICENSE_LIMIT_EXCEEDED"] = (
        _opt("MAX_RECORDS_LIMIT_REACHED", "code of the refusal when the org is full")
    )
    full_shape: Literal["bare", "wrapped", "rows"] = _opt(
        "bare", "what is refused then: the call, the call inside `data[]`, or the rows that don't fit"
    )
    clock_skew_s: float = _opt(
        0.0, "seconds that this emulator's clock is ahead of this machine's", Within(-YEAR_S, YEAR_S)
    )
    utc_offset_minutes: int = _opt(120, "UTC offset of date-times in answers", Within(-1439, 1439))

    email_unique: bool = _fixed(False, "Email is unique in Leads and Contacts")
    legacy_case_sensitive: bool = _fixed(False, "Legacy_ID is unique with regard to letter case")
    unique_spelling: UniqueSpelling = _opt(  # noqa: RUF009  # field()
        "case_sensitive", "how a unique field says so: `case_sensitive` true/false, or `casesensitive` 1/0"
    )
    duplicate_check: Literal["own", "converted_records", "mapped_module_records"] = _opt(
        "own", "duplicate check preference of Leads; with the last, Contacts are checked too"
    )
    duplicate_shape: Literal["record", "record_without_module", "id", "number", "none", "text", "list"] = (
        _opt("record", "what the details of DUPLICATE_DATA contain")
    )
    picklist: Literal["strict", "accept", "drop"] = _opt("strict", "a value that is not in a pick list")
    tags: Literal["accept", "drop"] = _opt("accept", "the tags of a record that is written")
    patterns: Patterns = _opt(  # noqa: RUF009  # field()
        "loose", "e-mail, phone, website: refuse what is none at all, or what Zoho's printed patterns refuse"
    )
    unknown_field: Literal["drop", "refuse"] = _opt("drop", "a key that is not a field")
    readonly_field: Literal["drop", "refuse"] = _opt("drop", "a value for a read-only field")
    inactive_owner: Literal["refuse", "accept"] = _opt("refuse", "an Owner who is not active")
    subform_update: Literal["append", "replace"] = _opt(
        "append", "an update keeps or removes the subform rows that it does not name"
    )
    batch_twins: Literal["update", "refuse"] = _opt("update", "upsert: the same key twice in one call")
    deleted_block_unique: bool = _opt(False, "values of deleted records still count as taken")
    ids_as: Literal["text", "number"] = _opt("text", "each `id` in an answer: a text, or a JSON number")
    unknown_id_status: Literal["400", "204"] = _opt("400", "answer to a read of an id that does not exist")
    page_tokens: Literal["given", "withheld"] = _opt("given", "a list's token of the next page")
    page_cap: int = _opt(100_000, "most records that page tokens give in all")
    coql_case_sensitive: bool = _opt(False, "COQL compares text with regard to letter case")
    coql_backslash: Literal["literal", "escape"] = _opt("literal", "how COQL reads a backslash in text")
    coql_lag_s: float = _opt(0.0, "time until COQL sees a write", UP_TO_A_YEAR)

    faults_on: Literal["all", "writes"] = _opt("all", "CRM calls that get random faults")
    latency_ms: float = _opt(0.0, "milliseconds from request to answer", Within(0, HOUR_S * 1000))
    rate_401: float = _rate("share answered 401 (dead token), not carried out")
    rate_429: float = _rate("share answered 429, not carried out")
    rate_5xx: float = _rate("share answered 500, 502 or 503, not carried out")
    rate_5xx_after: float = _rate("share carried out, but answered 500, 502 or 503")
    rate_reset: float = _rate("share whose connection is reset, not carried out")
    rate_lost_answer: float = _rate("share carried out, but the connection is closed without an answer")
    rate_late: float = _rate("share of writes carried out only after the client gave up")
    late_s: float = _opt(1.0, "late: time from the request until it is carried out", UP_TO_AN_HOUR)
    late_mode: Literal["close", "hang"] = _opt("close", "late: close the connection, or keep it open")
    rate_slow_body: float = _rate("share whose body comes in small pieces")
    slow_body_s: float = _opt(1.0, "slow body: time from its first to its last piece", UP_TO_AN_HOUR)
    rate_garbage: float = _rate("share carried out, but with a body that is not JSON")
    rate_short_data: float = _rate("share of writes carried out, but with a result missing in `data[]`")
    rate_empty_200: float = _rate("share of reads answered 200 with an empty or wrong body")
    empty_200_body: Literal["any", EmptyBody] = _opt("any", "which empty or wrong body")

    def __post_init__(self) -> None:
        """Raises BadValue for a value that the option does not take."""
        hints = hints_of_options()
        for each in fields(self):
            value = getattr(self, each.name)
            why = problem_of(value, hints[each.name], each.metadata["within"], each.metadata["like"])
            if why:
                raise BadValue(each.name, why)

    def changed(self, changes: dict[str, Any]) -> Options:
        """A copy with `changes`. Raises ValueError for an option that cannot change at run time."""
        unknown = sorted(set(changes) - LIVE)
        if unknown:
            raise ValueError(f"not a run-time option: {shown(unknown[0])}")
        return replace(self, **changes)


@cache
def hints_of_options() -> dict[str, Any]:
    return get_type_hints(Options)


def shown(value: Any) -> str:
    """A value as messages quote it."""
    text = f"{value:.10g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= SHOWN_LENGTH else text[:SHOWN_LENGTH] + "…"


def problem_of(  # noqa: PLR0911  # a table
    value: Any, hint: Any, within: Within = ANY_COUNT, like: Like | None = None
) -> str | None:
    """Why a field of the type `hint` does not take the value, or None. The words continue a sentence that the
    field's name begins."""
    choices = get_args(hint)
    if get_origin(hint) is Literal:
        if type(value) is str and value in choices:
            return None
        return f"must be one of {', '.join(map(str, choices))}, not {shown(value)}"
    if choices:  # a type, or None
        return None if value is None else problem_of(value, choices[0], within, like)
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
