"""Several workers on one store: what one does not use another gets, and who is silent is told apart."""

import asyncio
from collections import Counter

import pytest

from tests.spend.samples import attempt
from tests.spend.working import Cost, Working, cap, fixed, memory, spend, tables, told
from zai_gateway.catalogue.bound import Bound
from zai_gateway.errors import Code, Failure, StoreUnavailable
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.spending import Patience
from zai_gateway.spend.store import Granted, Need, WorkerLife

KEY = "bud_1:0"
TOKEN = 1_000
"""Nano-USD of an output token in these tests."""


def open_ended(*, floor: int = 1_024, most: int | None = 128_000) -> Bound:
    """A request without a limit of its own."""
    return Bound(input_pico=0, output_pico=TOKEN * 1_000, asked=None, most=most, room=None, floor=floor)


def asking(tokens: int, *, floor: int = 1_024, rigid: bool = False) -> Bound:
    """A request for so many tokens."""
    return Bound(
        input_pico=0,
        output_pico=TOKEN * 1_000,
        asked=tokens,
        most=128_000,
        room=None,
        floor=floor,
        rigid=rigid,
    )


async def leave_idle(working: Working, budget: Budget, amount: int) -> None:
    """Lets a worker have a lease of at least so much, of which nothing is used."""
    await spend(working.spending, (budget,), fixed(amount), None)


async def got(working: Working, budget: Budget, bound: Bound) -> Granted:
    """What a request is granted; it costs nothing."""
    return await spend(working.spending, (budget,), bound, None)


async def test_what_another_worker_does_not_use_is_had_within_its_time_to_answer() -> None:
    budget = cap(1_000)
    store = memory(budget)
    async with tables(store) as opened:
        one, two = await opened.open(), await opened.open()
        await leave_idle(one, budget, 1_000)
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert (await got(two, budget, fixed(1_000))).amount == 1_000
        assert loop.time() - began < 5
        assert two.spending.numbers().recalls >= 1
        assert one.spending.numbers().answers >= 1
        store.audit()


async def test_a_remainder_over_four_workers_is_sent_with_exactly_the_output_that_it_buys() -> None:
    budget = cap(10_000 * TOKEN)
    store = memory(budget)
    async with tables(store) as opened:
        workers = [await opened.open() for _ in range(4)]
        for each in workers:
            await leave_idle(each, budget, 2_000 * TOKEN)
        granted = await got(workers[0], budget, asking(50_000))
        assert (granted.amount, granted.output_limit) == (10_000 * TOKEN, 10_000)
        store.audit()


async def test_a_remainder_over_four_workers_that_holds_it_whole_clamps_nothing() -> None:
    budget = cap(10_000 * TOKEN)
    async with tables(memory(budget)) as opened:
        workers = [await opened.open() for _ in range(4)]
        for each in workers:
            await leave_idle(each, budget, 2_000 * TOKEN)
        granted = await got(workers[3], budget, asking(9_500))
        assert (granted.amount, granted.output_limit) == (9_500 * TOKEN, None)


@pytest.mark.parametrize(
    ("cap_tokens", "bound", "limit"),
    [
        (10_000, asking(50_000), 10_000),
        (1_024, asking(50_000), 1_024),
        (500, asking(500), None),
        (128_000 * 4, open_ended(), None),
        (100_000, open_ended(), 25_000),
        (8_000, open_ended(), 2_000),
        (4_000, open_ended(), 1_024),
        (4_000, open_ended(floor=4_000), 4_000),
    ],
)
async def test_a_clamp_looks_at_all_that_is_left(cap_tokens: int, bound: Bound, limit: int | None) -> None:
    budget = cap(cap_tokens * TOKEN)
    async with tables(memory(budget)) as opened:
        one, two = await opened.open(), await opened.open()
        await leave_idle(one, budget, min(cap_tokens, 100) * TOKEN)
        assert (await got(two, budget, bound)).output_limit == limit


@pytest.mark.parametrize(
    ("bound", "least"),
    [
        (asking(50_000), 1_024),
        (asking(10), 10),
        (asking(50_000, rigid=True), 50_000),
        (open_ended(), 1_024),
    ],
)
async def test_below_the_floor_it_is_402_where_that_is_spent_and_429_where_it_is_held(
    bound: Bound, least: int
) -> None:
    budget = cap(100_000 * TOKEN)
    async with tables(memory(budget), patience=Patience(line=0.3)) as opened:
        one, two = await opened.open(), await opened.open()
        short = (100_000 - least) * TOKEN + 1
        async with one.spending.hold(attempt("req_1"), (budget,), fixed(short), Cost(short)):
            with pytest.raises(Failure) as refused:
                await got(two, budget, bound)
            assert refused.value.code is Code.BUDGET_BUSY
        await one.spending.flushed()
        with pytest.raises(Failure) as refused:
            await got(two, budget, bound)
        assert refused.value.code is Code.SPEND_CAP_REACHED


