"""The database: whole transactions, from any number of threads, on SQLite and on PostgreSQL alike."""

import sqlite3
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from zai_gateway.errors import StoreUnavailable


class Database(Protocol):
    """Transactions on one database. Open it after a fork, never before."""

    @property
    def shared(self) -> bool:
        """Whether gateways with other data directories may be at work in it."""
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one state of the database. Raises StoreUnavailable."""
        ...

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction that is durable when the block ends, and undone when it raises.

        In SQLite it is the only writer from its beginning. In PostgreSQL others write beside it, and each
        statement sees what they have committed: only what it locked (`with_for_update`) stays true.
        Raises StoreUnavailable, of it StoreInDoubt where the reply to the commit was lost.
        """
        ...

    def close(self) -> None:
        """Closes every connection. No transaction may be under way."""
        ...


@contextmanager
def answering() -> Generator[None]:
    """Turns whatever keeps a database from answering into StoreUnavailable; a mistake of ours stays one."""
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreUnavailable("The database does not answer: every connection is in use.") from error
    except DBAPIError as error:
        if is_fault_of_ours(error):
            raise
        raise StoreUnavailable(f"The database does not answer: {said_of(error)}.") from error


def is_fault_of_ours(error: DBAPIError) -> bool:
    """Whether the statement was wrong, rather than the database unable to carry it out."""
    wrong = isinstance(error, IntegrityError | ProgrammingError | DataError)
    return wrong or sqlite_code(error) == sqlite3.SQLITE_ERROR


def sqlite_code(error: DBAPIError) -> int | None:
    """SQLite's primary result code (https://www.sqlite.org/rescode.html); None where it gave none."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def said_of(error: DBAPIError) -> str:
    """The database's own words in one line, without the values of rows that PostgreSQL adds as a detail."""
    primary = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    return " ".join(str(primary or error.orig).split()).rstrip(".")
