"""The providers' own lists: asked for in the background, shared by way of the store, and kept in memory."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from random import Random
from typing import ParamSpec, TypeVar

from zai_gateway.accounts.records import ProviderKey
from zai_gateway.catalogue.listings import Listings
from zai_gateway.clock import Clock
from zai_gateway.errors import Failure, OperatorError, StoreUnavailable
from zai_gateway.relay.kept_lists import KeptLists, Listing, ListingStore
from zai_gateway.relay.listing import asked, lists_models
from zai_gateway.relay.upstream import Upstream

P = ParamSpec("P")
Result = TypeVar("Result")

_LOG = logging.getLogger(__name__)
_FRESH_MS = 6 * 3_600_000
_AFTER_TROUBLE_MS = 15 * 60_000
_SPREAD = 0.2
"""Of the time between two questions, so that workers and providers do not all meet at one moment."""
_AT_ONCE = 4
_LONGEST_TROUBLE = 300


class OwnLists:
    """Belongs to one event loop; `executor` runs the store's calls, `open_secret` opens a provider key."""

    def __init__(
        self,
        store: ListingStore,
        upstream: Upstream,
        open_secret: Callable[[ProviderKey], str],
        clock: Clock,
        executor: Executor,
    ) -> None:
        self._store = store
        self._upstream = upstream
        self._open_secret = open_secret
        self._clock = clock
        self._executor = executor
        self._draw = Random().random  # noqa: S311 - it spreads load, and keeps no secret
        self._kept = KeptLists()
        self._due_ms: dict[str, float] = {}
        self._asked_with: dict[str, bytes] = {}
        """The sealed secrets that this worker asked with."""
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._in_use: Mapping[str, ProviderKey] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)

    @property
    def listings(self) -> Listings:
        """As they are known now."""
        return self._kept.listings

    async def look(self, keys: Iterable[ProviderKey], *, ask: bool = True) -> None:
        """Takes over what others asked, and begins to ask for what is missing or old, where it may `ask`.

        `keys` are all that are in use. Raises StoreUnavailable.
        """
        self._in_use = having = {key.id: key for key in keys if lists_models(key)}
        # What is being asked may not have come to the store yet.
        settled = self._kept.ids - self._asking.keys()
        fetched = await self._off_loop(self._store.fetched)
        self._forget(settled - (having.keys() & fetched.keys()))
        for ids in self._kept.news({id: at for id, at in fetched.items() if id in having}):
            self._take_over(await self._off_loop(self._store.listings, ids))
        if ask:
            for id, key in having.items():
                if id not in self._asking and self._is_due(key):
                    self._begin(key)

    async def stop(self) -> None:
        """Lets go of what is being asked."""
        under_way = tuple(self._asking.values())
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way)

    def _begin(self, key: ProviderKey) -> None:
        task = asyncio.create_task(self._ask(key), name="list of models")
        self._asking[key.id] = task
        task.add_done_callback(lambda _: self._asking.pop(key.id, None))

    def _is_due(self, key: ProviderKey) -> bool:
        known = self._kept.of(key.id)
        if known is None or self._due_ms[key.id] <= self._clock.now_ms():
            return True
        # Another secret may do better.
        return known.trouble is not None and self._asked_with.get(key.id, key.sealed) != key.sealed

    async def _ask(self, key: ProviderKey) -> None:
        async with self._turns:
            now = self._in_use.get(key.id)
            if now is None or now.sealed != key.sealed:
                return  # it was taken out of use, or given another secret, while it waited
            self._asked_with[key.id] = key.sealed
            trouble = None
            models = tuple(self.listings.get(key.id, {}).values())
            try:
                models = await asked(self._upstream, key, self._open_secret(key))
            except (Failure, OperatorError) as failure:
                trouble = str(failure)[:_LONGEST_TROUBLE]
                trouble = "".join(each if each.isprintable() else " " for each in trouble)
                _LOG.info("no list of models for the provider key %s: %s", key.id, trouble)
            except Exception as defect:
                trouble = f"its list could not be read ({type(defect).__name__})"
                _LOG.warning("no list of models for the provider key %s: %s", key.id, trouble)
            listing = Listing(
                provider_key=key.id, fetched_ms=self._clock.now_ms(), trouble=trouble, models=models
            )
            self._take_over((listing,))
            try:
                await self._off_loop(self._store.put_listing, listing)
            except StoreUnavailable:
                # What nobody else knows is asked again.
                self._forget({key.id})

    def _take_over(self, listings: Sequence[Listing]) -> None:
        for each in listings:
            period = _AFTER_TROUBLE_MS if each.trouble else _FRESH_MS
            spread = 1 - _SPREAD / 2 + _SPREAD * self._draw()
            self._due_ms[each.provider_key] = each.fetched_ms + period * spread
        self._kept.take(listings)

    def _forget(self, provider_keys: Collection[str]) -> None:
        self._kept.forget(provider_keys)
        for id in provider_keys:
            self._due_ms.pop(id, None)
            if id not in self._asking:
                self._asked_with.pop(id, None)

    async def _off_loop(self, call: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: call(*args, **kwargs))
