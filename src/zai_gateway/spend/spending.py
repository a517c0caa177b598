"""Spending: hold, then settle or release, the only way to spend money."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.catalogue.bound import Bound
from zai_gateway.clock import Clock
from zai_gateway.errors import Code, Failure, StoreUnavailable
from zai_gateway.spend import clamp
from zai_gateway.spend.asking import Asker
from zai_gateway.spend.budgets import Budget, window_id
from zai_gateway.spend.contact import Contact
from zai_gateway.spend.current import CurrentWindows
from zai_gateway.spend.granting import Granting, fenced, silent
from zai_gateway.spend.holding import Account, Hold
from zai_gateway.spend.judging import of_leases
from zai_gateway.spend.ledger import Attempt
from zai_gateway.spend.purse import LiveWorker
from zai_gateway.spend.renewing import Renewing
from zai_gateway.spend.settler import Till
from zai_gateway.spend.store import SpendStore, Standing
from zai_gateway.spend.tills import Tills
from zai_gateway.spend.waiting import SetAside, Waiter, Wish

__all__ = ["Hold", "Numbers", "Patience", "Spending"]

_SHORTEST_SECONDS = 0.001
_CHECK_SECONDS = 0.05
"""Between two looks whether the store has answered, for who would wait in line no longer."""
_BLOCKED_SECONDS = 1.0
"""For so long it is true that only holds stand in the way of a line; it is looked at four times as often."""


class Patience(Struct, frozen=True, kw_only=True):
    """How long a request waits, in seconds."""

    store: float = 5.0
    """For the store's answer; then it is 503."""
    line: float = 10.0
    """For money that requests in flight hold; then it is 429."""
    overtaken: float = 1.0
    """In line, while others who need less are served first; then what comes free is kept for it."""
    answer: float = 1.0
    """For another worker's answer to a recall, which takes 500 ms; then it is 503."""


class Numbers(Struct, frozen=True, kw_only=True):
    """What an operator watches of one worker process: what it did since its start, and how it stands now."""

    grants: int
    refusals: int
    """Of GRANT, by the store: requests that were refused by what it had just said are not among them."""
    recalls: int
    """That it asked for."""
    answers: int
    """That it gave to recalls, its own among them."""
    overruns: int
    flush_lag: float
    """The age, in seconds, of the oldest settlement that the store is not known to have."""
    unflushed: int
    """Settlements that the store is not known to have."""
    journal_bytes: int
    open_holds: int
    waiting: int
    """Requests in a line, or waiting for the store."""


