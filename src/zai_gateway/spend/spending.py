"""Spending: hold, then settle or release, the only way to spend money."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

from zai_gateway.catalogue.bound import Bound
from zai_gateway.clock import Clock
from zai_gateway.errors import Failure, StoreInDoubt, StoreUnavailable
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.ledger import Attempt, Entry, Outcome
from zai_gateway.spend.store import Granted, SpendStore, Standing

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

_RETRY_SECONDS = 0.5


class Account(Protocol):
    """What an attempt can say of itself at any moment, however it ended."""

    def outcome(self, granted: Granted) -> Outcome | None:
        """What came of the attempt that was granted this; None where it was never sent."""
        ...


class Hold:
    """Money set aside for one attempt, settled exactly once."""

    def __init__(self, granted: Granted, book: Callable[[], asyncio.Task[None]], patience: float) -> None:
        self.granted = granted
        self._book = book
        self._patience = patience
        self._booking: asyncio.Task[None] | None = None

    async def settle(self) -> None:
        """Books what the attempt's account says and frees the rest; only the first call does anything.

        Cancelling the caller does not stop the booking. While the store is down it is tried again in the
        background: the hold stands meanwhile, so that nothing can be spent twice.
        """
        if self._booking is None:
            self._booking = self._book()
            await asyncio.wait({self._booking}, timeout=self._patience)


class Spending:
    """The door to the budgets, for one worker. Store calls run off the event loop.

    Reads have threads of their own: they must not wait behind moves that wait for the store. A request waits
    `patience` seconds for its hold, and an answer for its settlement before it goes out all the same.
    """

    def __init__(
        self,
        store: SpendStore,
        clock: Clock,
        worker: str,
        *,
        moves: Executor,
        reads: Executor,
        patience: float = 5.0,
    ) -> None:
        self._store = store
        self._clock = clock
        self._worker = worker
        self._moves = moves
        self._reads = reads
        self._patience = patience
        self._bookings: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def hold(
        self, attempt: Attempt, budgets: tuple[Budget, ...], bound: Bound | None, account: Account
    ) -> AsyncGenerator[Hold]:
        """Holds the attempt's worst case in all budgets at once, and settles it whatever happens inside.

        `bound` is None only for a model without a price on a key without a cap. Raises Failure
        (SPEND_CAP_REACHED, BUDGET_BUSY) or StoreUnavailable, and then nothing stays held.
        """
        granted = await self._grant(attempt, budgets, bound)
        hold = Hold(granted, lambda: self._spawn(self._close(attempt, granted, account)), self._patience)
        try:
            yield hold
        finally:
            await hold.settle()

    async def standings(self, owner: str) -> tuple[Standing, ...]:
        """Where each budget of `owner` stands in its current window. Raises StoreUnavailable."""
        asking = self._reads.submit(self._store.standings, owner, self._clock.now_ms())
        return await self._in_time(asking, asking.cancel)

    async def drain(self, seconds: float) -> None:
        """Waits for every settlement under way: the last thing before the store is closed.

        What the store does not take in so many seconds stays held, and the next start adopts it.
        """
        if not self._bookings:
            return
        _, left = await asyncio.wait(self._bookings, timeout=seconds)
        if left:
            _LOG.error("the store does not answer: %d settlements stay unconfirmed holds", len(left))
        for booking in left:
            booking.cancel()

    async def _grant(self, attempt: Attempt, budgets: tuple[Budget, ...], bound: Bound | None) -> Granted:
        asking = self._moves.submit(self._store.hold, self._worker, attempt, budgets, bound)
        try:
            return await self._in_time(asking, lambda: self._withdraw(attempt, asking))
        except StoreInDoubt:
            self._spawn(self._until_done(self._store.release, self._worker, attempt, None))
            raise

    async def _in_time(self, asking: Future[T], give_up: Callable[[], object]) -> T:
        """What the store answers; where its asker leaves or time is over, `give_up` sees to the rest."""
        answer = asyncio.wrap_future(asking)
        try:
            # Unlike awaiting it, this leaves the answer to come when its asker leaves.
            answered, _ = await asyncio.wait({answer}, timeout=self._patience)
        except asyncio.CancelledError:
            answer.add_done_callback(_heard)
            give_up()
            raise
        if not answered:
            answer.add_done_callback(_heard)
            give_up()
            raise StoreUnavailable("The store has more to do than it can.")
        return answer.result()

    def _withdraw(self, attempt: Attempt, asking: "Future[Granted]") -> None:
        """The store may grant what nobody waits for any more: it is given back as soon as it answers."""
        if not asking.cancel():
            self._spawn(self._take_back(attempt, asking))

    async def _take_back(self, attempt: Attempt, asking: "Future[Granted]") -> None:
        granted: Granted | None = None
        try:
            granted = await asyncio.wrap_future(asking)
        except StoreInDoubt:
            pass  # it may be held all the same
        except (Failure, StoreUnavailable):
            return  # nothing was held
        await self._until_done(self._store.release, self._worker, attempt, granted)

    async def _close(self, attempt: Attempt, granted: Granted, account: Account) -> None:
        outcome = account.outcome(granted)
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
        task.add_done_callback(self._ended)
        return task

    def _ended(self, booking: asyncio.Task[None]) -> None:
        self._bookings.discard(booking)
        if not booking.cancelled() and (defect := booking.exception()) is not None:
            # Only its kind: the text of a database's error may hold the values of a row.
            _LOG.error("a settlement failed (%s); its hold stays until the next start", type(defect).__name__)

    async def _until_done(self, move: Callable[..., None], *arguments: object) -> None:
        while True:
            try:
                return await asyncio.wrap_future(self._moves.submit(move, *arguments))
            except StoreUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)


def _heard(answer: "asyncio.Future[Any]") -> None:
    """Keeps asyncio from complaining of an error that nobody waits for any more."""
    if not answer.cancelled():
        answer.exception()
