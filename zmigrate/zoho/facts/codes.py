"""Zoho's error codes: what each means for a whole request, and what a person can do.

Source: zoho.com/crm/developer/docs/api/v8/status-codes.html and the OpenAPI files' examples; the codes of the
token endpoint come from the accounts pages and from recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

SCOPE_CODE = "OAUTH_SCOPE_MISMATCH"

THROTTLE_CODES = frozenset({"TOO_MANY_REQUESTS", "RATE_LIMIT_EXCEEDED", "429"})
"""Too many calls in flight, or the credits of 24 hours are spent; "429" is the form of old answers."""

PERMISSION_CODES = frozenset({"NO_PERMISSION", "AUTHORIZATION_FAILED"})


class Meaning(Enum):
    """What the refusal of a whole call means for the run. A code without a meaning may be about one record:
    halving the call finds it."""

    STOP = "no call of this kind is accepted: scope, permission, edition, module or path"
    FULL = "the org takes no more records"
    LATER = "a service inside Zoho failed: nothing was applied, and the same call may be accepted later"


WHOLE_CALL: Mapping[str, Meaning] = MappingProxyType(
    {
        "INVALID_MODULE": Meaning.STOP,
        "INVALID_URL_PATTERN": Meaning.STOP,
        "INVALID_REQUEST_METHOD": Meaning.STOP,
        "INVALID_HOST": Meaning.STOP,
        "API_NOT_SUPPORTED": Meaning.STOP,
        "FEATURE_NOT_SUPPORTED": Meaning.STOP,
        "FEATURE_NOT_ENABLED": Meaning.STOP,
        "NOT_SUPPORTED_FEATURE": Meaning.STOP,
        "NOT_SUPPORTED": Meaning.STOP,
        "NO_PERMISSION": Meaning.STOP,
        "AUTHORIZATION_FAILED": Meaning.STOP,
        SCOPE_CODE: Meaning.STOP,
        "MAX_RECORDS_LIMIT_REACHED": Meaning.FULL,
        "STORAGE_SPACE_EXCEEDED": Meaning.FULL,
        "LICENSE_LIMIT_EXCEEDED": Meaning.FULL,
        "DEPENDENT_SERVICE_ERROR": Meaning.LATER,
    }
)
"""By code (zoho-api 4.3 and 14.12). MAX_RECORDS_LIMIT_REACHED is from Zoho's post "New Error Code in CRM APIs
to Handle Data Storage Limits", LICENSE_LIMIT_EXCEEDED from the OpenAPI files of profiles and users."""

ALSO_OF_A_ROW = frozenset({"NO_PERMISSION", "NOT_SUPPORTED"})
"""Codes of WHOLE_CALL that Zoho also gives to a single record; then they mean nothing for the others."""

SEVERAL = "MULTIPLE_OR_MULTI_ERRORS"  # the code of a refusal with several others in `details.errors`


def speaks_of_org(code: str | None) -> Meaning | None:
    """What a code means for the org or the client. None if it is about a record."""
    return WHOLE_CALL.get(code or "")


NO_FEATURE = (
    "The org's edition does not have this, or it is not switched on: check both in Zoho's Setup, or do"
    " without it."
)
_NO_ROOM = "The org's data storage is full: delete records or buy storage, then resume with the rows left."

OF_A_RECORD = frozenset({"DUPLICATE_DATA"})  # codes that are always about a record, never about a call

ROW_IN_DOUBT = frozenset({"INTERNAL_ERROR"})
"""Codes that leave open whether anything was applied, for a row or for the call (zoho-api 4.3)."""

ABOUT_ITS_VALUES = frozenset(
    {
        "INVALID_DATA",
        "MANDATORY_NOT_FOUND",
        "EXPECTED_FIELD_MISSING",
        "DEPENDENT_FIELD_MISSING",
        "DEPENDENT_MISMATCH",
        "MAPPING_MISMATCH",
        "LIMIT_EXCEEDED",
    }
)
"""Codes of one row that are only about its values, so the row was never accepted (zoho-api 4.3)."""

