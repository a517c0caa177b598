"""HTTP/1.1 on one connection: its requests answered one after the other, limited in size, number and time."""

import asyncio
from typing import cast

from zai_gateway.edge.error_table import error_page
from zai_gateway.edge.patience import Awaited, Wait
from zai_gateway.edge.reader import Reader, Stage
from zai_gateway.edge.reception import Reception
from zai_gateway.edge.refusals import shutting_down, too_many_connections, too_slow
from zai_gateway.edge.reply import ClientReply
from zai_gateway.edge.request import Request
from zai_gateway.errors import Failure

MOST_IN_LINE = 100
"""Requests of one connection that may wait for their turn. What comes behind them is not read."""
_MOST_UNSENT = 64 * 1024
"""Bytes of answers that wait for a client to read; whoever writes more is held up."""
_GO_AHEAD = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(asyncio.Protocol):
    """One connection. What breaks HTTP's rules, or a limit of size or time, is answered once, and ends it."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self.letterhead = reception.letterhead
        self.writable = True
        self._line: list[Request] = []
        """Whole heads that wait for their turn."""
        self._reader = Reader(self, self._line, reception.head)
        self._running: ClientReply | None = None
        self._answers = 0
        self._wait = Wait(reception.timers, self._overdue)
        self._reading = True
        self._proceeding = False
        self._over = False
        """Whether nothing more is answered; what comes is thrown away."""
        self._fault: Failure | None = None
        """What is answered when all before it is."""
        self._unsent = 0
        self._streaming: ClientReply | None = None
        """The reply whose first bytes went out while more of it was to come."""
        self._held = b""
        """What goes out with what follows in this turn of the loop: each write is a call of the system."""
        self._drained: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport

    @property
    def wait(self) -> Wait:
        """What it waits for."""
        return self._wait

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins to wait for the first request, or turns the client away."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_MOST_UNSENT)
        reception = self._reception
        reception.connections.add(self)
        if len(reception.connections) <= reception.most_connections:
            self._await_client()
        elif len(reception.connections) <= reception.most_turned_away:
            self._refuse(too_many_connections(reception.most_connections))
        else:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Reads requests, and begins with the first."""
        if self._over or self._reader.done:
            return
        try:
            # The first one of all does not wait.
            self._reader.feed(data, MOST_IN_LINE + (self._running is None))
        except Failure as failure:
            self._refuse(failure)
        else:
            self._proceed()

    def eof_received(self) -> None:
        """The client sends nothing more: it has left, or will be taken to have."""
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells whoever still answers."""
        self._leave()
        self._fault = None
        self._held = b""
        self._wait.end()
        self._reader.close()
        self._reception.connections.discard(self)

    def pause_writing(self) -> None:
        """More is to be written than the client reads: it has a while to read on."""
        self.writable = False
        self._await_reading()

    def resume_writing(self) -> None:
        """The client has read on."""
        self.writable = True
        self._let_write()
        self._await_client()

    def retire(self) -> None:
        """Ends the connection with the answer under way; at once where there is none."""
        idle = self._running is None and not self._line and self._reader.stage is Stage.BETWEEN
        if idle or self._over:
            self._end(linger=False)

    def abort(self) -> None:
        """Ends it now."""
        self._transport.abort()

    def address(self, name: str) -> str | None:
        """As `Source`."""
        found: tuple[str, int] | str | None = self._transport.get_extra_info(name)
        return found[0] if isinstance(found, tuple) else None

    def wanted(self, request: Request) -> None:
        """As `Source`: asks the client for the body where it waits to be asked."""
        if request.expects_go_ahead and request.size == 0 and not request.old:
            self._transport.write(_GO_AHEAD)
        self._regulate()

    def send(self, data: bytes) -> None:
        """As `Carrier`; what a stream begins with goes out together."""
        running = self._running
        if running is not None and not running.finished:
            if self._held:
                self._held += data
                if len(self._held) > _MOST_UNSENT:
                    self._send_held()
                return
            if self._streaming is not running:
                self._streaming = running
                self._held = data
                self._reception.soon(self._send_held)
                return
        elif self._held:
            data, self._held = self._held + data, b""
        self._transport.write(data)

    async def room(self) -> None:
        """As `Carrier`."""
        if self._drained is None:
            self._drained = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._drained)

    def ends_with(self, request: Request) -> bool:
        """As `Carrier`."""
        return (
            not request.keep_alive
            or self._reception.leaving
            or self._answers + 1 >= self._reception.most_requests
            or (self._reader.crowded and not self._line)
            or (not request.whole and request.left_over)
        )

    def answered(self, reply: ClientReply) -> None:
        """As `Carrier`: the next one has its turn."""
        self._running = self._streaming = None
        self._answers += 1
        request = reply.request
        if reply.last:
            self._end(linger=request.keep_alive or not request.whole)
            return
        if not request.whole:
            request.drop()
        if self._proceeding:
            return
        if self._reads_between_requests() and self._fault is None and not self._reception.closed:
            self._await_client()
        else:
            self._proceed()

    def _proceed(self) -> None:
        """Begins requests, as long as each is answered at once."""
        self._proceeding = True
        while self._line and self._running is None and not self._over:
            self._begin(self._line.pop(0))
        self._proceeding = False
        if self._running is not None and self._reads_between_requests():
            self._wait.be_for_nothing()
            return
        if self._running is None and not self._over:
            fault, self._fault = self._fault, None
            if fault is not None:
                self._tell(fault)
            elif self._reception.closed:
                self.retire()
        self._regulate()
        self._await_client()

    def _reads_between_requests(self) -> bool:
        """Whether nothing came beyond the request that is answered: nearly always."""
        return self._reading and self.writable and not self._line and self._reader.stage is Stage.BETWEEN

    def _begin(self, request: Request) -> None:
        reception = self._reception
        reply = self._running = ClientReply(request, self, reception.new_request_id())
        if reception.closed:
            reply.page(error_page(shutting_down()))
            return
        work = reception.door.begin(request, reply)
        if work is not None:
            reception.carry(work)

    def _regulate(self) -> None:
        """Reads nothing more while a request waits in line, or a body comes that nobody asks for.

        All that came would be kept in memory.
        """
        coming = self._reader.request if self._reader.stage is Stage.BODY else None
        reading = self._over or not (self._line or (coming is not None and coming.held_up))
        if reading is not self._reading and not self._transport.is_closing():
            self._reading = reading
            if reading:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _await_client(self) -> None:
        if self._over:
            return
        reader, patience, wait = self._reader, self._reception.patience, self._wait
        if not self.writable:
            return  # it has to read first
        if reader.stage is Stage.BODY:
            wait.be_for(Awaited.BODY, patience.body_seconds, reader.begun)
        elif self._running is not None:
            wait.be_for_nothing()
        elif reader.stage is Stage.HEAD or not self._answers:
            wait.be_for(Awaited.HEAD, patience.head_seconds, reader.begun)
        else:
            wait.be_for(Awaited.IDLE, patience.idle_seconds, self._answers)

    def _await_reading(self) -> None:
        """Gives the client its time to read some of what is not sent yet."""
        self._unsent = self._transport.get_write_buffer_size()
        self._wait.be_for(Awaited.READING, self._reception.patience.answer_seconds, 0)
        self._wait.begin_anew()

    def _overdue(self) -> None:
        awaited = self._wait.awaited
        unsent = self._transport.get_write_buffer_size()
        if unsent and (unsent < self._unsent or awaited is Awaited.LINGERING):
            self._await_reading()
        elif unsent or awaited in (Awaited.READING, Awaited.LINGERING):
            self._transport.abort()
        elif self._transport.is_closing():
            self._wait.end()
        elif awaited is Awaited.BODY and self._waits_for_us():
            # The next wait may end an instant after the hindrance does: the client gets it for nothing.
            self._reader.body_bytes = self._reception.patience.body_least
            self._wait.begin_anew()
        elif awaited is Awaited.BODY and self._reader.body_bytes >= self._reception.patience.body_least:
            self._reader.body_bytes = 0
            self._wait.begin_anew()
        elif self._reader.stage is Stage.BETWEEN:
            self._end(linger=False)  # nothing was asked, so nothing is answered
        else:
            self._refuse(too_slow(self._reception.patience))

    def _waits_for_us(self) -> bool:
        """Whether it is not the client that is slow: its bytes are not read, or not asked for yet."""
        coming = self._reader.request
        if not self._reading or coming is None:
            return True
        return not coming.asked_for and self._running is not None

    def _refuse(self, failure: Failure) -> None:
        """Answers what never became a request, when its turn comes, and hears no more.

        An event stream is cut short: it may have no end, and the refusal must not get into it.
        """
        running, line = self._running, self._line
        coming = self._reader.request if self._reader.stage is Stage.BODY else None
        self._reader.close()
        if coming is not None and line and line[-1] is coming:
            line.pop()
        elif coming is not None and (running is None or running.request is not coming):
            self._end(linger=False)  # it has its answer already
            return
        if running is not None and running.started:
            self._end(linger=False)
            return
        self._fault = failure
        if running is not None and running.request is coming:
            self._disown()
        self._proceed()

    def _tell(self, failure: Failure) -> None:
        page, request_id = error_page(failure), self._reception.new_request_id()
        self._transport.write(
            self.letterhead.head(page.status, request_id, page.lines, last=True) + page.body
        )
        self._end(linger=True)

    def _leave(self) -> None:
        """The client has left: nothing more is answered."""
        self._over = True
        self._line.clear()
        self._disown()

    def _disown(self) -> None:
        """Whoever still answers is told that nobody hears it."""
        running, self._running = self._running, None
        if running is not None:
            running.request.left()
            running.leave()
        self._let_write()

    def _end(self, *, linger: bool) -> None:
        """Ends the connection when what was written is sent; whoever may still be sending is heard out."""
        self._send_held()
        self._leave()
        self._reader.close()
        if not linger:
            # What is not sent yet goes out first.
            self._transport.close()
            self._await_reading()
            return
        self._transport.write_eof()
        self._regulate()
        self._wait.be_for(Awaited.LINGERING, self._reception.patience.linger_seconds, 0)

    def _send_held(self) -> None:
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)

    def _let_write(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.set_result(None)
