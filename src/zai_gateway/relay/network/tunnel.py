"""A proxy's tunnel (RFC 9110, section 9.3.6): CONNECT is asked, and the head of the answer is read."""

import asyncio
import re
from typing import cast

_MOST_HEAD = 16_384
"""Bytes of a proxy's answer before the empty line that ends its head."""
_VERSION = b"HTTP/1."
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: [^\r\n\0]*)?")
_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*")
_END = b"\r\n\r\n"


class Breach(Exception):
    """The answer breaks the rules of HTTP: the text says how, and quotes nothing of it."""


class ConnectAnswer:
    """Reads a proxy's answer to CONNECT, in whatever pieces it comes; does no input or output."""

    def __init__(self) -> None:
        self.status: int | None = None
        """Of the answer, once its head is whole."""
        self._unread = b""
        self._passed = 0
        """Bytes of interim answers (RFC 9110, section 15.2), which are dropped."""

    def feed(self, piece: bytes) -> None:
        """Takes the next piece. Raises Breach.

        After a 2xx the other end of the tunnel speaks, and here nobody was asked to yet: any byte is a
        breach. After another status comes a body, which says nothing that is used.
        """
        self._unread += piece
        while self.status is None:
            head, end, rest = self._unread.partition(_END)
            if not head.startswith(_VERSION[: len(head)]):
                raise Breach("it does not speak HTTP/1.1")
            # As long as it may be, and the part of its end that may be there.
            if self._passed + len(head) > _MOST_HEAD + (0 if end else len(_END) - 1):
                raise Breach("its head is too large")
            if not end:
                return
            status = _status(head)
            if status >= 200:
                self.status = status
            self._passed += len(head) + len(end)
            self._unread = rest
        if self._unread and self.status < 300:
            raise Breach("it sent more than the head of its answer")
        self._unread = b""


def _status(head: bytes) -> int:
    line, *fields = head.split(b"\r\n")
    status = _STATUS_LINE.fullmatch(line)
    if status is None:
        raise Breach("it does not speak HTTP/1.1")
    if not all(map(_FIELD.fullmatch, fields)):
        raise Breach("it sent a malformed header")
    if status[1] == b"101":
        raise Breach("it switched to a protocol that was not asked for")
    return int(status[1])


def connect_request(authority: str, authorization: str | None) -> bytes:
    """Asks a proxy for a tunnel to `authority`, a `host:port`."""
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if authorization is not None:
        lines.append(f"Proxy-Authorization: {authorization}")
    return "\r\n".join((*lines, "", "")).encode("ascii")


class Tunnel(asyncio.Protocol):
    """The connection to a proxy until a tunnel through it stands; then it waits for who takes it over."""

    transport: asyncio.Transport

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._answer = ConnectAnswer()
        self.answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """The status. Raises Breach, or ConnectionError where the connection ended first."""
        self.answered.add_done_callback(_looked_at)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are none by their class
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Reads the answer, and nothing after it."""
        try:
            self._answer.feed(data)
        except Breach as breach:
            self._end(breach)
            self.transport.abort()
            return
        if self._answer.status is not None and not self.answered.done():
            self.transport.pause_reading()
            self.answered.set_result(self._answer.status)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will be read."""
        self._end(exc or ConnectionResetError())

    def _end(self, why: Exception) -> None:
        if not self.answered.done():
            self.answered.set_exception(why)


class Unasked(asyncio.Protocol):
    """The far end of a tunnel while nothing is asked of it: any word of it is one too early."""

    def __init__(self) -> None:
        self.spoke = False
        self.lost = False

    def data_received(self, data: bytes) -> None:
        """Notes it."""
        self.spoke = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Notes it."""
        self.lost = True


def _looked_at(answered: asyncio.Future[int]) -> None:
    """So that asyncio does not complain where nobody waits any more."""
    if not answered.cancelled():
        answered.exception()
