"""Why a row is refused, skipped or in doubt: data, from where it is found out to whoever shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple


class Reason(NamedTuple):
    """One reason. A row may have several."""

    code: str
    """Zoho's or ours; empty of a remark, which adds to the reasons before it."""
    field: str | None
    """The field's API name; of a value in a row of a subform the whole place: `Service_Log[1].Part`."""
    message: str
    value: str | None = None
    """The value at fault, as it is shown."""
    remedy: str | None = None
    """What a person can do: a sentence, or what follows on the message behind a semicolon."""
    ambiguous: bool = False
    """The value could be read in several ways."""


def told(reason: Reason) -> str:
    """The message, and what to do."""
    if not reason.remedy:
        return reason.message
    message = reason.message.removesuffix(".")  # of an error's, which is a whole sentence
    return f"{message}{'. ' if reason.remedy[0].isupper() else '; '}{reason.remedy}"


def without_secrets(reason: Reason, hide: Callable[[object], str]) -> Reason:
    """The reason as it may be kept and shown. `hide`: a text without the job's secrets."""
    value = None if reason.value is None else hide(reason.value)
    return reason._replace(message=hide(reason.message), value=value)


def all_told(reasons: Sequence[Reason]) -> str:
    """The messages of a row's reasons in one text, each with its field where there are several."""
    several = len({reason.field for reason in reasons if reason.field}) > 1
    messages = (
        f"{reason.field}: {told(reason)}" if several and reason.field else told(reason) for reason in reasons
    )
    return "; ".join(dict.fromkeys(messages))
