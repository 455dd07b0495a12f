"""A small checker for the part of JSON Schema that film.schema.json uses.

It exists for its messages: they name the table as it stands in the file, the nearest right key,
and an example of what was expected. That it says yes and no just as JSON Schema does is tested.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import cast

from mpirender.errors import UsageError

__all__ = ["KEYWORDS", "Schema", "check", "defaults", "film_schema"]

Schema = Mapping[str, object]
"""A JSON Schema, or a part of one."""

KEYWORDS = frozenset(
    (
        "$defs",
        "$id",
        "$ref",
        "$schema",
        "additionalProperties",
        "default",
        "description",
        "examples",
        "exclusiveMinimum",
        "items",
        "maxItems",
        "maximum",
        "minItems",
        "minimum",
        "pattern",
        "properties",
        "required",
        "title",
        "type",
    )
)
"""All that the checker understands."""

_NAMES = {
    "object": "a table",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
}


@cache
def film_schema() -> Schema:
    """Return the schema of film.toml."""
    text = files("mpirender.film").joinpath("film.schema.json").read_text(encoding="utf-8")
    return cast(Schema, json.loads(text))


def defaults(properties: Schema) -> dict[str, object]:
    """Return the value of each key that a schema has a default for."""
    parts = ((key, cast(Schema, part)) for key, part in properties.items())
    return {key: part["default"] for key, part in parts if "default" in part}


def check(value: object, schema: Schema) -> None:
    """Refuse what a schema does not allow.

    Parameters
    ----------
    value : object
        Of dict, list, str, int, float and bool.
    schema : Schema
        With `KEYWORDS` only.

    Raises
    ------
    UsageError
        For the first fault; the message begins with the place, such as ``[shot 2 "walk"]: ``.
    """
    _Checker(schema).check(value, schema, "", "")


class _Checker:
    """Walks a value and its schema side by side.

    A place is a table's heading and a key in it, both for people.
    """

    def __init__(self, root: Schema) -> None:
        self._root = root

    def check(self, value: object, schema: Schema, table: str, key: str) -> None:
        if "$ref" in schema:
            defs = cast(Mapping[str, Schema], self._root["$defs"])
            schema = defs[str(schema["$ref"]).removeprefix("#/$defs/")]
        kinds = _kinds(schema)
        if not any(_is(value, kind) for kind in kinds) or not _in_range(value, schema):
            raise _refusal(value, schema, f"{table}{key}: " if key else table)
        if isinstance(value, dict):
            self._table(value, schema, table)
        elif isinstance(value, list) and "items" in schema:
            item_schema = cast(Schema, schema["items"])
            for number, item in enumerate(value, 1):
                place = f"{key} {number}"
                if isinstance(item, dict):
                    self.check(item, item_schema, _heading(place, item), "")
                else:
                    self.check(item, item_schema, table, place)

    def _table(self, value: dict[str, object], schema: Schema, table: str) -> None:
        known = cast(Mapping[str, Schema], schema.get("properties", {}))
        others = schema.get("additionalProperties", False)
        for key, item in value.items():
            if key not in known and not others:
                raise _unknown(key, tuple(known), table)
            part = known.get(key, cast(Schema, others))
            is_table = isinstance(item, dict) and part.get("type") == "object"
            place = _heading(f"{_inner(table)}{key}", {}) if is_table else table
            self.check(item, part, place, key)
        for key in cast(list[str], schema.get("required", [])):
            if key not in value:
                raise UsageError(
                    f"{table}missing key {key!r}", hint=f"{key} is {_wanted(known[key])}"
                )


def _refusal(value: object, schema: Schema, place: str) -> UsageError:
    hint = str(schema.get("description", ""))
    if isinstance(value, dict) and "array" in _kinds(schema):
        hint = "write two brackets around the name of the table: there may be several"
    return UsageError(f"{place}got {_shown(value)}, expected {_wanted(schema)}", hint=hint)


def _unknown(key: str, known: tuple[str, ...], table: str) -> UsageError:
    nearest = get_close_matches(key, known, n=1)
    question = f", did you mean {nearest[0]!r}?" if nearest else ""
    return UsageError(
        f"{table}unknown key {key!r}{question}", hint=f"there are: {', '.join(sorted(known))}"
    )


def _heading(name: str, table: Mapping[str, object]) -> str:
    """Return ``[shot 2 "walk"]: `` where the table has a name."""
    called = table.get("name", table.get("file"))
    return f"[{name} {_shown(called)}]: " if isinstance(called, str) and called else f"[{name}]: "


def _inner(heading: str) -> str:
    """Return what stands before a key in the heading of a table within a table."""
    return f"{heading.removeprefix('[').removesuffix(']: ')} " if heading else ""


def _kinds(schema: Schema) -> list[str]:
    kinds = schema["type"]
    return [kinds] if isinstance(kinds, str) else cast(list[str], kinds)


def _is(value: object, kind: str) -> bool:
    """Return whether a value is of one of JSON Schema's types; 2.0 is a whole number there."""
    if isinstance(value, bool):
        return False
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return {
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "string": isinstance(value, str),
        "integer": whole,
        "number": isinstance(value, int | float),
    }[kind]


def _in_range(value: object, schema: Schema) -> bool:
    """Return whether a text has its pattern, a number its bounds, a list its length."""
    if isinstance(value, str):
        return re.fullmatch(str(schema.get("pattern", "(?s).*")), value) is not None
    bound = cast(Mapping[str, float], schema)
    if isinstance(value, list):
        return bound.get("minItems", 0) <= len(value) <= bound.get("maxItems", len(value))
    if not isinstance(value, int | float):
        return True
    above = value > bound["exclusiveMinimum"] if "exclusiveMinimum" in schema else True
    return above and bound.get("minimum", value) <= value <= bound.get("maximum", value)


def _wanted(schema: Schema) -> str:
    """Return what a schema asks for: types, bounds, an example."""
    words = " or ".join(_NAMES[kind] for kind in _kinds(schema))
    bounds = [
        f"{word} {schema[name]}"
        for name, word in (("exclusiveMinimum", "above"), ("minimum", "from"), ("maximum", "to"))
        if name in schema
    ]
    if bounds:
        words += f" {' '.join(bounds)}"
    examples = cast(list[object], schema.get("examples", []))
    return f"{words}, such as {_shown(examples[0])}" if examples else words


def _shown(value: object) -> str:
    """Return a value as it would stand in the file, shortened."""
    text = "a table" if isinstance(value, dict) else json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
