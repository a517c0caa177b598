"""Asking for rates: one exchange with the store at a time, for all requests that wait and for all news."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor

from msgspec import Struct

from zai_gateway.clock import Clock
from zai_gateway.errors import StoreInDoubt, StoreUnavailable
from zai_gateway.spend.rate_lease import RateLease
from zai_gateway.spend.rate_store import Answer, Exchange, RateStore
from zai_gateway.spend.rate_waiter import Waiter

_LOG = logging.getLogger(__name__)

_NEWS_SECONDS = 0.1
"""How long news may wait for more of it, where no request waits."""
_RETRY_SECONDS = 1.0
"""Before news is told again to a store that did not answer."""
_MOST_ASKS = 500
"""In one exchange."""


class Rhythm(Struct, frozen=True, kw_only=True):
    """How long things take, in seconds."""

    patience: float = 5.0
    """For which a request waits for the store; then it is 503."""
    pulse: float = 20.0
    """Between two exchanges while requests are under way that a limit counts: two may be missed."""


class _Batch(Struct, frozen=True):
    exchange: Exchange
    waiters: tuple[Waiter, ...]
    leases: tuple[RateLease, ...]


class RateAsker:
    """Has a task only while there is something to ask or to tell. Belongs to one event loop."""

    def __init__(
        self, store: RateStore, worker: Callable[[], str], clock: Clock, executor: Executor, rhythm: Rhythm
    ) -> None:
        """`worker` says the id under which this worker is registered now."""
        self._store = store
        self._worker = worker
        self._clock = clock
        self._executor = executor
        self._rhythm = rhythm
        self._waiters: list[Waiter] = []
        self._news: dict[RateLease, None] = {}
        self._gauges: dict[RateLease, None] = {}
        """Of which the store was told that something is held."""
        self._named: str = ""
        """The id under which it was told."""
        self._pulse_at = 0.0
        """When it was last told of all of them, in seconds of the event loop."""
        self._asked, self._stirred = asyncio.Event(), asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    async def ask(self, needs: Sequence[tuple[RateLease, int]]) -> Sequence[int] | None:
        """Takes all that is needed, or nothing: None where the limits refuse it.

        Says in which minute each was taken, 0 where in two. Raises StoreUnavailable.
        """
        if self._closing:
            raise StoreUnavailable("The gateway is ending.")
        waiter = Waiter(needs, self._clock.monotonic())
        self._waiters.append(waiter)
        self._asked.set()
        self._wake()
        try:
            async with asyncio.timeout(self._rhythm.patience):
                admitted = await waiter.admitted
        except BaseException as trouble:
            waiter.leave(self._clock.monotonic())
            self.told([lease for lease, _ in needs])
            if isinstance(trouble, TimeoutError):
                raise StoreUnavailable("The store has more to do than it can.") from None
            raise
        return waiter.starts if admitted else None

    def told(self, leases: Iterable[RateLease]) -> None:
        """Something was used or came free in these leases: the store hears of it where it has to."""
        now = self._clock.monotonic()
        news = [lease for lease in leases if lease.has_news(now)]
        if news:
            self._news.update(dict.fromkeys(news))
            self._wake()

    def keeps(self, lease: RateLease) -> bool:
        """Whether it has something to say of this lease."""
        return lease in self._news or lease in self._gauges

    async def close(self, seconds: float) -> None:
        """Tells the store what it has not heard, if it answers in that time. Nobody may wait any more."""
        self._closing = True
        self._news.update(self._gauges)
        self._asked.set()
        self._wake()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=seconds)
            self._task.cancel()

    def _wake(self) -> None:
        self._stirred.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="rate limits")

    async def _run(self) -> None:
        wait = 0.0
        while self._waiters or self._news or (self._gauges and not self._closing):
            await self._rest(wait)
            self._asked.clear()
            self._stirred.clear()
            batch = self._batch()
            if not batch.leases:
                continue  # whoever asked has left
            wait = 0.0 if await self._exchange(batch) else _RETRY_SECONDS
            if wait and self._closing:
                return

    async def _rest(self, wait: float) -> None:
        """Until a request waits, or there is news for a while, or it is time to be heard of."""
        if self._waiters or self._closing:
            return
        if not self._news:
            pulse = self._pulse_at + self._rhythm.pulse - asyncio.get_running_loop().time()
            await _until(self._stirred, max(wait, pulse))
        if self._news and not self._waiters:
            await _until(self._asked, max(wait, _NEWS_SECONDS))

    def _batch(self) -> _Batch:
        loop, now, worker = asyncio.get_running_loop(), self._clock.monotonic(), self._worker()
        staying = [waiter for waiter in self._waiters if not waiter.left]
        waiters, self._waiters = staying[:_MOST_ASKS], staying[_MOST_ASKS:]
        leases, self._news = self._news, {}
        charges = [charge for lease in leases if not lease.limit.is_gauge for charge in lease.charges(now)]
        leases.update(dict.fromkeys(lease for waiter in waiters for lease in waiter.short))
        if worker != self._named or loop.time() - self._pulse_at >= self._rhythm.pulse:
            self._named, self._pulse_at = worker, loop.time()
            leases.update(self._gauges)
        gauges = [lease for lease in leases if lease.limit.is_gauge]
        self._gauges.update(dict.fromkeys(gauges))
        exchange = Exchange(
            worker=worker,
            charges=tuple(charges),
            held=tuple(lease.held(now) for lease in gauges),
            asks=tuple(waiter.ask for waiter in waiters),
        )
        return _Batch(exchange, tuple(waiters), tuple(leases))

    async def _exchange(self, batch: _Batch) -> bool:
        """Whether the store answered."""
        asked_at = self._clock.monotonic()
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._executor, self._store.exchange, batch.exchange)
        except Exception as trouble:
            self._failed(batch, trouble)
            return False
        self._answered(batch, answer, asked_at)
        return True

    def _answered(self, batch: _Batch, answer: Answer, asked_at: float) -> None:
        now = self._clock.monotonic()
        for lease in batch.leases:
            reading = answer.readings.get(lease.limit.id)
            if reading is not None:
                lease.read(reading, asked_at)
                if lease.limit.is_gauge and not (lease.used or lease.room or reading.granted):
                    self._gauges.pop(lease, None)
        for waiter, admitted in zip(batch.waiters, answer.admitted, strict=True):
            waiter.answer(admitted, now)
            if not admitted:
                for lease in waiter.short:
                    lease.remember(now)
        self.told(batch.leases)

    def _failed(self, batch: _Batch, trouble: Exception) -> None:
        now = self._clock.monotonic()
        by_id = {lease.limit.id: lease for lease in batch.leases}
        if not isinstance(trouble, StoreUnavailable):
            # Only its kind: the text of a database's error may hold the values of a row.
            _LOG.error("asking for rates failed (%s)", type(trouble).__name__)
        elif not isinstance(trouble, StoreInDoubt):
            # In doubt it may have been counted, and is not counted twice.
            for charge in batch.exchange.charges:
                if charge.amount > 0:
                    by_id[charge.limit.id].owed += charge.amount
        # What is held is said as it stands, so that it does no harm to say it twice.
        again = (lease for lease in batch.leases if lease.limit.is_gauge or lease.owed)
        self._news.update(dict.fromkeys(again))
        for waiter in batch.waiters:
            waiter.fail(StoreUnavailable("The store did not answer."), now)


async def _until(event: asyncio.Event, seconds: float) -> None:
    """Waits for the event, but no longer than this."""
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await event.wait()
    except TimeoutError:
        pass
