"""A store in trouble: lost replies at every call, silence, and a worker that was given up."""

import asyncio
import threading
from collections import Counter

import pytest

from tests.spend.memory_store import MemoryStore
from tests.spend.samples import attempt
from tests.spend.working import Cost, cap, fixed, memory, spend, tables, told
from zai_gateway.errors import StoreInDoubt, StoreUnavailable
from zai_gateway.spend.spending import Patience

KEY = "bud_1:0"


class Faults:
    """Answers the next call of a kind as it is told to, and all of them while it is down."""

    def __init__(self) -> None:
        self.lost = Counter[str]()
        """How many of the next replies are lost, after it happened."""
        self.undone = Counter[str]()
        """How many of the next commits do not happen, and nobody says so."""
        self.failing = Counter[str]()
        """How many of the next calls do not happen, and say so."""
        self.down = threading.Event()

    def before(self, call: str) -> None:
        if self.down.is_set() or _take(self.failing, call):
            raise StoreUnavailable("nobody is there")
        if _take(self.undone, call):
            raise StoreInDoubt("no reply")

    def after(self, call: str) -> None:
        if _take(self.lost, call):
            raise StoreInDoubt("no reply")


def _take(left: Counter[str], call: str) -> bool:
    left[call] -= 1
    return left[call] >= 0


def troubled(limit: int | None) -> tuple[MemoryStore, Faults]:
    store, faults = memory(cap(limit)), Faults()
    store.trouble = faults
    return store, faults


@pytest.mark.parametrize("how", ["lost", "undone", "failing"])
@pytest.mark.parametrize("call", ["grant", "flush", "worker", "recall", "recalled", "levels", "saw"])
async def test_no_lost_reply_loses_money_or_makes_any(call: str, how: str) -> None:
    store, faults = troubled(1_000)
    budget = cap(1_000)
    async with tables(store) as opened:
        one, two = await opened.open(), await opened.open()
        await spend(one.spending, (budget,), fixed(300), 10)
        await spend(two.spending, (budget,), fixed(300), 10)
        times = 2
        getattr(faults, how)[call] = times
        if call == "worker":  # asked for only in doubt
            faults.lost["flush"] = 1
        answered = Counter[str]()
        for _ in range(4):
            for each in (one, two):
                asked = asyncio.ensure_future(spend(each.spending, (budget,), fixed(500), 10))
                answered[await told(asked)] += 1
            await asyncio.sleep(0.02)
        assert set(answered) <= {"ok", "unavailable"}, answered
        assert answered["unavailable"] <= times
        assert answered["ok"] >= 6
        for each in (one, two):
            async with asyncio.timeout(60):
                while not await each.spending.flushed():
                    pass
        store.audit()
        assert store.spent() == 20 + 10 * answered["ok"]
        # Nothing was lost either: all that is not spent can be spent.
        rest = 1_000 - store.spent()
        assert await told(asyncio.ensure_future(spend(one.spending, (budget,), fixed(rest), rest))) == "ok"
    assert store.windows[KEY].committed == 1_000 == store.spent()
    store.audit()


async def test_many_lost_replies_at_once_lose_nothing() -> None:
    store, faults = troubled(10**6)
    budget = cap(10**6)
    async with tables(store, patience=Patience(line=60.0)) as opened:
        workers = [await opened.open() for _ in range(2)]
        faults.lost.update(grant=20, flush=20)
        asked = [
            asyncio.ensure_future(spend(workers[number % 2].spending, (budget,), fixed(3_000), 100))
            for number in range(600)
        ]
        told_all = Counter([await told(each) for each in asked])
        assert told_all == {"ok": 600}
        for each in workers:
            async with asyncio.timeout(60):
                while not await each.spending.flushed():
                    pass
        store.audit()
        assert store.spent() == 60_000
    assert store.windows[KEY].committed == 60_000


async def test_while_the_store_is_down_free_money_serves_and_nothing_is_lost() -> None:
    store, faults = troubled(10**6)
    budget = cap(10**6)
    async with tables(store) as opened:
        spending = (await opened.open()).spending
        await spend(spending, (budget,), fixed(40_000), 0)
        await spending.flushed()
        faults.down.set()
        for _ in range(30):
            await spend(spending, (budget,), fixed(1_000), 1_000)
        numbers = spending.numbers()
        assert numbers.unflushed == 30
        assert (
            await told(asyncio.ensure_future(spend(spending, (budget,), fixed(40_000), 0))) == "unavailable"
        )
        faults.down.clear()
        async with asyncio.timeout(60):
            while not await spending.flushed():
                pass
        assert store.spent() == 30_000
        assert spending.numbers().unflushed == 0
        assert await told(asyncio.ensure_future(spend(spending, (budget,), fixed(40_000), 0))) == "ok"
        store.audit()


async def test_a_store_that_hangs_is_503_when_its_time_is_over() -> None:
    class Hanging:
        def __init__(self) -> None:
            self.go = threading.Event()
            self.go.set()

        def before(self, call: str) -> None:
            assert self.go.wait(60)

        def after(self, call: str) -> None:
            pass

    store, hanging = memory(cap(10**6)), Hanging()
    store.trouble = hanging
    budget = cap(10**6)
    async with tables(store, patience=Patience(store=0.1)) as opened:
        working = await opened.open()
        hanging.go.clear()
        asked = [
            asyncio.ensure_future(spend(working.spending, (budget,), fixed(1_000), 5)) for _ in range(20)
        ]
        assert {await told(each) for each in asked} == {"unavailable"}
        assert not await working.spending.flushed() or working.journal.settled == []
        hanging.go.set()
        assert await told(asyncio.ensure_future(spend(working.spending, (budget,), fixed(1_000), 5))) == "ok"
    # What came too late for those who had asked went back.
    assert store.windows[KEY].committed == 5
    assert store.calls.count("grant") <= 2, "one GRANT is under way for each window"


async def test_a_worker_that_was_given_up_ends_what_it_began_and_begins_anew() -> None:
    store, _ = troubled(1_000)
    budget = cap(1_000)
    async with tables(store, patience=Patience(line=60.0)) as opened:
        working = await opened.open()
        async with working.spending.hold(attempt("req_1"), (budget,), fixed(600), Cost(100)):
            store.lose(working.workers[0].id, 0)
            # All that it had leased is at risk: that is true of it, and refuses.
            asked = asyncio.ensure_future(spend(working.spending, (budget,), fixed(500), 0))
            assert await told(asked) in {"spend_cap_reached", "unavailable"}
        async with asyncio.timeout(60):
            # It ends the risk of what it did not spend, under its old id, and goes on under a new one.
            while (
                await told(asyncio.ensure_future(spend(working.spending, (budget,), fixed(900), 0))) != "ok"
            ):
                await asyncio.sleep(0.05)
        assert len(working.workers) == 2
        async with asyncio.timeout(60):
            while not working.workers[0].closed:
                await asyncio.sleep(0.05)
        await working.spending.flushed()
        store.audit()
        assert store.spent() == 100
        assert sum(each.outcome.risk for each in store.ledger) == 0
    assert store.windows[KEY].committed == 100
    assert working.workers[1].closed


async def test_a_worker_that_leaves_with_something_unsaid_leaves_its_journal() -> None:
    store, faults = troubled(1_000)
    budget = cap(1_000)
    async with tables(store) as opened:
        working = await opened.open()
        await spend(working.spending, (budget,), fixed(600), 100)
        await working.spending.flushed()
        faults.down.set()
        await spend(working.spending, (budget,), fixed(400), 100)
        await working.spending.drain(0.1)
        assert working.workers[0].abandoned
        assert not working.workers[0].closed
