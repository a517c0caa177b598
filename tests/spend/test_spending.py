"""Spending by one worker or two: what asks the store and what does not, and what each refusal means."""

import asyncio
import threading
from collections import Counter

import pytest
from msgspec.structs import replace

from tests.clocks import HeldClock
from tests.spend.memory_store import MemoryStore
from tests.spend.samples import attempt
from tests.spend.working import Cost, cap, fixed, held, memory, spend, tables, task, told
from zai_gateway.errors import Code, Failure, StoreUnavailable
from zai_gateway.spend.budgets import Period
from zai_gateway.spend.spending import Patience
from zai_gateway.spend.store import Granted

KEY = "bud_1:0"


async def test_a_warm_lease_asks_the_store_nothing() -> None:
    budget = cap(10**12)
    store = memory(budget)
    async with tables(store) as opened:
        spending = (await opened.open()).spending
        for _ in range(40):
            await spend(spending, (budget,), fixed(1_000), 10)
        await spending.flushed()
        store.calls.clear()
        asked = [asyncio.ensure_future(spend(spending, (budget,), fixed(1_000), 10)) for _ in range(2_000)]
        await asyncio.gather(*asked)
        await spending.flushed()
        asked_for = Counter(store.calls)
        assert set(asked_for) <= {"flush", "grant", "recalled"}, asked_for
        assert asked_for["grant"] <= 12
        assert asked_for["flush"] <= 8


async def test_a_request_holds_and_settles_without_a_pause_while_its_lease_suffices() -> None:
    budget = cap(10**9)
    async with tables(memory(budget)) as opened:
        working = await opened.open()
        await spend(working.spending, (budget,), fixed(1_000), 10)
        hold = working.spending.hold(attempt("req_now"), (budget,), fixed(900), Cost(5))
        step = spend(working.spending, (budget,), fixed(900), 5)
        with pytest.raises(StopIteration):
            step.send(None)
        assert hold is not None
        assert [each.cost for each in working.journal.settled] == [10, 5]
        assert working.journal.open == {}


async def test_what_was_never_sent_is_released_without_a_row() -> None:
    budget = cap(1_000)
    store = memory(budget)
    async with tables(store) as opened:
        working = await opened.open()
        await spend(working.spending, (budget,), fixed(1_000), None)
        await spend(working.spending, (budget,), fixed(1_000), None)
        assert working.journal.settled == []
        await working.spending.flushed()
    assert store.ledger == []
    assert store.windows[KEY].committed == 0


async def test_a_request_is_settled_once_whatever_happens_inside() -> None:
    budget = cap(1_000)
    store = memory(budget)
    async with tables(store) as opened:
        spending = (await opened.open()).spending

        async def break_off() -> None:
            async with spending.hold(attempt("req_1"), (budget,), fixed(100), Cost(7)) as hold:
                hold.settle()
                hold.settle()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await break_off()
        await spending.flushed()
        assert [each.outcome.cost for each in store.ledger] == [7]


async def test_who_is_cancelled_is_settled_all_the_same() -> None:
    budget = cap(1_000)
    store = memory(budget)
    async with tables(store) as opened:
        spending = (await opened.open()).spending
        asked = await held(spending, budget, 100, asyncio.Event())
        asked.cancel()
        await asyncio.wait({asked})
        await spending.flushed()
        assert len(store.ledger) == 1


async def test_an_account_that_breaks_is_unconfirmed_in_full() -> None:
    class Broken:
        def outcome(self, granted: Granted) -> None:
            raise ZeroDivisionError

    budget = cap(1_000)
    store = memory(budget)
    async with tables(store) as opened:
        spending = (await opened.open()).spending
        async with spending.hold(attempt("req_1"), (budget,), fixed(100), Broken()):
            pass
        await spending.flushed()
        assert [(each.outcome.cost, each.outcome.risk) for each in store.ledger] == [(0, 100)]


async def test_402_is_said_of_what_is_spent_and_names_the_limit() -> None:
    budget = cap(1_000)
    async with tables(memory(budget)) as opened:
        spending = (await opened.open()).spending
        await spend(spending, (budget,), fixed(1_000), 900)
        with pytest.raises(Failure, match="This API key's spend cap") as refused:
            await spend(spending, (budget,), fixed(101), 0)
        assert refused.value.code is Code.SPEND_CAP_REACHED
        assert (await spend(spending, (budget,), fixed(100), 0)).amount == 100


