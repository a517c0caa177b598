"""Failures in the words of the product: the fixed table of codes, and what carries one; no HTTP here."""

from collections.abc import Mapping
from enum import StrEnum


class Code(StrEnum):
    """Every value that `error.code` can have (docs/errors.md explains each)."""

    INVALID_REQUEST = "invalid_request"
    INVALID_JSON = "invalid_json"
    DUPLICATE_FIELD = "duplicate_field"
    UNSUPPORTED_PARAMETER = "unsupported_parameter"
    UNBOUNDED_FEATURE = "unbounded_feature"
    INVALID_API_KEY = "invalid_api_key"
    INVALID_CREDENTIALS = "invalid_credentials"
    SIGN_IN_REQUIRED = "sign_in_required"
    SPEND_CAP_REACHED = "spend_cap_reached"
    MODEL_UNPRICED = "model_unpriced"
    MODEL_NOT_ALLOWED = "model_not_allowed"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    MODEL_NOT_FOUND = "model_not_found"
    UNKNOWN_PATH = "unknown_path"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TIMEOUT = "request_timeout"
    REQUEST_TOO_LARGE = "request_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    MISDIRECTED_REQUEST = "misdirected_request"
    HEADERS_TOO_LARGE = "headers_too_large"
    RATE_LIMITED = "rate_limited"
    BUDGET_BUSY = "budget_busy"
    CONTEXT_LENGTH_EXCEEDED = "context_length_exceeded"
    UPSTREAM_REFUSED = "upstream_refused"
    UPSTREAM_RATE_LIMITED = "upstream_rate_limited"
    UPSTREAM_FAILED = "upstream_failed"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    STORE_UNAVAILABLE = "store_unavailable"
    SHUTTING_DOWN = "shutting_down"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    INTERNAL_ERROR = "internal_error"


class Failure(Exception):
    """A request that ends in an error, said so that its reader can mend it.

    `message` explains (it becomes `error.message`); `detail` is the reference's short form where that
    differs; `param` names the field at fault; `retry_after` is in seconds, of RATE_LIMITED infinity where
    asking again never helps. `status` is set only where an upstream's own status is kept, and `upstream` then
    holds what it said of itself (status, code, type). `notices` are headers that say more.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        param: str | None = None,
        detail: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.detail = detail or message
        self.retry_after = retry_after
        self.status: int | None = None
        self.upstream: Mapping[str, str | int | None] | None = None
        self.notices: tuple[tuple[str, str], ...] = ()


class OperatorError(Exception):
    """Trouble that the operator can mend, told in one sentence that says how."""


class StoreUnavailable(Exception):
    """The store did not answer in time, or at all; nothing is known of what was asked."""

    def failure(self) -> Failure:
        """What clients are told of it."""
        return Failure(
            Code.STORE_UNAVAILABLE,
            "The gateway's store does not answer. Try again in a moment.",
            retry_after=1.0,
        )


class StoreInDoubt(StoreUnavailable):
    """The store did not answer to a commit: what was asked may have happened, whole or not at all."""
