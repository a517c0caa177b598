"""The watch over spending beside its requests: what nobody confirms is written off, and numbers are told."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Protocol, TypeVar

from msgspec.structs import asdict

from zai_gateway.clock import Clock
from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.spending import Numbers
from zai_gateway.spend.store import NumbersRegister, Resolutions

_LOG = logging.getLogger(__name__)
T = TypeVar("T")

_TELL_SECONDS = 15.0
"""Between two looks at the numbers."""
_LONGEST_LOOK = 60.0
_SHORTEST_LOOK = 0.25
"""Seconds between two looks for what nobody confirmed; a quarter of the time that it has, between these."""
_AT_ONCE = 500
"""What `Resolutions.write_off` ends in one transaction."""


class Watched(Protocol):
    """What is watched: `spending.Spending`."""

    @property
    def worker(self) -> str:
        """The id of the worker in use."""
        ...

    def numbers(self) -> Numbers: ...


class Watch:
    """Goes its rounds beside one worker's requests. Belongs to one event loop; `threads` run store calls."""

    def __init__(
        self,
        spending: Watched,
        resolutions: Resolutions,
        register: NumbersRegister,
        threads: Executor,
        clock: Clock,
        assume_after: float | None,
    ) -> None:
        """`assume_after`: seconds until what nobody confirmed is booked at its estimate; None: never."""
        self._spending = spending
        self._resolutions = resolutions
        self._register = register
        self._threads = threads
        self._clock = clock
        self._assume_after = assume_after
        self._told: Numbers | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins."""
        rounds = [_every(_TELL_SECONDS, self.tell)]
        if self._assume_after is not None:
            look = min(max(self._assume_after / 4, _SHORTEST_LOOK), _LONGEST_LOOK)
            rounds.append(_every(look, self.write_off))
        self._tasks = [asyncio.create_task(each, name="watch over spending") for each in rounds]

    async def stop(self) -> None:
        """Ends."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def tell(self) -> None:
        """Tells the store the numbers, where they are others than before. Raises StoreUnavailable."""
        worker, numbers = self._spending.worker, self._spending.numbers()
        if numbers != self._told:
            told = asdict(numbers) | {"at_ms": self._clock.now_ms()}
            await self._off_loop(lambda: self._register.tell(worker, told))
            self._told = numbers

    async def write_off(self) -> int:
        """Books at its estimate what nobody confirmed in time; says of how many attempts.

        Raises StoreUnavailable.
        """
        if self._assume_after is None:
            return 0
        now = self._clock.now_ms()
        before = now - int(self._assume_after * 1_000)
        written, last = 0, _AT_ONCE
        while last == _AT_ONCE:
            last = await self._off_loop(lambda: self._resolutions.write_off(before, now))
            written += last
        if written:
            _LOG.warning(
                "unconfirmed requests that nobody confirmed in %g s, of estimated cost from now on: %d "
                "('zai admin spend flagged' lists them)",
                self._assume_after,
                written,
            )
        return written

    async def _off_loop(self, move: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, move)


async def _every(seconds: float, go: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await go()
        except StoreUnavailable:
            pass  # the next round tries again
        except Exception as trouble:
            # The rounds go on. Only its kind: nobody knows what stands in its text.
            _LOG.error("a round of the watch over spending failed: %s", type(trouble).__name__)
