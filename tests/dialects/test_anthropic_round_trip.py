"""Every recorded request to Anthropic through the hub and back, and every answer as it is sent back."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.dialects.anthropic import (
    ANSWERS,
    COUNTS,
    MESSAGES,
    NAMING,
    STREAMS,
    message_of,
    names_of,
    within,
)
from tests.dialects.corpus import Exchange, packed
from zai_gateway.dialects.anthropic_front import read_request
from zai_gateway.dialects.anthropic_messages import decode_answer, encode, encode_count
from zai_gateway.dialects.dialect import EncodePlan, StreamPlan
from zai_gateway.wire.chat import parse
from zai_gateway.wire.events import Answer

SPECS = Path(__file__).parent / "specs"

REFUSED_HERE = {
    "a584d1f88f67": "`input_schema: true`, which Anthropic refused too",
    "6d7cb40ce9d5": "a temperature below 0, which Anthropic refused too",
}
NOT_HELD_TO = {
    "680fdab98d10": "a strict schema that Anthropic refused",
    "6ff9ec59bef3": "a strict schema that Anthropic refused",
}
"""What is sent without `strict`."""

ASKED = [exchange for exchange in MESSAGES if exchange.request.bytes and exchange.id not in REFUSED_HERE]
EACH = pytest.mark.parametrize("exchange", ASKED, ids=names_of(ASKED))


def plan_for(request: dict[str, Any]) -> EncodePlan:
    """A model that takes everything; Vertex AI says the version in the body and the model in the address."""
    version = request.get("anthropic_version")
    return EncodePlan(
        model=request.get("model", "unnamed"),
        efforts=("low", "medium", "high", "xhigh", "max"),
        late_system=True,
        both_samplers=True,
        extra=() if version is None else (("anthropic_version", json.dumps(version).encode()),),
    )


def there_and_back(request: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    hub = read_request(json.dumps({"model": "unnamed", **request}).encode())
    encoded = encode(parse(hub), plan_for(request))
    return json.loads(encoded.body), encoded.dropped


def plain(request: dict[str, Any]) -> dict[str, Any]:
    """A request in one spelling, where Anthropic knows several of the same meaning."""
    request = {name: value for name, value in request.items() if value not in (None, [], {}, False)}
    if isinstance(request.get("system"), str):
        request["system"] = [{"type": "text", "text": request["system"]}]
    if "output_format" in request:
        # The older name, of the time when it was in beta.
        request["output_config"] = {
            **request.get("output_config", {}),
            "format": request.pop("output_format"),
        }
    messages: list[dict[str, Any]] = []
    for message in request["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        blocks = [_plain_block(block) for block in blocks if block.get("text", "…").strip()]
        if messages and messages[-1]["role"] == message["role"]:
            messages[-1]["content"] += blocks
        elif blocks:
            messages.append({"role": message["role"], "content": blocks})
    request["messages"] = messages
    tools = [_plain_tool(tool) for tool in request.get("tools", [])]
    choice = request.get("tool_choice")
    if choice is not None:
        choice = {name: value for name, value in choice.items() if value is not False}
        request["tool_choice"] = choice
    return {**request, "tools": tools} if tools else request


def _plain_block(block: dict[str, Any]) -> dict[str, Any]:
    block = {name: value for name, value in block.items() if value is not None}
    if block["type"] == "tool_result" and isinstance(block.get("content"), list):
        block["content"] = [_plain_block(inner) for inner in block["content"]]
    return block


def _plain_tool(tool: dict[str, Any]) -> dict[str, Any]:
    tool = {name: value for name, value in tool.items() if value is not None}
    if not tool.get("strict"):
        tool.pop("strict", None)
    if tool.get("type") == "custom":
        del tool["type"]
    return tool


def test_all_requests_are_run() -> None:
    asked = [each for each in packed("messages") if each.api == "messages" and each.request.bytes]
    assert len(asked) == 273
    assert len([each for each in asked if each.id not in REFUSED_HERE]) == 271
    assert sum(each.provider == "vertex" for each in asked) == 3


@EACH
def test_the_request_survives_the_hub(exchange: Exchange) -> None:
    asked = json.loads(exchange.request.bytes or b"")
    sent, dropped = there_and_back(asked)
    expected = plain(asked)
    if exchange.id in NOT_HELD_TO:
        assert dropped == ("tools[0].function.strict",)
        del expected["tools"][0]["strict"]
    else:
        assert dropped == ()
    if "tools" not in expected:
        # A choice among no tools says nothing.
        expected.pop("tool_choice", None)
    assert plain(sent) == expected


@cache
def request_faults() -> Any:
    schema = json.loads((SPECS / "sdk-2.12.0.MessageCreateParams.schema.json").read_bytes())
    return Draft202012Validator(schema)


@EACH
def test_what_is_sent_has_anthropics_shape(exchange: Exchange) -> None:
    asked = json.loads(exchange.request.bytes or b"")
    sent, _ = there_and_back(asked)
    known = {"stream": False, "model": "in the address", **sent}
    before = faults({"stream": False, "model": "in the address", **asked})
    assert faults(known) <= before


def faults(request: dict[str, Any]) -> set[str]:
    """The members in which a request differs from the SDK's shape: some use what is newer, or in beta."""
    return {str(fault.path[0]) if fault.path else "" for fault in request_faults().iter_errors(request)}


