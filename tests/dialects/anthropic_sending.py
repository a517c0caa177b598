"""Requests of the hub, written for Anthropic: what the tests of that send."""

import json
from typing import Any

import pytest

from zai_gateway.dialects.anthropic_messages import encode
from zai_gateway.dialects.dialect import Encoded, EncodePlan
from zai_gateway.errors import Failure
from zai_gateway.wire.chat import parse

PLAN = EncodePlan(model="claude-test", most_output=64_000)
ADAPTIVE = EncodePlan(
    model="claude-new",
    most_output=64_000,
    efforts=("low", "medium", "high", "max"),
    budgets=False,
    off="disabled",
)
UNFORCED = EncodePlan(
    model="claude-opus-5-5",
    most_output=64_000,
    efforts=("low", "medium", "high", "xhigh", "max"),
    budgets=False,
    forced_tools=False,
)
"""Takes no forced tools, and always reasons."""
UNREASONING = EncodePlan(model="claude-old", budgets=False)
HI = {"role": "user", "content": "Hi."}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
CLOSED = {**SCHEMA, "additionalProperties": False}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}


def encoded(plan: EncodePlan = PLAN, **members: Any) -> Encoded:
    """What is sent for a request with these members."""
    body = json.dumps({"model": "anthropic/claude-test", "messages": [HI], **members})
    return encode(parse(body.encode()), plan)


def sent(plan: EncodePlan = PLAN, **members: Any) -> dict[str, Any]:
    """Its body."""
    return json.loads(encoded(plan, **members).body)


def refusal(plan: EncodePlan = PLAN, **members: Any) -> Failure:
    """Why there is none."""
    with pytest.raises(Failure) as caught:
        encoded(plan, **members)
    return caught.value


def turns(*messages: dict[str, Any], plan: EncodePlan = PLAN) -> list[dict[str, Any]]:
    """The turns that become of these messages."""
    return sent(plan, messages=list(messages))["messages"]
