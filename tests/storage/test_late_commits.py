"""Commits that PostgreSQL carries out late, when who sent them has given up or is dead."""

import time
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection

from tests.storage.places import Place
from tests.storage.samples import NOON, attempt, audit, entry, fixed, life, outcome, with_key
from zai_gateway.storage.database import Database
from zai_gateway.storage.spend_store import SqlSpendStore

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


def until_it_waits(place: Place, move: Future[Any]) -> None:
    """Waits until the move stands behind a lock of another transaction, or has ended."""
    assert place.address is not None
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    give_up = time.monotonic() + PATIENCE
    with psycopg.connect(place.address, autocommit=True) as watcher:
        while not move.done() and watcher.execute(waiting).fetchone() == (0,):
            assert time.monotonic() < give_up
            time.sleep(0.01)


def test_a_hold_in_doubt_that_is_committed_late_is_given_back(place: Place) -> None:
    with (
        closing(place.open(PATIENCE)) as store,
        closing(Late(place.database(PATIENCE))) as late,
        ThreadPoolExecutor(2) as threads,
    ):
        budgets = with_key(store, cap=100)
        holding = threads.submit(SqlSpendStore(late).hold, "worker_1", attempt("req_1"), budgets, fixed(60))
        assert late.under_way.wait(PATIENCE)
        # Its asker was told that nobody knows, and gives back whatever it was.
        released = threads.submit(store.spend.release, "worker_1", attempt("req_1"), None)
        until_it_waits(place, released)
        late.let_go.set()
        holding.result(PATIENCE)
        released.result(PATIENCE)
        (standing,) = store.spend.standings("key_1", NOON)
        assert standing.held == 0
        assert place.rows("SELECT request FROM hold") == []
        # One that never came about is given back as well, and changes nothing.
        store.spend.release("worker_1", attempt("req_2"), None)
        assert place.rows("SELECT request FROM hold") == []
    audit(place)


def test_the_last_settlement_of_a_dead_worker_is_booked_once(place: Place) -> None:
    with (
        closing(place.open(PATIENCE)) as store,
        closing(Late(place.database(PATIENCE))) as late,
        ThreadPoolExecutor(2) as threads,
    ):
        budgets = with_key(store, cap=100)
        store.spend.open_worker(life("dead"))
        first, second = attempt("req_1"), attempt("req_2")
        granted = store.spend.hold("dead", first, budgets, fixed(60))
        store.spend.hold("dead", second, budgets, fixed(10))
        booked = entry(first, granted, outcome(20), "dead")
        settling = threads.submit(SqlSpendStore(late).settle, booked, granted.amount)
        assert late.under_way.wait(PATIENCE)
        adopted = threads.submit(store.spend.adopt, "dead", NOON + 1)
        until_it_waits(place, adopted)
        late.let_go.set()
        settling.result(PATIENCE)
        assert adopted.result(PATIENCE) == 1
        (standing,) = store.spend.standings("key_1", NOON)
        assert (standing.spent, standing.risk, standing.held) == (20, 10, 0)
    audit(place)
