"""A real store in a new data directory, and a workspace in it."""

from collections.abc import Generator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.clocks import HeldClock
from tests.made import make
from tests.unit.accounts.faltering_store import FalteringStore
from tests.unit.accounts.people import People
from tests.unit.accounts.signing import Crowd
from zai_gateway.accounts.store import AccountStore
from zai_gateway.storage.store import Store


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def books(tmp_path: Path) -> Generator[Store]:
    store = Store.open(make(tmp_path / "data"))
    yield store
    store.close()


@pytest.fixture
def sqlite(books: Store) -> AccountStore:
    return books.accounts


@pytest.fixture
def team(books: Store, clock: HeldClock) -> People:
    return People(books, clock)


@pytest.fixture
def crowd(team: People, sqlite: AccountStore, clock: HeldClock) -> Crowd:
    return Crowd(team, sqlite, clock)


@pytest.fixture
def executor() -> Generator[Executor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.fixture
def store(sqlite: AccountStore) -> FalteringStore:
    return FalteringStore(sqlite)


@pytest.fixture
def people(team: People) -> People:
    return team
