"""What goes back over the wire: an answer, and Zoho's error envelope, whole-call and per-record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and extra headers. A body of None is an answer without one (204, 304)."""

    status: int
    body: bytes | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = b"application/json;charset=UTF-8"


class Refused(Exception):
    """Zoho refuses the call, or (inside a batch) the record.

    `wrapped`: the refusal of a whole call is the only element of `data[]`, as some are in writes (OAS).
    """

    def __init__(
        self,
        code: str,
        message: str,
        details: Json | None = None,
        status: int = 400,
        *,
        wrapped: bool = False,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.details = details if details is not None else {}
        self.status = status
        self.wrapped = wrapped

    def envelope(self) -> Json:
        return {"code": self.code, "details": self.details, "message": self.message, "status": "error"}

    def answer(self) -> Answer:
        envelope = self.envelope()
        return Answer(self.status, orjson.dumps({"data": [envelope]} if self.wrapped else envelope))


def json_answer(value: Any, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
    return Answer(status, orjson.dumps(value), headers)


NO_CONTENT = Answer(204)


NAMED: dict[str, tuple[str, Json]] = {
    "AUTHENTICATION_FAILURE": ("Authentication failed", {}),
    "AUTHORIZATION_FAILED": (
        "User does not have sufficient privilege to perform this action",
        {"resource_path_index": 0},
    ),
    "DEPENDENT_SERVICE_ERROR": (
        "The dependent service does not have permission to complete the operation",
        {"dependency_error": "NO_PERMISSION"},
    ),
    "INTERNAL_ERROR": ("Internal Server Error", {}),
    "INVALID_REQUEST_METHOD": (
        "The http request method type is not a valid one",
        {"resource_path_index": 0},
    ),
    "INVALID_TOKEN": ("invalid oauth token", {}),
    "NO_PERMISSION": ("Permission denied", {"permissions": ["Crm_Implied_View_Leads"]}),
}
"""Message and details of refusals, as the OAS examples of record calls have them."""


def named(
    code: str,
    message: str | None = None,
    details: Any = None,
    status: int = 400,
    *,
    wrapped: bool = False,
) -> Refused:
    """The refusal of this code, with the message and the details of the documents where none are given."""
    known_message, known_details = NAMED.get(code, (code.replace("_", " ").lower(), {}))
    return Refused(
        code,
        known_message if message is None else message,
        known_details if details is None else details,
        status,
        wrapped=wrapped,
    )


def dead_token(code: str) -> Refused:
    return named(code, status=401)


def invalid_module(*, wrapped: bool = False) -> Refused:
    text = "the module name given seems to be invalid"
    return Refused("INVALID_MODULE", text, {"resource_path_index": 0}, wrapped=wrapped)


def unreadable_body() -> Refused:
    return Refused("INVALID_DATA", "either the request body or parameters is in wrong format")


def missing_param(name: str) -> Refused:
    return Refused("REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", {"param_name": name})


def bad_param(name: str, **more: Any) -> Refused:
    return Refused("INVALID_DATA", "invalid data", {"param_name": name, **more})
