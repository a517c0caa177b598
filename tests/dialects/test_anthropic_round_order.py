"""Blocks in any order, and Anthropic's own words for effort, through the hub and back."""

import json
from typing import Any

import pytest

from tests.dialects.test_anthropic_round_trip import plain, there_and_back
from zai_gateway.dialects.anthropic_messages import encode
from zai_gateway.dialects.dialect import EncodePlan
from zai_gateway.wire.chat import parse

ASKED = {"role": "user", "content": [{"type": "text", "text": "Look."}]}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def call(id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": "look", "input": {"at": id}}


def result(id: str) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": "Seen."}


THINKING = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
REDACTED = {"type": "redacted_thinking", "data": "b3BhcXVl"}
SEARCH: dict[str, Any] = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}


@pytest.mark.parametrize(
    "blocks",
    [
        [call("a"), text("One.")],
        [text("One."), call("a"), text("Two."), call("b")],
        [call("a"), text("One."), call("b"), text("Two."), text("Three.")],
        [THINKING, call("a"), text("One.")],
        [THINKING, call("a"), THINKING, text("One."), call("b"), REDACTED, text("Two.")],
        [SEARCH, call("a"), text("One."), SEARCH, call("b"), text("Two.")],
    ],
)
def test_texts_and_calls_keep_their_order(blocks: list[dict[str, Any]]) -> None:
    answered = [result(block["id"]) for block in blocks if block["type"] == "tool_use"]
    asked: dict[str, Any] = {
        "model": "m",
        "max_tokens": 4096,
        "messages": [ASKED, {"role": "assistant", "content": blocks}, {"role": "user", "content": answered}],
        "tools": [{"name": "look", "input_schema": {"type": "object"}}],
    }
    sent, dropped = there_and_back(asked)
    assert plain(sent) == plain(json.loads(json.dumps(asked)))
    assert dropped == ()


@pytest.mark.parametrize("efforts", [(), ("low", "medium"), ("low", "medium", "high", "max")])
def test_anthropics_own_effort_wins_and_goes_on_as_it_is(efforts: tuple[str, ...]) -> None:
    said = {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello"}],
        "output_config": {"effort": "max", "task_budget": {"type": "tokens", "total": 20_000}},
        "reasoning_effort": "low",
    }
    encoded = encode(parse(json.dumps(said).encode()), EncodePlan(model="m", efforts=efforts))
    body = json.loads(encoded.body)
    assert body["output_config"] == said["output_config"]
    assert "thinking" not in body
    assert encoded.dropped == ()
