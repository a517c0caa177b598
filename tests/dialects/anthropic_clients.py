"""An Anthropic client of the tests' own: it reads event streams strictly, and knows the SDK's schemas."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SPECS = Path(__file__).parent / "specs"

_GROWS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
}
"""The type of the block that a delta belongs to, and the member that it grows."""


@cache
def _faults_of(name: str) -> Any:
    return Draft202012Validator(json.loads((SPECS / f"sdk-2.12.0.{name}.schema.json").read_bytes()))


def faults(name: str, value: Any) -> list[str]:
    """Where a value is not as the SDK declares it."""
    return [f"{list(fault.path)}: {fault.message[:300]}" for fault in _faults_of(name).iter_errors(value)]


def events_of(stream: bytes) -> list[dict[str, Any]]:
    """The events, each in the one form that all recorded streams have: its name, its data, a blank line."""
    events: list[dict[str, Any]] = []
    for frame in stream.decode().split("\n\n")[:-1]:
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    assert stream == b"" or stream.endswith(b"\n\n")
    return events


def message_of(stream: bytes) -> dict[str, Any]:
    """The message that a stream tells, every rule of Anthropic's streams checked on the way.

    One block at a time, indexes that count up, deltas that fit their block, one reason, one end.
    """
    message: dict[str, Any] = {}
    blocks: list[dict[str, Any]] = []
    pieces: list[str] = []
    opened = ended = False
    for position, event in enumerate(events_of(stream)):
        kind = event["type"]
        assert not ended, "something follows the end"
        assert (kind == "message_start") == (position == 0)
        if kind == "message_start":
            message = event["message"]
            assert message["content"] == []
            assert message["stop_reason"] is None
        elif kind == "content_block_start":
            assert not opened, "a block inside another"
            assert event["index"] == len(blocks)
            assert message["stop_reason"] is None
            blocks.append(event["content_block"])
            opened, pieces = True, []
        elif kind == "content_block_delta":
            assert opened
            assert event["index"] == len(blocks) - 1
            _grow(blocks[-1], event["delta"], pieces)
        elif kind == "content_block_stop":
            assert opened
            assert event["index"] == len(blocks) - 1
            if blocks[-1]["type"] == "tool_use" and pieces:
                blocks[-1]["input"] = "".join(pieces)
            opened = False
        elif kind == "message_delta":
            assert not opened
            assert message["stop_reason"] is None
            message |= event["delta"]
            message["usage"] = message["usage"] | event["usage"]
            assert message["stop_reason"] is not None
        elif kind == "message_stop":
            assert message["stop_reason"] is not None
            ended = True
        else:
            assert kind == "ping"
    assert ended, "the stream does not end"
    return message | {"content": blocks}


def parsed(message: dict[str, Any]) -> dict[str, Any]:
    """The same message with the inputs of its calls read; one that was cut off stays a text."""
    content = [
        block | {"input": _read(block["input"])} if block["type"] == "tool_use" else block
        for block in message["content"]
    ]
    return message | {"content": content}


def _read(arguments: Any) -> Any:
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return arguments


def _grow(block: dict[str, Any], delta: dict[str, Any], pieces: list[str]) -> None:
    kind = delta["type"]
    if kind == "input_json_delta":
        assert block["type"] in ("tool_use", "server_tool_use", "mcp_tool_use")
        pieces.append(delta["partial_json"])
    elif kind == "citations_delta":
        assert block["type"] == "text"
        block.setdefault("citations", [])
        block["citations"] = [*(block["citations"] or []), delta["citation"]]
    else:
        owner, member = _GROWS[kind]
        assert block["type"] == owner
        block[member] = block.get(member, "") + delta[member]
