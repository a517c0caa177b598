"""A real store in a new data directory, and a workspace in it."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.clocks import HeldClock
from tests.unit.accounts.people import People
from zai_gateway.accounts.store import AccountStore
from zai_gateway.storage.store import Store


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def sqlite(tmp_path: Path) -> Generator[AccountStore]:
    store = Store.open(tmp_path / "data")
    yield store.accounts
    store.close()


@pytest.fixture
def team(sqlite: AccountStore, clock: HeldClock) -> People:
    return People(sqlite, clock)
