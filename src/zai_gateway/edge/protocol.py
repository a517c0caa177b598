"""HTTP/1.1 on one connection: uvicorn's protocol, limited in size and time, with the one error shape."""

from collections.abc import Callable
from enum import Enum
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from zai_gateway.edge.patience import Awaited, Later, Patience, Timer, Wait
from zai_gateway.edge.pipelining import MOST_IN_LINE, LineFlow
from zai_gateway.edge.refusals import HeadLimits, fault_of_head, malformed, refusal, too_large, too_slow
from zai_gateway.errors import Failure

_LINGER_SECONDS = 5.0
_SEPARATORS = 4
"""Bytes around a header: its colon, a space, and the end of its line."""


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
        later: Later | None = None,
    ) -> None:
        """`later` is what the waits for the client are timed by; the loop's own where it is not given."""
        super().__init__(config, state, app_state={})
        self._limits = limits
        self._patience = patience
        self._new_request_id = new_request_id
        self._later = later or self.loop.call_later
        self._wait = Wait(self._later, patience, self._overdue)
        self._requests = 0
        self._body_bytes = 0
        self._unread = 0
        self._stuck: Timer | None = None
        self._running: RequestResponseCycle | None = None
        self._stage = _Stage.BETWEEN
        self._head_bytes = 0
        self._fields = 0
        self._progressed = False
        self._stalled_bytes = 0
        self._fault: Failure | None = None
        self._crowded = False
        self._deaf = False
        """What comes is thrown away."""

    def connection_made(self, transport: Any) -> None:
        """Begins to wait for the first request."""
        super().connection_made(transport)
        self.flow = LineFlow(transport, self.pipeline)
        self._wait_for_what_is_next()

    def data_received(self, data: bytes) -> None:
        """Feeds the parser. One header, trailer or chunk extension that never ends is cut off too."""
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        self._progressed = False
        try:
            self._feed(data)
        except HttpParserError:
            if self._crowded:
                self._end_the_line()
            else:
                self._refuse(self._fault or malformed())
            return
        self._stalled_bytes = 0 if self._progressed else self._stalled_bytes + len(data)
        if self._stalled_bytes > self._limits.total_bytes:
            self._refuse(too_large(self._limits))
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

    def shutdown(self) -> None:
        """Ends the connection with the answer under way: nothing that waits in line is begun any more."""
        super().shutdown()
        if self._running is not None:
            self._running.keep_alive = False

    def on_message_begin(self) -> None:
        """A request begins."""
        if len(self.pipeline) >= MOST_IN_LINE:
            self._crowded = True
            raise _Stop
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
        method, version = self.parser.get_method(), self.parser.get_http_version()
        self._fault = fault_of_head(method, self.url, version, self.headers)
        if self._fault is not None:
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
            self._fault = too_large(self._limits)
            raise _Stop

    def _wait_for_what_is_next(self) -> None:
        if self._deaf or self.transport.is_closing():
            self._wait.end()
        elif self._stage is _Stage.BODY:
            self._wait.be_for(Awaited.BODY, self._requests)
        elif self._stage is _Stage.HEAD or self._running is None or self._running.response_complete:
            self._wait.be_for(Awaited.HEAD, self._requests)
        else:
            self._wait.end()  # for the answer, which has its own limits

    def _overdue(self) -> None:
        if self.transport.is_closing():
            self._wait.end()
        elif self._waits_for_us():
            # The next wait may end an instant after the hindrance does: the client gets it for nothing.
            self._body_bytes = self._patience.body_least
            self._wait.begin_anew()
        elif self._enough_came():
            self._body_bytes = 0
            self._wait.begin_anew()
        elif self._stage is _Stage.BETWEEN:
            self.transport.close()  # nothing was asked, so nothing is answered
        else:
            self._refuse(too_slow(self._patience))

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

    def _let_read(self) -> None:
        self._unread = self.transport.get_write_buffer_size()
        self._stuck = self._later(self._patience.answer_seconds, self._end_unread)

    def _end_unread(self) -> None:
        if self.transport.get_write_buffer_size() < self._unread:
            self._let_read()
        else:
            self.transport.abort()

    def _forget_unread(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _end_the_line(self) -> None:
        """Answers those that stand in line, the last of them with `Connection: close`, and hears no more."""
        self._deaf = True
        self._wait.end()
        self.cycle.keep_alive = False

    def _refuse(self, failure: Failure) -> None:
        self._deaf = True
        self._wait.end()
        if not self._may_answer():
            self.transport.close()
            return
        self._disown(self._running)
        self.transport.write(refusal(failure, self.server_state.default_headers, self._new_request_id()))
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

    def _disown(self, cycle: RequestResponseCycle | None) -> None:
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
