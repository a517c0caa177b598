"""Listening and ending: a port that is taken, signals, the grace of requests under way."""

import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.edge.behind import Behind, hello
from tests.unit.edge.served import AUTHORIZATION, posting, read_answer, served
from zai_gateway.accounts.caller import Caller
from zai_gateway.edge.listening import address_of, listen
from zai_gateway.edge.server import Serving
from zai_gateway.errors import OperatorError
from zai_gateway.relay.reply import Reply

ROOT = Path(__file__).parents[3]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen("127.0.0.1", 0) as taken:
        yield taken


def test_a_taken_port_is_told_in_one_sentence(listener: socket.socket) -> None:
    port = address_of(listener)[1]
    with pytest.raises(OperatorError) as told:
        listen("127.0.0.1", port)
    assert str(told.value) == (
        f"port {port} on 127.0.0.1 is taken: stop what uses it or choose another with --port"
    )


@pytest.mark.parametrize(
    ("host", "port", "says"),
    [
        ("127.0.0.1", 65_536, "--port 65536"),
        ("127.0.0.1", -1, "--port -1"),
        ("198.51.100.7", 0, "198.51.100.7 is no address of this machine"),
        ("not a host", 0, "--host 'not a host'"),
        ("x" * 300, 0, "is no address"),
    ],
)
def test_an_address_that_cannot_be_is_told(host: str, port: int, says: str) -> None:
    with pytest.raises(OperatorError) as told:
        listen(host, port)
    assert says in str(told.value)
    assert "\n" not in str(told.value)


def test_accepted_connections_send_small_pieces_at_once(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()):
        listener.setblocking(True)
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_connections_wait_in_line_until_the_server_runs(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname(), timeout=60) as early:
        early.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")


def room_in_line(listener: socket.socket) -> int:
    """How many connections may wait: Linux tells it of a listening socket as `tcpi_sacked` (tcp(7))."""
    told = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int(struct.unpack_from("=I", told, 28)[0])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell the length of the line")
def test_the_line_is_as_long_while_the_server_runs(listener: socket.socket) -> None:
    allowed = int(Path("/proc/sys/net/core/somaxconn").read_text(encoding="ascii"))
    with served(Behind()) as door:
        assert room_in_line(door.listener) == room_in_line(listener) == min(2_048, allowed)


def test_no_header_says_what_the_server_is_and_one_says_when() -> None:
    with served(Behind()) as door:
        got = door.get("/healthz")
    assert got.header("server") is None
    assert got.header("date") == "Wed, 18 Nov 2026 11:06:40 GMT"


class Held:
    """An answer that waits until it is let go, or is cancelled."""

    def __init__(self, *, streamed: bool = False) -> None:
        self.begun = threading.Event()
        self.settled = threading.Event()
        self.go = asyncio.Event()
        self._streamed = streamed

    async def answer(self, caller: Caller, body: bytes, reply: Reply) -> None:
        try:
            if self._streamed:
                await reply.start(200, [("content-type", "text/event-stream")])
                await reply.write(b"data: 1\n\n")
            self.begun.set()
            await self.go.wait()
            await hello(caller, body, reply)
        finally:
            # Settling takes its time, and the server must not leave before it is done.
            await asyncio.shield(asyncio.sleep(0.05))
            self.settled.set()


def test_requests_under_way_are_finished_after_a_stop() -> None:
    held = Held()
    with served(Behind(held.answer), Serving(drain_seconds=20.0)) as door, door.connect() as connection:
        idle = door.connect()
        connection.sendall(posting(b"{}"))
        assert held.begun.wait(60)
        door.stop()
        # The idle connection is closed at once, and no new one is taken.
        assert idle.recv(1) == b""
        idle.close()
        with pytest.raises(ConnectionRefusedError):
            door.connect()
        door.loop.call_soon_threadsafe(held.go.set)
        got = read_answer(connection)
        assert (got.status, got.json()) == (200, {"hello": "world"})
        assert got.header("connection") == "close"


def test_a_request_that_waits_in_line_is_not_begun_after_a_stop() -> None:
    held = Held()
    behind = Behind(held.answer)
    with served(behind, Serving(drain_seconds=20.0)) as door, door.connect() as connection:
        connection.sendall(posting(b'{"n":1}') + posting(b'{"n":2}') + posting(b'{"n":3}'))
        assert held.begun.wait(60)
        door.read_on()
        door.stop()
        door.read_on()
        door.loop.call_soon_threadsafe(held.go.set)
        got = read_answer(connection)
        assert (got.status, got.header("connection")) == (200, "close")
        assert connection.recv(1) == b""
    assert behind.answerer.bodies == [b'{"n":1}']


