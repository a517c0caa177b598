"""OpenAI's shapes on the wire: a completion, the events of its stream, and errors."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct


class RequestError(Exception):
    """A request that is answered with an error in OpenAI's shape."""

    def __init__(
        self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.param = param
        self.code = code


class Choice(Struct, frozen=True, kw_only=True):
    """One choice: its text, or the arguments of its one tool call, in tokens."""

    tokens: Sequence[str]
    finish_reason: str
    function: str | None = None
    """The function that is called with `tokens` as its arguments."""
    call: str = ""
    """The id of that call."""

    @property
    def whole(self) -> str:
        """All of its text or arguments."""
        return "".join(self.tokens)


class Completion(Struct, frozen=True, kw_only=True):
    """An answer, before it is known how it travels."""

    id: str
    created: int
    model: str
    choices: Sequence[Choice]
    prompt_tokens: int

    @property
    def output_tokens(self) -> int:
        """The tokens of all choices."""
        return sum(len(choice.tokens) for choice in self.choices)

    @property
    def usage(self) -> dict[str, Any]:
        """Its usage, every bucket told apart as OpenAI does."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.output_tokens,
            "total_tokens": self.prompt_tokens + self.output_tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }


def whole(completion: Completion) -> bytes:
    """The completion as one JSON object."""
    choices = [
        {
            "index": index,
            "message": _message(choice),
            "logprobs": None,
            "finish_reason": choice.finish_reason,
        }
        for index, choice in enumerate(completion.choices)
    ]
    named = _named(completion, "chat.completion")
    return msgspec.json.encode(named | {"choices": choices, "usage": completion.usage})


def events(completion: Completion, with_usage: bool) -> Iterator[bytes]:
    """The completion as a stream: per choice its role, its tokens and its end; then usage and `[DONE]`."""
    named = _named(completion, "chat.completion.chunk")
    tail: dict[str, Any] = {"usage": None} if with_usage else {}
    for index, choice in enumerate(completion.choices):
        for delta in _deltas(choice):
            yield event(named | {"choices": [_step(index, delta, None)]} | tail)
        yield event(named | {"choices": [_step(index, {}, choice.finish_reason)]} | tail)
    if with_usage:
        yield event(named | {"choices": [], "usage": completion.usage})
    yield b"data: [DONE]\n\n"


def event(value: Mapping[str, Any]) -> bytes:
    """A server-sent event that carries `value` as JSON."""
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def error(failure: RequestError) -> dict[str, Any]:
    """The body of an error."""
    kind = "server_error" if failure.status >= 500 else "invalid_request_error"
    said = {"message": failure.message, "type": kind, "param": failure.param, "code": failure.code}
    return {"error": said}


def _named(completion: Completion, kind: str) -> dict[str, Any]:
    return {"id": completion.id, "object": kind, "created": completion.created, "model": completion.model}


def _message(choice: Choice) -> dict[str, Any]:
    if choice.function is None:
        return {"role": "assistant", "content": choice.whole, "refusal": None}
    call = {"id": choice.call, "type": "function"}
    call |= {"function": {"name": choice.function, "arguments": choice.whole}}
    return {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}


def _deltas(choice: Choice) -> Iterator[dict[str, Any]]:
    if choice.function is None:
        yield {"role": "assistant", "content": ""}
        for token in choice.tokens:
            yield {"content": token}
        return
    first = {"index": 0, "id": choice.call, "type": "function"}
    yield {
        "role": "assistant",
        "tool_calls": [first | {"function": {"name": choice.function, "arguments": ""}}],
    }
    for token in choice.tokens:
        yield {"tool_calls": [{"index": 0, "function": {"arguments": token}}]}


def _step(index: int, delta: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
