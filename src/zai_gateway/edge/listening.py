"""The socket that the door listens on: taken before all else, so that a taken port is told first."""

import errno
import socket

from zai_gateway.errors import OperatorError

Listener = socket.socket
"""A socket that listens."""

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
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as trouble:
        listener.close()
        raise OperatorError(_explained(trouble, host, port)) from None
    listener.setblocking(False)
    return listener


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