def test_the_schema_can_refuse() -> None:
    assert faults({"messages": [{"role": "user", "content": [{"type": "video"}]}]})


def test_a_count_asks_for_the_same_prompt() -> None:
    for exchange in COUNTS:
        asked = json.loads(exchange.request.bytes or b"")
        hub = read_request(json.dumps(asked).encode(), counting=True)
        assert plain(json.loads(encode_count(parse(hub), plan_for(asked)).body)) == plain(asked)


def next_turn(answer: bytes) -> list[dict[str, Any]]:
    """The blocks that Anthropic gets where a client of the hub sends an answer back, as clients do."""
    read = decode_answer(answer, NAMING, StreamPlan())
    assert isinstance(read, Answer)
    message = json.loads(read.json)["choices"][0]["message"]
    asked = {"role": "user", "content": "Go on."}
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "1"} for call in message.get("tool_calls", [])
    ]
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi."}, message, *results, asked]}
    sent = json.loads(encode(parse(json.dumps(body).encode()), EncodePlan(model="m")).body)
    turns = [turn for turn in sent["messages"] if turn["role"] == "assistant"]
    return turns[0]["content"] if turns else []


def expected_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks of an answer that can be sent back: Anthropic takes no blank text, and no empty list."""
    blocks: list[dict[str, Any]] = []
    for block in message["content"]:
        if block["type"] == "text":
            kept = {"type": "text", "text": block["text"]}
            if block.get("citations"):
                kept["citations"] = block["citations"]
            if block["text"].strip():
                blocks.append(kept)
        elif block["type"] != "thinking" or block["signature"]:
            direct = block["type"] == "tool_use" and block.get("caller") == {"type": "direct"}
            blocks.append({name: value for name, value in block.items() if not (direct and name == "caller")})
    refusal = within(message, "stop_details").get("explanation")
    return blocks or ([{"type": "text", "text": refusal}] if refusal else [])


@pytest.mark.parametrize("exchange", ANSWERS, ids=names_of(ANSWERS))
def test_an_answer_goes_back_as_it_came(exchange: Exchange) -> None:
    assert next_turn(exchange.response.bytes) == expected_of(json.loads(exchange.response.bytes))


CUT_IN_A_CALL = "0b74bb0195e6"
WHOLE_STREAMS = [exchange for exchange in STREAMS if exchange.id != CUT_IN_A_CALL]


@pytest.mark.parametrize("exchange", WHOLE_STREAMS, ids=names_of(WHOLE_STREAMS))
def test_a_streamed_answer_goes_back_as_it_came(exchange: Exchange) -> None:
    message = message_of(exchange.response.bytes)
    assert next_turn(json.dumps(message).encode()) == expected_of(message)
