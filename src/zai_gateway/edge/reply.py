"""A reply: the client's side of one exchange, on its way to the bytes of its connection."""

from collections.abc import Callable, Sequence
from typing import Protocol

from zai_gateway.edge.letterhead import Letterhead
from zai_gateway.edge.page import Page, header_lines, sized_lines
from zai_gateway.edge.request import Request

_STREAM = "text/event-stream"
_STREAM_HEADERS = (("cache-control", "no-cache"), ("x-accel-buffering", "no"))
"""Without them a proxy may hold events back, or keep them for the next client."""
_CHUNKED = b"transfer-encoding: chunked\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


class Carrier(Protocol):
    """What carries replies: implemented by a connection."""

    letterhead: Letterhead
    writable: bool
    """Whether the client's connection can take more."""

    def send(self, data: bytes) -> None:
        """Sends bytes, in their order."""
        ...

    async def room(self) -> None:
        """Returns when the client's connection can take more, or is gone."""
        ...

    def ends_with(self, request: Request) -> bool:
        """Whether no other request is answered after this one."""
        ...

    def answered(self, reply: "ClientReply") -> None:
        """The reply is complete."""
        ...


class ClientReply:
    """Implements `relay.reply.Reply`.

    An event stream goes out as it is written. Any other answer goes out whole when it is finished, with its
    length; so until then an error can still take its place, and `started` stays False.
    """

    # What most replies never change stands on the class: it costs nothing to make.
    started = False
    gone = False
    finished = False
    last = False
    """Whether the client was told that its connection ends with this."""
    _callback: Callable[[], None] | None = None
    _status = 0
    _headers: Sequence[tuple[str, str]] = ()
    _whole: list[bytes] | None = None
    _chunked = False

    def __init__(self, request: Request, carrier: Carrier, request_id: str) -> None:
        self.request = request
        self.request_id = request_id
        self._carrier = carrier

    def when_gone(self, callback: Callable[[], None] | None) -> None:
        """Calls `callback` once when the client leaves, at once if it has left; None takes it back."""
        self._callback = callback
        if self.gone:
            self._call_back()

    async def start(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Takes the status and the headers; an event stream's go out at once."""
        self._status, self._headers = status, headers
        self._whole = None
        for name, value in headers:
            if name == "content-type" and value.startswith(_STREAM):
                self.started = True
                if not self.gone:
                    self._begin_stream()
                return

    def put(self, data: bytes) -> bool:
        """Sends a piece of a stream, or keeps a piece of a whole answer; nothing once the client has left."""
        if self.gone or self.finished or not data:
            return True
        if not self.started:
            if self._whole is None:
                self._whole = []
            self._whole.append(data)
            return True
        if self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        self._carrier.send(data)
        return self._carrier.writable

    async def room(self) -> None:
        """As `Reply`."""
        if not (self.gone or self.finished or self._carrier.writable):
            await self._carrier.room()

    async def write(self, data: bytes) -> None:
        """As `Reply`."""
        if not self.put(data):
            await self._carrier.room()

    async def finish(self) -> None:
        """Ends a stream, or sends a whole answer."""
        if self.finished or not self._status:
            return
        if self.started:
            self.end_with(b"")
        else:
            whole = self._whole or ()
            body = whole[0] if len(whole) == 1 else b"".join(whole)
            self._send_whole(self._status, sized_lines(self._headers, body), body)

    def page(self, page: Page) -> None:
        """Sends a whole answer, in the place of one that was not finished. Does not wait."""
        if not self.finished:
            self._send_whole(page.status, page.lines, page.body)

    def end_with(self, data: bytes) -> None:
        """Ends a stream with a last piece. Does not wait."""
        if self.finished:
            return
        self.finished = True
        if self.gone:
            return
        if self._chunked:
            data = b"%x\r\n%b\r\n%b" % (len(data), data, _LAST_CHUNK) if data else _LAST_CHUNK
        if data:
            self._carrier.send(data)
        self._carrier.answered(self)

    def leave(self) -> None:
        """The client has left, or gets no answer to this."""
        if not (self.gone or self.finished):
            self.gone = True
            self._call_back()

    def _send_whole(self, status: int, lines: bytes, body: bytes) -> None:
        self.started = self.finished = True
        if self.gone:
            return
        carrier, request = self._carrier, self.request
        self.last = last = carrier.ends_with(request)
        head = carrier.letterhead.head(status, self.request_id, lines, last=last)
        carrier.send(head if request.head.method == "HEAD" else head + body)
        carrier.answered(self)

    def _begin_stream(self) -> None:
        given = {name for name, _ in self._headers}
        missing = (header for header in _STREAM_HEADERS if header[0] not in given)
        old = self.request.old
        self._chunked = not old
        self.last = old or self._carrier.ends_with(self.request)
        lines = header_lines([*self._headers, *missing]) + (b"" if old else _CHUNKED)
        self._carrier.send(
            self._carrier.letterhead.head(self._status, self.request_id, lines, last=self.last)
        )

    def _call_back(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()
