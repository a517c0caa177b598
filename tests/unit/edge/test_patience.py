"""Slow clients: what does not come in time is answered once, in the one shape, and the connection ends."""

import asyncio
import socket
import threading

import pytest

from tests.unit.edge.behind import Behind
from tests.unit.edge.served import AUTHORIZATION, Got, Served, posting, read_answer, served
from zai_gateway.accounts.caller import Caller
from zai_gateway.edge.patience import Patience
from zai_gateway.edge.server import Serving
from zai_gateway.relay.reply import Reply
from zai_gateway.settings import Limits

HEAD = f"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}"
SHORT = 0.02
"""For what must run out."""
AMPLE = 0.4
"""For what runs out in one part of a test and suffices in another."""
LONG = 3_600.0


def hasty(*, head: float = LONG, body: float = LONG, answer: float = LONG) -> Serving:
    """A server that waits for nothing but what is not named."""
    patience = Patience(head_seconds=head, body_seconds=body, answer_seconds=answer)
    return Serving(patience=patience, drain_seconds=0.0)


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
}


@pytest.mark.parametrize("case", HEADS)
def test_a_head_that_stops_coming_is_a_408(case: str) -> None:
    with served(Behind(), hasty(head=SHORT)) as door, door.connect() as connection:
        connection.sendall(HEADS[case].encode())
        assert timed_out(read_answer(connection))
        assert ends(connection)


def test_a_head_that_comes_byte_by_byte_without_end_is_a_408() -> None:
    answered = threading.Event()

    def drip(connection: socket.socket) -> None:
        try:
            connection.sendall(b"GET /v1/me HTTP/1.1\r\nHost: test\r\nx: ")
            while not answered.wait(SHORT / 4):
                connection.sendall(b"y")
        except OSError:
            return

    with served(Behind(), hasty(head=AMPLE)) as door, door.connect() as connection:
        dripping = threading.Thread(target=drip, args=(connection,))
        dripping.start()
        try:
            assert timed_out(read_answer(connection))
        finally:
            answered.set()
            dripping.join()


@pytest.mark.parametrize("sent", ["", "\r\n", "\r\n\r\n"])
def test_a_connection_that_asks_nothing_is_closed_without_a_word(sent: str) -> None:
    with served(Behind(), hasty(head=SHORT)) as door, door.connect() as connection:
        connection.sendall(sent.encode())
        assert connection.recv(1) == b""


def test_the_second_head_of_a_connection_has_its_time_too() -> None:
    with served(Behind(), hasty(head=AMPLE)) as door, door.connect() as connection:
        connection.sendall(posting(b"{}"))
        assert read_answer(connection).status == 200
        connection.sendall(b"\r\nGET /v1/me HTTP/1.1\r\n")
        assert timed_out(read_answer(connection))


def test_an_idle_connection_between_requests_is_not_short_of_time() -> None:
    with served(Behind(), hasty(head=AMPLE)) as door, door.connect() as connection:
        connection.sendall(posting(b"{}"))
        assert read_answer(connection).status == 200
        threading.Event().wait(AMPLE * 1.2)
        door.on_loop(lambda: None)  # the loop has run its timers since
        connection.sendall(posting(b"{}"))
        assert read_answer(connection).status == 200


