"""No schedule of kills, pauses, lost replies and edits breaks the spend protocol."""

import itertools
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

from tests.postgresql.server import PostgresServer
from tests.spend.model.books import Books, SqlBooks, in_memory
from tests.spend.model.forms import FULL, FULL_PARTS, LONG, SHORT, run
from tests.storage.places import Place, emptying
from zai_gateway.spend.budgets import Budget
from zai_gateway.storage.store import Store

_ON_SQLITE, _ON_POSTGRESQL = settings(SHORT, max_examples=15), settings(SHORT, max_examples=6)
"""A database takes milliseconds for what memory does in microseconds."""


def is_full(config: pytest.Config) -> bool:
    """Whether it is the full form that runs (`--torture full`, an option of tests/torture)."""
    return config.getoption("torture", "short") == "full"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "part" in metafunc.fixturenames:
        metafunc.parametrize("part", range(FULL_PARTS if is_full(metafunc.config) else 1))


def stored(place: Place, budgets: tuple[Budget, ...]) -> Books:
    books = SqlBooks(place)
    for budget in budgets:
        books.put_budget(budget)
    return books


def test_no_schedule_breaks_the_protocol() -> None:
    run(in_memory(), SHORT)


def test_no_long_schedule_breaks_it(part: int, request: pytest.FixtureRequest) -> None:
    run(in_memory(), FULL if is_full(request.config) else LONG)


def test_no_schedule_breaks_it_on_sqlite(tmp_path: Path) -> None:
    made = tmp_path / "made"
    Store.open(made).close()
    # Kept in memory where a system has such a place: it is the protocol that is tested, not the disk.
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        copies = (Path(folder) / str(number) for number in itertools.count())
        run(lambda _, budgets: stored(Place(shutil.copytree(made, next(copies))), budgets), _ON_SQLITE)


def test_no_schedule_breaks_it_on_postgresql(postgres: PostgresServer, tmp_path: Path) -> None:
    with postgres.made() as name:
        place = Place(tmp_path / "data", postgres.address(name))
        with closing(place.open()):
            pass

        def opening(_: Callable[[], int], budgets: tuple[Budget, ...]) -> Books:
            postgres.do(emptying(), name)
            return stored(place, budgets)

        run(opening, _ON_POSTGRESQL)
