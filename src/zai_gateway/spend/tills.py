"""Tills: the purse in use, those of workers that were given up, and the watch over the workers around."""

import asyncio
import logging
from collections.abc import Callable, Collection

from zai_gateway.clock import Clock
from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.contact import Contact
from zai_gateway.spend.purse import LiveWorker, Purse
from zai_gateway.spend.settler import Settler, Till
from zai_gateway.spend.store import SpendStore

_LOG = logging.getLogger(__name__)

_LOOK_SECONDS = 3.0
"""Between two looks for workers that died."""
_RETRY_SECONDS = 0.5
_CLOSE_SECONDS = 5.0


class Tills:
    """Opens a worker, and another one where the store gives it up. Belongs to one event loop."""

    def __init__(
        self,
        store: SpendStore,
        contact: Contact,
        clock: Clock,
        open_worker: Callable[[], LiveWorker],
        returned: Callable[[Collection[str]], None],
    ) -> None:
        """`open_worker` blocks; `returned` is told of windows of which the store has more now."""
        self._store = store
        self._contact = contact
        self._clock = clock
        self._open_worker = open_worker
        self._returned = returned
        self._now: Till | None = None
        self._retired: list[Till] = []
        self._watching: asyncio.Task[None] | None = None

    @property
    def now(self) -> Till:
        """The one in use."""
        assert self._now is not None, "spending was not started"
        return self._now

    @property
    def all(self) -> tuple[Till, ...]:
        """Those that have something to end, and the one in use."""
        return (*self._retired, *((self._now,) if self._now else ()))

    async def start(self) -> None:
        """Opens the first worker. Raises StoreUnavailable, and OperatorError where its journal cannot be."""
        await self._open()
        self._watching = asyncio.create_task(self._watch(), name="watch over workers")

    async def close(self, seconds: float) -> None:
        """Flushes all, gives every lease back and closes the workers.

        What the store does not take in so many seconds stays in the journal, and the next start adopts it.
        """
        if self._watching is not None:
            self._watching.cancel()
        for till in self.all:
            whole = await till.settler.finish(seconds)
            if not (till.purse.lost and whole and not till.purse.open_holds):  # else its settler closed it
                await self._leave(till, whole=whole)

    async def _open(self) -> None:
        purse = Purse(await self._contact.move(self._open_worker))
        settler = Settler(purse, self._store, self._contact, self._clock, self._returned)
        before, self._now = self._now, Till(purse, settler)
        if before is not None:
            self._retired.append(before)
            before.purse.changed()

    async def _watch(self) -> None:
        while True:
            purse = self.now.purse
            wait = _RETRY_SECONDS if purse.lost else _LOOK_SECONDS
            try:
                if await purse.until(lambda purse=purse: purse.lost, wait):
                    await self._open()
                else:
                    await self._finish_the_dead(purse.worker)
                self._retired = [till for till in self._retired if not till.settler.over]
            except StoreUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception as defect:
                _LOG.error("the look for dead workers failed (%s)", type(defect).__name__)
                await asyncio.sleep(_LOOK_SECONDS)

    async def _finish_the_dead(self, worker: LiveWorker) -> None:
        left = await self._contact.move(worker.look_for_dead, self._store, self._clock.now_ms())
        if left:
            _LOG.warning("requests under way when a worker died, of unconfirmed cost now: %d", left)

    async def _leave(self, till: Till, *, whole: bool) -> None:
        worker = till.purse.worker
        try:
            if not whole or till.purse.open_holds:
                raise StoreUnavailable("Not all of it is in the store.")
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._contact.move(worker.close, self._store)
        except (StoreUnavailable, TimeoutError):
            _LOG.error("the store does not answer: the next start ends in its place what this worker began")
            worker.abandon()
