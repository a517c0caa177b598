"""Running recorded streams through the decoder, and reading them independently of it."""

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from zai_gateway.dialects.openai_chat import Naming, StreamDecoder, StreamPlan
from zai_gateway.wire.events import Chunk, Event, Reported

NAMING = Naming(id="cmpl_test", model="openai/gpt-test", created=1_700_000_000)


def run(pieces: Iterable[bytes], plan: StreamPlan | None = None) -> list[Event]:
    """The events of a whole stream that came in these pieces."""
    decoder = StreamDecoder(NAMING, plan or StreamPlan())
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.end()


def cut(stream: bytes, edges: Iterable[int]) -> list[bytes]:
    """`stream` in pieces that end at `edges`."""
    places = [0, *sorted(edge for edge in edges if 0 < edge < len(stream)), len(stream)]
    return [stream[start:end] for start, end in pairwise(places)]


def data_of(stream: bytes) -> list[str]:
    """The data of every event, read in the simplest way: one line each, as all recorded streams have it."""
    lines = stream.decode().replace("\r\n", "\n").split("\n")
    return [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]


def json_of(stream: bytes) -> list[dict[str, Any]]:
    """The JSON events of a stream, without `[DONE]`."""
    return [json.loads(data) for data in data_of(stream) if data and data != "[DONE]"]


def chunks(events: list[Event]) -> list[dict[str, Any]]:
    """What the client gets, but for the chunk with the usage."""
    return [json.loads(event.json) for event in events if isinstance(event, Chunk)]


def reports(events: list[Event]) -> list[Reported]:
    return [event for event in events if isinstance(event, Reported)]


def sse(*data: Any) -> bytes:
    """A stream of these events: text as it is, everything else as JSON."""
    lines = [item if isinstance(item, str) else json.dumps(item) for item in data]
    return "".join(f"data: {line}\n\n" for line in lines).encode()


def chunk(delta: Any = None, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """A chunk with one choice, as OpenAI sends it."""
    choice: dict[str, Any] = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_690_000_000,
        "model": "gpt-test-2026",
        "choices": [choice],
    } | fields
