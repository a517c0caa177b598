"""An example for a JSON schema: the same value every time, as small as the schema allows."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

_DEEPEST = 16
_MOST_BYTES = 50_000
"""Schemas come from anyone: one that fans out must not make more than about this much."""
_MOST_CHARACTERS = 1_000
_FORMATS = {
    "date": "2025-01-01",
    "time": "12:00:00Z",
    "date-time": "2025-01-01T12:00:00Z",
    "email": "demo@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def example(schema: object) -> object:
    """A value that fits `schema`; patterns, conditions and `not` are beyond it. Null where none is found."""
    return _Making(schema).value(schema, "example", 0)


class _Making:
    def __init__(self, root: object) -> None:
        self._root = root
        self._left = _MOST_BYTES

    def value(self, schema: object, name: str, depth: int) -> object:
        """The example for a part of the schema that describes the property `name`."""
        if not isinstance(schema, dict) or depth > _DEEPEST or not self._affords(20 + len(name)):
            return None
        wanted = cast("dict[str, Any]", schema)
        for fixed in ("const", "default"):
            if fixed in wanted:
                return self._copy(wanted[fixed])
        if choices := _listed(wanted.get("enum")):
            return self._copy(choices[0])
        if isinstance(reference := wanted.get("$ref"), str) and self._affords(len(reference)):
            return self.value(self._referred(reference), name, depth + 1)
        for either in ("anyOf", "oneOf"):
            if branches := _listed(wanted.get(either)):
                return self.value(branches[0], name, depth + 1)
        return self._by_type(self._merged(wanted), name, depth)

    def _affords(self, size: int) -> bool:
        self._left -= size
        return self._left >= 0

    def _copy(self, value: object) -> object:
        return value if self._affords(len(msgspec.json.encode(value))) else None

    def _by_type(self, wanted: Mapping[str, Any], name: str, depth: int) -> object:
        match _kind(wanted):
            case "object":
                return self._object(wanted, depth)
            case "array":
                count = min(max(_whole(wanted.get("minItems")), 0 if depth > 4 else 1), 8)
                items: object = wanted.get("items", {"type": "string"})
                return [self.value(items, name, depth + 1) for _ in range(count)]
            case "string":
                text = _string(wanted, name)
                return text if self._affords(len(text)) else None
            case "integer" | "number":
                return _number(wanted)
            case "boolean":
                return True
            case _:
                return None

    def _object(self, wanted: Mapping[str, Any], depth: int) -> dict[str, object]:
        properties: object = wanted.get("properties")
        known = cast("dict[str, Any]", properties) if isinstance(properties, dict) else {}
        required = [name for name in _listed(wanted.get("required")) if isinstance(name, str)]
        made: dict[str, object] = {}
        for name in required:
            made[name] = self.value(known.get(name, {"type": "string"}), name, depth + 1)
            if self._left < 0:
                break
        return made

    def _merged(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """With the members of `allOf` beside its own; of a member that stands twice, the last."""
        merged = dict(wanted)
        for part in _listed(merged.pop("allOf", None)):
            merged |= cast("dict[str, Any]", part) if isinstance(part, dict) else {}
        return merged

    def _referred(self, reference: str) -> object:
        """What a reference inside the same schema points to (RFC 6901)."""
        found = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            found = cast("dict[str, object]", found).get(name) if isinstance(found, dict) else None
        return found


def _kind(wanted: Mapping[str, Any]) -> object:
    kind: object = wanted.get("type")
    if isinstance(kind, list):
        return next((each for each in cast("list[object]", kind) if each != "null"), "null")
    if kind is None:
        return "object" if "properties" in wanted else "array" if "items" in wanted else "string"
    return kind


def _string(wanted: Mapping[str, Any], name: str) -> str:
    text = _FORMATS.get(str(wanted.get("format")), name)
    text = text.ljust(min(_whole(wanted.get("minLength")), _MOST_CHARACTERS), "x")
    most = wanted.get("maxLength")
    return text[: _whole(most)] if most is not None else text


def _number(wanted: Mapping[str, Any]) -> int | float:
    least, most = wanted.get("minimum"), wanted.get("maximum")
    if isinstance(above := wanted.get("exclusiveMinimum"), int | float):
        return above + 1
    if isinstance(least, int | float):
        return least
    return min(1, most) if isinstance(most, int | float) else 1


def _listed(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _whole(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
