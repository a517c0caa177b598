"""A real store in a new data directory, and a workspace in it."""

import shutil
from collections.abc import Generator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.clocks import HeldClock
from tests.unit.accounts.faltering_store import FalteringStore
from tests.unit.accounts.people import People
from tests.unit.accounts.signing import Crowd
from zai_gateway.accounts.store import AccountStore
from zai_gateway.storage.store import Store


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory after its migrations, to be copied: most tests need not wait for them again."""
    data = tmp_path_factory.mktemp("made") / "data"
    Store.open(data).close()
    return data


@pytest.fixture
def books(made: Path, tmp_path: Path) -> Generator[Store]:
    shutil.copytree(made, tmp_path / "data")
    store = Store.open(tmp_path / "data")
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