async def test_a_lease_clamps_what_has_no_limit_only_where_it_buys_enough() -> None:
    budget = cap(10**6 * TOKEN)
    store = memory(budget)
    async with tables(store) as opened:
        one = await opened.open()
        await leave_idle(one, budget, 40_000 * TOKEN)
        free = store.windows[KEY].committed
        store.calls.clear()
        granted = await got(one, budget, open_ended())
        assert granted.output_limit == free // 4 // TOKEN
        assert set(store.calls) <= {"recalled"}, "the lease sufficed"
        async with one.spending.hold(attempt("req_1"), (budget,), fixed(30_000 * TOKEN), Cost(None)):
            # A quarter of what is left of the lease is below 4,096 tokens: the store's remainder decides.
            granted = await got(one, budget, open_ended())
            assert granted.output_limit is None
            assert granted.amount == 128_000 * TOKEN


async def test_a_holder_that_is_silent_decides_it_and_is_503() -> None:
    budget = cap(1_000)
    store = memory(budget)
    # It was stopped, or is on a host that nobody reaches.
    store.open_worker(WorkerLife(id="silent", host="h", boot="b", journal="j", seen=0))
    store.grant("silent", [Need(window=KEY, budget="bud_1", start_ms=0, need=600, want=600)])
    async with tables(store, patience=Patience(line=60.0)) as opened:
        one = await opened.open()
        assert await told(asyncio.ensure_future(got(one, budget, fixed(400)))) == "ok"
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await got(one, budget, fixed(401))
        # What is asked for and what is left are the same: nothing of what is held could suffice.
        with pytest.raises(Failure, match=r"leaves 0\.000001 USD"):
            await got(one, budget, fixed(1_001))
        store.lose("silent", 0)
        with pytest.raises(Failure, match=r"leaves 0\.0000004 USD"):
            await got(one, budget, fixed(401))
        assert await told(asyncio.ensure_future(got(one, budget, fixed(400)))) == "ok"
        store.audit()


async def test_own_holds_that_would_suffice_are_waited_for_though_another_is_silent() -> None:
    budget = cap(1_000)
    store = memory(budget)
    store.open_worker(WorkerLife(id="silent", host="h", boot="b", journal="j", seen=0))
    store.grant("silent", [Need(window=KEY, budget="bud_1", start_ms=0, need=200, want=200)])
    async with tables(store, patience=Patience(line=60.0)) as opened:
        one = await opened.open()
        async with one.spending.hold(attempt("req_1"), (budget,), fixed(800), Cost(None)):
            waiting = asyncio.ensure_future(got(one, budget, fixed(500)))
            await asyncio.sleep(1.5)
            assert not waiting.done()
        assert (await waiting).amount == 500


async def test_who_waits_does_not_make_the_store_work() -> None:
    budget = cap(1_000)
    store = memory(budget)
    async with tables(store, patience=Patience(line=60.0)) as opened:
        one, two = await opened.open(), await opened.open()
        async with one.spending.hold(attempt("req_1"), (budget,), fixed(1_000), Cost(None)):
            waiting = [asyncio.ensure_future(got(two, budget, fixed(100 + n))) for n in range(300)]
            await asyncio.sleep(0.5)
            store.calls.clear()
            await asyncio.sleep(1.0)
            assert len(store.calls) <= 2 * 20, Counter(store.calls)
        assert {await told(each) for each in waiting} == {"ok"}


async def test_two_who_each_have_half_of_what_they_need_do_not_wait_for_each_other() -> None:
    budget = cap(1_000)
    store = memory(budget)
    async with tables(store, patience=Patience(line=60.0)) as opened:
        workers = [await opened.open(), await opened.open()]
        for each in workers:
            await leave_idle(each, budget, 500)
        asked = [asyncio.ensure_future(got(each, budget, fixed(900))) for each in workers]
        async with asyncio.timeout(60):
            assert [await told(each) for each in asked] == ["ok", "ok"]


async def test_an_uncapped_budget_is_never_recalled() -> None:
    unlimited, tight = cap(None, id="bud_2"), cap(1_000)
    store = memory(unlimited, tight)
    async with tables(store) as opened:
        one, two = await opened.open(), await opened.open()
        both = (unlimited, tight)
        await spend(one.spending, both, fixed(1_000), None)
        await spend(two.spending, both, fixed(1_000), None)
        assert store.windows["bud_2:0"].recall == 0
        assert store.windows[KEY].recall > 0
