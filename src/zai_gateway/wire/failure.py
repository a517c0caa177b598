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
    Code.BUDGET_BUSY: _LATER,
    Code.CONTEXT_LENGTH_EXCEEDED: _INVALID,
    Code.UPSTREAM_REFUSED: _INVALID,
    Code.UPSTREAM_RATE_LIMITED: _LATER,
    Code.UPSTREAM_FAILED: _SERVER,
    Code.UPSTREAM_TIMEOUT: _SERVER,
    Code.STORE_UNAVAILABLE: _SERVER,
    Code.SHUTTING_DOWN: _SERVER,
    Code.INTERNAL_ERROR: _SERVER,
}
"""`error.type` by code, in the words of OpenAI's API: the broad kind, where `error.code` is the exact one."""


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
