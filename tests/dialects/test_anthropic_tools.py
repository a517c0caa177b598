"""Tools and structured output of OpenAI's clients, in Anthropic's words."""

import json
from typing import Any

from msgspec.structs import replace

from tests.dialects.anthropic_sending import CLOSED, PLAN, SCHEMA, UNFORCED, WEATHER, encoded, refusal, sent
from zai_gateway.dialects.anthropic_messages import encode
from zai_gateway.dialects.dialect import EncodePlan
from zai_gateway.errors import Code
from zai_gateway.wire.chat import parse


def test_tools_and_their_choice() -> None:
    body = sent(tools=[WEATHER, {"type": "function", "function": {"name": "now", "description": "d"}}])
    assert body["tools"] == [
        {"name": "weather", "input_schema": SCHEMA},
        {"name": "now", "description": "d", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert "tool_choice" not in body
    for said, meant in (
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ({"type": "function", "function": {"name": "weather"}}, {"type": "tool", "name": "weather"}),
    ):
        assert sent(tools=[WEATHER], tool_choice=said)["tool_choice"] == meant
    single = sent(tools=[WEATHER], parallel_tool_calls=False)
    assert single["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert "tool_choice" not in sent(tool_choice="auto", parallel_tool_calls=False)


def test_only_the_allowed_tools_are_sent() -> None:
    now = {"type": "function", "function": {"name": "now"}}
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "now"}}]}
    body = sent(tools=[WEATHER, now], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert [tool["name"] for tool in body["tools"]] == ["now"]
    assert body["tool_choice"] == {"type": "any"}


def test_tools_of_anthropics_own() -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    assert sent(tools=[search])["tools"] == [search]
    for sort in (
        "web_search",
        "code_interpreter",
        "google_search",
        "web_search_preview_2025_03_11",
        "custom",
    ):
        failure = refusal(tools=[WEATHER, {"type": sort, sort: {}}])
        assert (failure.code, failure.param) == (Code.UNSUPPORTED_PARAMETER, "tools[1].type")


def test_strict_tools_are_held_to_what_anthropic_can_hold() -> None:
    strict = {"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True}}
    (tool,) = sent(tools=[strict])["tools"]
    assert (tool["strict"], tool["input_schema"]) == (True, CLOSED)
    bounded = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}
    loose = encoded(
        tools=[{"type": "function", "function": {"name": "f", "parameters": bounded, "strict": True}}]
    )
    assert json.loads(loose.body)["tools"] == [{"name": "f", "input_schema": bounded}]
    assert loose.dropped == ("tools[0].function.strict",)
    assert encoded(EncodePlan(model="m", native_schema=False), tools=[strict]).dropped == loose.dropped


def json_schema(schema: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, **members}}


def test_structured_output_by_the_models_own_means() -> None:
    request = encoded(response_format=json_schema(SCHEMA, strict=True))
    body = json.loads(request.body)
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": CLOSED}}
    assert ("tools" in body, request.answer_tool) == (False, None)
    assert "output_config" not in sent(response_format={"type": "text"})


def test_structured_output_by_a_tool() -> None:
    plan = EncodePlan(model="m", native_schema=False)
    request = encoded(plan, response_format=json_schema(SCHEMA, description="A number."))
    body = json.loads(request.body)
    (tool,) = body["tools"]
    assert tool["name"] == request.answer_tool
    assert tool["input_schema"] == SCHEMA
    assert tool["description"].endswith("A number.")
    assert body["tool_choice"] == {"type": "tool", "name": tool["name"]}
    bounded = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}
    assert encoded(response_format=json_schema(bounded)).answer_tool
    assert encoded(response_format={"type": "json_object"}).answer_tool


def test_the_answers_tool_beside_others() -> None:
    plan = EncodePlan(model="m", native_schema=False)
    form = json_schema(SCHEMA)
    taken = {"type": "function", "function": {"name": "answer_as_json"}}
    request = encoded(plan, response_format=form, tools=[WEATHER, taken])
    body = json.loads(request.body)
    assert body["tool_choice"] == {"type": "any"}
    names = [tool["name"] for tool in body["tools"]]
    assert names == ["weather", "answer_as_json", request.answer_tool]
    assert len(set(names)) == 3
    forced = encoded(plan, response_format=form, tools=[WEATHER], tool_choice="required")
    assert forced.answer_tool is None
    assert len(json.loads(forced.body)["tools"]) == 1


