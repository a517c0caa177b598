"""The books as the model reads them, past the code under test: in memory, or in a real database."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Protocol

import psycopg
from msgspec import Struct

from tests.spend.memory_store import MemoryStore
from tests.storage.places import Place
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.store import SpendStore
from zai_gateway.storage.windows import put_budget


class Lease(Struct, frozen=True):
    """A lease as it is stored, in nano-USD."""

    granted: int
    spent: int
    risk: int


class Picture(Struct, frozen=True):
    """Where all money is at one moment."""

    committed: dict[str, int]
    """By window."""
    leases: dict[tuple[str, str], Lease]
    """By window and worker."""


class Row(Struct, frozen=True):
    """A row of the ledger, as far as the model cares."""

    request: str
    seq: int
    windows: tuple[str, ...]
    worker: str
    cost: int
    risk: int
    estimate: int


class Books(Protocol):
    """A store, and what is in it."""

    @property
    def store(self) -> SpendStore: ...

    def put_budget(self, budget: Budget) -> None: ...

    def resolve(self, request: str, attempt: int, cost: int, now_ms: int) -> None: ...

    def write_off(self, now_ms: int) -> None:
        """Of everything that is unconfirmed."""
        ...

    def picture(self) -> Picture: ...

    def rows(self, known: int) -> Iterator[Row]:
        """The rows of the ledger beside the `known` ones that were read before, in any order."""
        ...

    def close(self) -> None: ...


class MemoryBooks:
    """Books in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    def put_budget(self, budget: Budget) -> None:
        self.store.put_budget(budget)

    def resolve(self, request: str, attempt: int, cost: int, now_ms: int) -> None:
        self.store.resolve(request, attempt, cost, now_ms)

    def write_off(self, now_ms: int) -> None:
        risks: dict[tuple[str, int], list[int]] = {}
        for entry in self.store.ledger:
            sums = risks.setdefault((entry.attempt.request, entry.attempt.number), [0, 0])
            sums[0] += entry.outcome.risk
            sums[1] += entry.outcome.estimate
        for (request, attempt), (risk, estimate) in risks.items():
            if risk > 0:
                self.store.resolve(request, attempt, min(estimate, risk), now_ms)

    def picture(self) -> Picture:
        return Picture(
            {id: window.committed for id, window in self.store.windows.items()},
            {key: Lease(row.granted, row.spent, row.risk) for key, row in self.store.leases.items()},
        )

    def rows(self, known: int) -> Iterator[Row]:
        for entry in self.store.ledger[known:]:
            what = entry.outcome
            yield Row(
                *(entry.attempt.request, entry.seq, entry.windows, entry.worker),
                *(what.cost, what.risk, what.estimate),
            )

    def close(self) -> None:
        pass


class SqlBooks:
    """Books in a database."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._store = place.open()
        self._read, self._end_reading = _reader(place)
        self.store: SpendStore = self._store.spend
        self._known: set[tuple[str, int, int]] = set()

    def put_budget(self, budget: Budget) -> None:
        with closing(self._place.database()) as database, database.write() as connection:
            put_budget(connection, budget)

    def resolve(self, request: str, attempt: int, cost: int, now_ms: int) -> None:
        self._store.resolutions.resolve(request, attempt, cost, now_ms)

    def write_off(self, now_ms: int) -> None:
        self._store.resolutions.write_off(now_ms + 1, now_ms)

    def picture(self) -> Picture:
        leases = self._read('SELECT "window", worker, granted, spent, risk FROM lease')
        return Picture(
            dict(self._read('SELECT id, committed FROM "window"')),
            {(window, worker): Lease(*amounts) for window, worker, *amounts in leases},
        )

    def rows(self, known: int) -> Iterator[Row]:
        ((count,),) = self._read("SELECT count(*) FROM ledger")
        if count == known:
            return
        query = "SELECT request, attempt, seq, windows, worker, cost, risk, estimate FROM ledger"
        for request, attempt, seq, windows, worker, *amounts in self._read(query):
            if (request, attempt, seq) not in self._known:
                self._known.add((request, attempt, seq))
                # SQLite keeps JSON as text, and PostgreSQL's driver has read it already.
                names: list[str] = json.loads(windows) if isinstance(windows, str) else windows
                yield Row(request, seq, tuple(names), worker, *amounts)

    def close(self) -> None:
        self._end_reading()
        self._store.close()


def _reader(place: Place) -> tuple[Callable[[str], list[tuple[Any, ...]]], Callable[[], None]]:
    """What reads the books past the code under test, and what ends that."""
    if place.address is None:
        file = sqlite3.connect(place.data / "zai.db")
        return lambda query: file.execute(query).fetchall(), file.close
    server = psycopg.connect(place.address, autocommit=True)
    # Only text of the tests themselves comes here.
    return lambda query: server.execute(query.encode()).fetchall(), server.close


Opening = Callable[[Callable[[], int], tuple[Budget, ...]], Books]
"""Makes empty books with these budgets; the store's own clock comes first, in milliseconds since 1970."""


def in_memory(store: type[MemoryStore] = MemoryStore) -> Opening:
    """Books in memory, kept by a store of this class."""
    return lambda now_ms, budgets: MemoryBooks(store(now_ms, *budgets))
