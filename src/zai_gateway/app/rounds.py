"""The rounds that a gateway goes beside its requests: after imported prices, and after providers' lists."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from zai_gateway.accounts.directory import Directory
from zai_gateway.accounts.store import AccountStore
from zai_gateway.app.following import ImportedPrices
from zai_gateway.catalogue.shelf import Shelf
from zai_gateway.clock import Clock
from zai_gateway.errors import StoreUnavailable
from zai_gateway.relay.own_lists import OwnLists

_LOG = logging.getLogger(__name__)
_ROUND_SECONDS = 0.5
_LOOK_SECONDS = 10.0
"""How often it is looked what other workers were told, and what has become old."""


class Rounds:
    """Follows what the directory saw change. Belongs to one event loop; `executor` runs the store's calls."""

    def __init__(
        self,
        store: AccountStore,
        directory: Directory,
        shelf: Shelf,
        executor: ThreadPoolExecutor,
        clock: Clock,
    ) -> None:
        self._prices = ImportedPrices(store, shelf)
        self._directory = directory
        self._executor = executor
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, lists: OwnLists, *, ask: bool) -> None:
        """Lays what was imported, and begins; `ask`: whether providers may be asked for their lists.

        Raises StoreUnavailable.
        """
        await self._lay_imported()
        self._tasks = [
            asyncio.create_task(self._on_changes(self._lay_imported), name="imported prices"),
            asyncio.create_task(
                self._on_changes(
                    lambda: lists.look(self._directory.provider_keys(), ask=ask), every=_LOOK_SECONDS
                ),
                name="lists of models",
            ),
        ]

    async def stop(self) -> None:
        """Ends the rounds."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _on_changes(self, follow: Callable[[], Awaitable[None]], every: float | None = None) -> None:
        """Calls `follow` whenever something was written, and `every` so many seconds."""
        seen: int | None = None
        last = self._clock.monotonic()
        while True:
            generation, now = self._directory.generation, self._clock.monotonic()
            if generation != seen or (every is not None and now - last >= every):
                last = now
                try:
                    await follow()
                    seen = generation
                except StoreUnavailable:
                    pass  # the directory says so; the next round tries again
                except Exception as trouble:
                    # The rounds go on. Only its kind: nobody knows what stands in its text.
                    _LOG.error("a round of the gateway failed: %s", type(trouble).__name__)
                    seen = generation
            await asyncio.sleep(_ROUND_SECONDS)

    async def _lay_imported(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._executor, self._prices.lay)
