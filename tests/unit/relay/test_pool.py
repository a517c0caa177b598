"""The pool: who gets which connection, who waits for one, and which are closed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tests.upstreams.calls import PATIENT, failure, post, whole
from tests.upstreams.scripted import Line, ScriptedServer
from zai_gateway.relay.network.pool import Limits
from zai_gateway.relay.network.upstream import NetworkUpstream
from zai_gateway.relay.upstream import Blame, Timeouts, UpstreamError

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def opened(limits: Limits | None = None) -> AsyncGenerator[NetworkUpstream]:
    upstream = NetworkUpstream(limits=limits or Limits())
    try:
        yield upstream
    finally:
        await upstream.close()


async def test_a_request_that_finds_no_free_connection_in_time_costs_nothing():
    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK[:-1])
        await line.gone()

    async with ScriptedServer(script) as server, opened(Limits(connections=1)) as upstream:
        busy = await upstream.send(post(server.url), PATIENT)
        error = await failure(upstream, post(server.url), Timeouts(connect=0.05))
        await busy.close()
        assert server.connections == 1
    assert error.blame is Blame.CONNECT
    assert error.definite


class Turns:
    """A server's answers, each held back until its turn; and what was asked of it."""

    def __init__(self) -> None:
        self.asked = asyncio.Semaphore(0)
        self._turn = asyncio.Semaphore(0)

    def answer_one(self) -> None:
        """Lets one answer out."""
        self._turn.release()

    async def play(self, line: Line) -> None:
        """The script."""
        while True:
            await line.request()
            self.asked.release()
            await self._turn.acquire()
            await line.send(OK)


def sent(
    upstream: NetworkUpstream, server: ScriptedServer, timeouts: Timeouts = PATIENT
) -> "asyncio.Task[bytes]":
    async def exchange() -> bytes:
        return await whole(await upstream.send(post(server.url), timeouts))

    return asyncio.ensure_future(exchange())


