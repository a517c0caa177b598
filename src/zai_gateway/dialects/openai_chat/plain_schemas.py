"""Schemas that OpenAI holds an answer or a call to, and those that it refuses to be strict about."""

from collections.abc import Mapping

from zai_gateway.dialects.openai_chat.omissions import Omissions
from zai_gateway.wire.fields import Fields
from zai_gateway.wire.values import Json, decode


def plain_format(request: Fields, omissions: Omissions) -> dict[str, object]:
    """The new `response_format`, where the schema in it may not be strict."""
    if request.begins("response_format") != b"{":
        return {}
    format = Fields.of(request.values["response_format"], "response_format")
    if format.begins("json_schema") != b"{":
        return {}
    named = Fields.of(format.values["json_schema"], format.at("json_schema"))
    if not _asks_too_much(named, "schema", omissions):
        return {}
    omissions.name("response_format.json_schema.strict")
    return {"response_format": {**format.values, "json_schema": {**named.values, "strict": False}}}


def plain_function(tool: Fields, omissions: Omissions) -> dict[str, object]:
    """The new `function` of a tool, where its schema may not be strict."""
    if tool.begins("function") != b"{":
        return {}
    function = Fields.of(tool.values["function"], tool.at("function"))
    if not _asks_too_much(function, "parameters", omissions):
        return {}
    omissions.name("tools.function.strict")
    return {"function": {**function.values, "strict": False}}


def is_strict(schema: Json) -> bool:
    """Whether OpenAI holds to a schema: it refuses others (platform.openai.com, "Structured Outputs").

    The root is an object and no choice; every object requires all of its properties and takes no others; and
    nothing is said in words that OpenAI does not know. Anthropic lets properties be optional.
    """
    if not isinstance(schema, dict) or schema.get("type") != "object" or "anyOf" in schema:
        return False
    return _fits(schema, 0)


def _asks_too_much(holder: Fields, name: str, omissions: Omissions) -> bool:
    # Some vendors are strict about any schema.
    if omissions.spares("strict") or holder.flag("strict") is not True or not holder.has(name):
        return False
    try:
        return not is_strict(decode(bytes(holder.values[name])))
    except ValueError:
        return True  # it nests deeper than anybody reads


def _fits(schema: Json, depth: int) -> bool:
    if not isinstance(schema, dict) or depth > _DEEPEST or not _UNKNOWN.isdisjoint(schema):
        return False
    if _TELLING.isdisjoint(schema):
        return False
    sort = schema.get("type")
    sorts = sort if isinstance(sort, list) else [sort]
    if ("object" in sorts or "properties" in schema) and not _is_closed(schema):
        return False
    inner = [schema["items"]] if "items" in schema else []
    choices = schema.get("anyOf")
    inner += choices if isinstance(choices, list) else []
    for name in ("properties", "$defs", "definitions"):
        named = schema.get(name)
        inner += named.values() if isinstance(named, dict) else []
    return all(_fits(each, depth + 1) for each in inner)


def _is_closed(schema: Mapping[str, Json]) -> bool:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if schema.get("additionalProperties") is not False:
        return False
    if not isinstance(properties, dict) or not isinstance(required, list):
        return False
    return {name for name in required if isinstance(name, str)}.issuperset(properties)


_DEEPEST = 50
"""Levels; OpenAI takes fewer."""
_TELLING = frozenset(("type", "$ref", "anyOf"))
"""One of them says what a value is."""
_UNKNOWN = frozenset(
    (
        *("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas"),
        *("patternProperties", "unevaluatedProperties", "propertyNames", "minProperties", "maxProperties"),
        *("contains", "minContains", "maxContains", "uniqueItems", "prefixItems"),
    )
)
"""Keywords that OpenAI refuses in a strict schema."""
