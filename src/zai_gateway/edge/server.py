"""The server: the door on a socket, until a signal ends it in order."""

import asyncio
import logging
import signal
from collections.abc import Callable
from email.utils import formatdate
from math import ceil

from msgspec import Struct
from uvicorn.config import Config
from uvicorn.server import ServerState

from zai_gateway.clock import Clock
from zai_gateway.edge.door import Door
from zai_gateway.edge.listening import BACKLOG, Listener
from zai_gateway.edge.patience import Later, Patience
from zai_gateway.edge.protocol import DoorProtocol
from zai_gateway.edge.refusals import HeadLimits
from zai_gateway.ids import new_id

_log = logging.getLogger(__name__)

_SETTLE_SECONDS = 10.0
"""What a cancelled request may take to tell its client and to settle."""
_FLUSH_SECONDS = 1.0
_POLL_SECONDS = 0.02


class Serving(Struct, frozen=True, kw_only=True):
    """How the door is served."""

    head: HeadLimits = HeadLimits()
    patience: Patience = Patience()
    keep_alive_seconds: int = 75
    """How long a connection may wait for its next request.

    Longer than clients and load balancers keep idle connections, so that they close first.
    """
    drain_seconds: float = 10.0
    """How long requests under way may go on after SIGTERM or SIGINT."""


class Server:
    """Serves `door` on one listening socket; `later` times the waits for clients, else the loop does."""

    def __init__(self, door: Door, clock: Clock, serving: Serving, later: Later | None = None) -> None:
        self._clock = clock
        self._serving = serving
        self._later = later
        self._config = _uvicorn_config(door, serving)
        self._state = ServerState()
        self._stopping = asyncio.Event()
        self._hurried = False

    def stop(self) -> None:
        """Ends `run` in order; called again, without waiting for requests under way."""
        self._hurried = self._stopping.is_set()
        self._stopping.set()

    async def run(self, listener: Listener, on_listening: Callable[[], None]) -> None:
        """Serves until `stop`: then accepts nothing more, lets requests end, and cancels those that do not.

        Takes over `listener`, and calls `on_listening` when requests are answered.
        """
        loop = asyncio.get_running_loop()
        # It listens again, and would shorten the line to 100.
        server = await loop.create_server(self._connection, sock=listener, backlog=BACKLOG)
        dating = asyncio.create_task(self._keep_date())
        try:
            on_listening()
            await self._stopping.wait()
        finally:
            server.close()
            await self._drain()
            dating.cancel()

    def _connection(self) -> DoorProtocol:
        serving = self._serving
        return DoorProtocol(
            self._config, self._state, serving.head, serving.patience, self._new_request_id, self._later
        )

    def _new_request_id(self) -> str:
        return new_id("req", self._clock.now_ms())

    async def _keep_date(self) -> None:
        while True:
            date = formatdate(self._clock.now_ms() / 1_000, usegmt=True)
            self._state.default_headers = [(b"date", date.encode("ascii"))]
            await asyncio.sleep(1.0)

    async def _drain(self) -> None:
        for connection in self._open():
            connection.shutdown()
        await self._wait_until_quiet(self._serving.drain_seconds)
        await self._cancel_requests()
        await self._wait_until_quiet(_FLUSH_SECONDS)
        for connection in self._open():
            connection.transport.abort()
        # A connection that came just before the end may have asked since.
        await self._cancel_requests()

    async def _cancel_requests(self) -> None:
        running = set(self._state.tasks)
        if not running:
            return
        _log.warning("shutting down: %d requests under way are cancelled", len(running))
        for task in running:
            task.cancel()
        _, left = await asyncio.wait(running, timeout=_SETTLE_SECONDS)
        if left:
            _log.error("shutting down: %d requests did not end", len(left))

    def _open(self) -> list[DoorProtocol]:
        return [each for each in self._state.connections if isinstance(each, DoorProtocol)]

    async def _wait_until_quiet(self, seconds: float) -> None:
        for _ in range(ceil(seconds / _POLL_SECONDS)):
            if self._hurried or not (self._state.tasks or self._state.connections):
                return
            await asyncio.sleep(_POLL_SECONDS)


async def serve(
    door: Door, listener: Listener, clock: Clock, serving: Serving, on_listening: Callable[[], None]
) -> None:
    """Serves until SIGTERM or SIGINT ends it in order; a second signal ends requests under way at once.

    Must run in the main thread, on which signals arrive.
    """
    server = Server(door, clock, serving)
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, server.stop)
    try:
        await server.run(listener, on_listening)
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _uvicorn_config(door: Door, serving: Serving) -> Config:
    config = Config(
        door,
        interface="asgi3",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",  # each scanner's garbage would be a warning
        access_log=False,
        timeout_keep_alive=serving.keep_alive_seconds,
        # Given here, so that uvicorn reads neither from the environment.
        workers=1,
        proxy_headers=False,
        forwarded_allow_ips="",
    )
    config.load()
    return config
