"""HTTP/1.1 on one connection: uvicorn's protocol with limits on heads, refusing in the one error shape."""

from collections.abc import Callable
from enum import Enum
from http import HTTPStatus
from typing import Any

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


class _TooLarge(Exception):
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
        self._too_large = False
        self._refused = False

    def data_received(self, data: bytes) -> None:
        """Feeds the parser. One header, trailer or chunk extension that never ends is cut off too."""
        if self._refused:
            return
        self._progressed = False
        super().data_received(data)
        self._stalled_bytes = 0 if self._progressed else self._stalled_bytes + len(data)
        if self._stalled_bytes > self._limits.total_bytes and not self._refused:
            self._too_large = True
            self._refuse()

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
        """The head is whole."""
        super().on_headers_complete()
        self._stage = _Stage.BODY
        self._progressed = True

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._progressed = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._stage = _Stage.BETWEEN
        self._progressed = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn when the parser stops; its own text would not be in the one error shape."""
        self._refuse()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._limits.total_bytes or self._fields > self._limits.fields:
            self._too_large = True
            raise _TooLarge

    def _refuse(self) -> None:
        self._refused = True
        if not self._may_answer():
            self.transport.close()
            return
        self._disown(self._running)
        self.transport.write(self._refusal())
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

    def _refusal(self) -> bytes:
        page = error_page(self._failure())
        headers = [
            *self.server_state.default_headers,
            *framed(page, self._new_request_id()),
            (b"connection", b"close"),
        ]
        status_line = f"HTTP/1.1 {page.status} {HTTPStatus(page.status).phrase}\r\n".encode()
        lines = b"".join(b"%s: %s\r\n" % header for header in headers)
        return b"%s%s\r\n%s" % (status_line, lines, page.body)

    def _failure(self) -> Failure:
        if self._too_large:
            return Failure(
                Code.HEADERS_TOO_LARGE,
                f"The request's line and headers are more than {self._limits.total_bytes} bytes or "
                f"{self._limits.fields} fields. Send fewer or shorter headers.",
            )
        return Failure(
            Code.INVALID_REQUEST,
            "This is not HTTP/1.1 as RFC 9112 has it. Check the request line, the headers and the framing "
            "of the body.",
        )

    def _disown(self, cycle: RequestResponseCycle | None) -> None:
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
