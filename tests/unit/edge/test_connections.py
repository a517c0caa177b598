"""Limits of connections: how many at once, how many requests on one, how much is kept for slow readers."""

import os
import resource
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

from tests.unit.edge.behind import Behind
from tests.unit.edge.held_timers import HeldTimers
from tests.unit.edge.served import AUTHORIZATION, PATIENCE, posting, read_answer, served
from zai_gateway.edge.listening import connections_possible
from zai_gateway.edge.patience import Patience
from zai_gateway.edge.server import Serving
from zai_gateway.settings import Limits

ROOT = Path(__file__).parents[3]
GET = f"GET /v1/me HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}\r\n".encode()


def test_who_comes_when_there_are_too_many_is_told_and_may_come_again() -> None:
    with served(Behind(), Serving(connections=2, drain_seconds=0.0)) as door, ExitStack() as open_ones:
        first, second = (open_ones.enter_context(door.connect()) for _ in range(2))
        for connection in (first, second):
            connection.sendall(GET)
            assert read_answer(connection).status == 200
        with door.connect() as third:
            third.sendall(GET)
            got = read_answer(third)
            assert (got.status, got.json()["error"]["code"]) == (503, "too_many_connections")
            assert (got.header("retry-after"), got.header("connection")) == ("1", "close")
            assert third.recv(1) == b""
        first.sendall(GET)
        assert read_answer(first).status == 200
        first.close()
        door.until(lambda: door.connections() == 1)
        assert door.get("/v1/me").status == 200


def test_beyond_that_they_are_dropped_without_a_word() -> None:
    serving = Serving(connections=1, drain_seconds=0.0)
    with served(Behind(), serving, timers=HeldTimers()) as door, door.connect() as first:
        first.sendall(GET)
        assert read_answer(first).status == 200
        with door.connect() as told, door.connect() as dropped:
            assert read_answer(told).status == 503
            with suppress(ConnectionResetError):
                assert dropped.recv(1) == b""


def test_a_connection_has_so_many_requests() -> None:
    with served(Behind(), Serving(requests=3, drain_seconds=0.0)) as door, door.connect() as connection:
        said: list[str | None] = []
        for _ in range(3):
            connection.sendall(GET)
            said.append(read_answer(connection).header("connection"))
        assert said == [None, None, "close"]
        assert connection.recv(1) == b""


def test_a_connection_that_asks_nothing_more_is_closed_after_its_time() -> None:
    timers, idle = HeldTimers(), Patience().idle_seconds
    with served(Behind(), timers=timers) as door, door.connect() as connection:
        for _ in range(3):
            connection.sendall(GET)
            assert read_answer(connection).status == 200
            # Each request begins its time anew.
            door.on_loop(lambda: timers.pass_by(idle * 0.9))
        assert door.on_loop(door.waits) == [idle]
        door.on_loop(lambda: timers.pass_by(idle * 0.2))
        assert connection.recv(1) == b""


def test_requests_on_one_connection_begin_no_timer_each() -> None:
    timers = HeldTimers()
    with served(Behind(), timers=timers) as door, door.connect() as connection:
        for _ in range(20):
            connection.sendall(posting(b"{}"))
            assert read_answer(connection).status == 200
        assert timers.begun <= 2


def test_the_limits_of_a_real_gateway_are_those_of_the_settings() -> None:
    limits, serving = Limits(), Serving()
    assert (limits.connections, limits.connection_requests) == (serving.connections, serving.requests)
    assert (limits.idle_seconds, limits.drain_seconds) == (
        serving.patience.idle_seconds,
        serving.drain_seconds,
    )


@contextmanager
def files_limited(soft: int) -> Generator[int]:
    """Lets the process open so many files; gives how many it may ask for."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_as_many_files_are_asked_for_as_clients_need() -> None:
    with files_limited(600) as most:
        assert connections_possible(100) == 100
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 710
        if most != resource.RLIM_INFINITY:
            assert connections_possible(most) < most / 2
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == most


CLIENTS = 1_000
KIB_FOR_EACH = 300


@contextmanager
def room_for(clients: int) -> Generator[None]:
    with files_limited(min(2 * clients + 500, resource.getrlimit(resource.RLIMIT_NOFILE)[1])):
        yield


def test_a_thousand_clients_that_do_not_read_stay_within_a_bounded_memory() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
    program = [sys.executable, str(Path(__file__).with_name("stalling_process.py"))]
    with (
        room_for(CLIENTS),
        subprocess.Popen(
            program, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=environment
        ) as process,
        ExitStack() as clients,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline())
            for _ in range(CLIENTS):
                connection = clients.enter_context(
                    socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
                )
                # Little is kept for it by the system, so that the gateway would have to.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
                connection.sendall(posting(b"{}").replace(b"Host: test", b"Host: localhost"))
            # It says so when every stream stands still.
            told = msgspec.json.decode(process.stdout.readline(), type=dict[str, int])
            assert told["stalled"] == CLIENTS
            assert told["kib"] / CLIENTS <= KIB_FOR_EACH
        finally:
            process.kill()
