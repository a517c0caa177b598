"""The table of errors: whether asking again can help, and the pages that tell of each."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from math import ceil, inf, isfinite

from msgspec import Struct
from msgspec.json import encode

from zai_gateway.dialects.anthropic_front import error_body
from zai_gateway.edge.page import Page
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.failure import ErrorObject, error_object, status_of
from zai_gateway.wire.fronts import Front

_SDK_PATIENCE_SECONDS = 60
"""One SDK ignores a longer Retry-After and falls back to its own short delay (wire.md 3)."""
_PASSING_REFUSALS = (408, 409, 425, 429)
"""Statuses below 500 that can pass by themselves. With any other the provider refuses the request, or the
workspace's own key or account, and would refuse it again (wire.md 2)."""
_FINAL_UPSTREAM_CODES = ("insufficient_quota", "billing_not_active")
"""A 429 that means money, not pace."""


class Row(Struct, frozen=True):
    """Whether asking again helps after a code."""

    retry_helps: bool = False
    """Whether the same request can succeed later, with nobody mending anything."""
    retry_after: float | None = None
    """Seconds to wait where the failure itself does not say."""


_FINAL = Row()
_SOON = Row(retry_helps=True, retry_after=1.0)
_LATER = Row(retry_helps=True)
TABLE: Mapping[Code, Row] = {
    **dict.fromkeys(Code, _FINAL),
    Code.REQUEST_TIMEOUT: _LATER,
    Code.RATE_LIMITED: _SOON,
    Code.BUDGET_BUSY: _SOON,
    Code.UPSTREAM_RATE_LIMITED: _LATER,
    Code.UPSTREAM_FAILED: _LATER,
    Code.UPSTREAM_TIMEOUT: _LATER,
    Code.STORE_UNAVAILABLE: _SOON,
    Code.SHUTTING_DOWN: _SOON,
    Code.TOO_MANY_CONNECTIONS: _SOON,
    # A defect meets the same request again, and the first try may have been billed.
    Code.INTERNAL_ERROR: _FINAL,
}


class ErrorBody(Struct, frozen=True):
    """An error's body: `detail` for the reference, `error` for the SDKs, which read only that."""

    detail: str
    error: ErrorObject


def error_page(failure: Failure) -> Page:
    """The answer that tells the client of `failure`."""
    if not (failure.upstream or failure.status or failure.retry_after or failure.notices):
        return _plain_page(failure.code, failure.message, failure.detail, failure.param)
    return _page(failure)


def page_for(front: Front, failure: Failure, request_id: str) -> Page:
    """As `error_page`, in the protocol of the client; Anthropic's names the request in its own header too."""
    if front is Front.OPENAI:
        return error_page(failure)
    status = status_of(failure)
    headers = (*_headers(failure), ("request-id", request_id))
    return Page(status, headers, error_body(failure, status, request_id))


@lru_cache(maxsize=64)
def _plain_page(code: Code, message: str, detail: str, param: str | None) -> Page:
    """Most refusals are always the same, and whoever guesses keys gets many of them."""
    return _page(Failure(code, message, detail=detail, param=param))


def _page(failure: Failure) -> Page:
    body = encode(ErrorBody(failure.detail, error_object(failure)))
    return Page(status_of(failure), _headers(failure), body)


def _headers(failure: Failure) -> tuple[tuple[str, str], ...]:
    return (("content-type", "application/json"), *_advice(failure), *failure.notices)


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
    if failure.code is Code.RATE_LIMITED and failure.retry_after == inf:
        return True  # it is larger than its limit
    said = failure.upstream or {}
    status = said.get("status")
    refused = isinstance(status, int) and 400 <= status < 500 and status not in _PASSING_REFUSALS
    return refused or said.get("code") in _FINAL_UPSTREAM_CODES
