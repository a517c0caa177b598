"""The Gemini API on this machine: who and what it lets in."""

import re
from typing import Any

from tests.upstreams.answers import Answer, json_answer
from tests.upstreams.http1 import Received
from tests.upstreams.replaying import Gate, ReplayingStub

_PATH = re.compile(
    r"/v1beta/models/[a-z0-9.-]+:(generateContent|streamGenerateContent\?alt=sse|countTokens|"
    r"batchEmbedContents)"
)


def gemini_stub(key: str) -> ReplayingStub:
    """Lets in what is signed with this key."""
    return ReplayingStub(_gate(key), "/v1beta")


def problem(code: int, status: str, message: str, retry: str | None = None) -> Answer:
    """An error in Google's shape; `retry` as `48s`."""
    error: dict[str, Any] = {"code": code, "message": message, "status": status}
    if retry is not None:
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": retry}]
    return json_answer({"error": error}, code)


def _gate(key: str) -> Gate:
    def gate(request: Received) -> Answer | None:
        if request.method != "POST" or not _PATH.fullmatch(request.path):
            return problem(404, "NOT_FOUND", f"{request.path} is not found for API version v1beta")
        if request.header("x-goog-api-key") != key or request.header("authorization"):
            return problem(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
        # The address names the model: Google refuses names that it does not know.
        if {"model", "stream", "messages"} & request.json().keys():
            return problem(400, "INVALID_ARGUMENT", 'Invalid JSON payload received. Unknown name "model"')
        return None

    return gate
