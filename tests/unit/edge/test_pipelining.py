"""Requests that come before the last one is answered: each in its turn, and only so many of them."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress

import pytest

from tests.clocks import HeldClock
from tests.unit.edge.behind import Behind, hello
from tests.unit.edge.held_timers import HeldTimers
from tests.unit.edge.in_memory import Transport, settled
from tests.unit.edge.served import AUTHORIZATION, Served, posting, served
from zai_gateway.accounts.caller import Caller
from zai_gateway.edge.connection import MOST_IN_LINE, Connection
from zai_gateway.edge.page import Page
from zai_gateway.edge.patience import Patience
from zai_gateway.edge.reception import Reception, Serving, Work
from zai_gateway.edge.reply import ClientReply
from zai_gateway.edge.request import ClientLeft, Request
from zai_gateway.relay.reply import Reply

GET = f"GET /v1/me HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}\r\n".encode()


class Held:
    """An answerer whose answers wait until they are let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = asyncio.Event()

    async def answer(self, caller: Caller, body: bytes, reply: Reply) -> None:
        self.begun.set()
        await self.go.wait()
        await hello(caller, body, reply)


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def door(held: Held) -> Iterator[Served]:
    with served(Behind(held.answer)) as running:
        yield running


@pytest.mark.parametrize(
    ("sent", "answered"),
    [(MOST_IN_LINE, MOST_IN_LINE), (MOST_IN_LINE + 1, MOST_IN_LINE), (3 * MOST_IN_LINE, MOST_IN_LINE)],
)
def test_so_many_wait_in_line_and_those_behind_them_are_not_read(
    sent: int, answered: int, held: Held, door: Served
) -> None:
    with door.connect() as connection:
        connection.sendall(posting(b"{}") + GET * sent)
        assert held.begun.wait(60)
        door.read_on()
        door.loop.call_soon_threadsafe(held.go.set)
        received = b""
        while received.count(b'"auth":"api_key"') < answered:
            received += connection.recv(65_536)
        if sent > answered:
            while piece := connection.recv(65_536):
                received += piece
    answers = received.split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"200"] * (1 + answered)
    closing = [b"connection: close" in answer for answer in answers]
    assert closing == [False] * answered + [sent > answered]


class Keeper:
    """A door that answers each request when it is let go, after reading the body of a POST."""

    def __init__(self) -> None:
        self.turns = asyncio.Semaphore(0)

    def begin(self, request: Request, reply: ClientReply) -> Work:
        return self._answer(request, reply)

    async def _answer(self, request: Request, reply: ClientReply) -> None:
        with suppress(ClientLeft):
            if request.method == "POST":
                await request.body(1_000_000)
            await self.turns.acquire()
            reply.page(Page(200, (), b""))


class Line:
    """A connection whose every step is seen."""

    def __init__(self) -> None:
        self.keeper, self.timers, self.transport = Keeper(), HeldTimers(), Transport()
        reception = Reception(self.keeper, HeldClock(), Serving(), self.timers)
        self.connection = Connection(reception)
        self.connection.connection_made(self.transport)

    async def lose(self) -> None:
        """The connection is gone, and nobody waits for it any more."""
        self.connection.connection_lost(None)
        for _ in range(MOST_IN_LINE):
            self.keeper.turns.release()
        await settled()

    async def answer(self) -> None:
        """Lets one more request be answered."""
        self.keeper.turns.release()
        await settled()


@pytest.fixture
async def line() -> AsyncGenerator[Line]:
    made = Line()
    yield made
    await made.lose()


async def test_while_anything_waits_in_line_nothing_more_is_read(line: Line) -> None:
    body = b"x" * 200_000
    line.connection.data_received(GET * 3 + posting(body)[:100_000])
    for _ in range(3):
        assert not line.transport.reading
        await line.answer()
    # It is the turn of the one with the body, which is wanted now.
    assert line.transport.reading
    line.connection.data_received(posting(body)[100_000:])
    await line.answer()
    assert line.transport.reading
    assert line.transport.written.count(b"HTTP/1.1 200") == 4


async def test_a_body_behind_answered_requests_is_never_kept_before_its_turn(line: Line) -> None:
    line.connection.data_received(GET * 20 + posting(b"x" * 1_000_000)[:-1_000_000])
    fed = 0
    for _ in range(20):
        if line.transport.reading:
            line.connection.data_received(b"x" * 50_000)
            fed += 50_000
        await line.answer()
    assert fed == 0


async def test_a_connection_that_is_closing_is_not_answered_when_time_is_over(line: Line) -> None:
    line.connection.data_received(GET[:20])
    line.transport.closing = True  # what was written before is still on its way out
    line.timers.run_out()
    assert line.transport.written == b""
    assert line.timers.pending == 0


async def test_an_answer_that_is_read_slowly_but_read_is_waited_for(line: Line) -> None:
    line.connection.data_received(GET)
    line.transport.buffered = 100_000
    line.connection.pause_writing()
    for left in (99_999, 50_000, 1):
        line.transport.buffered = left
        line.timers.run_out()
        assert not line.transport.closing
    line.timers.run_out()
    assert line.transport.closing


LAST = GET.replace(b"Host", b"Connection: close\r\nHost")
REFUSED = GET.replace(b"Host:", b"Host :")


@pytest.mark.parametrize("sent", [LAST, REFUSED])
async def test_the_last_answer_of_a_connection_is_waited_for_as_any_other(line: Line, sent: bytes) -> None:
    line.transport.buffered = 100_000
    line.connection.data_received(sent)
    await line.answer()
    for left in (100_000, 50_000, 1) if sent is REFUSED else (50_000, 1):
        line.transport.buffered = left
        line.timers.run_out()
        assert not line.transport.aborted
    line.timers.run_out()
    assert line.transport.aborted


async def test_who_is_heard_out_after_the_last_answer_has_little_time(line: Line) -> None:
    line.connection.data_received(REFUSED)
    assert line.transport.ended
    assert not line.transport.closing
    line.timers.pass_by(Patience().linger_seconds + 1)
    assert line.transport.aborted
