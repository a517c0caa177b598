"""The server: the door on a socket, until a signal ends it in order."""

import asyncio
import logging
import signal
from collections.abc import Callable

from zai_gateway.clock import Clock
from zai_gateway.edge.connection import Connection
from zai_gateway.edge.door import Door
from zai_gateway.edge.listening import BACKLOG, Listener
from zai_gateway.edge.patience import Timers
from zai_gateway.edge.reception import Reception, Serving

_log = logging.getLogger(__name__)

_SETTLE_SECONDS = 10.0
"""What a cancelled request may take to tell its client and to settle."""
_FLUSH_SECONDS = 1.0
_POLL_SECONDS = 0.02

__all__ = ("Server", "Serving", "serve")


class Server:
    """Serves `door` on one listening socket; `timers` times the waits for clients, else the loop does."""

    def __init__(self, door: Door, clock: Clock, serving: Serving, timers: Timers | None = None) -> None:
        self._door = door
        self._clock = clock
        self._serving = serving
        self._timers = timers
        self._reception: Reception | None = None
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()

    @property
    def connections(self) -> frozenset[Connection]:
        """Those that are open."""
        return frozenset(self._reception.connections if self._reception else ())

    def stop(self) -> None:
        """Ends `run` in order; called again, without waiting for requests under way."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    async def run(self, listener: Listener, on_listening: Callable[[], None]) -> None:
        """Serves until `stop`, and then for as long as requests are still sent here; then ends in order.

        It accepts nothing more, lets requests end, and cancels those that do not. Takes over `listener`, and
        calls `on_listening` when requests are answered.
        """
        loop = asyncio.get_running_loop()
        reception = Reception(self._door, self._clock, self._serving, self._timers or loop)
        self._reception = reception
        # It listens again, and would shorten the line to 100.
        server = await loop.create_server(lambda: Connection(reception), sock=listener, backlog=BACKLOG)
        try:
            on_listening()
            await self._stopping.wait()
            self._door.leaving = reception.leaving = True
            await self._until_hurried(self._serving.drain_delay_seconds)
        finally:
            reception.leaving = reception.closed = True
            server.close()
            await self._drain(reception)

    async def _drain(self, reception: Reception) -> None:
        for connection in tuple(reception.connections):
            connection.retire()
        await self._until_quiet(reception, self._serving.drain_seconds)
        await self._cancel(reception)
        await self._until_quiet(reception, _FLUSH_SECONDS)
        for connection in tuple(reception.connections):
            connection.abort()
        # A connection that came just before the end may have asked since.
        await self._cancel(reception)
        await asyncio.sleep(0)

    async def _cancel(self, reception: Reception) -> None:
        running = set(reception.tasks)
        if not running:
            return
        _log.warning("shutting down: %d requests under way are cancelled", len(running))
        for task in running:
            task.cancel()
        _, left = await asyncio.wait(running, timeout=_SETTLE_SECONDS)
        if left:
            _log.error("shutting down: %d requests did not end", len(left))

    async def _until_hurried(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            pass

    async def _until_quiet(self, reception: Reception, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        while reception.tasks or reception.connections:
            left = until - asyncio.get_running_loop().time()
            if left <= 0 or self._hurry.is_set():
                return
            await self._until_hurried(min(left, _POLL_SECONDS))


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
