"""Faults of the network in the port's own words: what the system raises, as UpstreamError."""

import os
import socket
import ssl

from msgspec import Struct

from zai_gateway.relay.network.addresses import ForbiddenAddress
from zai_gateway.relay.upstream import Blame, UpstreamError


class Place(Struct, frozen=True):
    """Where a request goes: all of its address that an error may show, since the rest can hold a secret."""

    name: str
    """`host:port`."""
    tls: bool


def before_sending(error: Exception, place: Place) -> UpstreamError:
    """The error for what was raised while no byte of the request had left."""
    name = place.name
    if isinstance(error, ssl.SSLCertVerificationError):
        return UpstreamError(Blame.TLS, f"the certificate of {name} was refused: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return UpstreamError(Blame.TLS, f"the TLS handshake with {name} failed: {_tls_reason(error)}")
    if place.tls and isinstance(error, ConnectionResetError | ConnectionAbortedError | BrokenPipeError):
        return UpstreamError(Blame.TLS, f"the TLS handshake with {name} failed: it ended the connection")
    if isinstance(error, TimeoutError) and error.errno is None:
        return UpstreamError(Blame.CONNECT, f"no connection to {name} within the time allowed")
    if isinstance(error, OSError):
        return UpstreamError(Blame.CONNECT, f"cannot connect to {name}: {_os_reason(error)}")
    return UpstreamError(Blame.CONNECT, f"the request to {name} has a malformed header or URL")


def broken(name: str, breach: str) -> UpstreamError:
    """The error for a server that broke off, or broke the rules, once a byte of the request may have left."""
    return UpstreamError(Blame.BROKEN, f"{name} broke off: {breach}")


def lost(name: str, why: Exception | None) -> UpstreamError:
    """The error for a connection that ended in the middle of an exchange; `why` as its transport tells it."""
    if isinstance(why, ConnectionResetError):
        return broken(name, "it reset the connection")
    if isinstance(why, BrokenPipeError):
        return broken(name, "it closed the connection while the request was sent")
    return broken(name, "the connection was lost")


def overdue(name: str, *, in_all: bool) -> UpstreamError:
    """The error for an answer that did not come in time; `in_all`: it came, but went on for too long."""
    late = "took too long to end its answer" if in_all else "was silent for too long"
    return UpstreamError(Blame.TIMEOUT, f"{name} {late}")


def closed_early(name: str) -> UpstreamError:
    """The error for who reads on after having closed an answer."""
    return UpstreamError(Blame.BROKEN, f"the answer of {name} was closed before its end")


def unlent(name: str, why: str) -> UpstreamError:
    """The error for a request that got no connection, through no fault of the server `name`."""
    return UpstreamError(Blame.CONNECT, f"no connection to {name}: {why}")


def _tls_reason(error: ssl.SSLError) -> str:
    return (error.reason or "no common version or cipher").replace("_", " ").lower()


def _os_reason(error: OSError) -> str:
    if isinstance(error, ForbiddenAddress | socket.gaierror):
        return str(error.strerror or error).lower()
    return os.strerror(error.errno).lower() if error.errno else "none of its addresses answers"