class Spending:
    """The door to the budgets, for one worker process. Belongs to one event loop; store calls run off it.

    A request whose leases suffice asks the store nothing. `open_worker` gives a worker that is registered
    and lives; it blocks, and is called again where the store gives the first one up. Reads have threads of
    their own: they must not wait behind moves that wait for the store.
    """

    def __init__(
        self,
        store: SpendStore,
        clock: Clock,
        open_worker: Callable[[], LiveWorker],
        *,
        moves: Executor,
        reads: Executor,
        patience: Patience | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._contact = Contact(clock, moves, reads)
        self._patience = patience = patience or Patience()
        self._asker = Asker(lambda: self._tills.now, store, self._contact, clock)
        self._granting = Granting(
            lambda: self._tills.now,
            self._asker,
            self._contact,
            clock,
            patience.overtaken,
            patience.answer,
        )
        self._tills = Tills(store, self._contact, clock, open_worker, self._granting.returned)
        # What was leased under an old limit is not spent past a lower one.
        self._windows = CurrentWindows(
            lambda window: self._tills.now.settler.give_back((window,)),
            lambda window: self._tills.now.purse.escrow.lease(window) is not None,
        )
        self._renewing = Renewing(lambda: self._tills.now, self._asker, self._windows, clock)

    async def start(self) -> None:
        """Opens the worker. Raises StoreUnavailable, and OperatorError where its journal cannot be."""
        await self._tills.start()
        self._renewing.start()

    @property
    def worker(self) -> str:
        """The id under which this worker is registered now."""
        return self._tills.now.purse.id

    def hold(
        self, attempt: Attempt, budgets: tuple[Budget, ...], bound: Bound | None, account: Account
    ) -> Hold:
        """A hold of the attempt's worst case in all budgets at once, which is still to be taken.

        `bound` is None only for a model without a price on a key without a cap. Taking it raises Failure
        (SPEND_CAP_REACHED, BUDGET_BUSY, MODEL_UNPRICED, UNBOUNDED_FEATURE, INVALID_REQUEST) or
        StoreUnavailable, and then nothing stays held. It may have to be waited for: `leave` ends that.
        """
        return Hold(self, attempt, budgets, bound, account)

    async def standings(self, owner: str) -> tuple[Standing, ...]:
        """Where each budget of `owner` stands in its current window, with all that was settled here.

        What this worker has leased and does not use is not counted as held. Raises StoreUnavailable.
        """
        await self.flushed()
        try:
            async with asyncio.timeout(self._patience.store):
                found = await self._contact.read(self._store.standings, owner, self._clock.now_ms())
        except TimeoutError:
            raise StoreUnavailable("The store has more to do than it can.") from None
        escrow = self._tills.now.purse.escrow

        def held(standing: Standing) -> int:
            window = window_id(standing.budget.id, standing.window_start_ms)
            return max(0, standing.held - max(0, escrow.free(window)))

        return tuple(replace(each, held=held(each)) for each in found)

    async def flushed(self) -> bool:
        """Waits until the store has all that was settled here so far, for as long as it may take to answer.

        Says whether it has.
        """
        return all([await till.settler.flushed(self._patience.store) for till in self._tills.all])

    async def drain(self, seconds: float) -> None:
        """Flushes all, gives every lease back and closes the worker: the last before the store is closed.

        What the store does not take in so many seconds stays in the journal, and the next start adopts it.
        """
        await self._renewing.stop(seconds)
        if self._granting.under_way:
            await asyncio.wait(self._granting.under_way, timeout=seconds)
        await self._tills.close(seconds)

    def numbers(self) -> Numbers:
        """What an operator watches."""
        tills, now = self._tills.all, self._clock.now_ms()
        oldest = [till.purse.oldest_ms for till in tills if till.purse.oldest_ms is not None]
        return Numbers(
            grants=self._asker.grants,
            refusals=self._asker.refusals,
            recalls=self._asker.recalls,
            answers=sum(till.settler.answers for till in tills),
            overruns=sum(till.settler.overruns for till in tills),
            flush_lag=max(0, now - min(oldest, default=now)) / 1_000,
            unflushed=sum(till.purse.unflushed for till in tills),
            journal_bytes=sum(till.purse.worker.journal.size for till in tills),
            open_holds=sum(till.purse.open_holds for till in tills),
            waiting=self._granting.waiting,
        )

    # What a Hold asks for

    def now_ms(self) -> int:
        """The clock's wall time, in milliseconds since 1970."""
        return self._clock.now_ms()

    def take(
        self, budgets: tuple[Budget, ...], bound: Bound | None
    ) -> tuple[tuple[str, ...], SetAside | None]:
        """Sets aside what the leases suffice for, at once; else None. Raises Failure or StoreUnavailable."""
        clock, till = self._clock, self._tills.now
        now = clock.monotonic()
        if self._contact.fenced(now):
            raise fenced()
        counted = self._windows.of(budgets, clock.now_ms())
        if self._granting.keeping(counted.ids) is None:
            share = of_leases(bound, counted.windows, till.purse.escrow)
            if share is not None and till.purse.set_aside(counted.ids, share.amount, now):
                return counted.ids, SetAside(till, share)
        return counted.ids, None

    async def wait_for(
        self,
        attempt: Attempt,
        budgets: tuple[Budget, ...],
        bound: Bound | None,
        left: "asyncio.Future[None]",
    ) -> tuple[tuple[str, ...], SetAside]:
        """Sets aside what the leases do not suffice for yet, after those who came first.

        `left` is done when the client has left. Raises Failure or StoreUnavailable, and then, as where its
        task is cancelled, nothing is set aside.
        """
        since = asyncio.get_running_loop().time()
        while True:
            counted = self._windows.of(budgets, self._clock.now_ms())
            wish = Wish(
                attempt=attempt,
                windows=counted.windows,
                ids=counted.ids,
                bound=bound,
                least=0 if bound is None else clamp.least(bound),
            )
            self._granting.refuse_known(wish)
            aside = await self._stand(self._granting.join(wish, since), left)
            if aside is not None:
                return wish.ids, aside

    def ended(self, till: Till, windows: tuple[str, ...]) -> None:
        """A hold was settled or released."""
        till.settler.wake()
        self._granting.freed(windows)

    async def _stand(self, waiter: Waiter, left: "asyncio.Future[None]") -> SetAside | None:
        answer = waiter.answer
        try:
            while not answer.done():
                if left.done():
                    raise Failure(Code.BUDGET_BUSY, "The client has left.")
                # A rest of nothing but rounding would have the timer go off before the clock has moved.
                patience = max(self._patience_left(waiter), _SHORTEST_SECONDS)
                await asyncio.wait({answer, left}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            return answer.result()
        except BaseException:
            if answer.done() and answer.exception() is None and (aside := answer.result()) is not None:
                aside.till.purse.escrow.settle(waiter.wish.ids, aside.share.amount, 0)
                self.ended(aside.till, waiter.wish.ids)
            raise
        finally:
            waiter.leave()

    def _patience_left(self, waiter: Waiter) -> float:
        """For how many seconds more it may wait. Raises Failure or StoreUnavailable where that is over."""
        line, now = waiter.line, asyncio.get_running_loop().time()
        waited = now - waiter.since
        if line is None:
            return self._patience.store  # its answer is under way
        if line.heard < waiter.since:
            if waited >= self._patience.store:
                raise StoreUnavailable("The store has more to do than it can.")
            left = min(self._patience.store, max(self._patience.line, waited + _CHECK_SECONDS))
            return left - waited
        if waited < self._patience.line:
            return self._patience.line - waited
        if line.silent:
            still = line.recalled + self._patience.answer - now
            if still > 0:
                return min(still, _CHECK_SECONDS)
            raise silent()
        if line.blocked < max(waiter.since, now - _BLOCKED_SECONDS):
            # Nobody knows that holds are in the way: it is the store that takes so long.
            if waited >= self._patience.line + self._patience.store:
                raise StoreUnavailable("The store has more to do than it can.")
            return _CHECK_SECONDS
        raise self._granting.busy(waiter.wish, line.window)