def test_requests_that_do_not_end_are_cancelled_with_a_503_and_settle_first() -> None:
    held = Held()
    with served(Behind(held.answer), Serving(drain_seconds=0.0)) as door, door.connect() as connection:
        connection.sendall(posting(b"{}"))
        assert held.begun.wait(60)
        door.stop()
        got = read_answer(connection)
    assert (got.status, got.json()["error"]["code"]) == (503, "shutting_down")
    assert got.header("retry-after") == "1"
    assert held.settled.is_set()


def test_a_stream_that_does_not_end_is_cancelled_with_an_error_event() -> None:
    held = Held(streamed=True)
    with served(Behind(held.answer), Serving(drain_seconds=0.0)) as door, door.connect() as connection:
        connection.sendall(posting(b"{}"))
        assert held.begun.wait(60)
        door.stop()
        got = read_answer(connection)
    assert got.status == 200
    assert b'"code":"shutting_down"' in got.body
    assert b"[DONE]" not in got.body


def test_a_second_stop_does_not_wait() -> None:
    held = Held()
    with served(Behind(held.answer), Serving(drain_seconds=3_600.0)) as door, door.connect() as connection:
        connection.sendall(posting(b"{}"))
        assert held.begun.wait(60)
        door.hurry()
        assert read_answer(connection).status == 503
    assert held.settled.is_set()


def test_before_it_closes_it_serves_on_while_readiness_is_off() -> None:
    draining = Serving(drain_delay_seconds=3_600.0, drain_seconds=20.0)
    with served(Behind(), draining) as door:
        kept = door.connect()
        kept.sendall(posting(b"{}"))
        assert read_answer(kept).header("connection") is None
        door.stop()
        door.read_on()
        refused = door.get("/readyz")
        assert (refused.status, refused.json()["error"]["code"]) == (503, "shutting_down")
        assert door.get("/healthz").status == 200
        # A new client is still served, and one that keeps its connection is told to find another gateway.
        assert door.post(b"{}").status == 200
        kept.sendall(posting(b"{}"))
        got = read_answer(kept)
        assert (got.status, got.header("connection")) == (200, "close")
        kept.close()
        door.hurry()


def test_a_request_behind_a_stream_is_told_that_it_came_too_late() -> None:
    held = Held(streamed=True)
    behind = Behind(held.answer)
    with served(behind, Serving(drain_seconds=20.0)) as door, door.connect() as connection:
        connection.sendall(posting(b'{"n":1}'))
        assert held.begun.wait(60)
        door.stop()
        door.read_on()
        connection.sendall(posting(b'{"n":2}'))
        door.read_on()
        door.loop.call_soon_threadsafe(held.go.set)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    stream, late = received.split(b"HTTP/1.1 ")[1:]
    assert (stream[:3], late[:3]) == (b"200", b"503")
    assert b"connection: close\r\n" in late
    assert b'"code":"shutting_down"' in late
    assert behind.answerer.bodies == [b'{"n":1}']


def test_a_request_whose_head_was_on_its_way_is_told_that_it_came_too_late() -> None:
    behind = Behind()
    with served(behind, Serving(drain_seconds=20.0)) as door, door.connect() as connection:
        sent = posting(b"{}")
        connection.sendall(sent[:20])
        door.read_on()
        door.stop()
        door.read_on()
        connection.sendall(sent[20:])
        got = read_answer(connection)
        assert (got.status, got.header("connection")) == (503, "close")
    assert behind.answerer.bodies == []


def test_a_second_stop_does_not_wait_for_load_balancers() -> None:
    held = Held(streamed=True)
    hasty = Serving(drain_delay_seconds=3_600.0, drain_seconds=3_600.0)
    with served(Behind(held.answer), hasty) as door, door.connect() as connection:
        connection.sendall(posting(b"{}"))
        assert held.begun.wait(60)
        door.hurry()
        got = read_answer(connection)
    assert b'"code":"shutting_down"' in got.body
    assert held.settled.is_set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_in_order(number: signal.Signals) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    program = [sys.executable, str(Path(__file__).with_name("serving_process.py"))]
    with subprocess.Popen(program, stdout=subprocess.PIPE, cwd=ROOT, env=environment, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                connection.sendall(f"GET /v1/me HTTP/1.1\r\nHost: localhost\r\n{AUTHORIZATION}\r\n".encode())
                assert read_answer(connection).status == 200
                process.send_signal(number)
                assert connection.recv(1) == b""
            # What stands after `serve` still runs: a store that has to be closed, for one.
            assert process.stdout.read() == "closed in order\n"
            assert process.wait(60) == 0
        finally:
            process.kill()
