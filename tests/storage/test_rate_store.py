"""The rate store on both databases, by a clock of the store that a test holds; workers beside each other."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, closing

import pytest
from sqlalchemy import BigInteger, bindparam

from tests.clocks import HeldClock
from tests.storage.places import Place
from tests.storage.samples import life
from zai_gateway.errors import Failure
from zai_gateway.spend.limiting import Admission, Limits
from zai_gateway.spend.rate_store import Charge, Exchange, Part
from zai_gateway.spend.rates import MINUTE_MS, RateLimit, Resource
from zai_gateway.spend.store import Batch
from zai_gateway.storage.database import Database
from zai_gateway.storage.rate_store import SqlRateStore
from zai_gateway.storage.store import Store

NOON = 1_767_268_800_000
REQUESTS = RateLimit(owner="key_1", owner_kind="key", resource=Resource.REQUESTS, limit=5)
TOKENS = RateLimit(owner="key_1", owner_kind="key", resource=Resource.TOKENS, limit=100)
SLOTS = RateLimit(owner="key_1", owner_kind="key", resource=Resource.CONCURRENCY, limit=2)
WORKERS = [f"w{number}" for number in range(8)]


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock(NOON + 10_000)


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    with closing(place.database()) as database:
        yield database


@pytest.fixture
def rates(store: Store, database: Database, clock: HeldClock) -> SqlRateStore:
    for worker in WORKERS:
        store.spend.open_worker(life(worker))
    # With a clock of the test's own, and all else as it is.
    return SqlRateStore(database, lambda _: bindparam("now", callable_=clock.now_ms, type_=BigInteger))


@asynccontextmanager
async def limiting(rates: SqlRateStore, clock: HeldClock, count: int) -> AsyncGenerator[list[Limits]]:
    """So many workers."""
    async with AsyncExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(count))
        all_of_them: list[Limits] = []
        for worker in WORKERS[:count]:
            limits = Limits(rates, lambda worker=worker: worker, clock, threads)
            stack.push_async_callback(limits.close, 5)
            all_of_them.append(limits)
        yield all_of_them


async def admitted(limits: Limits, of: Sequence[RateLimit], tokens: int = 0) -> Admission | None:
    admission = limits.admission(of, tokens)
    try:
        await admission.enter()
    except Failure:
        return None
    return admission


async def count(workers: Sequence[Limits], of: RateLimit, tries: int) -> int:
    """How many are admitted of so many requests at once at each worker."""
    came = await asyncio.gather(*(admitted(each, [of]) for each in workers for _ in range(tries)))
    return sum(each is not None for each in came)


async def test_five_a_minute_over_eight_workers(rates: SqlRateStore, clock: HeldClock) -> None:
    async with limiting(rates, clock, 8) as workers:
        for _ in range(3):
            assert await count(workers, REQUESTS, 4) == 5
            clock.move(49.999)
            assert await count(workers, REQUESTS, 1) == 0
            clock.move(10.001)  # so that the next minute is ten seconds old
        assert await count(workers[3:4], REQUESTS, 10) == 5


async def test_a_large_limit_is_kept_exactly_over_eight_workers(
    rates: SqlRateStore, clock: HeldClock
) -> None:
    large = RateLimit(owner="key_1", owner_kind="key", resource=Resource.REQUESTS, limit=400)
    async with limiting(rates, clock, 8) as workers:
        assert await count(workers, large, 10) == 80
        # Seven of the others have at most two each that they do not use.
        alone = await count(workers[:1], large, 400)
        assert 400 - 80 - 14 <= alone <= 400 - 80
        assert alone + await count(workers, large, 10) == 400 - 80


async def test_requests_at_once_over_eight_workers(rates: SqlRateStore, clock: HeldClock) -> None:
    async with limiting(rates, clock, 8) as workers:
        running = [
            each for each in await asyncio.gather(*(admitted(one, [SLOTS]) for one in workers)) if each
        ]
        assert len(running) == 2
        for each in running:
            each.end()


def hold(rates: SqlRateStore, worker: str, already: int = 0) -> bool:
    exchange = Exchange(worker=worker, held=(Part(SLOTS, already),), asks=((Part(SLOTS, 1),),))
    return rates.exchange(exchange).admitted == (True,)


def test_the_slots_of_a_dead_worker_are_freed_by_its_adoption(rates: SqlRateStore, store: Store) -> None:
    assert [hold(rates, "w0"), hold(rates, "w0", 1)] == [True, True]
    assert not hold(rates, "w1")
    nothing = Batch(worker="w0", start=0, end=0, entries=(), shortfall={}, back={}, answers={})
    store.spend.adopt(nothing, ())
    assert [hold(rates, "w1"), hold(rates, "w1", 1)] == [True, True]


def test_the_slots_of_a_silent_worker_are_free_after_a_minute(
    rates: SqlRateStore, place: Place, clock: HeldClock
) -> None:
    assert [hold(rates, "w0"), hold(rates, "w1")] == [True, True]
    clock.move(30)
    rates.exchange(Exchange(worker="w1", held=(Part(SLOTS, 1),)))
    clock.move(30)
    assert not hold(rates, "w2")
    clock.move(0.001)
    assert hold(rates, "w2")
    assert not hold(rates, "w3")
    assert sorted(place.rows("SELECT worker, held FROM rate_slot")) == [("w1", 1), ("w2", 1)]
    # It was only paused: what runs there runs, whatever the limit is.
    rates.exchange(Exchange(worker="w0", held=(Part(SLOTS, 1),)))
    rates.exchange(Exchange(worker="w2", held=(Part(SLOTS, 0),)))
    assert not hold(rates, "w3")
    rates.exchange(Exchange(worker="w0", held=(Part(SLOTS, 0),)))
    assert hold(rates, "w3")


def test_debts_are_kept(rates: SqlRateStore, place: Place, clock: HeldClock) -> None:
    ask = (Part(TOKENS, 40),)
    assert rates.exchange(Exchange(worker="w0", asks=(ask,))).admitted == (True,)
    rates.exchange(Exchange(worker="w1", charges=(Charge(TOKENS, 190),)))
    assert place.rows("SELECT id, start_ms, taken, debt FROM rate") == [(TOKENS.id, NOON, 100, 130)]
    clock.move(2 * MINUTE_MS / 1_000)
    assert rates.exchange(Exchange(worker="w2", asks=(ask, ask, ask))).admitted == (True, False, False)
    assert place.rows("SELECT start_ms, taken, debt FROM rate") == [(NOON + 2 * MINUTE_MS, 70, 0)]


def test_the_minute_is_that_of_the_stores_own_clock(store: Store) -> None:
    store.spend.open_worker(life("w0"))
    reading = store.rates.exchange(Exchange(worker="w0", asks=((Part(REQUESTS, 1),),))).readings[REQUESTS.id]
    assert reading.tally.start_ms == reading.now_ms - reading.now_ms % MINUTE_MS
    assert (reading.tally.taken, reading.reserve) == (1, 0)