BODIES = {
    "none of it": f"{HEAD}Content-Length: 10\r\n\r\n",
    "some of it": f"{HEAD}Content-Length: 10\r\n\r\n" + '{"a"',
    "a chunk": f"{HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n",
    "part of a chunk": f"{HEAD}Transfer-Encoding: chunked\r\n\r\nff\r\n{{}}",
    "all but its end": f"{HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n",
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_stops_coming_is_a_408_and_never_reaches_the_relay(case: str) -> None:
    behind = Behind()
    with served(behind, hasty(body=SHORT)) as door:
        idle = door.tasks()
        with door.connect() as connection:
            connection.sendall(BODIES[case].encode())
            assert timed_out(read_answer(connection))
            assert ends(connection)
        door.settle_at(idle)
    assert behind.answerer.bodies == []


def test_a_body_that_comes_byte_by_byte_is_a_408() -> None:
    answered = threading.Event()

    def drip(connection: socket.socket) -> None:
        try:
            connection.sendall(f"{HEAD}Content-Length: 100000\r\n\r\n".encode())
            while not answered.wait(SHORT / 4):
                connection.sendall(b"y")
        except OSError:
            return

    with served(Behind(), hasty(body=AMPLE)) as door, door.connect() as connection:
        dripping = threading.Thread(target=drip, args=(connection,))
        dripping.start()
        try:
            assert timed_out(read_answer(connection))
        finally:
            answered.set()
            dripping.join()


def test_what_the_gateway_itself_is_slow_with_is_not_the_clients_fault() -> None:
    behind, go = Behind(), asyncio.Event()
    begun = threading.Event()

    async def look_up() -> None:
        begun.set()
        await go.wait()

    behind.callers.first = look_up
    body = b"x" * 150_000
    with served(behind, hasty(body=AMPLE)) as door:
        for head in (posting(body, headers=f"{AUTHORIZATION}Expect: 100-continue\r\n"), posting(body)):
            begun.clear()
            door.on_loop(go.clear)
            waits_for_go_ahead = b"Expect" in head
            with door.connect() as connection:
                connection.sendall(head[: -len(body)])
                sending = threading.Thread(target=connection.sendall, args=(body,))
                if not waits_for_go_ahead:
                    sending.start()
                assert begun.wait(20)
                threading.Event().wait(AMPLE * 1.2)
                door.loop.call_soon_threadsafe(go.set)
                if waits_for_go_ahead:
                    assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
                    sending.start()
                assert read_answer(connection).status == 200
                sending.join()
    assert behind.answerer.bodies == [body, body]


def test_a_request_that_was_answered_already_ends_without_a_second_answer() -> None:
    with served(Behind(), hasty(body=SHORT)) as door, door.connect() as connection:
        connection.sendall(BODIES["none of it"].replace("Bearer", "Basic").encode())
        got = read_answer(connection)
        assert (got.status, got.header("connection")) == (401, None)
        assert connection.recv(1) == b""


def test_a_client_that_does_not_read_its_answer_is_let_go() -> None:
    gone = threading.Event()

    async def pour(_caller: Caller, _body: bytes, reply: Reply) -> None:
        reply.when_gone(gone.set)
        await reply.start(200, [("content-type", "text/event-stream")])
        while not reply.gone:
            await reply.write(b"data: " + b"x" * 65_536 + b"\n\n")

    with served(Behind(pour), hasty(answer=SHORT)) as door:
        idle = door.tasks()
        with door.connect() as connection:
            connection.sendall(posting(b"{}"))
            assert gone.wait(20)
            door.settle_at(idle)


def test_a_client_that_reads_on_after_a_pause_gets_the_whole_answer() -> None:
    paused, pieces = threading.Event(), 200

    async def much(_caller: Caller, _body: bytes, reply: Reply) -> None:
        await reply.start(200, [("content-type", "text/event-stream")])
        for _ in range(pieces):
            asyncio.get_running_loop().call_later(SHORT, paused.set)
            await reply.write(b"data: " + b"x" * 65_536 + b"\n\n")
        # The client is served well from here on, however long the rest takes to come.
        await asyncio.sleep(AMPLE * 3)
        await reply.write(b"data: [DONE]\n\n")
        await reply.finish()

    with served(Behind(much), hasty(answer=AMPLE)) as door, door.connect() as connection:
        connection.sendall(posting(b"{}"))
        assert paused.wait(20)
        got = read_answer(connection)
    assert (got.body.count(b"data: x"), got.body[-14:]) == (pieces, b"data: [DONE]\n\n")


def test_the_times_of_a_real_gateway_are_those_of_the_settings() -> None:
    limits, patience = Limits(), Patience()
    assert (limits.head_seconds, limits.body_seconds, limits.answer_seconds) == (
        patience.head_seconds,
        patience.body_seconds,
        patience.answer_seconds,
    )
    assert patience.body_least == 1_024


def test_a_server_with_time_answers_in_time() -> None:
    def slowly(door: Served) -> Got:
        with door.connect() as connection:
            for byte in posting(b"{}"):
                connection.sendall(bytes([byte]))
            return read_answer(connection)

    with served(Behind(), hasty()) as door:
        assert slowly(door).status == 200
