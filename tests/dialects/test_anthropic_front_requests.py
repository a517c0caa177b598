"""Requests of Anthropic's clients in the hub's shape: nothing is lost, and each member has its one place."""

import copy
import json
from typing import Any

import pytest

from tests.dialects.corpus import Exchange, everything, packed
from zai_gateway.dialects import anthropic_messages
from zai_gateway.dialects.anthropic_front import read_request
from zai_gateway.dialects.dialect import EncodePlan
from zai_gateway.wire.chat import parse

NOT_THE_SAME = {
    "680fdab98d10": "a strict schema that Anthropic refuses, so that it is sent without `strict`",
    "6ff9ec59bef3": "a strict schema that Anthropic refuses, so that it is sent without `strict`",
}
REFUSED_HERE = {
    "a584d1f88f67": "a tool whose input_schema is no object, which Anthropic refused too",
    "6d7cb40ce9d5": "a temperature below 0, which Anthropic refused too",
}


def sent(exchanges: list[Exchange]) -> list[Exchange]:
    return [each for each in exchanges if each.request.bytes is not None and each.api == "messages"]


ASKED = [each for each in sent(everything("messages")) if each.id not in REFUSED_HERE]
EFFORTS = ("low", "medium", "high", "xhigh", "max")
BY_NAME = pytest.mark.parametrize("exchange", ASKED, ids=lambda exchange: exchange.name)


def test_all_requests_are_run() -> None:
    assert len(sent(packed("messages"))) == 273
    assert len([each for each in packed("messages") if each.id in REFUSED_HERE]) == len(REFUSED_HERE)


def asked(exchange: Exchange) -> dict[str, Any]:
    """The recorded request; Vertex AI names the model and the version elsewhere."""
    request = json.loads(exchange.request.bytes or b"")
    request.setdefault("model", "claude-on-vertex")
    request.pop("anthropic_version", None)
    return request


def plain(request: dict[str, Any]) -> dict[str, Any]:
    """A request with one spelling for what means the same to Anthropic: texts as blocks, defaults unsaid."""
    told = copy.deepcopy(request)
    for holder, name in ((told, "system"), *((message, "content") for message in told["messages"])):
        if isinstance(holder.get(name), str):
            holder[name] = [{"type": "text", "text": holder[name]}]
    for message in told["messages"]:
        message["content"] = [_without_null(block) for block in message["content"]]
    for tool in told.get("tools", []):
        if tool.get("strict") is False:
            del tool["strict"]
    if told.get("tool_choice", {}).get("disable_parallel_tool_use") is False:
        del told["tool_choice"]["disable_parallel_tool_use"]
    if told.get("stream") is False:
        del told["stream"]
    if "output_format" in told:
        told["output_config"] = {"format": told.pop("output_format")}
    return told


def _without_null(block: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if value is not None}


@BY_NAME
def test_through_the_hub_and_back_it_is_the_same_request(exchange: Exchange) -> None:
    request = asked(exchange)
    plan = EncodePlan(model=request["model"], efforts=EFFORTS, late_system=True, both_samplers=True)
    encoded = anthropic_messages.encode(parse(read_request(json.dumps(request).encode())), plan)
    assert (plain(json.loads(encoded.body)) == plain(request)) == (exchange.id not in NOT_THE_SAME)
    assert (encoded.dropped == ()) == (exchange.id not in NOT_THE_SAME)
