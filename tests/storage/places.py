"""Places where books are kept: a data directory, and for PostgreSQL a database beside it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from msgspec import Struct

from zai_gateway.storage.bootstrap import open_database
from zai_gateway.storage.database import Database
from zai_gateway.storage.store import Store
from zai_gateway.storage.tables import metadata


class Place(Struct, frozen=True):
    """A data directory, and the address of its PostgreSQL database; None where it is SQLite's."""

    data: Path
    address: str | None = None

    def open(self, busy_seconds: float = 5.0) -> Store:
        """A store of its own, which the caller closes."""
        return Store.open(self.data, busy_seconds, self.address)

    def database(self, busy_seconds: float = 5.0, init_seconds: float = 60.0) -> Database:
        """A database of its own, which the caller closes."""
        return open_database(self.data, busy_seconds, init_seconds, self.address)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What is stored, read past the code under test."""
        if self.address is None:
            with closing(sqlite3.connect(self.data / "zai.db")) as books:
                return books.execute(query).fetchall()
        with closing(psycopg.connect(self.address)) as books:
            # Only text of the tests themselves comes here.
            return books.execute(query.encode()).fetchall()


def emptying() -> str:
    """The statements that take all books out of a PostgreSQL database."""
    # As a replica it does not ask whether one table refers to another.
    emptied = [
        table.name
        for table in metadata.sorted_tables
        if table.name not in {"generation", "worker", "rollup_progress"}
    ]
    tables = [f'DELETE FROM "{name}"' for name in emptied]
    tables.append("DELETE FROM worker WHERE id <> 'closed'")
    once = ["SET session_replication_role = replica", *tables, "UPDATE generation SET value = 0"]
    once.append("UPDATE rollup_progress SET version = 0, rolled_ms = 0, fence_ms = 0")
    return "; ".join(once)
