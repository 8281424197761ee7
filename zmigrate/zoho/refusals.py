"""What Zoho says when it refuses a call: whom the refusal concerns, and the error that it becomes.

Source: the OpenAPI examples of `record`, and zoho-api 4 and 14.12: some refusals of a whole call stand in
`data[]`, as one element whatever the number of records sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import orjson

from zmigrate.errors import Fatal, OrgFull, RefusedError, Retryable, ScopeError, UsageError, ZmigrateError
from zmigrate.zoho import coql
from zmigrate.zoho.barriers import BLOCK_PAGE
from zmigrate.zoho.facts import codes
from zmigrate.zoho.facts.codes import Meaning
from zmigrate.zoho.facts.scopes import scopes_of_call
from zmigrate.zoho.record_calls import is_query

if TYPE_CHECKING:
    from zmigrate.zoho.answers import Call

_TEXT_CUT = 300

_OF_A_ROW = re.compile(r"\$\.data\[(\d{1,9})\]")
"""Where in the request a refusal points: `$.data[3].Last_Name` is in the fourth record."""

_MAY_BE_ONE_RECORD = frozenset({400, 413, 414, 415})
"""Statuses of refusals that one of the records may be at fault for: its values, its size."""

Concerns: TypeAlias = int | Literal["call", "unknown"]
"""Whom a refusal concerns: a record by its place from 0, the whole call, or Zoho does not say."""


def code_of(body: object) -> str:
    """The `code` of an error as text (old answers have a number there), cut to what a code may hold."""
    code = body.get("code") if isinstance(body, dict) else None
    return re.sub(r"\W", "", str(code))[:60] if isinstance(code, str | int) else ""


def is_error(body: object) -> bool:
    return isinstance(body, dict) and body.get("status") == "error"


def details_of(body: object) -> Mapping[str, Any]:
    """The `details` of an error or a success; empty where they are no object."""
    details = body.get("details") if isinstance(body, dict) else None
    return details if isinstance(details, dict) else {}


def concerns(error: object, rows: int) -> Concerns:
    """Whom a refusal concerns, where it came alone for so many records."""
    errors = details_of(error).get("errors") if code_of(error) == codes.SEVERAL else None
    each = [_concerns_one(one, rows) for one in errors] if isinstance(errors, list) and errors else []
    found = each or [_concerns_one(error, rows)]
    if "call" in found:
        return "call"
    return found[0] if len(set(found)) == 1 else "unknown"


def _concerns_one(error: object, rows: int) -> Concerns:
    details = details_of(error)
    if "resource_path_index" in details:
        return "call"
    path = details.get("json_path")
    if not isinstance(path, str) or not path:
        return "unknown"
    match = _OF_A_ROW.match(path)
    return int(match[1]) if match is not None and int(match[1]) < rows else "call"


def refusal(call: Call, status: int, body: object, rows: int = 0) -> ZmigrateError:
    """The error for a refusal of a whole call. `rows`: how many records the call had.

    ScopeError, RefusedError: scope and permission. OrgFull: no more records fit in. Retryable: a service
    inside Zoho failed. Fatal: refused for good; it names the record at fault, or says that it may be one.
    """
    error = _error_in(body)
    code = code_of(error) or f"HTTP_{status}"
    message = f"Zoho refuses {call.method} {call.path}: {code}{_said(error)} (status {status})."
    if code == codes.SCOPE_CODE:
        return _scope_error(call, message)
    if status == 401:
        return RefusedError(
            f"Zoho refuses a fresh token at {call.method} {call.path}: {code}.",
            hint="The client may have been removed or its owner deactivated: see Zoho's API console. Or the"
            " token's api_domain is of another data centre.",
            code=code,
        )
    hint = codes.WHAT_TO_DO.get(code)
    meaning = codes.speaks_of_org(code)
    if meaning is Meaning.FULL:
        return OrgFull(message, hint=hint, code=code)
    if meaning is Meaning.LATER:
        return Retryable(message, status=status, code=code, hint=hint)
    if status == 403 or code in codes.PERMISSION_CODES:
        return _permission_error(error, message, code)
    whom = concerns(error, rows)
    halves = meaning is None and whom == "unknown" and status in _MAY_BE_ONE_RECORD
    row = whom if isinstance(whom, int) else None
    return Fatal(message, status=status, code=code, hint=hint, may_be_one_record=halves, row=row)


def _error_in(body: object) -> object:
    """The refusal itself, where it is wrapped in `data[]`."""
    elements = body.get("data") if isinstance(body, dict) else None
    if code_of(body) or not isinstance(elements, list):
        return body
    return next((one for one in elements if is_error(one) or code_of(one) not in {"", "SUCCESS"}), body)


def blocked(call: Call, status: int) -> Fatal:
    """The error for a firewall's page in place of Zoho's answer. Of a write, or of a query for the keys of
    rows, one record may be to blame: its text looks like an attack."""
    return Fatal(
        f"{call.method} {call.path} did not reach Zoho: a firewall or proxy answered it with a web page"
        f" (status {status}).",
        status=status,
        code=BLOCK_PAGE,
        hint="Ask whoever runs the firewall or proxy to let requests to Zoho's API through. Firewalls often"
        " block text that looks like HTML, a script or SQL.",
        may_be_one_record=call.expect is not None or is_query(call.path),
    )


def _permission_error(error: object, message: str, code: str) -> RefusedError:
    """The profile lacks permissions, or the org's edition lacks a feature (zoho-api 14.13)."""
    permissions = permissions_of(error)
    if permissions:
        message += f" Missing: {', '.join(permissions)}."
    hint = codes.WHAT_TO_DO.get(code)
    if not permissions and (hint is None or code in codes.PERMISSION_CODES):
        said = error.get("message") if isinstance(error, dict) else None
        if isinstance(said, str) and _OF_THE_EDITION.search(said):
            hint = codes.NO_FEATURE
    return RefusedError(message, hint=hint or codes.WHAT_TO_DO["NO_PERMISSION"], code=code)


