"""The watch over spending: what nobody confirms in time is written off, and numbers are told to the store."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.bookings import Booker, outcome
from tests.clocks import HeldClock
from zai_gateway.accounts.actor import operator
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.accounts.vault import Vault
from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.spending import Numbers
from zai_gateway.spend.watch import Watch
from zai_gateway.storage.store import Store

DAY = 86_400.0
WAIT = 60.0


class Spent:
    """A worker whose numbers a test sets."""

    worker = "worker_1"

    def __init__(self) -> None:
        self.now = Numbers(
            grants=0,
            refusals=0,
            recalls=0,
            answers=0,
            overruns=0,
            flush_lag=0.0,
            unflushed=0,
            journal_bytes=4_096,
            open_holds=0,
            waiting=0,
        )

    def numbers(self) -> Numbers:
        return self.now


class Told:
    """A register that keeps all it is told, and is down when a test says so."""

    def __init__(self) -> None:
        self.told: list[Mapping[str, int | float]] = []
        self.down = False

    def tell(self, worker: str, numbers: Mapping[str, int | float]) -> None:
        if self.down:
            raise StoreUnavailable
        assert worker == "worker_1"
        self.told.append(numbers)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store.open(tmp_path / "data")) as store:
        yield store


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


@pytest.fixture
def booker(store: Store, clock: HeldClock) -> Booker:
    accounts = Accounts(store.accounts, store.reports, Vault("z" * 43 + "="), clock)
    accounts.first_start()
    workspace = accounts.the_workspace().id
    key = accounts.api_keys.create(operator(), workspace, KeyChanges(name="ci")).key
    booker = Booker(store.spend, key)
    booker.open(clock.now_ms())
    return booker


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


def watch(
    store: Store,
    threads: ThreadPoolExecutor,
    clock: HeldClock,
    assume_after: float | None = DAY,
    told: Told | None = None,
) -> Watch:
    return Watch(Spent(), store.resolutions, told or store.numbers, threads, clock, assume_after)


async def test_what_nobody_confirmed_for_a_day_is_written_off_and_said(
    store: Store,
    threads: ThreadPoolExecutor,
    clock: HeldClock,
    booker: Booker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    watching = watch(store, threads, clock)
    booker.book("req_old", outcome(5, 40, estimate=12), clock.now_ms())
    clock.move(1.0)
    booker.book("req_new", outcome(0, 30), clock.now_ms())
    clock.move(DAY - 1.0)
    assert await watching.write_off() == 0
    assert caplog.records == []
    clock.move(0.001)
    with caplog.at_level(logging.WARNING):
        assert await watching.write_off() == 1
    assert [each.attempt.request for each in store.resolutions.unconfirmed(None, 9)] == ["req_new"]
    (said,) = [each.getMessage() for each in caplog.records]
    assert "in 86400 s" in said
    assert "now on: 1 (" in said


async def test_more_than_one_transaction_s_worth_is_written_off_at_once(
    store: Store, threads: ThreadPoolExecutor, clock: HeldClock, booker: Booker
) -> None:
    booker.lease(2 * 502)
    first = booker.book("req_0", outcome(0, 2), clock.now_ms())
    booker.flush([replace(first, attempt=replace(first.attempt, request=f"req_{n + 1}")) for n in range(501)])
    clock.move(2.0)
    assert await watch(store, threads, clock, 1.0).write_off() == 502
    assert store.resolutions.unconfirmed(None, 9) == ()


async def test_never_is_never(
    store: Store, threads: ThreadPoolExecutor, clock: HeldClock, booker: Booker
) -> None:
    booker.book("req_old", outcome(5, 40), 0)
    assert await watch(store, threads, clock, None).write_off() == 0
    assert len(store.resolutions.unconfirmed(None, 9)) == 1


async def test_its_rounds_write_off_by_themselves_until_it_stops(
    store: Store, threads: ThreadPoolExecutor, clock: HeldClock, booker: Booker
) -> None:
    booker.book("req_old", outcome(5, 40), 0)
    watching = watch(store, threads, clock, 0.001)
    watching.start()
    async with asyncio.timeout(WAIT):
        while store.resolutions.unconfirmed(None, 9):
            await asyncio.sleep(0.01)
    await watching.stop()


async def test_numbers_are_told_where_they_are_others_than_before(
    store: Store, threads: ThreadPoolExecutor, clock: HeldClock
) -> None:
    spent, told = Spent(), Told()
    watching = Watch(spent, store.resolutions, told, threads, clock, None)
    await watching.tell()
    await watching.tell()
    assert [each["at_ms"] for each in told.told] == [clock.now_ms()]
    spent.now = replace(spent.now, grants=7, flush_lag=0.5)
    told.down = True
    with pytest.raises(StoreUnavailable):
        await watching.tell()
    told.down = False
    await watching.tell()
    assert (told.told[-1]["grants"], told.told[-1]["flush_lag"]) == (7, 0.5)


async def test_the_store_keeps_what_a_worker_told(
    store: Store, threads: ThreadPoolExecutor, clock: HeldClock, booker: Booker
) -> None:
    assert booker.worker == Spent.worker
    await watch(store, threads, clock).tell()
    (worker,) = store.accounts.worker_standings()
    assert worker.numbers is not None
    assert (worker.numbers["journal_bytes"], worker.numbers["at_ms"]) == (4_096, clock.now_ms())
