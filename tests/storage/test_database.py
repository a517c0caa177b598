"""Databases of both kinds: transactions happen whole or not at all; then what only SQLite has."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from tests.storage.places import Place
from zai_gateway.errors import StoreUnavailable
from zai_gateway.storage.bootstrap import open_database
from zai_gateway.storage.database import Database
from zai_gateway.storage.sqlite import SqliteDatabase
from zai_gateway.storage.tables import vault


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    with closing(place.database(busy_seconds=0.05 if place.address is None else 2)) as database:
        yield database


@pytest.fixture
def sqlite(data: Path) -> Iterator[Database]:
    with closing(open_database(data, busy_seconds=0.05)) as database:
        yield database


def put_canary(connection: Connection, sealed: bytes = b"sealed") -> None:
    connection.execute(insert(vault), {"id": 1, "canary": sealed})


def put_it_twice(connection: Connection) -> None:
    put_canary(connection)
    put_canary(connection)


def canary(database: Database) -> bytes | None:
    with database.read() as connection:
        return connection.scalar(select(vault.c.canary))


def test_a_write_that_raises_is_undone(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as connection:
        put_it_twice(connection)
    assert canary(database) is None
    with database.write() as connection:
        put_canary(connection)
    assert canary(database) == b"sealed"


def test_commits_are_synced_and_references_hold(sqlite: Database) -> None:
    with sqlite.read() as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "foreign_keys")
        ]
        assert pragmas == [2, 1]
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_read_sees_one_state(database: Database) -> None:
    with database.read() as connection:
        assert connection.scalar(select(vault.c.canary)) is None
        with database.write() as writing:
            put_canary(writing)
        assert connection.scalar(select(vault.c.canary)) is None
    assert canary(database) == b"sealed"


def test_a_locked_database_is_unavailable_to_writers_only(sqlite: Database, data: Path) -> None:
    with closing(sqlite3.connect(data / "zai.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"), sqlite.write():
            pytest.fail("two writers at once")
        assert canary(sqlite) is None
    with sqlite.write() as connection:
        put_canary(connection)


def test_threads_wait_for_one_another_and_give_up(sqlite: Database) -> None:
    def write() -> None:
        with sqlite.write() as connection:
            put_canary(connection)

    with ThreadPoolExecutor(1) as thread:
        with sqlite.write(), pytest.raises(StoreUnavailable, match="wait in line"):
            thread.submit(write).result()
        thread.submit(write).result()
    assert canary(sqlite) == b"sealed"


def test_more_readers_than_connections_are_told_so(database: Database) -> None:
    def read_within(depth: int) -> None:
        with database.read():
            read_within(depth + 1)

    with pytest.raises(StoreUnavailable, match="every connection is in use"):
        read_within(0)
    assert canary(database) is None


def test_a_full_disk_is_unavailable(sqlite: Database) -> None:
    with sqlite.read() as connection:  # the pool has one connection so far, which the write then gets
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(StoreUnavailable, match="full"), sqlite.write() as connection:
        put_canary(connection, bytes(10_000_000))
    assert canary(sqlite) is None


def test_a_file_that_was_ruined_is_unavailable(data: Path) -> None:
    open_database(data).close()
    (data / "zai.db").write_bytes(b"to do: buy milk " * 100)
    database = SqliteDatabase(data / "zai.db")
    with pytest.raises(StoreUnavailable, match="not a database"), database.read():
        pytest.fail("read from what is no database")
    database.close()


def test_a_wrong_statement_is_no_outage(database: Database) -> None:
    wrong = pytest.raises((OperationalError, ProgrammingError), match="nowhere")
    with wrong, database.read() as connection:
        connection.exec_driver_sql("SELECT * FROM nowhere")
