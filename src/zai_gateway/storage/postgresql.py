"""PostgreSQL: one database that gateways on any number of hosts share, also behind a transaction pooler."""

import select
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from msgspec import Struct
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from sqlalchemy import Connection, Engine, Pool, create_engine, event
from sqlalchemy.exc import DataError, DisconnectionError, IntegrityError

from zai_gateway.errors import StoreInDoubt, StoreUnavailable
from zai_gateway.storage.address import Address
from zai_gateway.storage.database import answering, said_of

T = TypeVar("T")

CONNECTIONS = 10
"""At most, of one process: one for each of its threads that ask. With fewer, those that wait for a lock, or
for a server that is silent, would keep the others from asking at all.
"""
_GRACE_SECONDS = 1.0
"""How much longer than the server a client waits: so it is the server that says what took so long."""


class Patience(Struct, frozen=True, kw_only=True):
    """How long to wait before the database is said not to answer, in seconds."""

    connect: float = 5.0
    """For a new connection, or for one of the pool."""
    lock: float = 5.0
    """For a row that another transaction has locked."""
    statement: float = 5.0
    """For one statement, the locks that it waits for among it."""


class PostgresDatabase:
    """The database at `address`. Implements `storage.database.Database`.

    A transaction leaves nothing behind in its session, and none relies on what an earlier one set there, so
    that each may run in another session: what a pooler such as PgBouncer does in its transaction mode.
    """

    shared = True

    def __init__(self, address: Address, patience: Patience | None = None) -> None:
        patience = patience or Patience()
        self._engine = _engine(address, patience)
        self._reads = self._engine.execution_options(begin=_beginning(patience, read_only=True))
        self._writes = self._engine.execution_options(begin=_beginning(patience, read_only=False))

    @contextmanager
    def read(self) -> Generator[Connection]:
        with answering(), self._reads.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[Connection]:
        ended = False
        try:
            with answering(), _without_values(), self._writes.begin() as connection:
                yield connection
                ended = True
        except StoreUnavailable as trouble:
            if ended:
                raise StoreInDoubt(str(trouble)) from trouble.__cause__
            raise

    def close(self) -> None:
        self._engine.dispose()


class _Connection(psycopg.Connection[TupleRow]):
    """A connection that does not wait for ever for a server that has fallen silent.

    The server's own timeouts do not help where the server stands still, or where a network swallows what it
    says; and the driver itself waits without an end.
    """

    patience: float
    """Seconds."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        seconds = self.patience if timeout is None else timeout
        try:
            return super().wait(gen, interval, seconds)
        except psycopg.OperationalError as trouble:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            # What the server makes of the statement is not known, so nothing more can be asked here.
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer within {seconds:g} s") from trouble


def _engine(address: Address, patience: Patience) -> Engine:
    engine = create_engine(
        "postgresql+psycopg://",
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=patience.connect,
        use_native_hstore=False,
        # Digests and sealed secrets are parameters: they must not get into an error's text.
        hide_parameters=True,
    )

    def connect(_dialect: object, _record: object, _arguments: object, options: dict[str, Any]) -> object:
        return _connected(address, patience, options)

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "begin", _begin)
    pool: Pool = engine.pool
    event.listen(pool, "checkout", _refuse_what_is_over)
    return engine


def _connected(address: Address, patience: Patience, options: dict[str, Any]) -> _Connection:
    connection = _Connection.connect(
        # Whole seconds, and none would be without an end.
        address.conninfo(max(1, round(patience.connect))),
        # BEGIN is said below, in one message with the timeouts of its transaction.
        autocommit=True,
        # A prepared statement is known to one session only.
        prepare_threshold=None,
        **options,
    )
    connection.patience = patience.statement + _GRACE_SECONDS
    return connection


def _refuse_what_is_over(connection: Any, _record: object, _proxy: object) -> None:
    """Lets the pool make a new connection where the server has closed this one, say at its restart."""
    # Between transactions the server says nothing, but that it hangs up.
    ready, _, _ = select.select([connection.fileno()], [], [], 0)
    if ready:
        raise DisconnectionError


def _beginning(patience: Patience, *, read_only: bool) -> str:
    lock, statement = (round(seconds * 1_000) for seconds in (patience.lock, patience.statement))
    mode = "REPEATABLE READ READ ONLY" if read_only else "READ COMMITTED READ WRITE"
    said = [
        f"BEGIN ISOLATION LEVEL {mode}",
        f"SET LOCAL lock_timeout = {lock}",
        f"SET LOCAL statement_timeout = {statement}",
        # A gateway that is paused must not keep its locks from all others.
        f"SET LOCAL idle_in_transaction_session_timeout = {2 * statement}",
    ]
    if not read_only:
        said.append("SET LOCAL synchronous_commit = on")
    return "; ".join(said)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options()["begin"])


@contextmanager
def _without_values() -> Generator[None]:
    """Keeps the values of a row, which PostgreSQL tells with a broken rule, out of the error."""
    try:
        yield
    except (IntegrityError, DataError) as error:
        kind = type(error.orig) if isinstance(error.orig, psycopg.Error) else psycopg.DatabaseError
        raise type(error)(error.statement, None, kind(said_of(error)), hide_parameters=True) from None
