"""An HTTP answer, and Zoho's refusals: of a whole call, or of one record in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

Json = dict[str, Any]
Headers = tuple[tuple[bytes, bytes], ...]

UNKNOWN_ID = "the id given seems to be invalid"
FIRST_SEGMENT: Json = {"resource_path_index": 0}


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and extra headers. `body` is None for an answer without a body (204, 304)."""

    status: int
    body: bytes | None = None
    headers: Headers = ()
    content_type: bytes = b"application/json;charset=UTF-8"


def error(code: str, message: str, details: Any) -> Json:
    """Zoho's error object."""
    return {"code": code, "details": details, "message": message, "status": "error"}


class Refused(Exception):
    """Zoho refuses the call or, inside a batch, the record.

    `wrapped`: the error object is the only element of `data[]`, as it is for some refused writes (OAS).
    """

    def __init__(
        self, code: str, message: str, details: Any = None, status: int = 400, *, wrapped: bool = False
    ) -> None:
        super().__init__(code)
        self.error = error(code, message, {} if details is None else details)
        self.status = status
        self.wrapped = wrapped

    def answer(self) -> Answer:
        return json_answer({"data": [self.error]} if self.wrapped else self.error, self.status)


def json_answer(value: Any, status: int = 200, headers: Headers = ()) -> Answer:
    return Answer(status, orjson.dumps(value), headers)


NO_CONTENT = Answer(204)


DOCUMENTED: dict[str, tuple[str, Json]] = {
    "AUTHENTICATION_FAILURE": ("Authentication failed", {}),
    "AUTHORIZATION_FAILED": ("User does not have sufficient privilege to perform this action", FIRST_SEGMENT),
    "DEPENDENT_SERVICE_ERROR": (
        "The dependent service does not have permission to complete the operation",
        {"dependency_error": "NO_PERMISSION"},
    ),
    "FEATURE_NOT_SUPPORTED": ("feature not available in this edition", {}),
    "INTERNAL_ERROR": ("Internal Server Error", {}),
    "INVALID_REQUEST_METHOD": ("The http request method type is not a valid one", FIRST_SEGMENT),
    "INVALID_TOKEN": ("invalid oauth token", {}),
    "NO_PERMISSION": ("Permission denied", {"permissions": ["Crm_Implied_View_Leads"]}),
}
"""Message and details of a code, as the OAS examples have them."""


def documented(
    code: str, message: str | None = None, details: Any = None, status: int = 400, *, wrapped: bool = False
) -> Refused:
    """The refusal with this code. Message and details are the documented ones unless they are given."""
    known_message, known_details = DOCUMENTED.get(code, (code.replace("_", " ").lower(), {}))
    return Refused(
        code,
        known_message if message is None else message,
        known_details if details is None else details,
        status,
        wrapped=wrapped,
    )


def invalid_data(*, wrapped: bool = False, **details: Any) -> Refused:
    return Refused("INVALID_DATA", "invalid data", details, wrapped=wrapped)


def unknown_id(**details: Any) -> Refused:
    return Refused("INVALID_DATA", UNKNOWN_ID, details)


def invalid_module(details: Json | None = FIRST_SEGMENT, *, wrapped: bool = False) -> Refused:
    return Refused("INVALID_MODULE", "the module name given seems to be invalid", details, wrapped=wrapped)


def no_such_url() -> Refused:
    text = "Please check if the URL trying to access is a correct one"
    return Refused("INVALID_URL_PATTERN", text, status=404)


def unreadable_body() -> Refused:
    return Refused("INVALID_DATA", "either the request body or parameters is in wrong format")


def missing_param(name: str) -> Refused:
    return Refused("REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", {"param_name": name})
