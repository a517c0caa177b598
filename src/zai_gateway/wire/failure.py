"""A failure on the wire: the `error` object that SDKs read, in an error's body and inside a stream alike."""

from collections.abc import Mapping

from msgspec import UNSET, Struct, UnsetType
from msgspec.json import encode

from zai_gateway.errors import Code, Failure

_INVALID = "invalid_request_error"
_LATER = "rate_limit_error"
_SERVER = "api_error"

TYPES: Mapping[Code, str] = {
    Code.INVALID_REQUEST: _INVALID,
    Code.INVALID_JSON: _INVALID,
    Code.DUPLICATE_FIELD: _INVALID,
    Code.UNSUPPORTED_PARAMETER: _INVALID,
    Code.UNBOUNDED_FEATURE: _INVALID,
    Code.INVALID_API_KEY: "authentication_error",
    Code.INVALID_CREDENTIALS: "authentication_error",
    Code.SIGN_IN_REQUIRED: "authentication_error",
    Code.SPEND_CAP_REACHED: "insufficient_quota",
    Code.MODEL_UNPRICED: "insufficient_quota",
    Code.MODEL_NOT_ALLOWED: "permission_error",
    Code.FORBIDDEN: "permission_error",
    Code.NOT_FOUND: _INVALID,
    Code.MODEL_NOT_FOUND: _INVALID,
    Code.UNKNOWN_PATH: _INVALID,
    Code.METHOD_NOT_ALLOWED: _INVALID,
    Code.REQUEST_TIMEOUT: _INVALID,
    Code.REQUEST_TOO_LARGE: _INVALID,
    Code.UNSUPPORTED_MEDIA_TYPE: _INVALID,
    Code.MISDIRECTED_REQUEST: _INVALID,
    Code.HEADERS_TOO_LARGE: _INVALID,
    Code.RATE_LIMITED: _LATER,
    Code.BUDGET_BUSY: _LATER,
    Code.CONTEXT_LENGTH_EXCEEDED: _INVALID,
    Code.UPSTREAM_REFUSED: _INVALID,
    Code.UPSTREAM_RATE_LIMITED: _LATER,
    Code.UPSTREAM_FAILED: _SERVER,
    Code.UPSTREAM_TIMEOUT: _SERVER,
    Code.STORE_UNAVAILABLE: _SERVER,
    Code.SHUTTING_DOWN: _SERVER,
    Code.TOO_MANY_CONNECTIONS: _SERVER,
    Code.INTERNAL_ERROR: _SERVER,
}
"""`error.type` by code, in the words of OpenAI's API: the broad kind, where `error.code` is the exact one."""

STATUSES: Mapping[Code, int] = {
    Code.INVALID_REQUEST: 400,
    Code.INVALID_JSON: 400,
    Code.DUPLICATE_FIELD: 400,
    Code.UNSUPPORTED_PARAMETER: 400,
    Code.UNBOUNDED_FEATURE: 400,
    Code.INVALID_API_KEY: 401,
    Code.INVALID_CREDENTIALS: 401,
    Code.SIGN_IN_REQUIRED: 401,
    Code.SPEND_CAP_REACHED: 402,
    Code.MODEL_UNPRICED: 402,
    Code.MODEL_NOT_ALLOWED: 403,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.MODEL_NOT_FOUND: 404,
    Code.UNKNOWN_PATH: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.REQUEST_TIMEOUT: 408,
    Code.REQUEST_TOO_LARGE: 413,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
    Code.MISDIRECTED_REQUEST: 421,
    Code.HEADERS_TOO_LARGE: 431,
    Code.RATE_LIMITED: 429,
    Code.BUDGET_BUSY: 429,
    Code.CONTEXT_LENGTH_EXCEEDED: 400,
    Code.UPSTREAM_REFUSED: 400,
    Code.UPSTREAM_RATE_LIMITED: 429,
    Code.UPSTREAM_FAILED: 502,
    Code.UPSTREAM_TIMEOUT: 504,
    Code.STORE_UNAVAILABLE: 503,
    Code.SHUTTING_DOWN: 503,
    Code.TOO_MANY_CONNECTIONS: 503,
    Code.INTERNAL_ERROR: 500,
}
"""The HTTP status by code, where the failure has none of its own."""


def status_of(failure: Failure) -> int:
    """The HTTP status that it is answered with, or would be outside of a stream."""
    return failure.status or STATUSES[failure.code]


class ErrorObject(Struct, frozen=True, kw_only=True):
    """`error` as every OpenAI SDK reads it (wire.md 1)."""

    message: str
    type: str
    param: str | None
    code: str
    upstream: Mapping[str, str | int | None] | UnsetType = UNSET
    """What the upstream said of itself; only where its error is passed on."""


class ErrorEvent(Struct, frozen=True):
    """The data of the event that ends a broken stream (wire.md 5)."""

    error: ErrorObject


def error_object(failure: Failure) -> ErrorObject:
    """The failure in OpenAI's shape."""
    return ErrorObject(
        message=failure.message,
        type=TYPES[failure.code],
        param=failure.param,
        code=failure.code.value,
        upstream=UNSET if failure.upstream is None else failure.upstream,
    )


def error_event(failure: Failure) -> bytes:
    """The data of a stream's error event, as JSON, without its framing."""
    return encode(ErrorEvent(error_object(failure)))
