"""Where the gateways of a run keep their books: in SQLite, or in PostgreSQL under `--store postgresql`."""

import hashlib
import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader

from tests.postgresql.server import PostgresServer
from zai_gateway.accounts.vault import ENCRYPTION_KEY
from zai_gateway.storage.store import Store

_KEY = "PQ8tHVYQ1sVHaW2kJH9IEqkHeIFA_xJg9bLRVGa0sSw="
_SERVER = "ZAI_TESTS_POSTGRESQL"
"""The variable that names the folder of the run's server to all its processes; not set on SQLite."""
_MIGRATED = "migrated"
"""A database after its migrations, of which a stage gets a copy: it need not wait for them again."""


@contextmanager
def run_on(server: PostgresServer, folder: Path) -> Generator[None]:
    """Keeps the books of every gateway that this run starts in databases of `server`."""
    server.make(_MIGRATED)
    Store.open(folder, address=server.address(_MIGRATED)).close()
    os.environ[_SERVER] = str(server.folder)
    try:
        yield
    finally:
        del os.environ[_SERVER]


def books_for(data: Path, *, migrated: bool = True) -> dict[str, str]:
    """What the environment of a gateway on the directory `data` has to say; nothing where SQLite keeps them.

    The database is new, or after its migrations where `migrated`, and the same one for the same directory.
    """
    server = _server()
    if server is None:
        return {}
    place = str(data.absolute())
    assert "'" not in place
    name = f"of_{hashlib.sha256(place.encode()).hexdigest()[:20]}"
    if name not in _databases_in(server, place):
        server.make(name, _MIGRATED if migrated else "template0")
        server.do(f"COMMENT ON DATABASE {name} IS '{place}'")
    return {"ZAI_DATABASE": server.address(name), ENCRYPTION_KEY: _KEY}


def rows_of(table: str, data: Path, address: str | None) -> list[dict[str, Any]]:
    """Every row of a table, in the order in which they were written, as the store itself keeps it.

    The books are those of the directory `data`, or the PostgreSQL database at `address`.
    """
    if address is None:
        with closing(sqlite3.connect(data / "zai.db", timeout=60)) as books:
            books.row_factory = sqlite3.Row
            return [dict(row) for row in books.execute(f'SELECT * FROM "{table}" ORDER BY rowid')]
    with psycopg.connect(address) as books:
        # JSON as the text that it is, which is all that SQLite knows of it.
        books.adapters.register_loader("json", TextLoader)
        everything = books.cursor(row_factory=dict_row)
        return everything.execute(f'SELECT * FROM "{table}" ORDER BY ctid'.encode()).fetchall()


def drop_books(folder: Path) -> None:
    """Drops the databases of the data directories in `folder`, whose gateways have ended."""
    server = _server()
    if server is not None:
        for name in _databases_in(server, f"{folder.absolute()}/"):
            server.drop(name)


def _server() -> PostgresServer | None:
    folder = os.environ.get(_SERVER)
    return None if folder is None else PostgresServer(Path(folder))


def _databases_in(server: PostgresServer, place: str) -> list[str]:
    named = "SELECT datname FROM pg_database WHERE starts_with(shobj_description(oid, 'pg_database'), %s)"
    with psycopg.connect(server.address("postgres")) as connection:
        return [name for (name,) in connection.execute(named, (place,)).fetchall()]
