"""Failures as Anthropic's clients read them: `error.type` by the status, the message, the request's id."""

from zai_gateway.errors import Code, Failure
from zai_gateway.wire.values import Json, encode

_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""By status (docs.claude.com, "Errors"; `timeout_error` is in the SDK's schema)."""
_OVERLOADED = (503, 529)
_TOO_LONG = "prompt is too long"
"""How Anthropic's own refusal begins: clients look for it, to make the conversation shorter by themselves."""


def error_body(failure: Failure, status: int, request_id: str | None) -> bytes:
    """The body of an answer with an error `status`."""
    return encode({"type": "error", **error_object(failure, status, request_id)})


def error_type(status: int) -> str:
    """`error.type` of what is answered with `status`, or inside a stream would have been."""
    return _TYPES.get(status, "invalid_request_error" if 400 <= status < 500 else "api_error")


def error_object(failure: Failure, status: int, request_id: str | None) -> dict[str, Json]:
    """`error` and `request_id`, of a body or of an `error` event."""
    message = failure.message
    if failure.code is Code.CONTEXT_LENGTH_EXCEEDED and _TOO_LONG not in message.lower():
        message = f"{_TOO_LONG}: {message}"
    # A provider that is overloaded says so in its own words, whatever the status is here.
    told = (failure.upstream or {}).get("status")
    error: Json = {"type": error_type(told if told in _OVERLOADED else status), "message": message}
    return {"error": error, "request_id": request_id}
