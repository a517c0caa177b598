"""Leases are filled up before they run out, out of what is there, and never at somebody's cost."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from msgspec.structs import replace

from tests.clocks import HeldClock
from tests.spend.memory_store import MemoryStore
from tests.spend.working import cap, fixed, held, memory, spend, tables, task, told
from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.spending import Spending

KEY = "bud_1:0"
W = 1_000


class Switch:
    """Whether the store can be reached."""

    def __init__(self) -> None:
        self.is_down = False

    def before(self, call: str) -> None:
        if self.is_down:
            raise StoreUnavailable("nobody is there")

    def after(self, call: str) -> None:
        pass


@asynccontextmanager
async def at_an_even_pace(
    clock: HeldClock, store: MemoryStore, budget: Budget
) -> AsyncGenerator[tuple[Spending, Callable[[], object]]]:
    """Spending that spent W in each of 30 seconds; call the other for the next second of it."""
    async with tables(store, clock) as opened:
        spending = (await opened.open()).spending

        async def second() -> None:
            await spend(spending, (budget,), fixed(W), W)
            clock.move(1)

        for _ in range(30):
            await second()
            await spending.flushed()
        yield spending, second


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)


async def test_whenever_the_store_stops_a_warm_lease_lasts_for_ten_seconds() -> None:
    clock, switch, budget = HeldClock(), Switch(), cap(10**9)
    store = MemoryStore(clock.now_ms, budget, trouble=switch)
    async with at_an_even_pace(clock, store, budget) as (spending, _):
        for _ in range(5):
            store.calls.clear()
            # Somewhat less than a second has to pass until it is looked again.
            await until(lambda: store.windows[KEY].committed - store.spent() >= 12 * W)
            switch.is_down = True
            for _ in range(10):
                assert await told(task(spending, budget, W)) == "ok"
            switch.is_down = False
            clock.move(10)
            await spending.flushed()
        store.audit()


async def test_one_transaction_renews_all_leases_that_run_low() -> None:
    clock = HeldClock()
    budgets = [cap(10**9, id=f"bud_{n}") for n in range(20)]
    store = memory(*budgets, clock=clock)
    async with tables(store, clock) as opened:
        spending = (await opened.open()).spending
        for budget in budgets:
            await spend(spending, (budget,), fixed(W), W)
        await spending.flushed()
        store.calls.clear()
        clock.move(1)
        await until(lambda: all(window.committed > 2 * W for window in store.windows.values()))
        assert store.calls.count("grant") == 1
        store.audit()


async def test_what_others_ask_back_is_not_taken_again() -> None:
    clock, budget = HeldClock(), cap(40 * W)
    store = memory(budget, clock=clock)
    async with at_an_even_pace(clock, store, budget) as (spending, _):
        store.recall((KEY,), 60_000)
        await until(lambda: store.windows[KEY].committed == 30 * W)
        clock.move(1)
        before = store.calls.count("grant")
        await spend(spending, (budget,), fixed(W), W)
        await spending.flushed()
        clock.move(1)
        await until(lambda: store.calls.count("grant") >= before + 2)
        assert store.windows[KEY].committed == 31 * W
        clock.move(1)
        await spend(spending, (budget,), fixed(W), 0)
        store.audit()


async def test_a_budget_without_room_keeps_no_other_from_being_renewed() -> None:
    clock = HeldClock()
    lowered, other = cap(100 * W, id="bud_1"), cap(10**9, id="bud_2")
    store = memory(lowered, other, clock=clock)
    async with tables(store, clock) as opened:
        spending = (await opened.open()).spending
        for budget in (lowered, other):
            await spend(spending, (budget,), fixed(W), W)
        store.put_budget(replace(lowered, limit=W // 2))
        await spending.flushed()
        store.calls.clear()
        clock.move(1)
        await until(lambda: store.calls.count("grant") == 1)  # is refused, for the one of them
        clock.move(1)
        await until(lambda: store.windows["bud_2:0"].committed > 2 * W)
        assert store.windows[KEY].committed == W
        store.audit()


async def test_a_request_of_no_price_that_takes_long_is_booked_once() -> None:
    clock, budget = HeldClock(), cap(None)
    store = memory(budget, clock=clock)
    async with tables(store, clock) as opened:
        spending, end = (await opened.open()).spending, asyncio.Event()
        asked = await held(spending, budget, 0, end)
        clock.move(61)
        await asyncio.sleep(0.6)  # its lease is forgotten meanwhile, for there is nothing in it
        end.set()
        await asked
        await spend(spending, (budget,), fixed(W), W)
        assert await spending.flushed()
        assert [each.outcome.cost for each in store.ledger] == [0, W]
        assert [worker.applied for worker in store.workers.values()] == [2]
        store.audit()
