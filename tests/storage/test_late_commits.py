"""Commits that PostgreSQL carries out late, when who sent them has given up or is dead."""

import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from sqlalchemy import Connection

from tests.storage.places import Place
from tests.storage.samples import (
    ME,
    NOON,
    Flushes,
    add_budget,
    attempt,
    audit,
    entry,
    lease,
    need,
    window,
    with_key,
)
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.store import OpenHold, OutOfStep, WorkerLost
from zai_gateway.storage.database import Database
from zai_gateway.storage.spend_store import SqlSpendStore
from zai_gateway.storage.store import Store

PATIENCE = 60.0


@pytest.fixture
def engine() -> str:
    return "postgresql"


class Late:
    """A database whose next commit stays under way until it is let go."""

    def __init__(self, database: Database) -> None:
        self.shared, self.read, self.close = database.shared, database.read, database.close
        self._write = database.write
        self.under_way, self.let_go = Event(), Event()

    @contextmanager
    def write(self) -> Generator[Connection]:
        with self._write() as connection:
            yield connection
            self.under_way.set()
            assert self.let_go.wait(PATIENCE)


@contextmanager
def both_ends(place: Place) -> Generator[tuple[Store, Late, ThreadPoolExecutor]]:
    """A store, a database under it whose next commit is late, and threads to wait for both."""
    with (
        closing(place.open(PATIENCE)) as store,
        closing(Late(place.database(PATIENCE))) as late,
        ThreadPoolExecutor(2) as threads,
    ):
        yield store, late, threads


def until_it_waits(place: Place, move: Future[Any]) -> None:
    """Waits until the move stands behind a lock of another transaction, or has ended."""
    assert place.address is not None
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    give_up = time.monotonic() + PATIENCE
    with psycopg.connect(place.address, autocommit=True) as watcher:
        while not move.done() and watcher.execute(waiting).fetchone() == (0,):
            assert time.monotonic() < give_up
            time.sleep(0.01)


def test_who_is_in_doubt_waits_for_its_late_flush(place: Place) -> None:
    with both_ends(place) as (store, late, threads):
        cap = with_key(store, cap=100)
        assert lease(store, 60, cap)
        batch = Flushes(store).batch(entry(attempt(), [window(cap)], 20), back={window(cap): 10})
        flushing = threads.submit(SqlSpendStore(late).flush, batch)
        assert late.under_way.wait(PATIENCE)
        reread = threads.submit(store.spend.worker, ME)
        until_it_waits(place, reread)
        late.let_go.set()
        flushing.result(PATIENCE)
        level = reread.result(PATIENCE)
        (its,) = level.leases
        assert (level.applied, its.granted, its.spent) == (1, 50, 20)
        with pytest.raises(OutOfStep):
            store.spend.flush(batch)
    audit(place)


def test_who_is_in_doubt_waits_for_its_late_grant(place: Place) -> None:
    with both_ends(place) as (store, late, threads):
        cap = with_key(store, cap=100)
        granting = threads.submit(SqlSpendStore(late).grant, ME, [need(cap, 60)])
        assert late.under_way.wait(PATIENCE)
        reread = threads.submit(store.spend.worker, ME)
        until_it_waits(place, reread)
        late.let_go.set()
        granting.result(PATIENCE)
        (its,) = reread.result(PATIENCE).leases
        assert its.granted == 60
    audit(place)


def test_a_flush_does_not_wait_for_the_worker_s_grant(place: Place) -> None:
    with both_ends(place) as (store, late, threads):
        cap = with_key(store, cap=100)
        assert lease(store, 60, cap)
        other = add_budget(place, Budget(id="other", owner="other", limit=50))
        granting = threads.submit(SqlSpendStore(late).grant, ME, [need(other, 50)])
        assert late.under_way.wait(PATIENCE)
        Flushes(store).flush(entry(attempt(), [window(cap)], 20))
        late.let_go.set()
        granting.result(PATIENCE)
    audit(place)


def test_the_last_flush_of_a_dead_worker_is_booked_once(place: Place) -> None:
    with both_ends(place) as (store, late, threads):
        cap = with_key(store, cap=100)
        assert lease(store, 70, cap)
        its = Flushes(store)
        batch = its.batch(entry(attempt("req_1"), [window(cap)], 20))
        left = OpenHold(entry=entry(attempt("req_2"), [window(cap)], 0, 10))
        flushing = threads.submit(SqlSpendStore(late).flush, batch)
        assert late.under_way.wait(PATIENCE)
        adopted = threads.submit(store.spend.adopt, batch, [left])
        until_it_waits(place, adopted)
        late.let_go.set()
        flushing.result(PATIENCE)
        # Its adopter had read that nothing was applied yet, and reads it again.
        with pytest.raises(OutOfStep):
            adopted.result(PATIENCE)
        assert store.spend.worker(ME).applied == 1
        store.spend.adopt(replace(batch, start=1, entries=()), [left])
        (standing,) = store.spend.standings("key_1", NOON)
        assert (standing.spent, standing.risk, standing.held) == (20, 10, 0)
    audit(place)


@pytest.mark.parametrize("end", ["lose", "close"])
def test_no_late_grant_comes_after_the_end(place: Place, end: str) -> None:
    with both_ends(place) as (store, late, threads):
        cap = with_key(store, cap=100)
        ends: dict[str, Callable[[], object]] = {
            "lose": lambda: store.spend.lose(ME, NOON),
            "close": lambda: store.spend.close_worker(ME),
        }
        granting = threads.submit(SqlSpendStore(late).grant, ME, [need(cap, 60)])
        assert late.under_way.wait(PATIENCE)
        ending = threads.submit(ends[end])
        until_it_waits(place, ending)
        late.let_go.set()
        granting.result(PATIENCE)
        ending.result(PATIENCE)
        (standing,) = store.spend.standings("key_1", NOON)
        assert (standing.risk, standing.held) == (60 if end == "lose" else 0, 0)
        with pytest.raises(WorkerLost):
            store.spend.grant(ME, [need(cap, 1)])
    audit(place)
