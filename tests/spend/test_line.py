"""The waiting line: who waits for holds in flight, for how long, who overtakes whom, and who leaves it."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from tests.spend.memory_store import MemoryStore
from tests.spend.samples import attempt
from tests.spend.working import Cost, cap, fixed, held, memory, spend, tables, task, told
from zai_gateway.clock import SystemClock
from zai_gateway.errors import Code, Failure
from zai_gateway.spend.spending import Patience
from zai_gateway.spend.store import Grant, Need

KEY = "bud_1:0"


async def test_where_only_holds_stand_in_the_way_it_waits_until_one_ends() -> None:
    budget = cap(1_000)
    async with tables(memory(budget)) as opened:
        spending, end = (await opened.open()).spending, asyncio.Event()
        first = await held(spending, budget, 1_000, end)
        waiting = task(spending, budget, 800)
        await asyncio.sleep(0.1)
        assert not waiting.done()
        assert spending.numbers().waiting == 1
        end.set()
        assert (await waiting).amount == 800
        await first


async def test_a_line_that_is_too_long_is_429_with_retry_after() -> None:
    budget = cap(1_000)
    async with tables(memory(budget), patience=Patience(line=0.2)) as opened:
        spending, end = (await opened.open()).spending, asyncio.Event()
        first = await held(spending, budget, 1_000, end)
        with pytest.raises(Failure, match="Requests in flight hold") as refused:
            await spend(spending, (budget,), fixed(800), 0)
        assert refused.value.code is Code.BUDGET_BUSY
        assert refused.value.retry_after == 1.0
        assert spending.numbers().waiting == 0
        end.set()
        await first


class Slow(MemoryStore):
    """A store that takes its time for each GRANT."""

    def grant(self, worker: str, needs: Sequence[Need]) -> Grant:
        time.sleep(0.1)
        return super().grant(worker, needs)


async def test_a_line_that_is_slow_is_not_taken_for_one_that_holds_stand_in_the_way_of() -> None:
    budget = cap(1_000)
    store = Slow(SystemClock().now_ms, budget)
    async with tables(store, patience=Patience(line=0.2)) as opened:
        spending, end = (await opened.open()).spending, asyncio.Event()
        # More than a lease is, so that each needs a GRANT of its own.
        asked = [task(spending, budget, 100, until=end) for _ in range(10)]
        while KEY not in store.windows or store.windows[KEY].committed < 1_000:
            assert not any(each.done() for each in asked)
            await asyncio.sleep(0.01)
        end.set()
        assert [(await each).amount for each in asked] == [100] * 10


async def test_who_leaves_the_line_holds_nothing() -> None:
    budget = cap(1_000)
    store = memory(budget)
    async with tables(store) as opened:
        working, end = await opened.open(), asyncio.Event()
        first = await held(working.spending, budget, 1_000, end)
        waiting = [task(working.spending, budget, 800) for _ in range(3)]
        await asyncio.sleep(0.05)
        waiting[0].cancel()
        end.set()
        # The moment at which it is served is the moment at which it leaves.
        await asyncio.sleep(0)
        waiting[1].cancel()
        await asyncio.wait(waiting)
        assert [each.cancelled() for each in waiting] == [True, True, False]
        await first
        assert working.journal.open == {}
    assert store.windows[KEY].committed == 0


async def test_whose_client_leaves_waits_no_longer_and_holds_nothing() -> None:
    budget = cap(1_000)
    async with tables(memory(budget)) as opened:
        working, end = await opened.open(), asyncio.Event()
        first = await held(working.spending, budget, 1_000, end)
        holding = working.spending.hold(attempt("req_left"), (budget,), fixed(800), Cost(5))
        holding.leave()  # before it has entered there is nothing to leave

        async def enter() -> None:
            async with holding:
                raise AssertionError("it was served")

        entering = asyncio.create_task(enter())
        while not working.spending.numbers().waiting:
            await asyncio.sleep(0.01)
        holding.leave()
        with pytest.raises(Failure, match="has left"):
            await entering
        holding.leave()
        assert working.spending.numbers().waiting == 0
        end.set()
        await first
        assert (await spend(working.spending, (budget,), fixed(1_000), 0)).amount == 1_000


@pytest.mark.parametrize("kept", [False, True])
async def test_a_large_need_is_overtaken_for_a_while_and_then_what_comes_free_is_kept_for_it(
    kept: bool,
) -> None:
    budget = cap(1_000)
    patience = Patience(line=60.0, overtaken=0.0 if kept else 60.0)
    async with tables(memory(budget), patience=patience) as opened:
        spending, ends = (await opened.open()).spending, [asyncio.Event() for _ in range(3)]
        first, second = [await held(spending, budget, 500, end) for end in ends[:2]]
        large = task(spending, budget, 1_000)
        while not spending.numbers().waiting:
            await asyncio.sleep(0.01)
        ends[0].set()
        await first
        small = task(spending, budget, 500, until=ends[2])
        if kept:
            ends[1].set()
            await asyncio.wait({large, small}, return_when=asyncio.FIRST_COMPLETED)
            assert large.done()
        else:
            # The small one is served at once, so that both its end and the second's are waited for.
            ends[2].set()
            await small
            assert not large.done()
            ends[1].set()
        ends[2].set()
        await asyncio.gather(large, small, second)


async def test_a_window_that_is_short_does_not_stop_who_is_not_in_it() -> None:
    shared, tight = cap(10**6, id="bud_2"), cap(100)
    async with tables(memory(shared, tight), patience=Patience(overtaken=0.0)) as opened:
        spending, end = (await opened.open()).spending, asyncio.Event()
        first = await held(spending, tight, 100, end)
        waiting = [asyncio.ensure_future(spend(spending, (tight, shared), fixed(100), 0)) for _ in range(5)]
        while spending.numbers().waiting < 5:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(60):
            for _ in range(20):
                await spend(spending, (shared,), fixed(1_000), 0)
        end.set()
        await asyncio.gather(first, *waiting)


async def test_all_windows_are_held_or_none() -> None:
    plenty, tight = cap(10**6, id="bud_2"), cap(100)
    store = memory(plenty, tight)
    async with tables(store, patience=Patience(line=0.1)) as opened:
        spending, end = (await opened.open()).spending, asyncio.Event()
        first = await held(spending, tight, 100, end)
        assert (
            await told(asyncio.ensure_future(spend(spending, (plenty, tight), fixed(50), 0))) == "budget_busy"
        )
        end.set()
        await first
    assert store.windows["bud_2:0"].committed == 0
    store.audit()
