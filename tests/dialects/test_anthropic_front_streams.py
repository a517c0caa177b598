"""Every recorded stream of the hub as Anthropic's events: well formed, valid, and saying the same."""

import json
from itertools import chain
from typing import Any

import pytest

from tests.dialects.anthropic_clients import events_of as anthropic_events
from tests.dialects.anthropic_clients import faults, message_of, parsed
from tests.dialects.corpus import Exchange, everything, packed
from tests.dialects.hub_answers import deltas_of, events_of, written
from zai_gateway.wire.events import Finished, Reported

BETA_ALONE = {
    "1fc09c6118d8": "an advisor's blocks, which only the beta's schema knows",
    "cdaf5d1fcedf": "blocks of MCP, which only the beta's schema knows",
}
JOINED_TEXTS = {
    "030b103d6b4c": "texts that cite are one text in the hub's stream",
    "75101d51e475": "texts that cite are one text in the hub's stream",
    "242374e36633": "what is cited of the web keeps its address alone in the hub's stream",
}


def streams(exchanges: list[Exchange]) -> list[Exchange]:
    return [each for each in exchanges if each.is_stream]


def whole(exchanges: list[Exchange]) -> list[Exchange]:
    return [
        each for each in streams(exchanges) if any(isinstance(event, Finished) for event in events_of(each))
    ]


FROM_CHAT = whole(everything("chat"))
FROM_MESSAGES = whole(everything("messages"))
BY_NAME = pytest.mark.parametrize("exchange", FROM_CHAT, ids=lambda exchange: exchange.name)
BY_ANTHROPIC_NAME = pytest.mark.parametrize("exchange", FROM_MESSAGES, ids=lambda exchange: exchange.name)


def test_all_streams_are_run() -> None:
    assert (len(streams(packed("chat"))), len(whole(packed("chat")))) == (348, 346)
    assert (len(streams(packed("messages"))), len(whole(packed("messages")))) == (98, 97)


def shown(exchange: Exchange) -> dict[str, Any]:
    """The message that the client reads out of the events."""
    stream = written(events_of(exchange))
    assert stream is not None
    for event in anthropic_events(stream):
        assert exchange.id in BETA_ALONE or faults("RawMessageStreamEvent", event) == []
    return parsed(message_of(stream))


def texts(message: dict[str, Any], kind: str = "text") -> str:
    return "".join(block[kind] for block in message["content"] if block["type"] == kind)


def calls(message: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(block["name"], block["input"]) for block in message["content"] if block["type"] == "tool_use"]


def said(delta: dict[str, Any]) -> tuple[str, str]:
    """The text and the reasoning of a delta, wherever its vendor puts them."""
    content, refusal = delta.get("content") or "", delta.get("refusal") or ""
    reasoning = delta.get("reasoning_content") or delta.get("reasoning") or ""
    if isinstance(content, str):
        return content + refusal, reasoning
    parts: list[Any] = content
    thought = [each["text"] for part in parts for each in part.get("thinking", [])]
    return "".join(part.get("text", "") for part in parts), "".join(thought)


@BY_NAME
def test_the_same_is_said(exchange: Exchange) -> None:
    message, deltas = shown(exchange), deltas_of(events_of(exchange))
    assert texts(message) == "".join(said(delta)[0] for delta in deltas)
    assert texts(message, "thinking") == "".join(said(delta)[1] for delta in deltas)
    asked: dict[int, list[str]] = {}
    called: list[Any] = [delta.get("tool_calls") or [] for delta in deltas]
    for call in chain.from_iterable(called):
        pieces = asked.setdefault(call["index"], [call["function"].get("name")])
        pieces.append(call["function"].get("arguments") or "")
    assert calls(message) == [(name, read("".join(pieces))) for name, *pieces in asked.values()]
    if asked:
        assert message["stop_reason"] in ("tool_use", "max_tokens")


def read(arguments: str) -> Any:
    """Arguments as JSON, or as they are where they were cut off."""
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments


@BY_NAME
def test_usage_is_told_in_anthropics_buckets(exchange: Exchange) -> None:
    reports = [event for event in events_of(exchange) if isinstance(event, Reported)]
    usage = shown(exchange)["usage"]
    if reports:
        told = reports[-1].usage
        assert usage["input_tokens"] == told.input
        assert usage["cache_read_input_tokens"] == told.cache_read
        assert usage["cache_creation_input_tokens"] == told.cache_write + told.cache_write_long
        assert usage["output_tokens"] == told.output
    else:
        assert (usage["input_tokens"], usage["output_tokens"]) == (0, 0)


def recorded(exchange: Exchange) -> dict[str, Any]:
    """The message that Anthropic's own events tell, read without strictness."""
    blocks: list[dict[str, Any]] = []
    message: dict[str, Any] = {}
    for line in exchange.response.bytes.decode().splitlines():
        event: dict[str, Any] = (
            json.loads(line[5:]) if line.startswith("data:") and "[DONE]" not in line else {}
        )
        delta: dict[str, Any] = event.get("delta") or {}
        if event.get("type") == "content_block_start":
            blocks.append(event["content_block"])
        elif event.get("type") == "message_delta":
            message = delta | {"usage": event["usage"]}
        elif "partial_json" in delta:
            blocks[-1]["pieces"] = blocks[-1].get("pieces", "") + delta["partial_json"]
        elif "citation" in delta:
            blocks[-1]["citations"] = [*(blocks[-1].get("citations") or []), delta["citation"]]
        elif event.get("type") == "content_block_delta":
            (member,) = [name for name in delta if name != "type"]
            blocks[-1][member] = blocks[-1].get(member, "") + delta[member]
    for block in blocks:
        pieces = block.pop("pieces", "")
        if pieces:
            block["input"] = read(pieces)
    return message | {"content": [plain(block) for block in blocks if block.get("text") != ""]}


def plain(block: dict[str, Any]) -> dict[str, Any]:
    """A block without what says nothing."""
    nothing: tuple[Any, ...] = (None, [], {"type": "direct"})
    return {
        name: value
        for name, value in block.items()
        if name not in ("citations", "caller") or value not in nothing or block["type"].endswith("_result")
    }


@BY_ANTHROPIC_NAME
def test_anthropics_own_stream_comes_through_the_hub_as_it_was(exchange: Exchange) -> None:
    message, before = shown(exchange), recorded(exchange)
    content = [plain(block) for block in message["content"]]
    assert (content == before["content"]) == (exchange.id not in JOINED_TEXTS)
    assert texts(message) == texts(before)
    assert message["stop_reason"] == before["stop_reason"]
    assert message["stop_sequence"] == before["stop_sequence"]
    assert message["usage"]["output_tokens"] == before["usage"]["output_tokens"]
