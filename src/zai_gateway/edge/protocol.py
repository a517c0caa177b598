"""HTTP/1.1 on one connection: uvicorn's protocol with limits on heads, refusing in the one error shape."""

from collections.abc import Callable
from enum import Enum
from http import HTTPStatus
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from msgspec import Struct
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from zai_gateway.edge.asgi import framed
from zai_gateway.edge.error_table import error_page
from zai_gateway.errors import Code, Failure

_LINGER_SECONDS = 5.0
_SEPARATORS = 4
"""Bytes around a header: its colon, a space, and the end of its line."""


class HeadLimits(Struct, frozen=True, kw_only=True):
    """How large the head of a request (its line and its headers, and trailers too) may be."""

    total_bytes: int = 64 * 1024
    fields: int = 128


class _Stage(Enum):
    BETWEEN = 0
    HEAD = 1
    BODY = 2


class _Stop(Exception):
    """Stops the parser."""


class DoorProtocol(HttpToolsProtocol):
    """One connection. Bytes that break HTTP's rules or a limit are answered once, and then it ends."""

    def __init__(
        self, config: Config, state: ServerState, limits: HeadLimits, new_request_id: Callable[[], str]
    ) -> None:
        super().__init__(config, state, app_state={})
        self._limits = limits
        self._new_request_id = new_request_id
        self._running: RequestResponseCycle | None = None
        self._stage = _Stage.BETWEEN
        self._head_bytes = 0
        self._fields = 0
        self._progressed = False
        self._stalled_bytes = 0
        self._fault: Failure | None = None
        self._refused = False

    def connection_made(self, transport: Any) -> None:
        """Gives the client the keep-alive time to send a first head; uvicorn gives it for ever."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def data_received(self, data: bytes) -> None:
        """Feeds the parser. One header, trailer or chunk extension that never ends is cut off too."""
        if self._refused:
            return
        self._progressed = False
        try:
            self._feed(data)
        except HttpParserError:
            self._refuse(self._fault or _malformed())
            return
        self._stalled_bytes = 0 if self._progressed else self._stalled_bytes + len(data)
        if self._stalled_bytes > self._limits.total_bytes:
            self._refuse(self._too_large())

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells the request that is being answered; uvicorn tells the last one that was read."""
        self._disown(self._running)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._stage = _Stage.HEAD
        self._progressed = True
        self._head_bytes = self._fields = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the request's target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer; a trailer counts but is dropped, since it may not pass for a header."""
        self._fields += 1
        self._count(len(name) + len(value) + _SEPARATORS)
        if self._stage is _Stage.HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole; one that offers to upgrade comes again, without the offer."""
        if self.parser.get_method() == b"CONNECT":
            self._fault = Failure(
                Code.INVALID_REQUEST,
                "CONNECT is not answered: this is no proxy. Send the request itself, such as POST "
                "/v1/chat/completions.",
            )
            raise _Stop
        if self.parser.should_upgrade():
            return
        # The keep-alive time ends with a whole head, not with its first byte.
        self._unset_keepalive_if_required()
        super().on_headers_complete()
        self._stage = _Stage.BODY
        self._progressed = True

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._progressed = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self.parser.should_upgrade():
            return
        self._stage = _Stage.BETWEEN
        self._progressed = True
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _feed(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            try:
                self.parser.feed_data(left)
                return
            except HttpParserUpgrade as offered:
                left = left[offered.args[0] :]
                self._pass_over_upgrade()

    def _pass_over_upgrade(self) -> None:
        """Begins the request anew without the offer, which a server may ignore (RFC 9110, section 7.8).

        The parser takes whatever follows such a head for another protocol, or else for the next request:
        the body would be parsed as one.
        """
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += (b"%s: %s" % header for header in self.headers if header[0] != b"upgrade")
        # The parser that met the offer drops all that comes after a head with `Connection: close`.
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self.parser.feed_data(b"\r\n".join((*lines, b"\r\n")))

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._limits.total_bytes or self._fields > self._limits.fields:
            self._fault = self._too_large()
            raise _Stop

    def _refuse(self, failure: Failure) -> None:
        self._refused = True
        if not self._may_answer():
            self.transport.close()
            return
        self._disown(self._running)
        self.transport.write(self._refusal(failure))
        # Closed at once, the connection would be reset while the client still sends, and the reset could
        # overtake the answer (RFC 9112, section 9.6): so it is half closed, and read on for a while.
        self.transport.write_eof()
        self.flow.resume_reading()
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(_LINGER_SECONDS, self.timeout_keep_alive_handler)

    def _may_answer(self) -> bool:
        """Whether an answer now would be taken for that of the request at fault, and for no other's."""
        running = self._running
        if self._stage is _Stage.BODY:
            return running is not None and running is self.cycle and not running.response_started
        return running is None or running.response_complete

    def _refusal(self, failure: Failure) -> bytes:
        page = error_page(failure)
        headers = [
            *self.server_state.default_headers,
            *framed(page, self._new_request_id()),
            (b"connection", b"close"),
        ]
        status_line = f"HTTP/1.1 {page.status} {HTTPStatus(page.status).phrase}\r\n".encode()
        lines = b"".join(b"%s: %s\r\n" % header for header in headers)
        return b"%s%s\r\n%s" % (status_line, lines, page.body)

    def _too_large(self) -> Failure:
        return Failure(
            Code.HEADERS_TOO_LARGE,
            f"The request's line and headers are more than {self._limits.total_bytes} bytes or "
            f"{self._limits.fields} fields. Send fewer or shorter headers.",
        )

    def _disown(self, cycle: RequestResponseCycle | None) -> None:
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()


def _malformed() -> Failure:
    return Failure(
        Code.INVALID_REQUEST,
        "This is not HTTP/1.1 as RFC 9112 has it. Check the request line, the headers and the framing "
        "of the body.",
    )
