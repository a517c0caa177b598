"""JSON schemas that Anthropic's models can be held to, and those that they can only be asked to follow."""

from collections.abc import Iterator

from msgspec import Raw

from zai_gateway.wire.values import Json, decode, encode

_KEYWORDS = frozenset(
    (
        *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf"),
        *("allOf", "$ref", "$defs", "definitions", "default", "title", "description", "format", "minItems"),
        *("pattern", "examples", "$schema", "$id", "$comment"),
    )
)
"""Those that Anthropic documents for structured outputs; it refuses the others (limits, `oneOf`, `not`)."""
_FORMATS = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
)
_DEFINITIONS = ("$defs", "definitions")
_DEEPEST = 100


def held_to(text: Raw) -> Raw | None:
    """The schema `text` in the form that Anthropic enforces, or None for one that it refuses.

    It asks for `additionalProperties: false` in every object. Where an object names its properties and says
    nothing of others, that is added: what the model then writes satisfies the schema as it was.
    """
    try:
        schema = decode(bytes(text))
        closed = _closed(schema, 0)
    except (ValueError, RecursionError):
        return None
    if closed.get("type") != "object" or _is_recursive(closed):
        return None
    if closed == schema:
        return text
    written = encode(closed)
    # A number beyond a float's range, which JSON allows, does not survive that.
    return Raw(written) if decode(written) == closed else None


class _Inexpressible(ValueError):
    """A schema that Anthropic refuses."""


def _closed(schema: Json, depth: int) -> dict[str, Json]:
    if not isinstance(schema, dict) or depth > _DEEPEST or not schema.keys() <= _KEYWORDS:
        raise _Inexpressible
    closed: dict[str, Json] = {name: _member(name, value, depth) for name, value in schema.items()}
    if schema.get("format", "date") not in _FORMATS or schema.get("minItems", 0) not in (0, 1):
        raise _Inexpressible
    if schema.get("type") == "object" or "properties" in schema:
        if "additionalProperties" not in schema and "properties" in schema:
            closed["additionalProperties"] = False
        if closed.get("additionalProperties") is not False:
            raise _Inexpressible
    return closed


def _member(name: str, value: Json, depth: int) -> Json:
    if name in ("properties", *_DEFINITIONS):
        if not isinstance(value, dict):
            raise _Inexpressible
        return {each: _closed(inner, depth + 1) for each, inner in value.items()}
    if name in ("anyOf", "allOf"):
        if not isinstance(value, list):
            raise _Inexpressible
        return [_closed(inner, depth + 1) for inner in value]
    if name == "items":
        return _closed(value, depth + 1)
    if name == "enum" and (not isinstance(value, list) or any(isinstance(one, dict | list) for one in value)):
        raise _Inexpressible
    return value


def _is_recursive(schema: dict[str, Json]) -> bool:
    """Whether a definition refers to itself, or anything to what is no definition here."""
    inside: dict[str, set[str]] = {}
    for place in _DEFINITIONS:
        defined = schema.get(place)
        for name, inner in defined.items() if isinstance(defined, dict) else ():
            inside[f"#/{place}/{name}"] = set(_references(inner))
    if not set(_references(schema)) <= inside.keys():
        return True
    while inside:
        ends = {name for name, references in inside.items() if not references & inside.keys()}
        if not ends:
            return True
        for name in ends:
            del inside[name]
    return False


def _references(value: Json) -> Iterator[str]:
    if isinstance(value, list):
        for inner in value:
            yield from _references(inner)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "$ref":
                yield inner if isinstance(inner, str) else ""
            else:
                yield from _references(inner)
