"""Fixtures of the storage tests: a store on a real file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from zai_gateway.storage.store import Store


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(data: Path) -> Iterator[Store]:
    store = Store.open(data, busy_seconds=0.05)
    yield store
    store.close()
