"""No workflow, approval or mail, unless the author of a call asks for it. Nothing is sent here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from zmigrate.errors import UsageError
from zmigrate.zoho.facts.triggers import TRIGGERS, Switch, are_triggers, loudness, switch_of
from zmigrate.zoho.paths import checked, taken_apart

CADENCES: Final = [{"name": "cadences"}]
UPSERT_CADENCES: Final = [{"name": "cadences", "action": "insert"}, {"name": "cadences", "action": "update"}]

_COMPOSITE: Final = "__composite_requests"
_TRIGGER_NAMES: Final = frozenset({"trigger", "wf_trigger", "restrict_triggers"})
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

_REFERENCE: Final = re.compile(r"@\{[^{}/]*\}")
"""A value from another part's answer, in the path of a part."""

_BEHIND_A_MODULE: Final = re.compile(r"/crm(?:/[a-z]+)?/v[0-9.]+/[A-Za-z_][A-Za-z0-9_]*/")
"""The beginning of a path in which a reference is a record's id, or comes after it."""

_BODY_HINT: Final = 'Write it as {"data": [...]}; to run workflows add "trigger": ["workflow"] beside it.'


def is_composite(path: str) -> bool:
    """Whether a call holds several others (OpenAPI composite_requests)."""
    return taken_apart(path).parts == (_COMPOSITE,)


def silenced(method: str, path: str, params: Mapping[str, Any], json: Any) -> tuple[Mapping[str, Any], Any]:
    """The parameters and body of a call, so that it sets nothing off unless they ask for it.

    Raises UsageError if they ask in a way that Zoho would not understand: then all automations would run.
    """
    if is_composite(path) and method != "GET":
        return params, _silenced_parts(json)
    switch = switch_of(method, path)
    if switch is None:
        return params, json
    _refuse_misplaced(method, path, params, switch)
    if switch.place == "params":
        return {**params, switch.name: _said_in_params(params, switch)}, json
    return params, None if json is None else _silenced_body(method, path, json, switch)


def what_it_sets_off(method: str, path: str, json: Any) -> str | None:
    """Why a call may set off workflows and mails although nobody asked for it. None if it does not."""
    if not is_composite(path):
        return loudness(method, path)
    for part in _parts(json):
        uri = _REFERENCE.sub("0", str(part.get("uri")))
        why = loudness(str(part.get("method")).upper(), uri)
        if why is not None:
            return f"{part.get('method')} {uri}: {why}"
    return None


def _silenced_body(method: str, path: str, json: Any, switch: Switch) -> dict[str, Any]:
    if not isinstance(json, dict):
        raise UsageError(f"The body of {method} {path} is not an object.", hint=_BODY_HINT)
    said = {key: value for key, value in json.items() if value is not None or key not in _SAID_BY_NULL}
    trigger = said.get(switch.name)
    if trigger is None and "wf_trigger" in said:
        raise UsageError(
            f"The body of {method} {path} has `wf_trigger`, whose meaning is not documented.", hint=_BODY_HINT
        )
    if trigger is not None and not are_triggers(trigger):
        raise UsageError(
            f"`trigger` in the body of {method} {path} is {str(trigger)[:80]!r}.",
            hint=f'It is a list of {", ".join(TRIGGERS)}, as in "trigger": ["workflow"]; empty for none.',
        )
    silent: dict[str, Any] = {switch.name: list(switch.silent)}
    if switch.cadences:
        upsert = taken_apart(path).rest == ("upsert",)
        silent["skip_feature_execution"] = UPSERT_CADENCES if upsert else CADENCES
    return {**silent, **said}


_SAID_BY_NULL: Final = frozenset({"trigger", "skip_feature_execution"})
"""Keys for which null means the same as absence, which sets everything off."""


def _refuse_misplaced(method: str, path: str, params: Mapping[str, Any], switch: Switch) -> None:
    """Refuse a trigger parameter that this call does not take."""
    for name in params:
        if str(name).lower() in _TRIGGER_NAMES and (name != switch.name or switch.place != "params"):
            raise UsageError(
                f"{method} {path} takes no parameter {name!r}.",
                hint=_BODY_HINT if switch.place == "body" else f"Its parameter is {switch.name}.",
            )


def _said_in_params(params: Mapping[str, Any], switch: Switch) -> Any:
    if switch.name not in params:
        return switch.silent
    value = params[switch.name]
    if switch.name == "wf_trigger" and str(value).lower() not in {"true", "false"}:
        raise UsageError(f"wf_trigger is {str(value)[:80]!r}.", hint="It is true or false.")
    return value


def _silenced_parts(json: Any) -> Any:
    parts = json.get(_COMPOSITE, ()) if isinstance(json, dict) else None
    if not isinstance(parts, list | tuple) or not all(isinstance(part, dict) for part in parts):
        raise UsageError(
            f"The body of a composite request has no list {_COMPOSITE} of objects.",
            hint=f'Write it as {{"{_COMPOSITE}": [{{"method": "POST", "uri": "/crm/v8/Leads", ...}}]}}',
        )
    return {**json, _COMPOSITE: [_silenced_part(part) for part in parts]} if parts else json


def _silenced_part(part: Mapping[str, Any]) -> dict[str, Any]:
    method, uri, params = part.get("method"), part.get("uri"), part.get("params") or {}
    if not isinstance(method, str) or method.upper() not in _METHODS or not isinstance(uri, str):
        raise UsageError(
            "A part of a composite request has no method or no uri.",
            hint='Write each as {"method": "POST", "uri": "/crm/v8/Leads", "body": {...}, ...}',
        )
    if not isinstance(params, dict):
        raise UsageError(
            f"The params of {method} {uri} are not an object.", hint='Write them as {"ids": "1,2"}.'
        )
    if _REFERENCE.search(uri) is not None and _BEHIND_A_MODULE.match(uri) is None:
        raise UsageError(
            f"The uri {uri[:200]!r} has a reference in place of its module, so what it writes is not known.",
            hint="A reference may follow the module, as a record's id: /crm/v8/Leads/@{1:$.data[0].id}",
        )
    path = checked(_REFERENCE.sub("0", uri))
    if is_composite(path):
        raise UsageError("A composite request can't be a part of another one.")
    params, body = silenced(method.upper(), path, params, part.get("body"))
    changed = {"params": params} if params else {}
    return {**part, **changed, **({"body": body} if "body" in part else {})}


def _parts(json: Any) -> Iterator[Mapping[str, Any]]:
    parts = json.get(_COMPOSITE) if isinstance(json, dict) else None
    for part in parts if isinstance(parts, list | tuple) else ():
        if isinstance(part, dict):
            yield part
