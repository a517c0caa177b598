"""The table of errors: which HTTP status each code has, and whether asking again can help."""

from collections.abc import Iterator, Mapping
from math import ceil, isfinite

from msgspec import Struct
from msgspec.json import encode

from zai_gateway.edge.asgi import Page
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.failure import ErrorObject, error_object

_SDK_PATIENCE_SECONDS = 60
"""One SDK ignores a longer Retry-After and falls back to its own short delay (wire.md 3)."""
_PASSING_REFUSALS = (408, 409, 425, 429)
"""Statuses below 500 that can pass by themselves. With any other the provider refuses the request, or the
workspace's own key or account, and would refuse it again (wire.md 2)."""
_FINAL_UPSTREAM_CODES = ("insufficient_quota", "billing_not_active")
"""A 429 that means money, not pace."""


class Row(Struct, frozen=True):
    """How a code is answered."""

    status: int
    retry_helps: bool = False
    """Whether the same request can succeed later, with nobody mending anything."""
    retry_after: float | None = None
    """Seconds to wait where the failure itself does not say."""


TABLE: Mapping[Code, Row] = {
    Code.INVALID_REQUEST: Row(400),
    Code.INVALID_JSON: Row(400),
    Code.DUPLICATE_FIELD: Row(400),
    Code.UNSUPPORTED_PARAMETER: Row(400),
    Code.UNBOUNDED_FEATURE: Row(400),
    Code.INVALID_API_KEY: Row(401),
    Code.SPEND_CAP_REACHED: Row(402),
    Code.MODEL_UNPRICED: Row(402),
    Code.MODEL_NOT_ALLOWED: Row(403),
    Code.FORBIDDEN: Row(403),
    Code.NOT_FOUND: Row(404),
    Code.MODEL_NOT_FOUND: Row(404),
    Code.UNKNOWN_PATH: Row(404),
    Code.METHOD_NOT_ALLOWED: Row(405),
    Code.REQUEST_TIMEOUT: Row(408, retry_helps=True),
    Code.REQUEST_TOO_LARGE: Row(413),
    Code.UNSUPPORTED_MEDIA_TYPE: Row(415),
    Code.MISDIRECTED_REQUEST: Row(421),
    Code.HEADERS_TOO_LARGE: Row(431),
    Code.BUDGET_BUSY: Row(429, retry_helps=True, retry_after=1.0),
    Code.CONTEXT_LENGTH_EXCEEDED: Row(400),
    Code.UPSTREAM_REFUSED: Row(400),
    Code.UPSTREAM_RATE_LIMITED: Row(429, retry_helps=True),
    Code.UPSTREAM_FAILED: Row(502, retry_helps=True),
    Code.UPSTREAM_TIMEOUT: Row(504, retry_helps=True),
    Code.STORE_UNAVAILABLE: Row(503, retry_helps=True, retry_after=1.0),
    Code.SHUTTING_DOWN: Row(503, retry_helps=True, retry_after=1.0),
    # A defect meets the same request again, and the first try may have been billed.
    Code.INTERNAL_ERROR: Row(500),
}


class ErrorBody(Struct, frozen=True):
    """An error's body: `detail` for the reference, `error` for the SDKs, which read only that."""

    detail: str
    error: ErrorObject


def status_of(failure: Failure) -> int:
    """The HTTP status that it is answered with."""
    return failure.status or TABLE[failure.code].status


def error_page(failure: Failure) -> Page:
    """The answer that tells the client of `failure`."""
    body = encode(ErrorBody(failure.detail, error_object(failure)))
    headers = (("content-type", "application/json"), *_advice(failure))
    return Page(status_of(failure), headers, body)


def _advice(failure: Failure) -> Iterator[tuple[str, str]]:
    row = TABLE[failure.code]
    status = status_of(failure)
    if status == 401:
        yield "www-authenticate", "Bearer"
    wait = row.retry_after if failure.retry_after is None else failure.retry_after
    if wait is not None and isfinite(wait) and wait > 0:
        yield "retry-after", str(ceil(wait))
        if wait < 1:
            yield "retry-after-ms", str(ceil(wait * 1_000))
    else:
        wait = 0
    if _sdk_retries(status) and (wait > _SDK_PATIENCE_SECONDS or not row.retry_helps or _final(failure)):
        yield "x-should-retry", "false"


def _sdk_retries(status: int) -> bool:
    """Whether SDKs try again by themselves after this status (wire.md 2)."""
    return status in (408, 409, 429) or status >= 500


def _final(failure: Failure) -> bool:
    said = failure.upstream or {}
    status = said.get("status")
    refused = isinstance(status, int) and 400 <= status < 500 and status not in _PASSING_REFUSALS
    return refused or said.get("code") in _FINAL_UPSTREAM_CODES
