"""Anthropic's Messages API on this machine: who and what it lets in, and answers that nobody recorded."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.upstreams.answers import Answer, json_answer, sse_answer
from tests.upstreams.http1 import Received
from tests.upstreams.replaying import Gate, ReplayingStub

VERSION = "2023-06-01"
PATHS = ("/v1/messages", "/v1/messages/count_tokens")


def anthropic_stub(key: str) -> ReplayingStub:
    """Lets in what is signed with this key."""
    return ReplayingStub(_gate(key))


def problem(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error in Anthropic's shape."""
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011CStub"}
    return json_answer(body, status, {"request-id": "req_011CStub", **(headers or {})})


def counted(tokens: int) -> Answer:
    """The answer of `count_tokens`."""
    return json_answer({"input_tokens": tokens})


def cut_off(events: Sequence[bytes]) -> Answer:
    """A stream whose events stop before the last one, though its body ends in order."""
    return sse_answer(*events)


def _gate(key: str) -> Gate:
    def gate(request: Received) -> Answer | None:
        path = request.path.partition("?")[0]
        if request.method != "POST" or path not in PATHS:
            return problem(404, "not_found_error", "Not found")
        if request.header("x-api-key") != key or request.header("authorization"):
            return problem(401, "authentication_error", "invalid x-api-key")
        if request.header("anthropic-version") != VERSION:
            return problem(400, "invalid_request_error", "anthropic-version: header is required")
        body: dict[str, Any] = request.json()
        if path == PATHS[0] and not body.get("max_tokens"):
            return problem(400, "invalid_request_error", "max_tokens: Field required")
        return None

    return gate
