"""Spending over a slow or doubtful store: nobody waits for ever, and nothing stays held for nobody."""

import asyncio
import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import NoReturn

import pytest

from tests.clocks import HeldClock
from zai_gateway.catalogue.bound import Bound
from zai_gateway.errors import StoreInDoubt, StoreUnavailable
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.ledger import Attempt, Entry, Outcome
from zai_gateway.spend.spending import Spending
from zai_gateway.spend.store import Granted, Standing, WorkerLife

GRANTED = Granted(("window",), 5, None)


class SlowStore:
    """Answers holds when it is let go, with what the test put in; notes what it was asked."""

    def __init__(self) -> None:
        self.go = Event()
        self.failing: StoreUnavailable | None = None
        self.holds: list[str] = []
        self.released: list[tuple[str, Granted | None]] = []

    def hold(
        self, worker: str, attempt: Attempt, budgets: tuple[Budget, ...], bound: Bound | None
    ) -> Granted:
        self.holds.append(attempt.request)
        assert self.go.wait(60)
        if self.failing is not None:
            raise self.failing
        return GRANTED

    def release(self, worker: str, attempt: Attempt, granted: Granted | None) -> None:
        self.released.append((attempt.request, granted))

    def standings(self, owner: str, now_ms: int) -> tuple[Standing, ...]:
        assert self.go.wait(60)
        return ()

    def settle(self, entry: Entry, held: int) -> NoReturn:
        raise AssertionError("nothing was sent")

    def open_worker(self, worker: WorkerLife) -> NoReturn:
        raise NotImplementedError

    def adopt(self, worker: str, now_ms: int) -> NoReturn:
        raise NotImplementedError

    def live_workers(self) -> NoReturn:
        raise NotImplementedError

    def close_worker(self, worker: str) -> NoReturn:
        raise NotImplementedError


class Unsent:
    """The account of an attempt that was never sent."""

    def outcome(self, granted: Granted) -> Outcome | None:
        return None


@pytest.fixture
def store() -> Iterator[SlowStore]:
    store = SlowStore()
    yield store
    store.go.set()


@pytest.fixture
def spending(store: SlowStore) -> Iterator[Spending]:
    with ThreadPoolExecutor(1) as threads:
        yield Spending(store, HeldClock(), "worker_1", moves=threads, reads=threads, patience=0.05)
        store.go.set()


def attempt(request: str) -> Attempt:
    return Attempt(
        request=request,
        number=1,
        workspace="ws",
        key="key",
        member=None,
        tags=(),
        provider="openai",
        provider_key=None,
        requested_model="m",
        answering_model="openai/m",
        price_version=None,
        streamed=False,
        started_ms=0,
    )


async def hold(spending: Spending, request: str) -> None:
    async with spending.hold(attempt(request), (), None, Unsent()):
        pass


async def test_a_hold_that_comes_too_late_is_given_back(spending: Spending, store: SlowStore) -> None:
    with pytest.raises(StoreUnavailable, match="more to do"):
        await hold(spending, "req_1")
    assert store.released == []
    store.go.set()
    await spending.drain(60)
    assert store.released == [("req_1", GRANTED)]


async def test_one_that_waited_in_line_in_vain_is_never_asked_for(
    spending: Spending, store: SlowStore
) -> None:
    asked = [hold(spending, f"req_{number}") for number in range(20)]
    for refused in await asyncio.gather(*asked, return_exceptions=True):
        assert isinstance(refused, StoreUnavailable)
    store.go.set()
    await spending.drain(60)
    assert store.holds == ["req_0"]
    assert store.released == [("req_0", GRANTED)]


@pytest.mark.parametrize("late", [False, True])
async def test_a_hold_in_doubt_is_released(spending: Spending, store: SlowStore, late: bool) -> None:
    store.failing = StoreInDoubt("no answer to the commit")
    if not late:
        store.go.set()
    with pytest.raises(StoreUnavailable):
        await hold(spending, "req_1")
    store.go.set()
    await spending.drain(60)
    assert store.released == [("req_1", None)]


async def test_a_hold_that_was_surely_not_made_is_not_released(spending: Spending, store: SlowStore) -> None:
    store.failing = StoreUnavailable("nobody is there")
    store.go.set()
    with pytest.raises(StoreUnavailable, match="nobody"):
        await hold(spending, "req_1")
    await spending.drain(60)
    assert store.released == []


async def test_standings_are_not_waited_for_for_ever(spending: Spending) -> None:
    with pytest.raises(StoreUnavailable):
        await spending.standings("key")


async def test_a_refusal_that_comes_too_late_is_no_complaint(spending: Spending, store: SlowStore) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    store.failing = StoreUnavailable("locked")
    # In a task of its own, so that nothing keeps what it left behind from being collected.
    asked = asyncio.create_task(hold(spending, "req_1"))
    await asyncio.wait({asked})
    assert isinstance(asked.exception(), StoreUnavailable)
    del asked
    store.go.set()
    await spending.drain(60)
    store.failing = None
    for _ in range(3):
        await asyncio.sleep(0.01)
        gc.collect()
    assert complaints == []
    assert store.released == []
