"""One connection to a server: carries a request and its answer at a time, and closes at the first doubt."""

import asyncio
import select
import ssl
from math import inf
from typing import Protocol, cast

from zai_gateway.relay.network.answer import Answer
from zai_gateway.relay.network.faults import lost, overdue
from zai_gateway.relay.network.framing import AnswerReader
from zai_gateway.relay.upstream import Outbound, Timeouts, UpstreamError

_READ_AHEAD = 65_536
"""Bytes of an answer held for a client that reads slowly; beyond them the server has to wait."""
_AT_ONCE = 65_536
"""Bytes of a request's body that go out with its head; larger ones go in pieces of that size."""


class Keeper(Protocol):
    """Who lends connections, and counts them."""

    def take_back(self, connection: "Connection") -> None:
        """It can carry another request."""
        ...

    def dropped(self, connection: "Connection") -> None:
        """It carries none any more."""
        ...

    def gone(self, connection: "Connection") -> None:
        """It is closed."""
        ...


class Connection(asyncio.Protocol):
    """An open connection to the server that errors call `name`; belongs to the loop in which it is made.

    Has one timer, whose time is moved rather than the timer: requests are many, and few run out of time.
    """

    _transport: asyncio.Transport

    def __init__(self, name: str) -> None:
        self._name = name
        self.keeper: Keeper | None = None
        self.loop = asyncio.get_running_loop()
        self._reader = AnswerReader(name)
        self._answer: Answer | None = None
        self._unsent: memoryview | None = None
        self._may_write = True
        self._reading = True
        self._unread = 0
        self._silence = inf
        self._ends_at = inf
        self._deadline = inf
        self._rings_at = inf
        self._timer: asyncio.TimerHandle | None = None
        self._glance: select.poll | None = None
        self.used = False
        """Whether it has carried a request."""
        self.dropped = False
        """Whether it carries none any more."""
        self.closed = False
        """Whether nothing of it is left."""
        self.opened_at = self.loop.time()

    def ask(self, head: bytes, request: Outbound, timeouts: Timeouts) -> Answer:
        """Sends a request, whose head is written already."""
        body = request.body
        self._reader.begin(bodiless=request.method == "HEAD")
        self._answer = answer = Answer(self._name, self, self._reader.pieces)
        self.used = True
        now = self.loop.time()
        self._silence = timeouts.silence
        self._ends_at = inf if timeouts.total is None else now + timeouts.total
        self._set_deadline(now + timeouts.first_byte)
        if len(body) <= _AT_ONCE:
            self._transport.write(head + body)
        else:
            self._unsent = memoryview(body)
            self._transport.write(head)
            self._write_on()
        return answer

    def ready(self) -> bool:
        """Whether a request may be sent: the server neither closed the connection nor said a word unasked.

        Looks into the socket itself, since the loop may not have come to it: a request that is sent into a
        closed connection is lost, and nobody knows what it cost.
        """
        if self.dropped or self._transport.is_closing():
            return False
        if not self.used:
            return True  # in the socket may be what TLS has to say of itself
        if self._glance is None:
            if (socket := self._transport.get_extra_info("socket")) is None:
                return True
            self._glance = select.poll()
            self._glance.register(socket.fileno(), select.POLLIN)
        return not self._glance.poll(0)

    def took(self) -> None:
        """Whoever reads the answer has taken what was there."""
        self._unread = 0
        if not self._reading and not self.dropped:
            self._reading = True
            self._transport.resume_reading()
            self._set_deadline(self.loop.time() + self._silence)

    def drop(self) -> None:
        """Closes the connection at once, unsent bytes and all. An answer in flight is the caller's to end."""
        if self.dropped:
            return
        self.dropped = True
        self._answer = self._unsent = self._glance = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport.abort()
        if self.keeper is not None:
            self.keeper.dropped(self)

    def break_off(self) -> None:
        """Closes the connection at once; an answer in flight ends in an error."""
        self._fail(lost(self._name, None))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        answer, reader = self._answer, self._reader
        if answer is None:
            self.drop()  # nobody asked for it
            return
        try:
            reader.feed(data)
        except UpstreamError as error:
            if reader.headed:
                answer.status, answer.headers = reader.status, reader.headers
            self._fail(error)
            return
        if reader.headed and not answer.status:
            answer.status, answer.headers = reader.status, reader.headers
        if reader.whole:
            self._finish(answer)
            return
        if answer.status:
            answer.arrived()
            # Where there is nothing to take, nobody would ever let the server go on.
            self._unread = self._unread + len(data) if reader.pieces else 0
            if self._unread <= _READ_AHEAD:
                self._set_deadline(self.loop.time() + self._silence)
            elif self._reading:
                self._reading = False
                self._transport.pause_reading()
                self._set_deadline(inf)

    def eof_received(self) -> None:
        if (answer := self._answer) is None:
            self.drop()
            return
        answer.unheard = not self._reader.heard
        try:
            self._reader.end()
        except UpstreamError as error:
            self._fail(error)
        else:
            if _was_cut(self._transport):
                self._fail(lost(self._name, None))
            else:
                self._finish(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None:
            self._answer.unheard = not self._reader.heard
        self._fail(lost(self._name, exc))
        self._reader.release()
        self.closed = True
        if self.keeper is not None:
            self.keeper.gone(self)

    def pause_writing(self) -> None:
        self._may_write = False

    def resume_writing(self) -> None:
        self._may_write = True
        self._write_on()

    def _write_on(self) -> None:
        while self._unsent is not None and self._may_write:
            piece, rest = self._unsent[:_AT_ONCE], self._unsent[_AT_ONCE:]
            self._unsent = rest if rest else None
            self._transport.write(piece)

    def _finish(self, answer: Answer) -> None:
        """The answer is whole. If the request is too, the connection may carry another."""
        self._answer = None
        self._deadline = inf
        sent = self._unsent is None and not self._transport.get_write_buffer_size()
        if self._reader.reusable and sent and self.keeper is not None:
            self._unread = 0
            if not self._reading:
                self._reading = True
                self._transport.resume_reading()
            self.keeper.take_back(self)
        else:
            self.drop()
        answer.end(None)

    def _fail(self, error: UpstreamError) -> None:
        answer = self._answer
        self.drop()
        if answer is not None:
            answer.end(error)

    def _set_deadline(self, deadline: float) -> None:
        self._deadline = deadline = deadline if deadline < self._ends_at else self._ends_at
        if deadline < self._rings_at:
            if self._timer is not None:
                self._timer.cancel()
            self._rings_at = deadline
            self._timer = self.loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._timer, self._rings_at = None, inf
        if self.loop.time() < self._deadline:
            if self._deadline < inf:
                self._set_deadline(self._deadline)
        elif self._answer is not None:
            self._fail(overdue(self._name, in_all=self._deadline >= self._ends_at))


def _was_cut(transport: asyncio.Transport) -> bool:
    """Whether TLS ended without the server's word for it, as when somebody else ended the connection.

    uvloop then says that the connection was lost, asyncio that it ended; both let one look (RFC 8446, 6.1).
    """
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if tls is None:
        return False
    try:
        return bool(tls.read(1))
    except ssl.SSLZeroReturnError:
        return False
    except ssl.SSLError:
        return True
