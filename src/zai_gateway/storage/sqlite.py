"""SQLite: one file in the data directory, written by one transaction at a time."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Protocol

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from zai_gateway.errors import StoreUnavailable
from zai_gateway.storage.database import answering


class SqliteDatabase:
    """The database at `file`, which has to exist. Implements `storage.database.Database`.

    `busy_seconds` is how long a transaction waits for its turn, first behind this process's own threads, then
    behind other processes.
    """

    shared = False

    def __init__(self, file: Path, busy_seconds: float = 5.0) -> None:
        self._busy_seconds = busy_seconds
        # Threads wait here in line: left to SQLite, they would poll for its lock and starve each other.
        self._writing = Lock()
        self._reads = _engine(file, busy_seconds)
        self._writes = self._reads.execution_options(begin="BEGIN IMMEDIATE")

    @contextmanager
    def read(self) -> Generator[Connection]:
        with answering(), self._reads.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[Connection]:
        if not self._writing.acquire(timeout=self._busy_seconds):
            raise StoreUnavailable("The database does not answer: writers of this process wait in line.")
        try:
            with answering(), self._writes.begin() as connection:
                yield connection
        finally:
            self._writing.release()

    def close(self) -> None:
        self._reads.dispose()


class _Cursor(Protocol):
    def execute(self, sql: str, /) -> object: ...
    def close(self) -> None: ...


class _DriverConnection(Protocol):
    def cursor(self) -> _Cursor: ...


def _engine(file: Path, busy_seconds: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(file)),
        # The driver's own transactions begin too late (only at the first change): BEGIN is said below.
        connect_args={"timeout": busy_seconds, "isolation_level": None},
        pool_size=8,
        pool_timeout=busy_seconds,
        # Digests and sealed secrets are parameters: they must not get into an error's text.
        hide_parameters=True,
    )
    event.listen(engine, "connect", _settle_in)
    event.listen(engine, "begin", _begin)
    return engine


def _settle_in(connection: _DriverConnection, _record: object) -> None:
    cursor = connection.cursor()
    # The mode stays in the file; only a new file, or one from a backup, has another.
    cursor.execute("PRAGMA journal_mode = WAL")
    # With WAL only FULL makes a commit survive a loss of power (https://www.sqlite.org/pragma.html).
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
