"""Recorded traffic of Anthropic's Messages API, and what it says, read without the code under test."""

import json
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from tests.dialects.corpus import Exchange, everything
from tests.dialects.streams import joined
from zai_gateway.dialects.anthropic_messages import StreamDecoder
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.naming import Naming
from zai_gateway.wire.events import Event

NAMING = Naming(id="cmpl_test", model="anthropic/claude-test", created=1_700_000_000)

MESSAGES = [exchange for exchange in everything("messages") if exchange.api == "messages"]
COUNTS = [exchange for exchange in everything("messages") if exchange.api == "count_tokens"]
BROKEN_OFF = {"e4ffb2cc18ee": "an error of the provider's ends it"}
STREAMS = [exchange for exchange in MESSAGES if exchange.is_stream and exchange.id not in BROKEN_OFF]
ANSWERS = [exchange for exchange in MESSAGES if exchange.is_answer]
REFUSALS = [exchange for exchange in MESSAGES if exchange.response.status != 200]

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "pause_turn": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class Said(Struct):
    """What one answer says, whichever way it was told."""

    text: str
    reasoning: str
    signed: list[tuple[str, str]]
    """Each thought with its signature, redacted ones with their data."""
    calls: list[tuple[str, str, Any]]
    foreign: list[dict[str, Any]]
    finish: str
    urls: list[tuple[str, str]]
    """Each page that was cited, with the text that cites it."""


def by_id(id: str) -> bytes:
    return next(exchange.response.bytes for exchange in MESSAGES if exchange.id == id)


def run(pieces: Iterable[bytes], plan: StreamPlan | None = None) -> list[Event]:
    """The events of a whole stream that came in these pieces; chunks that follow each other are one."""
    decoder = StreamDecoder(NAMING, plan or StreamPlan())
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return joined(events + decoder.end())


def events_of(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream, read in the simplest way: every recorded one has one line of data each."""
    lines = stream.decode().replace("\r\n", "\n").split("\n")
    data = [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
    return [json.loads(each) for each in data if each and each != "[DONE]"]


def message_of(stream: bytes) -> dict[str, Any]:
    """The message that a stream tells piece by piece."""
    message: dict[str, Any] = {}
    partial: dict[int, str] = {}
    for event in events_of(stream):
        match event["type"]:
            case "message_start":
                message = {**event["message"], "content": []}
            case "content_block_start":
                message["content"].append(dict(event["content_block"]))
            case "content_block_delta":
                _grow(message["content"][event["index"]], event["delta"], partial, event["index"])
            case "content_block_stop":
                partial.pop(event["index"], None)
            case "message_delta":
                told = {name: value for name, value in event["usage"].items() if value is not None}
                message |= event["delta"]
                message["usage"] = {**message["usage"], **told}
            case _:
                pass
    return message


def _grow(block: dict[str, Any], delta: dict[str, Any], partial: dict[int, str], index: int) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "citations_delta":
            block["citations"] = [*(block.get("citations") or []), delta["citation"]]
        case _:
            partial[index] = partial.get(index, "") + delta["partial_json"]
            block["input"] = arguments(partial[index])


def arguments(text: str) -> Any:
    """A call's arguments; where the answer met its limit inside them, as far as they go."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


def said_by(message: dict[str, Any]) -> Said:
    """What a message of Anthropic's says."""
    blocks: list[dict[str, Any]] = message["content"]
    known = ("text", "thinking", "redacted_thinking", "tool_use")
    calls = [block for block in blocks if block["type"] == "tool_use"]
    finish = FINISH[message["stop_reason"]]
    cited = [(block["text"], each) for block in blocks for each in listed(block.get("citations"))]
    return Said(
        text="".join(block["text"] for block in blocks if block["type"] == "text"),
        reasoning="".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
        signed=[
            (block.get("thinking", ""), block.get("signature") or block.get("data") or "")
            for block in blocks
            if block["type"] in ("thinking", "redacted_thinking")
        ],
        calls=[(call["id"], call["name"], call["input"]) for call in calls],
        foreign=[block for block in blocks if block["type"] not in known],
        finish="tool_calls" if calls and finish == "stop" else finish,
        urls=[(each["url"], text) for text, each in cited if "url" in each],
    )


def listed(value: Any) -> list[dict[str, Any]]:
    """A list that may be null."""
    return value or []


def within(holder: dict[str, Any], name: str) -> dict[str, Any]:
    """An object that may be null, or missing."""
    return holder.get(name) or {}


def usage_of(message: dict[str, Any]) -> tuple[int, int, int, int, int]:
    """Input, read from the cache, written for 5 minutes and for an hour, output."""
    usage = message["usage"]
    written = usage.get("cache_creation_input_tokens") or 0
    longer: int = within(usage, "cache_creation").get("ephemeral_1h_input_tokens", 0)
    asides = [each for each in listed(usage.get("iterations")) if each["type"] != "message"]
    return (
        usage["input_tokens"] + sum(each["input_tokens"] for each in asides),
        usage.get("cache_read_input_tokens") or 0,
        written - longer,
        longer,
        usage["output_tokens"] + sum(each["output_tokens"] for each in asides),
    )


def names_of(exchanges: list[Exchange]) -> list[str]:
    """How a failing test calls them."""
    return [exchange.name for exchange in exchanges]
