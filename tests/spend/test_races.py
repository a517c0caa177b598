"""Races for the last of a cap, by several workers on one store: exact, loose and at random."""

import asyncio
import random
from collections import Counter

import pytest

from tests.spend.races import A, W, exact, loose
from tests.spend.working import cap, fixed, memory, spend, tables
from zai_gateway.errors import Failure
from zai_gateway.spend.spending import Patience, Spending
from zai_gateway.spend.store import Granted

KEY = "bud_1:0"


async def test_exactly_what_a_cap_holds_passes_and_all_others_are_told_that_it_is_reached() -> None:
    budget = cap(100 * W)
    store = memory(budget)
    async with tables(store) as opened:
        await exact([await opened.open() for _ in range(4)], budget)
        assert store.spent() == 100 * W
        store.audit()
    assert store.windows[KEY].committed == 100 * W


async def test_all_that_requests_leave_of_their_holds_is_spent_by_those_who_wait() -> None:
    budget = cap(99 * A + W)
    store = memory(budget)
    async with tables(store, patience=Patience(line=60.0)) as opened:
        await loose([await opened.open() for _ in range(4)], budget)
        assert store.spent() == 100 * A
        store.audit()


@pytest.mark.parametrize("seed", range(4))
async def test_at_random_costs_nothing_passes_a_cap_and_no_refusal_is_untrue(seed: int) -> None:
    draw = random.Random(seed)
    key, shared = cap(60 * W), cap(75 * W, id="bud_2")
    budgets = {"key": (key, shared), "other": (shared,)}
    store = memory(key, shared)
    billed, held = Counter[str](), Counter[str]()
    limits = {"bud_1:0": 60 * W, "bud_2:0": 75 * W}

    async def request(spending: Spending, which: str, amount: int, cost: int) -> str:
        def arrive(granted: Granted) -> None:
            for window in granted.windows:
                held[window] += granted.amount
                assert billed[window] + held[window] <= limits[window], "the cap could be passed"

        try:
            granted = await spend(spending, budgets[which], fixed(amount), cost, arrive)
        except Failure as refusal:
            windows = [f"{each.id}:0" for each in budgets[which]]
            if refusal.code.value == "spend_cap_reached":
                assert any(billed[window] + amount > limits[window] for window in windows), "an untrue 402"
            return refusal.code.value
        for window in granted.windows:
            held[window] -= granted.amount
            billed[window] += cost
        return "ok"

    async with tables(store, patience=Patience(line=30.0)) as opened:
        workers = [await opened.open() for _ in range(3)]

        async def client() -> Counter[str]:
            came = Counter[str]()
            for _ in range(6):
                amount = draw.randrange(W // 10, 3 * W)
                spending = draw.choice(workers).spending
                came[
                    await request(spending, draw.choice(["key", "other"]), amount, draw.randrange(amount))
                ] += 1
                await asyncio.sleep(draw.random() / 50)
            return came

        came = sum(await asyncio.gather(*(client() for _ in range(30))), Counter[str]())
        assert set(came) == {"ok", "spend_cap_reached"}, came
        assert all([await each.spending.flushed() for each in workers])
        store.audit()
        assert store.spent("bud_2:0") == billed["bud_2:0"]
