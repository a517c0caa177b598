"""Slow clients: what does not come in time is answered once, in the one shape, and the connection ends."""

import asyncio
import socket
import threading

import pytest
import uvloop

from tests.clocks import HeldClock
from tests.unit.edge.behind import Behind
from tests.unit.edge.held_timers import HeldTimers
from tests.unit.edge.served import AUTHORIZATION, Got, posting, read_answer, served
from zai_gateway.accounts.caller import Caller
from zai_gateway.edge.door import Door
from zai_gateway.edge.listening import address_of, listen
from zai_gateway.edge.patience import Patience
from zai_gateway.edge.server import Server, Serving
from zai_gateway.relay.reply import Reply
from zai_gateway.settings import Limits

POST = f"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}"
HEAD, BODY, ANSWER = Patience().head_seconds, Patience().body_seconds, Patience().answer_seconds
IDLE = Patience().idle_seconds


@pytest.fixture
def timers() -> HeldTimers:
    return HeldTimers()


def timed_out(got: Got) -> bool:
    error = got.json()["error"]
    assert got.json()["detail"]
    assert got.header("x-request-id")
    assert got.header("x-should-retry") is None
    return (got.status, error["code"], got.header("connection")) == (408, "request_timeout", "close")


def ends(connection: socket.socket) -> bool:
    connection.shutdown(socket.SHUT_WR)
    return connection.recv(1) == b""


HEADS = {
    "a line": "GET",
    "a target": "GET /v1/me",
    "a header": "GET /v1/me HTTP/1.1\r\nHost: te",
    "headers": "GET /v1/me HTTP/1.1\r\nHost: test\r\n",
    "after an empty line": "\r\nGET /v1/me HTTP/1.1\r\nHost: te",
}


@pytest.mark.parametrize("case", HEADS)
def test_a_head_that_stops_coming_is_a_408(case: str, timers: HeldTimers) -> None:
    with served(Behind(), timers=timers) as door, door.connect() as connection:
        connection.sendall(HEADS[case].encode())
        door.read_on()
        assert door.waits() == [HEAD]
        door.on_loop(timers.run_out)
        assert timed_out(read_answer(connection))
        assert ends(connection)


def test_bytes_that_trickle_in_do_not_prolong_a_head(timers: HeldTimers) -> None:
    with served(Behind(), timers=timers) as door, door.connect() as connection:
        for byte in HEADS["a header"].encode():
            connection.sendall(bytes([byte]))
            door.read_on()
            door.on_loop(lambda: timers.pass_by(HEAD / 100))
        assert door.on_loop(door.waits) == [HEAD]
        # Counted from the first byte, a part of the time is over already.
        door.on_loop(lambda: timers.pass_by(HEAD * 0.8))
        assert timed_out(read_answer(connection))


@pytest.mark.parametrize("sent", ["", "\r\n", "\r\n\r\n"])
def test_a_connection_that_asks_nothing_is_closed_without_a_word(sent: str, timers: HeldTimers) -> None:
    with served(Behind(), timers=timers) as door, door.connect() as connection:
        connection.sendall(sent.encode())
        door.until(lambda: door.waits() == [HEAD])
        door.read_on()
        door.on_loop(timers.run_out)
        assert connection.recv(1) == b""


def test_the_second_head_of_a_connection_has_its_time_too(timers: HeldTimers) -> None:
    with served(Behind(), timers=timers) as door, door.connect() as connection:
        connection.sendall(posting(b"{}"))
        assert read_answer(connection).status == 200
        assert door.on_loop(door.waits) == [IDLE]
        connection.sendall(b"\r\nGET /v1/me HTTP/1.1\r\n")
        door.until(lambda: door.waits() == [HEAD])
        door.read_on()
        door.on_loop(timers.run_out)
        assert timed_out(read_answer(connection))


def test_who_waits_for_an_answer_is_not_short_of_time(timers: HeldTimers) -> None:
    begun, go = threading.Event(), asyncio.Event()

    async def look_up() -> None:
        begun.set()
        await go.wait()

    behind = Behind()
    behind.callers.first = look_up
    with served(behind, timers=timers) as door, door.connect() as asking, door.connect() as silent:
        asking.sendall(posting(b"{}"))
        assert begun.wait(60)
        door.until(lambda: door.waits() == [HEAD])
        door.on_loop(timers.run_out)
        assert silent.recv(1) == b""
        door.loop.call_soon_threadsafe(go.set)
        assert read_answer(asking).status == 200


