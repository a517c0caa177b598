"""Every recorded request to Gemini and Vertex AI survives the way into OpenAI's shape and back."""

import json
import re
from typing import Any

import pytest

from tests.dialects.corpus import Exchange, everything, packed
from tests.dialects.gemini_reading import hub_request, plain_schema, told
from zai_gateway.dialects.gemini import GeminiPlan, encode
from zai_gateway.errors import Failure
from zai_gateway.wire.chat import parse

ASKED = [exchange for exchange in everything("google") if exchange.request.bytes is not None]
BEYOND_RANGE = ("f74f552928a1",)
"""A temperature of 1000, which is refused here already."""
NEVER_THINKS = ("0b4ec0c33307", "550309ac11d3", "305fda92c78b")
"""A model of before Gemini 2.5 was told not to think, which it cannot."""
STREAMS_ARGUMENTS = ("61dd0456f5f6", "cf0a40e95f55")
"""A call's arguments in pieces were asked for, which the hub has no word for; they come whole."""
GENERATING = [exchange for exchange in ASKED if exchange.api != "count_tokens"]


def model_of(exchange: Exchange) -> str:
    found = re.search(r"/models/([^:/]+):", exchange.request.url or "")
    assert found is not None
    return found[1]


def asked(exchange: Exchange) -> dict[str, Any]:
    return json.loads(exchange.request.bytes or b"")


def normal(request: dict[str, Any]) -> dict[str, Any]:
    """A request in one spelling, of several that mean the same."""
    whole = told(request)
    for content in whole.get("contents", []):
        for part in content["parts"]:
            call = part.get("functionCall")
            if call is not None:
                call.setdefault("args", {})
    system = whole.get("systemInstruction")
    if system:
        # It has no role by Google's word, whatever clients say; and one part may stand without its list.
        parts = system["parts"] if isinstance(system["parts"], list) else [system["parts"]]
        whole["systemInstruction"] = [{"text": part["text"]} for part in parts]
    config: dict[str, Any] = whole.pop("generationConfig", {})
    if "responseSchema" in config:
        config["responseJsonSchema"] = plain_schema(config.pop("responseSchema"))
    thinking = {name: value for name, value in config.pop("thinkingConfig", {}).items() if value is not False}
    if "thinkingLevel" in thinking:
        thinking["thinkingLevel"] = thinking["thinkingLevel"].upper()
    whole["generationConfig"] = config | ({"thinkingConfig": thinking} if thinking else {})
    whole["tools"] = sorted(map(json.dumps, map(sorted_tool, each_tool(whole.get("tools", [])))))
    choice = whole.pop("toolConfig", {})
    calling = choice.get("functionCallingConfig")
    if calling:
        calling |= {"mode": calling["mode"].upper()} if "mode" in calling else {}
    return whole | {"toolConfig": choice}


def each_tool(tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each tool on its own: one object may hold several, and functions may stand in several objects."""
    each: list[dict[str, Any]] = []
    for tool in tools:
        for name, value in tool.items():
            each += value if name == "functionDeclarations" else [{name: value}] if value is not None else []
    return each


def sorted_tool(tool: dict[str, Any]) -> dict[str, Any]:
    tool = dict(tool)
    if "parameters" in tool:
        tool["parametersJsonSchema"] = plain_schema(tool.pop("parameters"))
    if tool.get("parametersJsonSchema", 1) is None:
        del tool["parametersJsonSchema"]
    return json.loads(json.dumps(tool, sort_keys=True))


def test_every_recorded_request_is_read() -> None:
    google = [exchange for exchange in packed("google") if exchange.request.bytes is not None]
    assert len(google) == 318
    assert sum(exchange.api == "count_tokens" for exchange in google) == 5
    assert len(GENERATING) >= 313


@pytest.mark.parametrize("exchange", GENERATING, ids=lambda exchange: exchange.name)
def test_a_request_comes_back_whole(exchange: Exchange) -> None:
    given = asked(exchange)
    model = model_of(exchange)
    if exchange.id in BEYOND_RANGE:
        with pytest.raises(Failure, match="temperature"):
            parse(json.dumps(hub_request(given, model)).encode())
        assert exchange.response.status == 400
        return
    expected = normal(given)
    if exchange.id in NEVER_THINKS:
        assert expected["generationConfig"].pop("thinkingConfig") == {"thinkingBudget": 0}
    if exchange.id in STREAMS_ARGUMENTS:
        assert expected.pop("toolConfig") == {"functionCallingConfig": {"streamFunctionCallArguments": True}}
        expected["toolConfig"] = {}
    plan = GeminiPlan(model=model, vertex=exchange.provider == "vertex")
    encoded = encode(parse(json.dumps(hub_request(given, model)).encode()), plan)
    assert normal(json.loads(encoded.body)) == expected
    assert encoded.dropped == ()
    assert encoded.stop == ()
