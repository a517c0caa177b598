"""Rolling up beside requests: what is old enough is added up, and a store that is down is asked again."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.bookings import Booker, outcome
from tests.clocks import HeldClock
from zai_gateway.accounts.actor import operator
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.accounts.usage_books import UsageQuery
from zai_gateway.accounts.vault import Vault
from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.reports import Rolled, Rollup
from zai_gateway.spend.rolling import LAG_MS, Rolling
from zai_gateway.storage.store import Store

WAIT = 60.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store.open(tmp_path / "data")) as store:
        yield store


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


class Faltering:
    """A rollup that fails in these ways first, and then says that it was asked."""

    def __init__(self, *troubles: Exception) -> None:
        self._troubles = list(troubles)
        self._steps = [Rolled(entries=2, rolled_ms=1, more=True), Rolled(entries=1, rolled_ms=2, more=False)]
        self.whole = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def fence(self, before_ms: int) -> bool:
        if self._troubles:
            raise self._troubles.pop(0)
        return True

    def step(self) -> Rolled:
        rolled = self._steps.pop(0)
        if not rolled.more:
            self._loop.call_soon_threadsafe(self.whole.set)
        return rolled


@asynccontextmanager
async def going(
    rollup: Rollup, threads: ThreadPoolExecutor, clock: HeldClock, seconds: float | None
) -> AsyncGenerator[Rolling]:
    rolling = Rolling(rollup, threads, clock, seconds)
    rolling.start()
    try:
        yield rolling
    finally:
        await rolling.stop()


async def test_what_is_old_enough_is_added_up(
    store: Store, threads: ThreadPoolExecutor, clock: HeldClock
) -> None:
    accounts = Accounts(store.accounts, store.reports, Vault("z" * 43 + "="), clock)
    accounts.first_start()
    place = accounts.the_workspace().id
    key = accounts.api_keys.create(operator(), place, KeyChanges(name="ci", cap=1_000)).key
    booker, now = Booker(store.spend, key), clock.now_ms()
    booker.open(now)
    rolling = Rolling(store.rollup, threads, clock, None)
    assert await rolling.roll() == 0
    booker.book("req_1", outcome(5), now)
    booker.book("req_2", outcome(6), now + 1)
    assert await rolling.roll() == 0
    clock.move((LAG_MS + 1) / 1_000)
    assert await rolling.roll() == 1
    assert await rolling.roll() == 0
    clock.move(0.001)
    assert await rolling.roll() == 1
    row = accounts.usage.totals(operator(), place, UsageQuery(since_ms=now - 1, until_ms=now + 2))
    assert (row.sums.requests, row.sums.cost) == (2, 11)


async def test_rounds_go_on_whatever_happens_in_one(
    threads: ThreadPoolExecutor, clock: HeldClock, caplog: pytest.LogCaptureFixture
) -> None:
    rollup = Faltering(StoreUnavailable("down"), RuntimeError("with the values of a row"))
    with caplog.at_level(logging.INFO):
        async with going(rollup, threads, clock, 0.001):
            await asyncio.wait_for(rollup.whole.wait(), WAIT)
    assert [record.getMessage() for record in caplog.records if record.name.endswith("rolling")] == [
        "a round of adding up the ledger failed: RuntimeError"
    ]


async def test_who_need_not_does_nothing(threads: ThreadPoolExecutor, clock: HeldClock) -> None:
    rollup = Faltering()
    async with going(rollup, threads, clock, None) as rolling:
        assert not rollup.whole.is_set()
        assert await rolling.roll() == 3
