"""A request as the door gets it: its head, who sent it, and its body, read without ever holding too much."""

import asyncio
from typing import Protocol

from zai_gateway.edge.head import Head, Headers
from zai_gateway.errors import Code, Failure

_MOST_KEPT_UNASKED = 64 * 1024
"""Bytes of a body that are kept before anybody asks for it."""
_MOST_READ_FOR_NOTHING = 64 * 1024
"""Bytes of a body that are read and thrown away, so that its connection can go on."""


class ClientLeft(Exception):
    """The client left while it was sending; there is nobody to answer."""


class Source(Protocol):
    """Where a request comes from: implemented by its connection."""

    def address(self, name: str) -> str | None:
        """The address of the client (`peername`) or the one that it connected to (`sockname`)."""
        ...

    def wanted(self, request: "Request") -> None:
        """The body of `request` is waited for."""
        ...


class Request:
    """One request. Its body may still be on its way."""

    # What most requests never change stands on the class: it costs nothing to make.
    old = False
    """Whether it is HTTP/1.0."""
    keep_alive = True
    """Whether the client may send another one after it."""
    scheme = "http"
    length: int | None = 0
    """Bytes of the body, as it was announced; None where only its end will tell."""
    size = 0
    """Bytes of the body that came."""
    whole = False
    """Whether all of it came."""
    _client: str | None = None
    _pieces: list[bytes] | None = None
    _limit: int | None = None
    _waiter: asyncio.Future[None] | None = None
    _dropped = False
    _left = False

    def __init__(self, source: Source, head: Head, body: bytes | None = None) -> None:
        """`body`: all of it, where it is here already."""
        self._source = source
        self.head = head
        self.fields = head.fields
        if body is not None:
            self.length = self.size = len(body)
            self._pieces = [body]
            self.whole = True

    @property
    def method(self) -> str:
        """As `Head`."""
        return self.head.method

    @property
    def target(self) -> bytes:
        """As `Head`."""
        return self.head.target

    @property
    def headers(self) -> Headers:
        """As `Head`."""
        return self.head.headers

    @property
    def path(self) -> bytes:
        """The target's path, as it came."""
        target = self.target
        if not target.startswith(b"/") and b"://" in target:
            slash = target.find(b"/", target.index(b"://") + 3)
            target = target[slash:] if slash >= 0 else b"/"
        return target.partition(b"?")[0] if b"?" in target else target

    @property
    def client(self) -> str | None:
        """The client's address; None of a local socket."""
        if self._client is None:
            self._client = self._source.address("peername")
        return self._client

    @client.setter
    def client(self, address: str) -> None:
        self._client = address

    @property
    def bound(self) -> str | None:
        """The address of this machine that the connection was made to."""
        return self._source.address("sockname")

    def values(self, name: bytes) -> list[str]:
        """The values of every header called `name` (in lower case), as they came."""
        if name not in self.fields:
            return []
        return [value.decode("latin-1") for key, value in self.headers if key == name]

    def repeats(self, name: bytes) -> bool:
        """Whether several headers are called `name`."""
        return not self.head.distinct and sum(key == name for key, _ in self.headers) > 1

    @property
    def expects_go_ahead(self) -> bool:
        """Whether the client waits for `100 Continue`: refused, it may send its body all the same, or not."""
        return b"expect" in self.fields

    @property
    def held_up(self) -> bool:
        """Whether enough of the body came that nobody asks for, so that no more of it should be read."""
        return self.size > _MOST_KEPT_UNASKED and self._limit is None and not self._dropped

    @property
    def asked_for(self) -> bool:
        """Whether somebody waits for the body, or it is thrown away: it is for the client to send it."""
        return self._limit is not None or self._dropped

    @property
    def left_over(self) -> bool:
        """Whether more of the body may come than is worth reading for nothing."""
        if self.whole:
            return False
        if self.length is None or (self.expects_go_ahead and self.size == 0):
            return True
        return self.length - self.size > _MOST_READ_FOR_NOTHING

    def body_here(self, limit: int) -> bytes | None:
        """The body, where all of it is here and it has at most `limit` bytes: what `body` would give."""
        if not self.whole or self.size > limit:
            return None
        self._limit = limit
        return self._taken()

    async def body(self, limit: int) -> bytes:
        """The body, at most `limit` bytes. Raises Failure (REQUEST_TOO_LARGE) and ClientLeft."""
        self._limit = limit
        if max(self.size, self.length or 0) > limit:
            raise self._too_large()
        if not self.whole:
            if self._left:
                raise ClientLeft
            self._waiter = asyncio.get_running_loop().create_future()
            self._source.wanted(self)
            await self._waiter
        return self._taken()

    def _taken(self) -> bytes:
        pieces, self._pieces = self._pieces or [], None
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def came(self, piece: bytes) -> None:
        """A piece of the body came."""
        self.size += len(piece)
        if self._dropped:
            return
        if self._pieces is None:
            self._pieces = []
        self._pieces.append(piece)
        if self._limit is not None and self.size > self._limit:
            self._wake(self._too_large())

    def ended(self) -> None:
        """The body came to its end."""
        self.whole = True
        self._wake(None)

    def left(self) -> None:
        """The client left, or broke a rule so that it gets no answer but that."""
        self._left = True
        self._wake(ClientLeft())

    def drop(self) -> None:
        """Nobody wants the body, nor what is still to come of it."""
        self._dropped = True
        self._pieces = None

    def _too_large(self) -> Failure:
        self.drop()
        return Failure(
            Code.REQUEST_TOO_LARGE,
            f"The body is larger than the {self._limit} bytes that this gateway takes. Send less at once: "
            "fewer or smaller images, or a shorter conversation.",
        )

    def _wake(self, trouble: Exception | None) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.done():
            return
        if trouble is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(trouble)
