"""Refusals of what never becomes a request: what breaks HTTP's rules, or a limit of size, time or number."""

from msgspec import Struct

from zai_gateway.edge.patience import Patience
from zai_gateway.errors import Code, Failure


class HeadLimits(Struct, frozen=True, kw_only=True):
    """How large the head of a request (its line and its headers, and trailers too) may be."""

    total_bytes: int = 64 * 1024
    fields: int = 128


def malformed() -> Failure:
    """Bytes that are no HTTP."""
    return Failure(
        Code.INVALID_REQUEST,
        "This is not HTTP/1.1 as RFC 9112 has it. Check the request line, the headers and the framing "
        "of the body.",
    )


def too_large(limits: HeadLimits) -> Failure:
    """A head beyond its limits, or chunks with too much between them."""
    return Failure(
        Code.HEADERS_TOO_LARGE,
        f"The request's line and headers are more than {limits.total_bytes} bytes or "
        f"{limits.fields} fields. Send fewer or shorter headers.",
    )


def too_slow(patience: Patience) -> Failure:
    """A request that stopped coming."""
    return Failure(
        Code.REQUEST_TIMEOUT,
        f"The request stopped coming: its head has {patience.head_seconds:g} s, and each "
        f"{patience.body_least} bytes of its body have {patience.body_seconds:g} s. "
        "Send it again without a pause.",
    )


def too_many_connections(most: int) -> Failure:
    """A connection beyond the limit of all clients together."""
    return Failure(
        Code.TOO_MANY_CONNECTIONS,
        f"This gateway holds {most} connections already, and takes no more. Try again in a moment.",
        retry_after=1.0,
    )


def shutting_down() -> Failure:
    """A request that came too late, or took too long, for a gateway that ends."""
    return Failure(
        Code.SHUTTING_DOWN, "The gateway is shutting down. Try again in a moment.", retry_after=1.0
    )
