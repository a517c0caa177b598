"""Working spending: any number of workers in one process on one store, and requests of known costs."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec import Struct

from tests.spend.memory_store import MemoryStore
from tests.spend.samples import attempt, outcome
from zai_gateway.catalogue.bound import Bound
from zai_gateway.clock import Clock, SystemClock
from zai_gateway.errors import Failure, StoreUnavailable
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.ledger import Attempt, Outcome
from zai_gateway.spend.purse import LiveWorker
from zai_gateway.spend.spending import Patience, Spending
from zai_gateway.spend.store import Granted, SpendStore, WorkerLife, WorkerRegister

_numbers = itertools.count(1)


class MemoryJournal:
    """What a journal does, without the file."""

    def __init__(self) -> None:
        self.size = 0
        self.open: dict[int, int] = {}
        """The amounts of the open holds, by number."""
        self.settled: list[Outcome] = []
        self.flushed_to = 0
        self.full = False

    @property
    def open_holds(self) -> int:
        return len(self.open)

    def hold(self, attempt: Attempt, windows: tuple[str, ...], amount: int, estimate: int) -> int:
        if self.full:
            raise StoreUnavailable("The journal has no room.")
        number = next(_numbers)
        self.open[number] = amount
        return number

    def settle(self, hold: int, outcome: Outcome, at_ms: int) -> int:
        del self.open[hold]
        self.settled.append(outcome)
        return len(self.settled)

    def release(self, hold: int) -> None:
        del self.open[hold]

    def flushed(self, seq: int) -> None:
        self.flushed_to = seq


class MemoryWorker:
    """A worker without a file."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.journal = MemoryJournal()
        self.closed = False
        self.abandoned = False

    def look_for_dead(self, register: WorkerRegister, now_ms: int) -> int:
        return 0

    def close(self, register: WorkerRegister) -> None:
        register.close_worker(self.id)
        self.closed = True

    def abandon(self) -> None:
        self.abandoned = True


class Working(Struct, frozen=True):
    """Spending that was started, and the workers that it opened."""

    spending: Spending
    workers: list[MemoryWorker]

    @property
    def journal(self) -> MemoryJournal:
        return self.workers[-1].journal


class Tables:
    """Opens spending on one store."""

    def __init__(
        self, store: SpendStore, clock: Clock | None = None, patience: Patience | None = None
    ) -> None:
        self.store = store
        self.clock = clock or SystemClock()
        self.patience = patience or Patience()
        self._stack = AsyncExitStack()

    async def open(self, own: SpendStore | None = None) -> Working:
        """One more worker process, as far as the store can tell; `own`: what it reaches the store by."""
        workers: list[MemoryWorker] = []
        store = own or self.store

        def open_worker() -> LiveWorker:
            worker = MemoryWorker(f"worker_{next(_numbers)}")
            store.open_worker(
                WorkerLife(id=worker.id, host="h", boot="b", journal="j", seen=self.clock.now_ms())
            )
            workers.append(worker)
            return worker

        moves = self._stack.enter_context(ThreadPoolExecutor(2))
        reads = self._stack.enter_context(ThreadPoolExecutor(2))
        spending = Spending(store, self.clock, open_worker, moves=moves, reads=reads, patience=self.patience)
        await spending.start()
        self._stack.push_async_callback(spending.drain, 20.0)
        return Working(spending, workers)

    async def close(self) -> None:
        await self._stack.aclose()


@asynccontextmanager
async def tables(
    store: SpendStore, clock: Clock | None = None, patience: Patience | None = None
) -> AsyncGenerator[Tables]:
    """Opens spending, and drains all of it at the end."""
    opened = Tables(store, clock, patience)
    try:
        yield opened
    finally:
        await opened.close()


class Cost:
    """An account whose attempt was sent, and cost so much; None: it was never sent."""

    def __init__(self, cost: int | None, risk: int = 0) -> None:
        self.cost = cost
        self.risk = risk
        self.granted: Granted | None = None

    def outcome(self, granted: Granted) -> Outcome | None:
        self.granted = granted
        return None if self.cost is None else outcome(self.cost, risk=self.risk)


def fixed(amount: int) -> Bound:
    """A worst case of exactly so many nano-USD, which nothing clamps."""
    return Bound(input_pico=0, output_pico=1_000, asked=amount, most=None, room=None, floor=amount)


def cap(limit: int | None, id: str = "bud_1", **other: object) -> Budget:
    """A key's total budget."""
    return Budget(id=id, owner="key_1", limit=limit, **other)  # pyright: ignore[reportArgumentType] -- fields


async def spend(
    spending: Spending,
    budgets: Sequence[Budget],
    bound: Bound | None,
    cost: int | None,
    arrived: Callable[[Granted], object] = lambda granted: None,
    until: asyncio.Event | None = None,
) -> Granted:
    """One request: held, arrived at the upstream, answered after `until`, settled. Raises its refusal."""
    account = Cost(cost)
    started = attempt(f"req_{next(_numbers)}")
    async with spending.hold(started, tuple(budgets), bound, account) as hold:
        arrived(hold.granted)
        if until is not None:
            await until.wait()
        hold.settle()
        return hold.granted


async def told(asked: "asyncio.Future[Granted]") -> str:
    """`ok`, or the code of what it was refused by."""
    try:
        await asked
    except Failure as refusal:
        return refusal.code.value
    except StoreUnavailable:
        return "unavailable"
    return "ok"


def memory(*budgets: Budget, clock: Clock | None = None) -> MemoryStore:
    """A store with these budgets."""
    return MemoryStore((clock or SystemClock()).now_ms, *budgets)


def task(
    spending: Spending, budget: Budget, amount: int, *, until: asyncio.Event | None = None
) -> "asyncio.Task[Granted]":
    """A request in a task of its own."""
    return asyncio.ensure_future(spend(spending, (budget,), fixed(amount), 0, until=until))


async def held(
    working_spending: Spending, budget: Budget, amount: int, until: asyncio.Event
) -> "asyncio.Task[Granted]":
    """A request that has arrived at its upstream, and is answered `until` then."""
    arrived = asyncio.Event()
    asked = asyncio.create_task(
        spend(working_spending, (budget,), fixed(amount), 0, lambda _: arrived.set(), until)
    )
    await arrived.wait()
    return asked
