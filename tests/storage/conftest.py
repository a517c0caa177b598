"""Fixtures of the storage tests: a store on a real file."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from zai_gateway.storage.store import Store


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory after its migrations, to be copied: most tests need not wait for them again."""
    data = tmp_path_factory.mktemp("made") / "data"
    Store.open(data).close()
    return data


@pytest.fixture
def store(made: Path, data: Path) -> Iterator[Store]:
    shutil.copytree(made, data)
    store = Store.open(data, busy_seconds=0.05)
    yield store
    store.close()
