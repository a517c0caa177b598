"""A door on a real socket: uvloop in a thread of its own, and a client that writes raw bytes."""

import asyncio
import socket
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import Any, TypeVar

import msgspec
import uvloop

from tests.clocks import HeldClock
from tests.unit.edge.behind import TOKEN, Behind
from tests.unit.edge.held_timers import HeldTimers
from zai_gateway.edge.door import Door
from zai_gateway.edge.hosts import Hosts
from zai_gateway.edge.listening import Listener, address_of, listen
from zai_gateway.edge.patience import Awaited, Timers
from zai_gateway.edge.proxies import Proxies
from zai_gateway.edge.server import Server, Serving

T = TypeVar("T")

BODY_LIMIT = 200_000
AUTHORIZATION = f"Authorization: Bearer {TOKEN}\r\n"
PATIENCE = 60.0
"""Seconds after which a test gives up; none is decided by it."""


class Served:
    """A running server."""

    def __init__(self, loop: asyncio.AbstractEventLoop, server: Server, listener: Listener) -> None:
        self.loop = loop
        self.listener = listener
        self.port = address_of(listener)[1]
        self._server = server
        self._stopped = False

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def ask(self, sent: bytes | str) -> "Got":
        """Writes the bytes of one request on a connection of its own and reads the answer."""
        with self.connect() as connection:
            connection.sendall(sent if isinstance(sent, bytes) else sent.encode("latin-1"))
            return read_answer(connection, head=sent[:5] in (b"HEAD ", "HEAD "))

    def get(self, path: str, *, headers: str = AUTHORIZATION, method: str = "GET") -> "Got":
        return self.ask(f"{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n")

    def post(
        self, body: bytes = b"{}", *, path: str = "/v1/chat/completions", headers: str = AUTHORIZATION
    ) -> "Got":
        return self.ask(posting(body, path=path, headers=headers))

    def on_loop(self, call: Callable[[], T]) -> T:
        """What `call` gives when it runs in the server's thread."""
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(call())
            except BaseException as trouble:  # handed to the thread that asks
                result.set_exception(trouble)

        self.loop.call_soon_threadsafe(run)
        return result.result(PATIENCE)

    def tasks(self) -> int:
        """How many tasks live in the server's loop."""
        return self.on_loop(lambda: len(asyncio.all_tasks(self.loop)))

    def waits(self) -> list[float]:
        """The seconds that each open connection gives its client for what it waits for now."""
        return sorted(
            each.wait.seconds for each in self._server.connections if each.wait.awaited is not Awaited.NOTHING
        )

    def connections(self) -> int:
        """How many are open."""
        return len(self._server.connections)

    def nothing_is_left(self) -> None:
        """Waits until no connection and no request is left: a leak never lets it return."""
        self.until(lambda: not self._server.connections and len(asyncio.all_tasks(self.loop)) <= 1)

    def settle_at(self, tasks: int) -> None:
        """Waits until only so many tasks are left: a leak never lets it return."""
        self.until(lambda: len(asyncio.all_tasks(self.loop)) == tasks)

    def until(self, so: Callable[[], bool]) -> None:
        """Waits until `so`, which is asked in the server's thread."""
        pause = threading.Event()
        for _ in range(int(PATIENCE / 0.01)):
            if self.on_loop(so):
                return
            pause.wait(0.01)
        raise AssertionError("what was waited for did not come about")

    def read_on(self) -> None:
        """Lets the loop look a few times at what clients have sent: what stands in its sockets is read."""
        for _ in range(5):
            self.tasks()

    def stop(self) -> None:
        """Ends the server in order, however often it is called."""
        if not self._stopped:
            self._stopped = True
            self.loop.call_soon_threadsafe(self._server.stop)

    def hurry(self) -> None:
        """Ends the server without waiting for requests."""
        self._stopped = True
        self.loop.call_soon_threadsafe(self._server.stop)
        self.loop.call_soon_threadsafe(self._server.stop)


class Got(msgspec.Struct, frozen=True):
    """An answer as it came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key.lower() == name]
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


def posting(body: bytes, *, path: str = "/v1/chat/completions", headers: str = AUTHORIZATION) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: test\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body


def read_answer(connection: socket.socket, *, head: bool = False) -> Got:
    answer = HTTPResponse(connection, method="HEAD" if head else "GET")
    answer.begin()
    return Got(answer.status, answer.getheaders(), answer.read())


@contextmanager
def served(
    behind: Behind,
    serving: Serving | None = None,
    proxies: Proxies | None = None,
    timers: Timers | None = None,
) -> Generator[Served]:
    """A server called `test`, for the length of a test; at its end no task may be left.

    `timers` times its waits for clients; by default nothing does, and they have all the time they need.
    """
    listener = listen("127.0.0.1", 0)
    started: Future[Served] = Future()
    left: list[str] = []

    async def run() -> None:
        clock = HeldClock()
        door = Door(behind.rooms, clock, BODY_LIMIT, Hosts(("test",)), proxies)
        server = Server(door, clock, serving or Serving(drain_seconds=0.0), timers or HeldTimers())
        loop = asyncio.get_running_loop()
        await server.run(listener, lambda: started.set_result(Served(loop, server, listener)))
        await asyncio.sleep(0)
        left.extend(str(task) for task in asyncio.all_tasks() if task is not asyncio.current_task())

    def in_thread() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run())

    thread = threading.Thread(target=in_thread, name="served door")
    thread.start()
    try:
        running = started.result(PATIENCE)
        yield running
    finally:
        if started.done():
            started.result().stop()
        thread.join(PATIENCE)
    assert not thread.is_alive()
    assert not left
