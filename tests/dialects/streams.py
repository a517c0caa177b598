"""Running recorded streams through the decoder, and reading them independently of it."""

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from zai_gateway.dialects.openai_chat import Naming, StreamDecoder, StreamPlan
from zai_gateway.wire.events import Chunk, Event, Reported

NAMING = Naming(id="cmpl_test", model="openai/gpt-test", created=1_700_000_000)


def run(pieces: Iterable[bytes], plan: StreamPlan | None = None, *, learning: bool = True) -> list[Event]:
    """The events of a whole stream that came in these pieces; chunks that follow each other are one."""
    decoder = StreamDecoder(NAMING, plan or StreamPlan(), learning=learning)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return joined(events + decoder.end())


def joined(events: list[Event]) -> list[Event]:
    """The same events, with the chunks joined that follow each other."""
    whole: list[Event] = []
    for event in events:
        if isinstance(event, Chunk) and whole and isinstance(whole[-1], Chunk):
            before = whole.pop()
            assert isinstance(before, Chunk)
            whole.append(
                Chunk(
                    before.frames + event.frames,
                    before.content_bytes + event.content_bytes,
                    before.is_content or event.is_content,
                )
            )
        else:
            whole.append(event)
    return whole


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


def shown(events: list[Event]) -> list[bytes]:
    """The chunks that the client gets, as their bytes, but for the one with the usage."""
    frames = b"".join(event.frames for event in events if isinstance(event, Chunk))
    assert not frames or (frames.startswith(b"data: ") and frames.endswith(b"\n\n"))
    return frames[6:-2].split(b"\n\ndata: ") if frames else []


def chunks(events: list[Event]) -> list[dict[str, Any]]:
    """What the client gets, but for the chunk with the usage."""
    return [json.loads(data) for data in shown(events)]


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