async def test_a_storm_of_402_is_a_few_transactions() -> None:
    budget = cap(1_000)
    store = memory(budget)
    async with tables(store) as opened:
        spending = (await opened.open()).spending
        await spend(spending, (budget,), fixed(1_000), 1_000)
        await spending.flushed()
        loop = asyncio.get_running_loop()
        began = loop.time()
        store.calls.clear()
        while loop.time() - began < 1.0:
            asked = [task(spending, budget, 1 + number) for number in range(50)]
            assert {await told(each) for each in asked} == {"spend_cap_reached"}
        assert len(store.calls) <= 20 * (loop.time() - began), Counter(store.calls)


async def test_a_storm_over_many_keys_of_one_exhausted_workspace_is_a_few_transactions() -> None:
    shared = cap(1_000, id="bud_ws")
    keys = [cap(10**6, id=f"bud_key_{number}") for number in range(100)]
    store = memory(shared, *keys)
    async with tables(store) as opened:
        spending = (await opened.open()).spending
        await spend(spending, (shared,), fixed(1_000), 1_000)
        await spending.flushed()
        loop = asyncio.get_running_loop()
        began = loop.time()
        store.calls.clear()
        while loop.time() - began < 1.0:
            for key in keys:
                asked = asyncio.ensure_future(spend(spending, (key, shared), fixed(10), 0))
                assert await told(asked) == "spend_cap_reached"
        assert len(store.calls) <= 20 * (loop.time() - began), Counter(store.calls)


async def test_its_numbers_say_what_it_did_and_how_it_stands() -> None:
    budget = cap(1_000)
    async with tables(memory(budget), patience=Patience(line=0.1)) as opened:
        spending, end = (await opened.open()).spending, asyncio.Event()
        await spend(spending, (budget,), fixed(100), 150)
        first = await held(spending, budget, 800, end)
        assert await told(task(spending, budget, 100)) == "budget_busy"
        await spending.flushed()
        numbers = spending.numbers()
        assert (numbers.grants, numbers.open_holds, numbers.waiting) == (2, 1, 0)
        assert numbers.refusals >= 1
        assert numbers.recalls >= 1
        assert (numbers.unflushed, numbers.flush_lag) == (0, 0.0)
        end.set()
        await first


async def test_a_raised_cap_is_seen_within_a_quarter_of_a_second() -> None:
    budget = cap(1_000)
    store = memory(budget)
    async with tables(store) as opened:
        spending = (await opened.open()).spending
        await spend(spending, (budget,), fixed(1_000), 1_000)
        assert await told(task(spending, budget, 10)) == "spend_cap_reached"
        raised = replace(budget, limit=2_000)
        store.put_budget(raised)
        await asyncio.sleep(0.3)
        assert await told(task(spending, raised, 10)) == "ok"


async def test_a_worst_case_without_a_cap_is_held_as_it_is_and_granted_what_it_wants() -> None:
    budget = cap(None)
    store = memory(budget)
    async with tables(store) as opened:
        spending = (await opened.open()).spending
        assert (await spend(spending, (budget,), fixed(10**15), 5)).amount == 10**15
        assert (await spend(spending, (budget,), None, 0)).amount == 0


async def test_without_a_price_a_cap_refuses_even_one_that_was_just_set() -> None:
    budget = cap(1_000)
    async with tables(memory(budget)) as opened:
        spending = (await opened.open()).spending
        # The caller was looked up before the cap was set.
        with pytest.raises(Failure, match="has no known price") as refused:
            await spend(spending, (replace(budget, limit=None),), None, 0)
        assert refused.value.code is Code.MODEL_UNPRICED


async def test_a_lowered_limit_is_not_passed_by_what_was_leased_before() -> None:
    budget = cap(None)
    store = memory(budget)
    async with tables(store) as opened:
        spending = (await opened.open()).spending
        await spend(spending, (budget,), fixed(10**6), 600)
        assert store.leases[KEY, next(iter(store.workers))].granted >= 10**6
        lowered = replace(budget, limit=1_000)
        store.put_budget(lowered)
        assert await told(task(spending, lowered, 500)) == "spend_cap_reached"
        assert await told(task(spending, lowered, 400)) == "ok"
        store.audit()


