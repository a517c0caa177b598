"""Strict schemas on their way to OpenAI: those that it refuses to hold to are asked for without `strict`."""

import json
from typing import Any

import pytest

from tests.dialects.corpus import Exchange, packed
from zai_gateway.dialects.openai_chat.plain_schemas import is_strict
from zai_gateway.dialects.openai_chat.plainly import plainly

TEXT = {"type": "string"}
CLOSED: dict[str, Any] = {
    "type": "object",
    "properties": {"a": TEXT, "b": {"type": "array", "items": {"$ref": "#/$defs/c"}}},
    "required": ["a", "b"],
    "additionalProperties": False,
    "$defs": {"c": {"anyOf": [TEXT, {"type": "null"}]}},
}
OPTIONAL = CLOSED | {"required": ["a"]}
LOOSE: list[dict[str, Any]] = [
    OPTIONAL,
    CLOSED | {"required": []},
    {name: value for name, value in CLOSED.items() if name != "required"},
    CLOSED | {"additionalProperties": True},
    {name: value for name, value in CLOSED.items() if name != "additionalProperties"},
    CLOSED | {"properties": {"a": OPTIONAL, "b": TEXT}},
    CLOSED | {"$defs": {"c": OPTIONAL}},
    CLOSED | {"$defs": {"c": {"allOf": [TEXT]}}},
    CLOSED | {"properties": {"a": True, "b": TEXT}},
    CLOSED | {"properties": {"a": {}, "b": TEXT}},
    CLOSED | {"properties": {"a": {"type": ["object", "null"]}, "b": TEXT}},
    CLOSED | {"anyOf": [CLOSED]},
    {"anyOf": [CLOSED]},
    {"type": "string"},
]


def sent(**more: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "q"}]} | more).encode()
    plain, named = plainly(body, TAKES)
    return json.loads(plain), named


TAKES = frozenset[str]()


def format_of(schema: Any, *, strict: bool = True) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": strict}}


def tool_of(schema: Any, *, strict: bool = True) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "parameters": schema, "strict": strict}}


def test_a_schema_that_openai_holds_to_stays_strict() -> None:
    for more in ({"response_format": format_of(CLOSED)}, {"tools": [tool_of(CLOSED)]}):
        told, named = sent(**more)
        assert (told, named) == (told | more, ())


@pytest.mark.parametrize("schema", LOOSE)
def test_another_is_asked_for_without_and_named(schema: dict[str, Any]) -> None:
    told, named = sent(response_format=format_of(schema))
    assert told["response_format"] == format_of(schema, strict=False)
    assert named == ("response_format.json_schema.strict",)
    told, named = sent(tools=[tool_of(CLOSED), tool_of(schema)])
    assert told["tools"] == [tool_of(CLOSED), tool_of(schema, strict=False)]
    assert named == ("tools.function.strict",)


def test_a_vendor_that_is_strict_about_any_schema_is_told_so() -> None:
    body = json.dumps({"model": "m", "messages": [], "response_format": format_of(OPTIONAL)}).encode()
    assert plainly(body, frozenset({"strict"})) == (body, ())


def test_what_was_not_strict_stays() -> None:
    told, named = sent(response_format=format_of(OPTIONAL, strict=False), tools=[tool_of({}, strict=False)])
    assert (told["response_format"], named) == (format_of(OPTIONAL, strict=False), ())


def strict_schemas(exchange: Exchange) -> list[Any]:
    request: dict[str, Any] = json.loads(exchange.request.bytes or b"{}")
    format: dict[str, Any] = request.get("response_format") or {}
    answer: dict[str, Any] = format.get("json_schema") or {}
    tools: list[dict[str, Any]] = request.get("tools") or []
    found = [(answer, "schema"), *((tool.get("function", answer), "parameters") for tool in tools)]
    return [holder[name] for holder, name in found if holder.get("strict") is True and name in holder]


def test_every_schema_that_openai_took_is_one_that_it_holds_to() -> None:
    """All that were recorded with status 200."""
    taken = [
        schema
        for exchange in packed("chat")
        if exchange.provider in ("openai", "azure", "azure_openai") and exchange.response.status == 200
        for schema in strict_schemas(exchange)
    ]
    assert len(taken) >= 20
    assert all(map(is_strict, taken))


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = TEXT
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return CLOSED | {"properties": {"a": schema}, "required": ["a"]}


@pytest.mark.parametrize(("levels", "strict"), [(10, True), (100, False), (900, False)])
def test_what_nests_deeper_than_anybody_holds_to_is_not_strict(levels: int, strict: bool) -> None:
    told, named = sent(tools=[tool_of(nested(levels))])
    assert told["tools"][0]["function"]["strict"] is strict
    assert named == (() if strict else ("tools.function.strict",))
