"""Limiting: one worker's side of the rate limits, on a store in memory whose clock stands still."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from math import inf

import pytest

from tests.clocks import HeldClock
from tests.spend.memory_rates import MemoryRates
from zai_gateway.errors import Code, Failure, StoreUnavailable
from zai_gateway.spend.limiting import Admission, Limits
from zai_gateway.spend.rate_asking import Rhythm
from zai_gateway.spend.rates import RateLimit, Resource, Tally

NOON = 1_767_268_800_000


def limit(most: int, resource: Resource = Resource.REQUESTS, owner: str = "key_1") -> RateLimit:
    kind = "workspace" if owner.startswith("ws") else "key"
    return RateLimit(owner=owner, owner_kind=kind, resource=resource, limit=most)


@asynccontextmanager
async def limiting(
    store: MemoryRates, clock: HeldClock, worker: str = "w1", rhythm: Rhythm | None = None
) -> AsyncGenerator[Limits]:
    with ThreadPoolExecutor(1) as threads:
        limits = Limits(store, lambda: worker, clock, threads, rhythm)
        yield limits
        await limits.close(5)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock(NOON + 10_000)


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not happened():
            await asyncio.sleep(0.002)


async def admitted(limits: Limits, of: Sequence[RateLimit], tokens: int = 0) -> Admission | None:
    """The admission that was entered; None where it was refused."""
    admission = limits.admission(of, tokens)
    try:
        await admission.enter()
    except Failure as refused:
        assert refused.code is Code.RATE_LIMITED
        return None
    return admission


async def refusal(limits: Limits, of: Sequence[RateLimit], tokens: int = 0) -> Failure:
    with pytest.raises(Failure) as refused:
        await limits.admission(of, tokens).enter()
    return refused.value


async def count(limits: Limits, of: Sequence[RateLimit], tries: int) -> int:
    """How many of so many requests at once are admitted."""
    came = await asyncio.gather(*(admitted(limits, of) for _ in range(tries)))
    return sum(each is not None for each in came)


async def test_a_request_without_limits_asks_nothing(clock: HeldClock) -> None:
    store = MemoryRates(clock)
    async with limiting(store, clock) as limits:
        admission = limits.admission((), 1_000)
        await admission.enter()
        admission.spent(5_000)
        admission.end()
        assert admission.headers() == ()
    assert store.exchanges == []


async def test_as_many_as_the_limit_in_a_minute_of_the_store(clock: HeldClock) -> None:
    store = MemoryRates(clock, workers=8)
    async with limiting(store, clock) as limits:
        assert await count(limits, [limit(5)], 12) == 5
        assert await count(limits, [limit(5)], 3) == 0
        clock.move(49.999)
        assert await count(limits, [limit(5)], 3) == 0
        clock.move(0.001)
        assert await count(limits, [limit(5)], 12) == 5


async def test_who_is_refused_learns_why_and_for_how_long(clock: HeldClock) -> None:
    async with limiting(MemoryRates(clock), clock) as limits:
        requests = [limit(2), limit(2, owner="ws_1")]
        assert await count(limits, requests, 2) == 2
        refused = await refusal(limits, requests)
        assert refused.detail == "Rate limit exceeded"
        assert refused.message == (
            "This API key's limit of 2 requests per minute is reached. Try again in 50s."
        )
        assert refused.retry_after == 50
        assert refused.notices == (
            ("x-ratelimit-limit-requests", "2"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "50s"),
        )


async def test_the_headers_are_those_of_the_tighter_limit(clock: HeldClock) -> None:
    async with limiting(MemoryRates(clock), clock) as limits:
        both = [limit(10), limit(5, owner="ws_1"), limit(1_000, Resource.TOKENS)]
        admission = await admitted(limits, both, 300)
        assert admission is not None
        assert dict(admission.headers()) == {
            "x-ratelimit-limit-requests": "5",
            "x-ratelimit-remaining-requests": "4",
            "x-ratelimit-reset-requests": "50s",
            "x-ratelimit-limit-tokens": "1000",
            "x-ratelimit-remaining-tokens": "700",
            "x-ratelimit-reset-tokens": "50s",
        }


async def test_a_refusal_takes_nothing_of_any_limit(clock: HeldClock) -> None:
    store = MemoryRates(clock)
    key, workspace = limit(1), limit(5, owner="ws_1")
    async with limiting(store, clock) as limits:
        assert await count(limits, [key, workspace], 4) == 1
        other = limit(10, owner="key_2")
        assert await count(limits, [other, workspace], 10) == 4


async def test_a_storm_of_refusals_asks_the_store_four_times_a_second(clock: HeldClock) -> None:
    store = MemoryRates(clock)
    async with limiting(store, clock) as limits:
        await count(limits, [limit(1)], 2)
        asked = len(store.exchanges)
        assert await count(limits, [limit(1)], 100) == 0
        assert len(store.exchanges) == asked
        clock.move(0.25)
        assert await count(limits, [limit(1)], 100) == 0
        assert len(store.exchanges) == asked + 1


async def test_a_large_limit_is_leased_and_asks_seldom(clock: HeldClock) -> None:
    store = MemoryRates(clock)
    async with limiting(store, clock) as limits:
        for _ in range(100):
            assert await admitted(limits, [limit(1_000)])
        # A chunk of 50 beside the one that asks.
        assert len(store.exchanges) == 2
        assert await count(limits, [limit(1_000)], 1_000) == 900


async def test_what_is_leased_is_used_without_a_suspension(clock: HeldClock) -> None:
    async with limiting(MemoryRates(clock), clock) as limits:
        of = [limit(1_000), limit(100_000, Resource.TOKENS), limit(100, Resource.CONCURRENCY)]
        assert await admitted(limits, of, 10)
        entering = limits.admission(of, 10).enter()
        with pytest.raises(StopIteration):
            entering.send(None)


async def test_what_is_leased_dies_with_its_minute(clock: HeldClock) -> None:
    store = MemoryRates(clock)
    async with limiting(store, clock) as limits:
        assert await admitted(limits, [limit(1_000)])
        clock.move(50)
        assert await admitted(limits, [limit(1_000)])
        assert len(store.exchanges) == 2
        assert store.tallies[limit(1_000).id] == Tally(NOON + 60_000, 51)


async def test_another_limit_holds_at_once(clock: HeldClock) -> None:
    store = MemoryRates(clock)
    async with limiting(store, clock) as limits:
        assert await count(limits, [limit(1_000)], 3) == 3
        assert await count(limits, [limit(4)], 10) == 0
        assert await count(limits, [limit(100)], 1) == 1


async def test_tokens_are_charged_by_the_estimate_then_by_what_was_used(clock: HeldClock) -> None:
    store = MemoryRates(clock)
    tokens = limit(1_000, Resource.TOKENS)
    async with limiting(store, clock) as limits:
        first = await admitted(limits, [tokens], 400)
        assert first is not None
        first.spent(1_500)
        first.spent(800)
        first.end()
        refused = await refusal(limits, [tokens], 1)
        # 2,300 used of 1,000 a minute: this minute, the next one and a part of the third are gone.
        assert refused.retry_after == 50 + 60
        assert dict(refused.notices)["x-ratelimit-reset-tokens"] == "2m50s"
        await until(lambda: store.tallies[tokens.id] == Tally(NOON, 1_000, 1_300))
        clock.move(109.999)
        assert await admitted(limits, [tokens], 1) is None
        clock.move(0.001)
        assert await admitted(limits, [tokens], 700)
        assert await admitted(limits, [tokens], 1) is None


async def test_what_was_estimated_and_not_used_is_left_to_others(clock: HeldClock) -> None:
    store = MemoryRates(clock)
    tokens = limit(1_000, Resource.TOKENS)
    async with limiting(store, clock) as limits:
        first = await admitted(limits, [tokens], 900)
        assert first is not None
        assert await admitted(limits, [tokens], 200) is None
        first.spent(100)
        first.end()
        assert await admitted(limits, [tokens], 200)
    assert store.tallies[tokens.id].taken == 300 + 50


async def test_an_input_that_no_minute_has_room_for_is_told_so(clock: HeldClock) -> None:
    async with limiting(MemoryRates(clock), clock) as limits:
        refused = await refusal(limits, [limit(1_000, Resource.TOKENS)], 1_001)
        assert refused.retry_after == inf
        assert (
            "about 1001 tokens, more than this API key's limit of 1000 tokens per minute" in refused.message
        )


async def test_requests_at_once_are_freed_by_their_end(clock: HeldClock) -> None:
    store = MemoryRates(clock, workers=8)
    slots = limit(2, Resource.CONCURRENCY)
    async with limiting(store, clock) as limits, limiting(store, clock, "w2") as others:
        first, second = await admitted(limits, [slots]), await admitted(others, [slots])
        assert first is not None
        assert second is not None
        refused = await refusal(limits, [slots])
        assert refused.message.startswith("This API key's limit of 2 requests at once is reached.")
        assert refused.retry_after == 1
        first.end()
        # Its own worker knows at once, the others as soon as the store does.
        again = await admitted(limits, [slots])
        assert again is not None
        again.end()
        await until(lambda: store.held(slots.id) == 1)
        assert await admitted(others, [slots])


async def test_requests_at_once_are_heard_of_as_long_as_they_run(clock: HeldClock) -> None:
    store = MemoryRates(clock, workers=8)
    slots = limit(1, Resource.CONCURRENCY)
    quick = Rhythm(pulse=0.01)
    async with limiting(store, clock, rhythm=quick) as limits, limiting(store, clock, "w2") as others:
        running = await admitted(limits, [slots])
        for _ in range(3):
            clock.move(50)
            await until(lambda: store.slots[slots.id, "w1"] == (1, clock.now_ms()))
        assert await admitted(others, [slots]) is None
        assert running is not None
        running.end()


async def test_the_slots_of_a_silent_worker_are_free_after_a_minute(clock: HeldClock) -> None:
    store = MemoryRates(clock, workers=8)
    slots = limit(1, Resource.CONCURRENCY)
    async with limiting(store, clock) as silent, limiting(store, clock, "w2") as others:
        running = await admitted(silent, [slots])
        clock.move(60)
        assert await admitted(others, [slots]) is None
        clock.move(1)
        other = await admitted(others, [slots])
        assert other is not None
        # Back again, it has no right to the slot that it had, and asks.
        assert running is not None
        running.end()
        assert await admitted(silent, [slots]) is None


async def test_while_the_store_is_down_what_is_leased_serves_and_then_it_is_503(clock: HeldClock) -> None:
    store = MemoryRates(clock)
    async with limiting(store, clock) as limits:
        assert await admitted(limits, [limit(1_000)])
        store.down = True
        for _ in range(50):
            assert await admitted(limits, [limit(1_000)])
        with pytest.raises(StoreUnavailable):
            await admitted(limits, [limit(1_000)])
        store.down = False
        assert await admitted(limits, [limit(1_000)])


async def test_a_store_that_hangs_is_503_after_a_while(clock: HeldClock) -> None:
    store = MemoryRates(clock)
    async with limiting(store, clock, rhythm=Rhythm(patience=0.01)) as limits:
        with store._lock, pytest.raises(StoreUnavailable):  # pyright: ignore[reportPrivateUsage]  # to hang it
            await admitted(limits, [limit(5)])
        # Nobody had the request that was granted meanwhile.
        await until(lambda: store.tallies == {limit(5).id: Tally(NOON, 0)})
        assert await count(limits, [limit(5)], 10) == 5


async def test_what_was_used_is_told_once_the_store_is_back(clock: HeldClock) -> None:
    store = MemoryRates(clock)
    tokens = limit(1_000, Resource.TOKENS)
    async with limiting(store, clock) as limits:
        running = await admitted(limits, [tokens], 10)
        assert running is not None
        store.down = True
        running.spent(5_000)
        running.end()
        with pytest.raises(StoreUnavailable):
            await admitted(limits, [tokens], 100)
        store.down = False
        assert await admitted(limits, [tokens], 100) is None
        assert store.tallies[tokens.id] == Tally(NOON, 1_000, 4_000)


async def test_what_may_have_been_counted_is_not_counted_twice(clock: HeldClock) -> None:
    store = MemoryRates(clock)
    tokens = limit(1_000, Resource.TOKENS)
    async with limiting(store, clock) as limits:
        running = await admitted(limits, [tokens], 10)
        assert running is not None
        store.in_doubt = True
        running.spent(500)
        running.end()
        await until(lambda: store.tallies[tokens.id].taken == 500)
        store.in_doubt = False
        assert await admitted(limits, [tokens], 450)


async def test_a_client_that_leaves_while_it_waits_takes_nothing(clock: HeldClock) -> None:
    store = MemoryRates(clock)
    of = [limit(1), limit(1, Resource.CONCURRENCY)]
    async with limiting(store, clock) as limits:
        with store._lock:  # pyright: ignore[reportPrivateUsage]  # so that it waits
            leaving = asyncio.ensure_future(admitted(limits, of))
            await asyncio.sleep(0.01)
            leaving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaving
        await until(lambda: store.held(of[1].id) == 0 and store.tallies == {of[0].id: Tally(NOON, 0)})
        assert await admitted(limits, of)


async def test_many_requests_at_once_are_one_transaction(clock: HeldClock) -> None:
    store = MemoryRates(clock, workers=8)
    async with limiting(store, clock) as limits:
        with store._lock:  # pyright: ignore[reportPrivateUsage]  # so that they gather behind the first
            first = asyncio.ensure_future(admitted(limits, [limit(100)]))
            await asyncio.sleep(0.01)
            rest = asyncio.ensure_future(count(limits, [limit(100)], 50))
            await asyncio.sleep(0.01)
        assert await first
        assert await rest == 50
        assert len(store.exchanges) == 2


async def test_an_end_leaves_no_task_and_nothing_held(clock: HeldClock) -> None:
    store = MemoryRates(clock)
    of = [limit(1_000), limit(100, Resource.CONCURRENCY)]
    async with limiting(store, clock) as limits:
        running = await admitted(limits, of)
        assert running is not None
        assert store.held(of[1].id) == 1 + 5
        running.end()
    assert store.held(of[1].id) == 0
    with pytest.raises(StoreUnavailable):
        await admitted(limits, [limit(5, owner="key_2")])


async def test_ten_thousand_keys_leave_no_more_behind_than_they_use(clock: HeldClock) -> None:
    store = MemoryRates(clock)
    async with limiting(store, clock) as limits:
        keys = [[limit(1, owner=f"key_{number}")] for number in range(10_100)]
        for start in range(0, len(keys), 500):
            await asyncio.gather(*(admitted(limits, of) for of in keys[start : start + 500]))
        assert len(limits._leases) < 10_000  # pyright: ignore[reportPrivateUsage]  # it is told nowhere