_OF_THE_EDITION = re.compile(r"\b(?:edition|licen[cs]e|subscription|upgrade|feature)", re.IGNORECASE)
"""Words with which Zoho says that the org has not paid for something. They only choose the advice."""


def _scope_error(call: Call, message: str) -> ScopeError:
    needed = scopes_of_call(call.method, call.path, queried=_queried(call))
    hint = (
        f"It needs {' and '.join(needed)}." if needed else "Check the scopes that Zoho's page names for it."
    )
    return ScopeError(
        message, hint=f"{hint} Declare it in the job's scopes.", code=codes.SCOPE_CODE, needed=needed
    )


def _queried(call: Call) -> tuple[str, ...]:
    """The modules that a query reads, as far as its text tells."""
    if not is_query(call.path) or call.content is None:
        return ()
    try:
        return coql.parse(orjson.loads(call.content)["select_query"]).modules
    except (ValueError, TypeError, KeyError, AttributeError, UsageError):  # an author's own call
        return ()


def permissions_of(error: object) -> list[str]:
    """The permissions that Zoho names as missing; it may name one as a text."""
    told = details_of(error).get("permissions")
    names = told if isinstance(told, list) else [told]
    return [name[:80] for name in names if isinstance(name, str) and name]


_SAID: Iterable[str] = (
    "param_name",
    "api_name",
    "column_name",
    "clause",
    "near",
    "reason",
    "limit",
    "max_no_of_records",
    "json_path",
)
"""Details that say where a refusal lies, or how much there may be."""


def _said(error: object) -> str:
    """Zoho's own message and the details that say where, on one line."""
    message = error.get("message") if isinstance(error, dict) else None
    parts = [message] if isinstance(message, str) else []
    for key in _SAID:
        value = details_of(error).get(key)
        if isinstance(value, str | int):
            parts.append(f"{key}={value}")
    text = " ".join(", ".join(parts).split())[:_TEXT_CUT]
    return f", {text}" if text else ""
