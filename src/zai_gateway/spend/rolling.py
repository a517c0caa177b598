"""Rolling up: beside the requests, one worker of a gateway adds the ledger up for its reports."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import TypeVar

from zai_gateway.clock import Clock
from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.reports import Rollup

_LOG = logging.getLogger(__name__)
T = TypeVar("T")

LAG_MS = 15_000
"""How old entries are when they are added up: younger ones may still be on their way from other workers."""
_REST = 2.0
"""How many times as long as a step took the next one waits: it shares the machine with requests."""


class Rolling:
    """Goes its rounds every so many `seconds`, or never where that is None.

    Belongs to one event loop; `threads` run the store's calls. Gateways that do it at once do it once.
    """

    def __init__(self, rollup: Rollup, threads: Executor, clock: Clock, seconds: float | None) -> None:
        self._rollup = rollup
        self._threads = threads
        self._clock = clock
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins."""
        if self._seconds is not None:
            self._task = asyncio.create_task(self._run(self._seconds), name="rolling up")

    async def stop(self) -> None:
        """Ends; a step that is under way comes to its end by itself."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def roll(self) -> int:
        """Adds up all that is old enough; says about how many entries that was. Raises StoreUnavailable."""
        before = self._clock.now_ms() - LAG_MS
        if not await self._off_loop(self._rollup.fence, before):
            return 0
        entries, more = 0, True
        while more:
            began = self._clock.monotonic()
            rolled = await self._off_loop(self._rollup.step)
            entries, more = entries + rolled.entries, rolled.more
            if more:
                await asyncio.sleep((self._clock.monotonic() - began) * _REST)
        return entries

    async def _run(self, seconds: float) -> None:
        while True:
            try:
                await self.roll()
            except StoreUnavailable:
                pass  # the next round tries again
            except Exception as trouble:
                # The rounds go on. Only its kind: nobody knows what stands in its text.
                _LOG.error("a round of adding up the ledger failed: %s", type(trouble).__name__)
            await asyncio.sleep(seconds)

    async def _off_loop(self, move: Callable[..., T], *arguments: int) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, move, *arguments)
