"""Answers of the hub on their way to an Anthropic client: recorded ones, and made ones."""

import json
from typing import Any

from tests.dialects.corpus import Exchange
from tests.dialects.vendors import row_of
from zai_gateway.dialects import anthropic_messages, gemini
from zai_gateway.dialects.anthropic_front import MessageStream, write_answer
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.openai_chat import StreamDecoder, decode_answer
from zai_gateway.wire.events import Answer, Chunk, Event, Finished, Reported

NAMING = Naming(id="cmpl_test", model="vendor/model", created=1_700_000_000)


def answer_of(exchange: Exchange) -> Answer | None:
    """The hub's form of a recorded answer; None where it is a problem."""
    if exchange.api == "messages":
        answer = anthropic_messages.decode_answer(exchange.response.bytes, NAMING, StreamPlan())
    elif exchange.api == "generateContent":
        answer = gemini.decode_answer(exchange.response.bytes, NAMING, StreamPlan())
    else:
        counting = row_of(exchange).counting
        answer = decode_answer(exchange.response.bytes, NAMING, counting=counting)
    return answer if isinstance(answer, Answer) else None


def events_of(exchange: Exchange) -> list[Event]:
    """The hub's form of a recorded stream."""
    if exchange.api == "messages":
        decoder = anthropic_messages.StreamDecoder(NAMING, StreamPlan())
    elif exchange.api == "streamGenerateContent":
        decoder = gemini.decoder(NAMING, StreamPlan())
    else:
        decoder = StreamDecoder(NAMING, StreamPlan(counting=row_of(exchange).counting))
    return [*decoder.feed(exchange.response.bytes), *decoder.end()]


def written(events: list[Event]) -> bytes | None:
    """The stream that the client gets; None where the upstream's broke off."""
    stream, pieces = MessageStream(NAMING), list[bytes]()
    reported: Reported | None = None
    for event in events:
        if isinstance(event, Chunk):
            pieces.append(stream.feed(event.frames))
        elif isinstance(event, Reported):
            reported = event
        elif isinstance(event, Finished):
            return b"".join([*pieces, stream.end(reported)])
    return None


def deltas_of(events: list[Event]) -> list[dict[str, Any]]:
    """What the chunks say of the first choice, read in the simplest way."""
    frames = b"".join(event.frames for event in events if isinstance(event, Chunk)).decode()
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames.split("\n\n") if frame]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return [choice.get("delta") or {} for choice in choices if choice.get("index", 0) == 0]


def frame(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    """A chunk of the hub with one choice."""
    choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": finish} | more
    named = {"id": NAMING.id, "object": "chat.completion.chunk", "created": 1, "model": NAMING.model}
    chunk = json.dumps(named | {"choices": [choice]}, ensure_ascii=False, separators=(",", ":"))
    return f"data: {chunk}\n\n".encode()


def hub_answer(message: dict[str, Any], finish: str = "stop", **more: Any) -> Answer:
    """An answer of the hub with one choice."""
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": finish} | more
    body = {"id": NAMING.id, "object": "chat.completion", "created": 1, "model": NAMING.model}
    return Answer(json.dumps(body | {"choices": [choice]}).encode(), None, 0)


def message(answer: Answer) -> dict[str, Any]:
    """What the client gets."""
    return json.loads(write_answer(answer))