async def test_an_overrun_is_booked_in_full_and_spares_other_keys() -> None:
    own, other, shared = cap(1_000), cap(1_000, id="bud_3"), cap(10**6, id="bud_2")
    store = memory(own, other, shared)
    async with tables(store) as opened:
        spending = (await opened.open()).spending
        await spend(spending, (own, shared), fixed(100), 5_000)
        assert await told(task(spending, own, 1)) == "spend_cap_reached"
        assert await told(asyncio.ensure_future(spend(spending, (other, shared), fixed(1_000), 1))) == "ok"
        await spending.flushed()
        store.audit()
    assert store.windows[KEY].committed == 5_000
    assert store.windows["bud_2:0"].committed == 5_001


async def test_a_hold_stays_in_the_period_in_which_it_was_made() -> None:
    clock = HeldClock()
    budget = cap(1_000, period=Period.DAILY)
    store = MemoryStore(clock.now_ms, budget)
    async with tables(store, clock) as opened:
        spending, end = (await opened.open()).spending, asyncio.Event()
        first = await held(spending, budget, 1_000, end)
        waiting = task(spending, budget, 1_000)
        await asyncio.sleep(0.05)
        clock.move(24 * 3_600)
        # Who waited for money of yesterday has today's.
        tomorrow = (await waiting).windows
        end.set()
        assert (await first).windows != tomorrow
        await spending.flushed()
        assert {each.windows for each in store.ledger} == {(await first).windows, tomorrow}


async def test_an_amount_that_no_column_holds_is_refused() -> None:
    budget = cap(None)
    async with tables(memory(budget)) as opened:
        spending = (await opened.open()).spending
        with pytest.raises(Failure, match="more than the books can hold") as refused:
            await spend(spending, (budget,), fixed(2**63), 0)
        assert (refused.value.code, refused.value.param) == (Code.INVALID_REQUEST, "max_tokens")
        await spend(spending, (budget,), fixed(2**63 - 10), 2**62)
        with pytest.raises(Failure, match="more than the books can hold"):
            await spend(spending, (budget,), fixed(2**62 + 2**61), 0)


async def test_a_full_journal_refuses_and_frees_what_was_set_aside() -> None:
    budget = cap(1_000)
    async with tables(memory(budget)) as opened:
        working = await opened.open()
        working.journal.full = True
        assert await told(task(working.spending, budget, 1_000)) == "unavailable"
        working.journal.full = False
        assert await told(task(working.spending, budget, 1_000)) == "ok"


async def test_standings_know_what_was_just_settled_and_count_no_lease_as_held() -> None:
    budget = cap(10**6)
    async with tables(memory(budget)) as opened:
        spending, end = (await opened.open()).spending, asyncio.Event()
        await spend(spending, (budget,), fixed(1_000), 700)
        first = await held(spending, budget, 500, end)
        (standing,) = await spending.standings("key_1")
        assert (standing.spent, standing.risk, standing.held) == (700, 0, 500)
        end.set()
        await first


async def test_idle_leases_go_back_and_are_forgotten() -> None:
    clock = HeldClock()
    budget = cap(10**6)
    store = MemoryStore(clock.now_ms, budget)
    async with tables(store, clock) as opened:
        spending = (await opened.open()).spending
        await spend(spending, (budget,), fixed(1_000), 1)
        await spending.flushed()
        assert store.windows[KEY].committed == 1_000
        clock.move(61)
        async with asyncio.timeout(60):
            while store.windows[KEY].committed != 1:
                await asyncio.sleep(0.02)
            while "recalled" in store.calls[-2:]:  # without a lease there is nothing to listen for
                store.calls.append("")
                await asyncio.sleep(0.3)


async def test_after_ten_minutes_without_contact_nothing_is_held() -> None:
    class Unreachable:
        def __init__(self) -> None:
            self.down = threading.Event()

        def before(self, call: str) -> None:
            if self.down.is_set():
                raise StoreUnavailable("nobody is there")

        def after(self, call: str) -> None:
            pass

    clock, trouble = HeldClock(), Unreachable()
    budget = cap(10**6)
    store = MemoryStore(clock.now_ms, budget, trouble=trouble)
    async with tables(store, clock) as opened:
        spending = (await opened.open()).spending
        await spend(spending, (budget,), fixed(50_000), 1)
        await spending.flushed()
        trouble.down.set()
        clock.move(590)
        assert await told(task(spending, budget, 1_000)) == "ok", "free money serves while the store is down"
        clock.move(20)
        with pytest.raises(StoreUnavailable, match="ten minutes"):
            await spend(spending, (budget,), fixed(1_000), 1)
        trouble.down.clear()
        async with asyncio.timeout(60):
            while await told(task(spending, budget, 1_000)) != "ok":
                await asyncio.sleep(0.05)
        await spending.flushed()
        store.audit()
