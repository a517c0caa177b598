"""The socket that the door listens on: taken before all else, so that a taken port is told first."""

import errno
import resource
import socket

from zai_gateway.errors import OperatorError

Listener = socket.socket
"""A socket that listens."""

_MOST_UNSENT = 128 * 1024
"""Bytes of an answer that the system takes ahead of what the client's network does."""
_OTHER_FILES = 500
"""Open files that are no connections: the books and the log, and some to spare."""
_FILES_PER_CLIENT = 2.1
"""A client's connection, its provider's, and one in ten for clients that are turned away."""
BACKLOG = 2048
"""Connections that may wait in line to be accepted; the system may allow fewer."""


def listen(host: str, port: int) -> Listener:
    """A socket that listens on `host` and `port` (0: any free one). IPv4 where the name has both.

    Connections that come before the server runs wait in line. Raises OperatorError.
    """
    if not 0 <= port <= 65535:
        raise OperatorError(f"--port {port} is no port: choose one from 1 to 65535.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise OperatorError(
            f"--host {host!r} is no address: use 127.0.0.1, or 0.0.0.0 for every one."
        ) from None
    family, kind, protocol, _, address = min(found, key=lambda row: row[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it: a chunk of a stream must not wait for the next one.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Else the system keeps megabytes of each answer for a client that does not read.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MOST_UNSENT)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as trouble:
        listener.close()
        raise OperatorError(_explained(trouble, host, port)) from None
    listener.setblocking(False)
    return listener


def connections_possible(wanted: int) -> int:
    """How many clients may be connected: so many as wanted, or as the system has files for.

    Asks the system for as many as it may give this process.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = int(wanted * _FILES_PER_CLIENT) + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        except (OSError, ValueError):  # some systems have a lower limit than they tell
            soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return (
        wanted
        if soft == resource.RLIM_INFINITY
        else max(1, min(wanted, int((soft - _OTHER_FILES) / _FILES_PER_CLIENT)))
    )


def address_of(listener: Listener) -> tuple[str, int]:
    """The address and port that `listener` listens on."""
    host, port = listener.getsockname()[:2]
    return str(host), int(port)


def _explained(trouble: OSError, host: str, port: int) -> str:
    if trouble.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken: stop what uses it or choose another with --port"
    if trouble.errno == errno.EACCES:
        return f"port {port} on {host} is reserved for root: choose one from 1024 on with --port"
    if trouble.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine: choose one that is with --host"
    return f"cannot listen on {host} port {port}: {trouble.strerror}"
