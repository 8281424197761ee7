"""Zoho's limits and prices: sizes of calls, credits, calls in flight.

Source: zoho.com/crm/developer/docs/api/v8/api-limits.html, unless a line says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

RECORDS_PER_WRITE = 100
"""Insert, update, upsert and delete (v8 insert-records, update-records, upsert-records, delete-records)."""

RECORDS_PER_PAGE = 200  # List and search (v8 get-records)

IDS_PER_READ = 100
"""Ids in one `ids=` of a list call: as many as in a write, so that the URL stays short."""

FIELDS_PER_READ = 50  # fields of one list call, and columns of one COQL query

COQL_ROWS_PER_CALL = 2_000  # v8 COQL-Limitations

COQL_CRITERIA = 25  # conditions in WHERE
COQL_IN_VALUES = 50  # values of one `in` in WHERE

SUBFORM_ROWS = 200  # rows of all subforms of one record; a layout may allow fewer (zoho-api 14.21)

HEAVY_IN_FLIGHT = 10
"""Sub-concurrency: COQL, sorted lists and writes of more than ten records share it, in every edition."""

HEAVY_FROM_RECORDS = 11  # A write with this many records is heavy

CALLS_IN_FLIGHT = 25  # the most of any edition (Ultimate)

CALLS_IN_FLIGHT_EVERYWHERE = 5  # the least of any edition (Free)

TOKEN_LIFE_S = 3_600  # v8 token-validity

TOKENS_PER_WINDOW = 10
TOKEN_WINDOW_S = 600.0
"""Ten access tokens in ten minutes; with more the client is locked out (v8 token-validity)."""

CREDIT_WINDOW_S = 24 * 3_600.0  # Credits come back 24 hours after they were spent; there is no midnight


@dataclass(frozen=True, slots=True)
class Edition:
    """Credits per rolling 24 hours: `base + users * per_user`, at most `ceiling`. Calls in flight per app."""

    base: int
    per_user: int
    ceiling: int | None
    in_flight: int


_FREE = Edition(5_000, 0, 5_000, 5)
_STANDARD = Edition(50_000, 250, 100_000, 10)
_PROFESSIONAL = Edition(50_000, 500, 3_000_000, 15)
_ENTERPRISE = Edition(50_000, 1_000, 5_000_000, 20)
_ULTIMATE = Edition(50_000, 2_000, None, 25)

EDITIONS: Mapping[str, Edition] = MappingProxyType(
    {
        "free": _FREE,
        "standard": _STANDARD,
        "starter": _STANDARD,
        "professional": _PROFESSIONAL,
        "enterprise": _ENTERPRISE,
        "zohoone": _ENTERPRISE,
        "ultimate": _ULTIMATE,
        "crmplus": _ULTIMATE,
    }
)
"""By `license_details.paid_type` of GET /org, folded to letters."""


def edition_of(paid_type: str) -> Edition | None:
    """The edition by its name in any spelling. None if it is not in the table."""
    return EDITIONS.get("".join(letter for letter in paid_type.lower() if letter.isalpha()))


def credit_allowance(paid_type: str, users: int) -> int | None:
    """The org's credits for 24 hours, without add-ons. None if the edition is not in the table."""
    edition = edition_of(paid_type)
    if edition is None:
        return None
    credits = edition.base + users * edition.per_user
    return credits if edition.ceiling is None else min(credits, edition.ceiling)


def write_credits(operation: Literal["insert", "update", "upsert", "delete"], records: int) -> int:
    """One credit for each ten records or part of ten; a delete costs one."""
    return 1 if operation == "delete" else max(1, -(-records // 10))


def coql_credits(limit: int) -> int:
    """By LIMIT: up to 200 one credit, up to 1,000 two, up to 2,000 three."""
    if limit <= 200:
        return 1
    return 2 if limit <= 1_000 else 3


def list_credits(*, custom_view: bool) -> int:
    """A page of a list: one credit, three with `cvid`."""
    return 3 if custom_view else 1


def is_heavy_write(operation: str, records: int) -> bool:
    """Whether the write counts towards the sub-concurrency. A delete never does."""
    return operation != "delete" and records >= HEAVY_FROM_RECORDS
