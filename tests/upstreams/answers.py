"""What OpenAI's chat API answers, as values and bytes that a test can script and vary."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct

CREATED = 1_735_689_600
"""2025-01-01 00:00 UTC."""
USAGE: Mapping[str, Any] = {
    "prompt_tokens": 12,
    "completion_tokens": 4,
    "total_tokens": 16,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
DONE = b"data: [DONE]\n\n"

Piece = bytes | asyncio.Event
"""Bytes of a body, or a gate that holds back the rest until it is set."""


class Ending(StrEnum):
    """How a body ends."""

    WHOLE = "whole"
    CUT = "cut"
    """The connection is closed in the middle of the chunked body."""
    RESET = "reset"
    """The same, with a RST."""


class Answer(Struct, frozen=True, kw_only=True):
    """An answer to one request. `pieces` go out as chunks, one write each; None is a body in one piece."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    pieces: tuple[Piece, ...] | None = None
    ending: Ending = Ending.WHOLE
    hold: asyncio.Event | None = None
    """Holds back everything, the status included, until it is set."""


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """`value` as JSON."""
    return Answer(status=status, headers=_headers("application/json", headers), body=_dump(value))


def sse_answer(
    *pieces: Piece, ending: Ending = Ending.WHOLE, headers: Mapping[str, str] | None = None
) -> Answer:
    """A stream of exactly these pieces."""
    return Answer(headers=_headers("text/event-stream; charset=utf-8", headers), pieces=pieces, ending=ending)


def error_answer(
    status: int,
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """An error in OpenAI's shape."""
    return json_answer(error_body(message, code=code, param=param), status, headers)


def error_body(message: str, *, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    """The body of an error as OpenAI writes it."""
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


def completion(
    model: str = "gpt-5.4-mini",
    content: str | None = "Hello!",
    *,
    tool_calls: Sequence[Mapping[str, Any]] = (),
    usage: Mapping[str, Any] | None = USAGE,
    finish_reason: str | None = None,
) -> dict[str, Any]:
    """A completion that was not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None, "annotations": []}
    if tool_calls:
        message["tool_calls"] = list(tool_calls)
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": finish_reason or ("tool_calls" if tool_calls else "stop"),
    }
    return _named("chat.completion", model) | {"choices": [choice], "usage": usage, "service_tier": "default"}


def chunk(
    model: str = "gpt-5.4-mini",
    delta: Mapping[str, Any] | None = None,
    *,
    finish_reason: str | None = None,
    usage: Mapping[str, Any] | None = None,
) -> bytes:
    """One event of a stream. Without a delta and a finish reason: the usage event, with no choices."""
    choices: list[dict[str, Any]] = []
    if delta is not None or finish_reason is not None:
        choices = [
            {"index": 0, "delta": delta or {}, "logprobs": None, "finish_reason": finish_reason},
        ]
    return event(_named("chat.completion.chunk", model) | {"choices": choices, "usage": usage})


def stream(
    model: str = "gpt-5.4-mini",
    words: Iterable[str] = ("Hel", "lo!"),
    *,
    usage: Mapping[str, Any] | None = USAGE,
) -> tuple[bytes, ...]:
    """A whole stream: role, content, finish, usage (where given) and `[DONE]`, one event each."""
    events = [chunk(model, {"role": "assistant", "content": "", "refusal": None})]
    events += [chunk(model, {"content": word}) for word in words]
    events.append(chunk(model, {}, finish_reason="stop"))
    if usage is not None:
        events.append(chunk(model, usage=usage))
    return (*events, DONE)


def event(value: object) -> bytes:
    """A server-sent event that carries `value` as JSON."""
    return b"data: " + _dump(value) + b"\n\n"


def models(ids: Iterable[str]) -> dict[str, Any]:
    """The list of models, as `GET /models` answers."""
    return {"object": "list", "data": [model(id) for id in ids]}


def model(id: str) -> dict[str, Any]:
    """One model, as `GET /models/{id}` answers."""
    return {"id": id, "object": "model", "created": CREATED, "owned_by": "openai"}


def _named(kind: str, model: str) -> dict[str, Any]:
    return {"id": "chatcmpl-stub", "object": kind, "created": CREATED, "model": model}


def _headers(content_type: str, more: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    return (("content-type", content_type), *(more or {}).items())


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
