"""Spending: hold, then settle or release, the only way to spend money."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

from zai_gateway.catalogue.bound import Bound
from zai_gateway.clock import Clock
from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.ledger import Attempt, Entry, Outcome
from zai_gateway.spend.store import Granted, SpendStore, Standing

T = TypeVar("T")

_PATIENCE_SECONDS = 5.0
"""How long an answer waits for its settlement while the store is down, before it goes out all the same."""
_RETRY_SECONDS = 0.5


class Account(Protocol):
    """What an attempt can say of itself at any moment, however it ended."""

    def outcome(self, held: int) -> Outcome | None:
        """What came of the attempt, `held` being its worst case in nano-USD; None: it was never sent."""
        ...


class Hold:
    """Money set aside for one attempt, settled exactly once."""

    def __init__(self, granted: Granted, book: Callable[[], asyncio.Task[None]]) -> None:
        self.granted = granted
        self._book = book
        self._booking: asyncio.Task[None] | None = None

    async def settle(self) -> None:
        """Books what the attempt's account says and frees the rest; a second call waits for the first.

        Cancelling the caller does not stop the booking. While the store is down it is tried again in the
        background: the hold stands meanwhile, so that nothing can be spent twice.
        """
        if self._booking is None:
            self._booking = self._book()
        await asyncio.wait({self._booking}, timeout=_PATIENCE_SECONDS)


class Spending:
    """The door to the budgets, for one worker. Store calls run on `threads`, off the event loop."""

    def __init__(self, store: SpendStore, clock: Clock, threads: Executor, worker: str) -> None:
        self._store = store
        self._clock = clock
        self._threads = threads
        self._worker = worker
        self._bookings: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def hold(
        self, attempt: Attempt, budgets: tuple[Budget, ...], bound: Bound | None, account: Account
    ) -> AsyncGenerator[Hold]:
        """Holds the attempt's worst case in all budgets at once, and settles it whatever happens inside.

        `bound` is None only for a model without a price on a key without a cap. Raises Failure
        (SPEND_CAP_REACHED, BUDGET_BUSY) or StoreUnavailable, and then nothing is held.
        """
        granted = await self._grant(attempt, budgets, bound)
        hold = Hold(granted, lambda: self._spawn(self._close(attempt, granted, account)))
        try:
            yield hold
        finally:
            await hold.settle()

    async def standings(self, owner: str) -> tuple[Standing, ...]:
        """Where each budget of `owner` stands in its current window. Raises StoreUnavailable."""
        return await self._off_loop(self._store.standings, owner, self._clock.now_ms())

    async def drain(self) -> None:
        """Waits for every settlement under way: the last thing before the store is closed."""
        while self._bookings:
            await asyncio.wait(self._bookings)

    async def _grant(self, attempt: Attempt, budgets: tuple[Budget, ...], bound: Bound | None) -> Granted:
        asking = asyncio.ensure_future(
            self._off_loop(self._store.hold, self._worker, attempt, budgets, bound)
        )
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            # The store may grant what nobody waits for any more: it is given back as soon as it answers.
            self._spawn(self._take_back(attempt, asking))
            raise

    async def _take_back(self, attempt: Attempt, asking: "asyncio.Future[Granted]") -> None:
        try:
            granted = await asking
        except Exception:  # refused or unavailable: nothing was held
            return
        await self._until_done(self._store.release, self._worker, attempt, granted)

    async def _close(self, attempt: Attempt, granted: Granted, account: Account) -> None:
        outcome = account.outcome(granted.amount)
        if outcome is None:
            await self._until_done(self._store.release, self._worker, attempt, granted)
            return
        entry = Entry(
            attempt=attempt,
            seq=0,
            outcome=outcome,
            windows=granted.windows,
            worker=self._worker,
            at_ms=self._clock.now_ms(),
        )
        await self._until_done(self._store.settle, entry, granted.amount)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._bookings.add(task)
        task.add_done_callback(self._bookings.discard)
        return task

    async def _until_done(self, move: Callable[..., None], *arguments: object) -> None:
        while True:
            try:
                return await self._off_loop(move, *arguments)
            except StoreUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)

    async def _off_loop(self, call: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)
