"""Refusals of what never becomes a request: what breaks HTTP's rules, or a limit of size or time."""

import re
from collections.abc import Sequence
from http import HTTPStatus

from msgspec import Struct

from zai_gateway.edge.asgi import framed
from zai_gateway.edge.error_table import error_page
from zai_gateway.edge.patience import Patience
from zai_gateway.errors import Code, Failure

Headers = Sequence[tuple[bytes, bytes]]

_ABSOLUTE = re.compile(rb"[^/?#]*://([^/?#]*)")


class HeadLimits(Struct, frozen=True, kw_only=True):
    """How large the head of a request (its line and its headers, and trailers too) may be."""

    total_bytes: int = 64 * 1024
    fields: int = 128


def fault_of_head(method: bytes, target: bytes, version: str, headers: Headers) -> Failure | None:
    """What is wrong with a head that the parser takes; two readers could read such a one in two ways."""
    if version not in ("1.0", "1.1"):
        return Failure(Code.INVALID_REQUEST, f"HTTP/{version} is not spoken here, but HTTP/1.1 is.")
    if method == b"CONNECT":
        return Failure(
            Code.INVALID_REQUEST,
            "CONNECT is not answered: this is no proxy. Send the request itself, such as POST "
            "/v1/chat/completions.",
        )
    if version == "1.0" and any(name == b"transfer-encoding" for name, _ in headers):
        return Failure(
            Code.INVALID_REQUEST,
            "transfer-encoding: HTTP/1.0 has none, so it is not certain where this body ends (RFC 9112, "
            "section 6.1). Send it with a Content-Length.",
            param="transfer-encoding",
        )
    absolute = None if target.startswith(b"/") else _ABSOLUTE.match(target)
    if absolute and [absolute[1].lower()] != [value.lower() for name, value in headers if name == b"host"]:
        return Failure(
            Code.INVALID_REQUEST,
            "Host: the request's target names another host (RFC 9112, section 3.2.2). Name one.",
            param="host",
        )
    return None


def malformed() -> Failure:
    """Bytes that are no HTTP."""
    return Failure(
        Code.INVALID_REQUEST,
        "This is not HTTP/1.1 as RFC 9112 has it. Check the request line, the headers and the framing "
        "of the body.",
    )


def too_large(limits: HeadLimits) -> Failure:
    """A head beyond its limits."""
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


def refusal(failure: Failure, default_headers: Headers, request_id: str) -> bytes:
    """The answer that tells of `failure`, as bytes for the wire; the connection ends with it."""
    page = error_page(failure)
    headers = [*default_headers, *framed(page, request_id), (b"connection", b"close")]
    status_line = f"HTTP/1.1 {page.status} {HTTPStatus(page.status).phrase}\r\n".encode()
    lines = b"".join(b"%s: %s\r\n" % header for header in headers)
    return b"%s%s\r\n%s" % (status_line, lines, page.body)