WHAT_TO_DO: Mapping[str, str] = MappingProxyType(
    {
        "INVALID_MODULE": "Check the module's API name (Setup > Developer Hub > APIs > API names), and that"
        " the profile of the client's owner sees its tab.",
        "INVALID_URL_PATTERN": "Check the path; it begins with /crm/v8/ and names API names, not labels.",
        "INVALID_REQUEST_METHOD": "Check the HTTP method.",
        "REQUIRED_PARAM_MISSING": "Add the parameter; a list call always needs `fields`.",
        "LIMIT_EXCEEDED": "Ask for less in one call.",
        "EXPIRED_VALUE": "The page token has expired (24 hours): start the list again.",
        "PAGINATION_LIMIT_EXCEEDED": "A list reaches 100,000 records; page by id with a query instead.",
        "NO_PERMISSION": "Give the profile of the client's owner this permission (Setup > Security Control >"
        " Profiles).",
        "AUTHORIZATION_FAILED": "Give the client's owner a role or profile that may do this.",
        "FEATURE_NOT_SUPPORTED": NO_FEATURE,
        "FEATURE_NOT_ENABLED": NO_FEATURE,
        "NOT_SUPPORTED_FEATURE": NO_FEATURE,
        "NOT_SUPPORTED": NO_FEATURE,
        "MAX_RECORDS_LIMIT_REACHED": _NO_ROOM,
        "STORAGE_SPACE_EXCEEDED": _NO_ROOM,
        "LICENSE_LIMIT_EXCEEDED": "The licence allows no more: buy more licences or free some, then resume.",
        "DEPENDENT_SERVICE_ERROR": "A service inside Zoho failed; see status.zoho.com, then resume.",
        "SYNTAX_ERROR": "Check the query; more than two conditions need nested brackets: ((A and B) and C).",
        "INVALID_QUERY": "Check the query's columns and operators against the field's API name and type.",
    }
)


@dataclass(frozen=True, slots=True)
class TokenRefusal:
    """A refusal of the token endpoint: what it means and what to do in Zoho's console."""

    what: str
    hint: str
    about_scopes: bool = False
    transient: bool = False


_NO_SUCH_ORG = TokenRefusal(
    "The soid is not an org of the client's owner",
    "Set soid to ZohoCRM.<org id> of an org in which the client's owner is a user (Setup > Company Details).",
)
_NO_SELF_CLIENT = TokenRefusal(
    "This client may not use client credentials",
    "Make a Self Client in the API console, and use its id and secret.",
)
TOKEN_REFUSALS: Mapping[str, TokenRefusal] = MappingProxyType(
    {
        "invalid_client": TokenRefusal(
            "Zoho does not know this client",
            "Compare the client id with the API console (api-console.zoho.<your data centre>), check that the"
            " client is a Self Client, and that the data centre is the one where it was made: another"
            " one answers the same.",
        ),
        "invalid_client_secret": TokenRefusal(
            "The client secret is wrong", "Copy it again from the API console: Self Client > Client Secret."
        ),
        "invalid_scope": TokenRefusal(
            "Zoho does not grant these scopes",
            "Check the spelling of each scope, and that the org's edition has what it opens.",
            about_scopes=True,
        ),
        "missing_org_info": TokenRefusal(
            "The soid is missing or does not fit the scopes",
            "Set soid to ZohoCRM.<org id>; the org id is in Setup > Company Details, or in the CRM's"
            " address after /crm/org.",
        ),
        "invalid_soid": _NO_SUCH_ORG,
        "invalid_org": _NO_SUCH_ORG,
        "unsupported_grant_type": _NO_SELF_CLIENT,
        "invalid_grant": _NO_SELF_CLIENT,
        "unauthorized_client": _NO_SELF_CLIENT,
        "access_denied": TokenRefusal(
            "Zoho denies this client access",
            "Check in the API console that the client's owner is an active user of the org.",
        ),
        "general_error": TokenRefusal(
            "Zoho's accounts server failed",
            "Try again in some minutes; if it stays, check the soid and the scopes.",
            transient=True,
        ),
    }
)
"""By the answer's `error`, in lower case."""
