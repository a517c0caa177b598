"""Faults of the network in the port's own words: what aiohttp and the system raise, as UpstreamError."""

import os
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import aiohttp
from aiohttp import http_exceptions
from msgspec import Struct

from zai_gateway.relay.addresses import ForbiddenAddress
from zai_gateway.relay.upstream import Blame, UpstreamError

_BREACHES: tuple[tuple[type[BaseException], str], ...] = (
    (http_exceptions.LineTooLong, "its head is too large"),
    (http_exceptions.InvalidHeader, "it sent a malformed header"),
    (http_exceptions.BadStatusLine, "it does not speak HTTP/1.1"),
    (http_exceptions.ContentLengthError, "its answer ended before the announced length"),
    (http_exceptions.TransferEncodingError, "its answer ended early or in a malformed chunk"),
    (ConnectionResetError, "it reset the connection"),
    (BrokenPipeError, "it closed the connection while the request was sent"),
    (aiohttp.ServerDisconnectedError, "it closed the connection without an answer"),
    (http_exceptions.HttpProcessingError, "its answer breaks the rules of HTTP"),
)
"""The first that fits the error or one of its causes, most telling first."""


class Place(Struct, frozen=True):
    """Where a request goes: all of its address that an error may show, since the rest can hold a secret."""

    name: str
    """`host:port`."""
    tls: bool


def place_of(url: str) -> Place:
    """The place that `url` names. Raises UpstreamError for what is no address of HTTP."""
    try:
        parts = urlsplit(url)
        host, tls = parts.hostname, parts.scheme == "https"
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (KeyError, ValueError):
        host, port, tls = "", 0, False
    if not host:
        raise UpstreamError(Blame.CONNECT, "the base URL is not an http:// or https:// address")
    return Place(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", tls)


def before_sending(error: Exception, place: Place) -> UpstreamError:
    """The error for what was raised while no byte of the request had left."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    name = place.name
    if isinstance(cause, ssl.SSLCertVerificationError):
        return UpstreamError(Blame.TLS, f"the certificate of {name} was refused: {cause.verify_message}")
    if isinstance(cause, ssl.SSLError):
        return UpstreamError(Blame.TLS, f"the TLS handshake with {name} failed: {_tls_reason(cause)}")
    if place.tls and isinstance(cause, ConnectionResetError | ConnectionAbortedError | BrokenPipeError):
        return UpstreamError(Blame.TLS, f"the TLS handshake with {name} failed: it ended the connection")
    if isinstance(cause, TimeoutError) and cause.errno is None:
        return UpstreamError(Blame.CONNECT, f"no connection to {name} within the time allowed")
    if isinstance(cause, OSError):
        return UpstreamError(Blame.CONNECT, f"cannot connect to {name}: {_os_reason(cause)}")
    return UpstreamError(Blame.CONNECT, f"the request to {name} has a malformed header or URL")


def after_sending(error: Exception, place: Place) -> UpstreamError:
    """The error for what was raised once a byte of the request may have left.

    Its words are made here: the library's own quote the answer, the whole URL, or both.
    """
    if isinstance(error, TimeoutError):
        return UpstreamError(Blame.TIMEOUT, f"{place.name} was silent for too long")
    causes = list(_causes(error))
    for kind, breach in _BREACHES:
        if any(isinstance(cause, kind) for cause in causes):
            return UpstreamError(Blame.BROKEN, f"{place.name} broke off: {breach}")
    return UpstreamError(Blame.BROKEN, f"{place.name} broke off: the connection was lost")


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__


def _tls_reason(error: ssl.SSLError) -> str:
    return (error.reason or "no common version or cipher").replace("_", " ").lower()


def _os_reason(error: OSError) -> str:
    if isinstance(error, ForbiddenAddress | socket.gaierror):
        return str(error.strerror or error).lower()
    return os.strerror(error.errno).lower() if error.errno else "none of its addresses answers"