async def settled() -> None:
    """Lets everybody come as far as they can without an answer."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_request_waits_for_its_turn_and_gets_the_connection_that_comes_back():
    turns = Turns()
    async with ScriptedServer(turns.play) as server, opened(Limits(connections=1)) as upstream:
        exchanges = [sent(upstream, server) for _ in range(5)]
        for _ in exchanges:
            await turns.asked.acquire()
            turns.answer_one()
        assert await asyncio.gather(*exchanges) == [b"ok"] * 5
        assert server.connections == 1


async def test_requests_get_their_turn_in_their_order():
    order = list[bytes]()

    async def script(line: Line) -> None:
        while True:
            order.append((await line.request())[-1:])
            await line.send(OK)

    async with ScriptedServer(script) as server, opened(Limits(connections=1)) as upstream:
        await asyncio.gather(
            *(upstream.send(post(server.url, b"%d" % number), PATIENT) for number in range(6))
        )
    assert order == [b"0", b"1", b"2", b"3", b"4", b"5"]


async def test_no_more_requests_wait_than_are_allowed_to():
    turns = Turns()
    async with ScriptedServer(turns.play) as server, opened(Limits(connections=1, waiting=1)) as upstream:
        first, second = sent(upstream, server), sent(upstream, server)
        await turns.asked.acquire()
        error = await failure(upstream, post(server.url))
        assert (error.blame, error.definite) == (Blame.CONNECT, True)
        assert error.message == (f"no connection to 127.0.0.1:{server.port}: too many requests wait for one")
        turns.answer_one()
        turns.answer_one()
        assert await asyncio.gather(first, second) == [b"ok", b"ok"]


async def test_one_server_leaves_connections_to_the_others():
    turns = Turns()
    limits = Limits(connections=2, per_origin=1)
    async with (
        ScriptedServer(turns.play) as hangs,
        ScriptedServer(_keeps_answering) as answers,
        opened(limits) as upstream,
    ):
        stuck = [sent(upstream, hangs) for _ in range(3)]
        await turns.asked.acquire()
        assert await sent(upstream, answers) == b"ok"
        assert hangs.connections == 1
        for exchange in stuck:
            turns.answer_one()
            assert await exchange == b"ok"


async def test_an_idle_connection_makes_room_for_one_to_another_server():
    async with (
        ScriptedServer(_keeps_answering) as one,
        ScriptedServer(_keeps_answering) as other,
        opened(Limits(connections=1)) as upstream,
    ):
        for server in (one, other, one):
            assert await sent(upstream, server) == b"ok"
        assert (one.connections, other.connections) == (2, 1)


async def test_a_connection_that_comes_back_makes_room_for_who_waits_for_another_server():
    turns = Turns()
    async with (
        ScriptedServer(turns.play) as one,
        ScriptedServer(_keeps_answering) as other,
        opened(Limits(connections=1)) as upstream,
    ):
        first = sent(upstream, one)
        await turns.asked.acquire()
        second = sent(upstream, other)
        await settled()
        turns.answer_one()
        assert await asyncio.gather(first, second) == [b"ok", b"ok"]


async def test_who_stops_waiting_leaves_the_turn_to_the_next():
    turns = Turns()
    async with ScriptedServer(turns.play) as server, opened(Limits(connections=1)) as upstream:
        first, second, third = (sent(upstream, server) for _ in range(3))
        await turns.asked.acquire()
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        turns.answer_one()
        turns.answer_one()
        assert await asyncio.gather(first, third) == [b"ok", b"ok"]


async def test_a_turn_that_comes_together_with_a_cancellation_is_not_lost():
    turns = Turns()
    async with ScriptedServer(turns.play) as server, opened(Limits(connections=1)) as upstream:
        first, second = sent(upstream, server), sent(upstream, server)
        await turns.asked.acquire()
        first.add_done_callback(lambda _: second.cancel())  # in the very step in which the turn is given
        turns.answer_one()
        assert await first == b"ok"
        await asyncio.gather(second, return_exceptions=True)
        turns.answer_one()
        turns.answer_one()
        assert await sent(upstream, server) == b"ok"


@pytest.mark.parametrize("ends", ["fails", "is cancelled"])
async def test_a_connection_that_was_never_made_is_not_counted(ends: str):
    async with ScriptedServer(_unasked) as server, opened(Limits(connections=1)) as upstream:
        request = post(server.url.replace("http:", "https:"))
        if ends == "fails":
            await failure(upstream, request, Timeouts(tls=0.01))
        else:
            sending = asyncio.ensure_future(upstream.send(request, PATIENT))
            await settled()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    async with ScriptedServer(_keeps_answering) as server:
        assert await sent(upstream, server) == b"ok"
    await upstream.close()


async def test_idle_connections_are_closed_after_a_while_and_not_before():
    left = asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK)
        await line.gone()
        left.set()

    async with ScriptedServer(script) as server, opened(Limits(idle_seconds=0.05)) as upstream:
        assert await sent(upstream, server) == b"ok"
        assert not left.is_set()
        await left.wait()


async def test_no_more_idle_connections_are_kept_than_are_allowed_to():
    turns = Turns()
    async with ScriptedServer(turns.play) as server, opened(Limits(idle=1)) as upstream:
        exchanges = [sent(upstream, server) for _ in range(3)]
        for _ in exchanges:
            await turns.asked.acquire()
            turns.answer_one()
        await asyncio.gather(*exchanges)
        await server.played(2)


async def test_a_connection_does_not_grow_old():
    async with ScriptedServer(_keeps_answering) as server, opened(Limits(age_seconds=0)) as upstream:
        for _ in range(2):
            assert await sent(upstream, server) == b"ok"
        await server.played(2)


async def test_closing_refuses_those_who_wait_and_those_who_connect():
    turns = Turns()
    async with ScriptedServer(turns.play) as server, ScriptedServer(_unasked) as silent:
        upstream = NetworkUpstream(limits=Limits(per_origin=1))
        asked = sent(upstream, server)
        await turns.asked.acquire()
        connecting = asyncio.ensure_future(
            upstream.send(post(silent.url.replace("http:", "https:")), PATIENT)
        )
        waiting = sent(upstream, server)
        await settled()
        await upstream.close()
        for exchange, definite in ((asked, False), (waiting, True), (connecting, True)):
            with pytest.raises(UpstreamError) as raised:
                await exchange
            assert raised.value.definite is definite


async def _unasked(line: Line) -> None:
    await line.gone()


async def _keeps_answering(line: Line) -> None:
    while True:
        await line.request()
        await line.send(OK)
