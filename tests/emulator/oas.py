"""A small checker of values against Zoho's OpenAPI files, which reach across each other by URL.

Only what those files use: type, enum, properties, required, items, format, nullable, $ref, oneOf, anyOf,
allOf. `oneOf` is read as "at least one": most of their alternatives have no required keys, so several fit.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

BESIDE_THE_REPO = Path(__file__).parents[3] / "shared" / "oas" / "v8.0"
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def folder() -> Path | None:
    """Where the files are: ZMIGRATE_OAS, or beside the repository; None when they are not there."""
    place = Path(os.environ.get("ZMIGRATE_OAS") or BESIDE_THE_REPO)
    return place if (place / "record.json").is_file() else None


@cache
def document(name: str) -> Any:
    place = folder()
    assert place is not None
    return json.loads((place / f"{name}.json").read_text())


def resolve(schema: Any, name: str) -> tuple[Any, str]:
    """The schema behind `$ref`, and the file that it stands in."""
    while "$ref" in schema:
        where, _, pointer = schema["$ref"].partition("#/")
        name = Path(where).stem or name
        schema = document(name)
        for step in pointer.split("/"):
            schema = schema[step]
    return schema, name


def response_schema(name: str, method: str, path: str, status: str) -> Any:
    """The schema of an answer's JSON body."""
    response = document(name)["paths"][path][method]["responses"][status]
    response, name = resolve(response, name)
    return response["content"]["application/json"]["schema"]


def mismatches(value: Any, schema: Any, name: str, at: str = "$") -> list[str]:
    """Where `value` is not as the schema has it: `place: what`, array places written as `[]`."""
    schema, name = resolve(schema, name)
    if value is None:
        return [] if schema.get("nullable") else [f"{at}: null"]
    for word in ("oneOf", "anyOf"):
        if word in schema:
            tried = [mismatches(value, branch, name, at) for branch in branches(schema[word], value)]
            return min(tried, key=lambda found: (len(found), found))
    found = [one for branch in schema.get("allOf", ()) for one in mismatches(value, branch, name, at)]
    kind = schema.get("type")
    if kind and (not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return [*found, f"{at}: {type(value).__name__} for {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} not among the values")
    if schema.get("format") == "date-time" and not is_datetime(value):
        found.append(f"{at}: no date-time")
    if kind == "array":
        for item in value:
            found += mismatches(item, schema.get("items", {}), name, f"{at}[]")
    if isinstance(value, dict):
        found += [f"{at}.{key}: missing" for key in schema.get("required", ()) if key not in value]
        for key, inner in schema.get("properties", {}).items():
            if key in value:
                found += mismatches(value[key], inner, name, f"{at}.{key}")
    return found


def branches(schemas: list[Any], value: Any) -> list[Any]:
    """The alternatives for errors where the value is an error, else the others."""
    is_error = isinstance(value, dict) and value.get("status") == "error"
    fitting = [one for one in schemas if one.get("$ref", "").endswith(("Exception", "Error")) == is_error]
    return fitting or schemas


def is_datetime(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
