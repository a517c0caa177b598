"""Framing: what is wrong with a head that the parser takes, but that two readers could read in two ways."""

import re

from zai_gateway.edge.head import is_plain
from zai_gateway.edge.paths import PROBES
from zai_gateway.edge.request import Request
from zai_gateway.errors import Code, Failure

_ABSOLUTE = re.compile(rb"[^/?#]*://([^/?#]*)/?")
_PACKED = frozenset({b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress", b"br", b"zstd"})
_OWS = b" \t"
_USUAL = frozenset({"GET", "HEAD", "POST"})
_OTHER_PROTOCOLS = frozenset({"SOURCE", "PRI"})


def fault_of_head(request: Request, version: str) -> Failure | None:
    """What is wrong with the head; else None, and the request knows its version and its body's length."""
    if _is_plainly_right(request, version):
        return None
    if version not in ("1.1", "1.0"):
        return _invalid(f"HTTP/{version} is not spoken here, but HTTP/1.1 is.")
    request.old = version == "1.0"
    if request.method == "CONNECT":
        return _invalid(
            "CONNECT is not answered: this is no proxy. Send the request itself, such as POST "
            "/v1/chat/completions."
        )
    if request.method in _OTHER_PROTOCOLS:
        return _invalid(f"{request.method} is of another protocol than HTTP/1.1.")
    return _fault_of_length(request) or _fault_of_target(request)


def _is_plainly_right(request: Request, version: str) -> bool:
    """Whether it is a head as nearly all are: then none of what follows has to be looked at."""
    fields, target = request.fields, request.target
    if version != "1.1" or request.method not in _USUAL or not request.head.distinct or b"host" not in fields:
        return False
    if b"transfer-encoding" in fields or b"#" in target or not target.startswith(b"/"):
        return False
    length = fields.get(b"content-length")
    if length is not None:
        if not is_plain(length):
            return False
        request.length = int(length)
    return True


def _fault_of_length(request: Request) -> Failure | None:
    encoding = request.fields.get(b"transfer-encoding")
    length = request.fields.get(b"content-length")
    if encoding is not None:
        request.length = None
        return _fault_of_encoding(request, encoding, length)
    if length is None:
        return None
    if request.repeats(b"content-length") or not is_plain(length.strip(_OWS)):
        return _invalid(
            "Content-Length: a request has one, of plain digits (RFC 9112, section 6.2).", "content-length"
        )
    request.length = int(length)
    return None


def _fault_of_encoding(request: Request, encoding: bytes, length: bytes | None) -> Failure | None:
    name = "transfer-encoding"
    if request.old:
        return _invalid(
            "transfer-encoding: HTTP/1.0 has none, so it is not certain where this body ends (RFC 9112, "
            "section 6.1). Send it with a Content-Length.",
            name,
        )
    if length is None and not request.repeats(b"transfer-encoding"):
        *packings, last = (coding.strip(_OWS).lower() for coding in encoding.split(b","))
        if last == b"chunked" and not packings:
            return None
        if last == b"chunked" and _PACKED.issuperset(packings):
            return Failure(
                Code.UNSUPPORTED_MEDIA_TYPE,
                "transfer-encoding: compressed bodies are not read here. Send the JSON as it is.",
                param=name,
            )
    return _invalid(
        "transfer-encoding: a request has `chunked` and no other, and then no Content-Length (RFC 9112, "
        "section 6.1).",
        name,
    )


def _fault_of_target(request: Request) -> Failure | None:
    host, target = request.fields.get(b"host"), request.target
    if request.repeats(b"host") or (host is None and not request.old and target not in PROBES):
        return _invalid(
            "Host: a request names one host, such as localhost:8011 (RFC 9112, section 3.2).", "host"
        )
    if target.startswith(b"/"):
        if b"#" in target:
            return _invalid("The target has a fragment (`#`), which is for the client alone.")
        return None
    absolute = _ABSOLUTE.match(target)
    if absolute and not absolute[0].endswith(b"/"):
        return _invalid("The target has no path: send one, such as /v1/models.")
    if absolute and (host is None or absolute[1].lower() != host.strip(_OWS).lower()):
        return _invalid(
            "Host: the request's target names another host (RFC 9112, section 3.2.2). Name one.", "host"
        )
    return None


def _invalid(message: str, param: str | None = None) -> Failure:
    return Failure(Code.INVALID_REQUEST, message, param=param)
