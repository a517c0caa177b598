"""Fixtures of the storage tests: a store on a real database, once of SQLite and once of PostgreSQL."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.made import make
from tests.postgresql.server import PostgresServer
from tests.storage.places import Place, emptying
from zai_gateway.storage.store import Store

ENGINES = ("sqlite", "postgresql")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Which database a test runs on."""
    return request.param


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory after its migrations, to be copied."""
    return make(tmp_path_factory.mktemp("made") / "data")


@pytest.fixture(scope="session")
def emptied(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL database after its migrations, which each test takes over and empties."""
    with postgres.made() as name:
        Store.open(tmp_path_factory.mktemp("made"), address=postgres.address(name)).close()
        yield name


@pytest.fixture
def place(engine: str, request: pytest.FixtureRequest, data: Path) -> Place:
    """A place after its migrations, without books in it."""
    if engine == "sqlite":
        return Place(make(data))
    postgres: PostgresServer = request.getfixturevalue("postgres")
    name: str = request.getfixturevalue("emptied")
    postgres.do(emptying(), name)
    return Place(data, postgres.address(name))


@pytest.fixture
def new_place(engine: str, request: pytest.FixtureRequest, data: Path) -> Iterator[Place]:
    """A place that nobody has started in."""
    if engine == "sqlite":
        yield Place(data)
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    with postgres.made() as name:
        yield Place(data, postgres.address(name))


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with closing(place.open(busy_seconds=0.05 if place.address is None else 5.0)) as store:
        yield store