def test_a_tool_cannot_be_forced_on_a_model_that_reasons() -> None:
    failure = refusal(tools=[WEATHER], tool_choice="required", reasoning_effort="low")
    assert (failure.code, failure.param) == (Code.UNSUPPORTED_PARAMETER, "tool_choice")
    assert sent(tools=[WEATHER], tool_choice="required", reasoning_effort="none")["tool_choice"]
    old = EncodePlan(model="m", native_schema=False)
    form = json_schema(SCHEMA)
    assert (
        refusal(old, response_format=form, reasoning_effort="high", max_tokens=9000).param
        == "response_format"
    )
    assert sent(response_format=form, reasoning_effort="high")["output_config"]["format"]


def test_a_tool_is_never_forced_here_on_a_model_that_refuses_it() -> None:
    assert sent(UNFORCED, response_format=json_schema(SCHEMA))["output_config"]["format"]["schema"] == CLOSED
    bounded = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}
    for schema in (bounded, {"type": "array"}):
        # What it cannot be held to its provider says best.
        body = sent(UNFORCED, response_format=json_schema(schema), tools=[WEATHER])
        assert body["output_config"]["format"]["schema"] == schema
        assert ("tool_choice" in body, len(body["tools"])) == (False, 1)
    old = replace(UNFORCED, native_schema=False)
    for plan, form, advice in (
        (UNFORCED, {"type": "json_object"}, "json_schema"),
        (old, {"type": "json_object"}, "in a message"),
        (old, json_schema(SCHEMA), "in a message"),
    ):
        failure = refusal(plan, response_format=form)
        assert (failure.code, failure.param) == (Code.UNSUPPORTED_PARAMETER, "response_format")
        assert advice in failure.message


def test_what_a_client_forces_its_provider_refuses() -> None:
    named = {"type": "function", "function": {"name": "weather"}}
    for choice, said in (("required", {"type": "any"}), (named, {"type": "tool", "name": "weather"})):
        assert sent(UNFORCED, tools=[WEATHER], tool_choice=choice)["tool_choice"] == said
    failure = refusal(UNFORCED, tools=[WEATHER], tool_choice="required", reasoning_effort="low")
    assert failure.param == "tool_choice"
    assert "turn reasoning off" not in failure.message


def test_the_description_of_a_schema_goes_along() -> None:
    body = sent(response_format=json_schema(SCHEMA, description="A number."))
    assert body["output_config"]["format"]["schema"] == {"description": "A number.", **CLOSED}
    own = {"description": "Mine.", **SCHEMA}
    body = sent(response_format=json_schema(own, description="A number."))
    assert body["output_config"]["format"]["schema"]["description"] == "Mine."


def test_numbers_beyond_a_floats_range_pass() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":'
    body += b'{"name":"f","strict":true,"parameters":{"type":"object","properties":{"a":{"const":1e999}}}}}]}'
    assert b"1e999" in encode(parse(body), PLAN).body


def test_schemas_with_definitions() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
    leaf = {"type": "object", "properties": {"a": {"type": ["string", "null"], "format": "date"}}}
    for definitions, native in (
        ({"node": node}, False),
        ({"node": leaf}, True),
        ({}, False),
        ({"node": {"anyOf": [leaf, {"$ref": "#/$defs/leaf"}]}, "leaf": leaf}, True),
        ({"node": {"$ref": "#/$defs/leaf"}, "leaf": {"$ref": "#/$defs/node"}}, False),
        ({"node": {"type": "object"}}, False),
        ({"node": {"type": "object", "additionalProperties": {"type": "string"}}}, False),
        ({"node": {"oneOf": [leaf]}}, False),
        ({"node": {"type": "string", "format": "phone"}}, False),
        ({"node": {"type": "array", "items": leaf, "minItems": 1}}, True),
        ({"node": {"type": "array", "items": leaf, "minItems": 2}}, False),
        ({"node": {"enum": [{"a": 1}]}}, False),
    ):
        schema = {"type": "object", "properties": {"n": {"$ref": "#/$defs/node"}}, "$defs": definitions}
        assert (encoded(response_format=json_schema(schema)).answer_tool is None) == native, definitions
