"""HTTP/1.1 on one connection: uvicorn's protocol, limited in size and time, with the one error shape."""

import asyncio
from collections.abc import Callable
from enum import Enum
from http import HTTPStatus
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from msgspec import Struct
from msgspec.structs import replace
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from zai_gateway.edge.asgi import framed
from zai_gateway.edge.error_table import error_page
from zai_gateway.edge.patience import Awaited, Patience, Wait
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
    """One connection. What breaks HTTP's rules, or a limit of size or time, is answered once, and ends it."""

    def __init__(
        self,
        config: Config,
        state: ServerState,
        limits: HeadLimits,
        patience: Patience,
        new_request_id: Callable[[], str],
    ) -> None:
        super().__init__(config, state, app_state={})
        self._limits = limits
        self._patience = patience
        self._new_request_id = new_request_id
        head_seconds = min(patience.head_seconds, self.timeout_keep_alive)
        self._wait = Wait(self.loop, replace(patience, head_seconds=head_seconds), self._overdue)
        self._requests = 0
        self._body_bytes = 0
        self._unread = 0
        self._stuck: asyncio.TimerHandle | None = None
        self._running: RequestResponseCycle | None = None
        self._stage = _Stage.BETWEEN
        self._head_bytes = 0
        self._fields = 0
        self._progressed = False
        self._stalled_bytes = 0
        self._fault: Failure | None = None
        self._refused = False

    def connection_made(self, transport: Any) -> None:
        """Begins to wait for the first request."""
        super().connection_made(transport)
        self._wait_for_what_is_next()

    def data_received(self, data: bytes) -> None:
        """Feeds the parser. One header, trailer or chunk extension that never ends is cut off too."""
        if self._refused:
            return
        self._unset_keepalive_if_required()
        self._progressed = False
        try:
            self._feed(data)
        except HttpParserError:
            self._refuse(self._fault or _malformed())
            return
        self._stalled_bytes = 0 if self._progressed else self._stalled_bytes + len(data)
        if self._stalled_bytes > self._limits.total_bytes:
            self._refuse(self._too_large())
        self._wait_for_what_is_next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells the request that is being answered; uvicorn tells the last one that was read."""
        self._disown(self._running)
        super().connection_lost(exc)
        self._wait.end()
        self._forget_unread()

    def pause_writing(self) -> None:
        """More is to be written than the client reads: it has a while to read on."""
        super().pause_writing()
        self._let_read()

    def resume_writing(self) -> None:
        """The client has read on."""
        super().resume_writing()
        self._forget_unread()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._stage = _Stage.HEAD
        self._progressed = True
        self._head_bytes = self._fields = self._body_bytes = 0
        self._requests += 1

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
        super().on_headers_complete()
        self._stage = _Stage.BODY
        self._progressed = True

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._progressed = True
        self._body_bytes += len(body)
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

    def _wait_for_what_is_next(self) -> None:
        if self._refused or self.transport.is_closing():
            self._wait.end()
        elif self._stage is _Stage.BODY:
            self._wait.be_for(Awaited.BODY, self._requests)
        elif self._stage is _Stage.HEAD or self._running is None or self._running.response_complete:
            self._wait.be_for(Awaited.HEAD, self._requests)
        else:
            self._wait.end()  # for the answer, which has its own limits

    def _overdue(self) -> None:
        if self._waits_for_us():
            # The next wait may end an instant after the hindrance does: the client gets it for nothing.
            self._body_bytes = self._patience.body_least
            self._wait.begin_anew()
        elif self._enough_came():
            self._body_bytes = 0
            self._wait.begin_anew()
        elif self._stage is _Stage.BETWEEN or self._idled():
            self.transport.close()  # nothing was asked, so nothing is answered
        else:
            self._refuse(self._too_slow())

    def _waits_for_us(self) -> bool:
        """Whether it is not the client that is slow: its bytes are not read, or not asked for yet."""
        running = self._running
        if self.flow.read_paused:
            return True
        if running is None or running.response_complete:
            return False
        return self._stage is _Stage.HEAD or running is not self.cycle or running.waiting_for_100_continue

    def _enough_came(self) -> bool:
        return self._stage is _Stage.BODY and self._body_bytes >= self._patience.body_least

    def _idled(self) -> bool:
        """Whether it was the keep-alive time that ran out on a head: an idle client expects no answer."""
        return self._stage is _Stage.HEAD and self.timeout_keep_alive < self._patience.head_seconds

    def _let_read(self) -> None:
        self._unread = self.transport.get_write_buffer_size()
        self._stuck = self.loop.call_later(self._patience.answer_seconds, self._end_unread)

    def _end_unread(self) -> None:
        if self.transport.get_write_buffer_size() < self._unread:
            self._let_read()
        else:
            self.transport.abort()

    def _forget_unread(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _refuse(self, failure: Failure) -> None:
        self._refused = True
        self._wait.end()
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

    def _too_slow(self) -> Failure:
        return Failure(
            Code.REQUEST_TIMEOUT,
            f"The request stopped coming: its head has {self._patience.head_seconds:g} s, and each "
            f"{self._patience.body_least} bytes of its body have {self._patience.body_seconds:g} s. "
            "Send it again without a pause.",
        )

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
