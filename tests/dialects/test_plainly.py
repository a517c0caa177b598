"""Recorded requests of Anthropic's clients in OpenAI's words, and OpenAI's own, which stay as they are."""

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.dialects.anthropic import MESSAGES, names_of
from tests.dialects.corpus import Exchange, packed
from zai_gateway.dialects.anthropic_front import read_request
from zai_gateway.dialects.openai_chat.plainly import plainly
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.chat import parse

SPEC = Path(__file__).parent / "specs" / "sdk-3.54.0.ChatCompletionCreateParams.schema.json"
EVERYTHING = frozenset(
    (
        *(
            "thinking",
            "output_config",
            "reasoning",
            "reasoning_content",
            "reasoning_details",
            "cache_control",
        ),
        *(
            "top_k",
            "extra_content",
            "is_error",
            "block_order",
            "provider_blocks",
            "citations",
            "defer_loading",
        ),
        *("allowed_callers", "input_examples", "eager_input_streaming", "anthropic_version", "file"),
        *("mcp_servers", "container", "strict"),
    )
)

NO_REQUEST = {
    "a584d1f88f67": "`input_schema: true`, which Anthropic refused too",
    "6d7cb40ce9d5": "a temperature below 0, which Anthropic refused too",
}
ASKED = [exchange for exchange in MESSAGES if exchange.request.bytes and exchange.id not in NO_REQUEST]
EACH = pytest.mark.parametrize("exchange", ASKED, ids=names_of(ASKED))

OWN_TOOLS = ("_20", "mcp_toolset")
OWN_BLOCKS = ("container_upload", "tool_addition", "image", "document", "search_result")


def hub_of(exchange: Exchange) -> bytes:
    return read_request(
        json.dumps({"model": "unnamed", **json.loads(exchange.request.bytes or b"")}).encode()
    )


def reasons_to_refuse(hub: dict[str, Any]) -> set[str]:
    """The paths of what another vendor would have to ignore, found without the code under test."""
    paths = {name for name in ("mcp_servers", "container") if hub.get(name)}
    for index, tool in enumerate(hub.get("tools") or []):
        kind = tool["type"]
        if kind not in ("function", "custom") and not kind.startswith("tool_search_tool"):
            paths.add(f"tools[{index}].type")
    for index, message in enumerate(hub["messages"]):
        for at, part in enumerate(parts_of(message)):
            if part["type"] in OWN_BLOCKS:
                paths.add(f"messages[{index}].content[{at}].type")
            if part["type"] == "file" and part["file"].get("file_data", "").startswith("http"):
                paths.add(f"messages[{index}].content[{at}].file.file_data")
    return paths


def test_all_requests_are_run() -> None:
    asked = [each for each in packed("messages") if each.api == "messages" and each.request.bytes]
    run = [each for each in asked if each.id not in NO_REQUEST]
    refused = [each for each in run if reasons_to_refuse(json.loads(hub_of(each)))]
    assert (len(run), len(refused)) == (271, 39)


@EACH
def test_what_is_sent_has_openais_shape(exchange: Exchange) -> None:
    hub = hub_of(exchange)
    reasons = reasons_to_refuse(json.loads(hub))
    if reasons:
        with pytest.raises(Failure) as refused:
            plainly(hub, frozenset())
        assert refused.value.code is Code.UNSUPPORTED_PARAMETER
        assert refused.value.param in reasons
        return
    body, _ = plainly(hub, frozenset())
    parse(body)
    sent = json.loads(body)
    assert faults(sent) == []
    assert said(sent) == said(json.loads(hub))
    assert plainly(body, frozenset()) == (body, ())


@EACH
def test_what_the_vendor_takes_stays(exchange: Exchange) -> None:
    hub = hub_of(exchange)
    told = json.loads(hub)
    kinds = {tool["type"] for tool in told.get("tools", [])}
    kinds |= {part["type"] for message in told["messages"] for part in parts_of(message)} - {"file"}
    body, named = plainly(hub, EVERYTHING | kinds)
    kept = json.loads(body)
    assert named == ()
    if "reasoning" in kept and "reasoning_effort" in told:
        # Who takes the one refuses the other beside it.
        told["reasoning"]["effort"] = told["reasoning_effort"]
    for name in EVERYTHING & told.keys():
        assert kept[name] == told[name]
    assert kept.get("tools") == told.get("tools")


def parts_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    content: Any = message.get("content")
    return [] if content is None or isinstance(content, str) else content


def said(request: dict[str, Any]) -> dict[str, Any]:
    """What a request says to any model: its texts, images, calls and functions."""
    parts = [part for message in request["messages"] for part in parts_of(message)]
    texts = [message["content"] for message in request["messages"] if isinstance(message["content"], str)]
    calls = [call for message in request["messages"] for call in message.get("tool_calls", [])]
    tools = [tool["function"] for tool in request.get("tools", []) if tool["type"] == "function"]
    tools = [{name: value for name, value in tool.items() if name != "strict"} for tool in tools]
    return {
        "images": [part["image_url"] for part in parts if part["type"] == "image_url"],
        "calls": [(call["id"], call["function"]) for call in calls],
        "tools": tools,
        "limit": request["max_tokens"],
    } | {"texts": len(texts)}


@cache
def rules() -> Any:
    """OpenAI's schema of a streamed request, which leaves open what it does not name, made strict."""
    schema = json.loads(SPEC.read_bytes())
    for shape in (schema, *schema["$defs"].values()):
        if "properties" in shape:
            shape["additionalProperties"] = False
    return Draft202012Validator(schema)


def faults(request: dict[str, Any]) -> list[str]:
    return [
        f"{list(fault.path)}: {fault.message[:300]}"
        for fault in rules().iter_errors({**request, "stream": True})
    ]


def test_the_rules_know_extensions() -> None:
    request: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    assert faults(request) == []
    marked = deepcopy(request)
    marked["messages"][0]["cache_control"] = {"type": "ephemeral"}
    assert faults(marked)
    assert faults(request | {"top_k": 1})


def test_openais_own_requests_stay_as_they_are() -> None:
    untouched = 0
    for exchange in packed("chat"):
        body = exchange.request.bytes
        if not body or exchange.provider not in ("openai", "azure"):
            continue
        if faults({"model": "in the address", **json.loads(body)}):
            continue
        sent, named = plainly(body, frozenset())
        assert sent == body, exchange.name
        assert named == ()
        untouched += 1
    assert untouched == 189