BODIES = {
    "none of it": f"{POST}Content-Length: 10\r\n\r\n",
    "some of it": f"{POST}Content-Length: 10\r\n\r\n" + '{"a"',
    "a chunk": f"{POST}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n",
    "part of a chunk": f"{POST}Transfer-Encoding: chunked\r\n\r\nff\r\n{{}}",
    "all but its end": f"{POST}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n",
    "too little, byte by byte": f"{POST}Content-Length: 9999\r\n\r\n" + "x" * 1_023,
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_stops_coming_is_a_408_and_never_reaches_the_relay(case: str, timers: HeldTimers) -> None:
    behind = Behind()
    with served(behind, timers=timers) as door:
        idle = door.tasks()
        with door.connect() as connection:
            connection.sendall(BODIES[case].encode())
            door.until(lambda: door.waits() == [BODY])
            door.read_on()
            door.on_loop(timers.run_out)
            assert timed_out(read_answer(connection))
            assert ends(connection)
        door.settle_at(idle)
    assert behind.answerer.bodies == []


def test_a_body_has_its_time_for_each_kib_of_it(timers: HeldTimers) -> None:
    behind = Behind()
    with served(behind, timers=timers) as door, door.connect() as connection:
        connection.sendall(f"{POST}Content-Length: 2500\r\n\r\n".encode())
        for _ in range(2):
            connection.sendall(b"x" * 1_024)
            door.until(lambda: door.waits() == [BODY])
            door.read_on()
            door.on_loop(timers.run_out)
        assert door.on_loop(door.waits) == [BODY]
        connection.sendall(b"x" * 452)
        assert read_answer(connection).status == 200
    assert behind.answerer.bodies == [b"x" * 2_500]


@pytest.mark.parametrize("waits_for_go_ahead", [True, False])
def test_what_the_gateway_itself_is_slow_with_is_not_the_clients_fault(
    waits_for_go_ahead: bool, timers: HeldTimers
) -> None:
    behind, begun, go = Behind(), threading.Event(), asyncio.Event()

    async def look_up() -> None:
        begun.set()
        await go.wait()

    behind.callers.first = look_up
    body = b"x" * 150_000
    expecting = "Expect: 100-continue\r\n" if waits_for_go_ahead else ""
    with served(behind, timers=timers) as door, door.connect() as connection:
        sent = posting(body, headers=AUTHORIZATION + expecting)
        # So much of a body fills the buffer that the gateway keeps for a request that it has yet to look at.
        cut = len(sent) - len(body) + (0 if waits_for_go_ahead else 100_000)
        connection.sendall(sent[:cut])
        assert begun.wait(60)
        door.read_on()
        for _ in range(3):
            door.on_loop(timers.run_out)
            assert door.on_loop(door.waits) == [BODY]
        door.loop.call_soon_threadsafe(go.set)
        if waits_for_go_ahead:
            assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(sent[cut:])
        assert read_answer(connection).status == 200
    assert behind.answerer.bodies == [body]


def test_a_request_that_was_answered_already_ends_without_a_second_answer(timers: HeldTimers) -> None:
    with served(Behind(), timers=timers) as door, door.connect() as connection:
        connection.sendall(BODIES["none of it"].replace("Bearer", "Basic").encode())
        got = read_answer(connection)
        assert (got.status, got.header("connection")) == (401, None)
        door.on_loop(timers.run_out)
        assert connection.recv(1) == b""


def test_a_client_that_does_not_read_its_answer_is_let_go(timers: HeldTimers) -> None:
    gone = threading.Event()

    async def pour(_caller: Caller, _body: bytes, reply: Reply) -> None:
        reply.when_gone(gone.set)
        await reply.start(200, [("content-type", "text/event-stream")])
        while not reply.gone:
            await reply.write(b"data: " + b"x" * 65_536 + b"\n\n")

    def run_out() -> bool:
        assert set(door.waits()) <= {ANSWER}
        # While the kernel's buffers fill, what waits here gets less, as if the client read it.
        timers.run_out()
        return gone.is_set()

    with served(Behind(pour), timers=timers) as door:
        idle = door.tasks()
        with door.connect() as connection:
            connection.sendall(posting(b"{}"))
            # Before, it may still be the head that is waited for.
            door.until(lambda: door.waits() == [ANSWER])
            door.until(run_out)
            door.settle_at(idle)


def test_a_client_that_reads_on_after_a_pause_gets_the_whole_answer(timers: HeldTimers) -> None:
    pieces, pausing = 200, threading.Event()

    async def much(_caller: Caller, _body: bytes, reply: Reply) -> None:
        await reply.start(200, [("content-type", "text/event-stream")])
        for _ in range(pieces):
            await reply.write(b"data: " + b"x" * 65_536 + b"\n\n")
        await reply.write(b"data: [DONE]\n\n")
        await reply.finish()

    def paused() -> bool:
        if door.waits() == [ANSWER]:
            pausing.set()
        return pausing.is_set()

    with served(Behind(much), timers=timers) as door, door.connect() as connection:
        connection.sendall(posting(b"{}"))
        door.until(paused)
        got = read_answer(connection)
        assert door.on_loop(door.waits) == [IDLE]
    assert (got.body.count(b"data: x"), got.body[-14:]) == (pieces, b"data: [DONE]\n\n")


def test_the_times_of_a_real_gateway_are_those_of_the_settings() -> None:
    limits, patience = Limits(), Patience()
    assert (limits.head_seconds, limits.body_seconds, limits.answer_seconds) == (
        patience.head_seconds,
        patience.body_seconds,
        patience.answer_seconds,
    )
    assert patience.body_least == 1_024


def test_a_real_server_has_timers_of_its_own() -> None:
    async def run() -> None:
        clock = HeldClock()
        hasty = Serving(patience=Patience(head_seconds=0.001), drain_seconds=0.0)
        listener = listen("127.0.0.1", 0)
        listening = asyncio.Event()
        server = Server(Door(Behind().rooms, clock, 1_000), clock, hasty)
        running = asyncio.create_task(server.run(listener, listening.set))
        await listening.wait()
        reader, writer = await asyncio.open_connection(*address_of(listener))
        assert await reader.read() == b""
        writer.close()
        server.stop()
        await running

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
