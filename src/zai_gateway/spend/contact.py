"""Contact: the store as one worker reaches it, off the event loop, and when it last answered."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, ParamSpec, TypeVar

from zai_gateway.clock import Clock
from zai_gateway.errors import StoreInDoubt, StoreUnavailable
from zai_gateway.spend.store import OutOfStep, WorkerLost

P = ParamSpec("P")
T = TypeVar("T")

FENCE_SECONDS = 600.0
"""A worker without contact for so long holds nothing (spend.md, "Moves")."""


class Contact:
    """Runs calls of the store. Reads have threads of their own: they do not wait behind moves."""

    def __init__(self, clock: Clock, moves: Executor, reads: Executor) -> None:
        self._clock = clock
        self._moves = moves
        self._reads = reads
        self.at = clock.monotonic()
        """When the store last answered, in seconds of the clock."""

    def fenced(self, now: float) -> bool:
        """Whether the store has been silent for so long that this worker may have been given up."""
        return now - self.at > FENCE_SECONDS

    async def move(self, call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """What a call that changes something says. It is not hurried: it ends, or the store gives it up."""
        return await self._told(self._moves, lambda: call(*arguments, **named))

    async def read(self, call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """What a call that only reads says."""
        return await self._told(self._reads, lambda: call(*arguments, **named))

    async def _told(self, threads: Executor, call: Callable[[], T]) -> T:
        try:
            asked = threads.submit(call)
        except RuntimeError:
            raise StoreUnavailable("The gateway is ending.") from None
        answer = asyncio.wrap_future(asked)
        answer.add_done_callback(_heard)
        try:
            told = await asyncio.shield(answer)
        except (WorkerLost, OutOfStep):
            self.at = self._clock.monotonic()
            raise
        except asyncio.CancelledError:
            asked.cancel()  # what has not begun need not be done for nobody
            raise
        self.at = self._clock.monotonic()
        return told


def is_in_doubt(trouble: BaseException) -> bool:
    """Whether what was asked may have happened all the same."""
    return isinstance(trouble, StoreInDoubt | OutOfStep) or not isinstance(trouble, StoreUnavailable)


def _heard(answer: "asyncio.Future[Any]") -> None:
    """Keeps asyncio from complaining of an error that nobody waits for any more."""
    if not answer.cancelled():
        answer.exception()
