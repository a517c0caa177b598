"""Bootstrap: a data directory made ready, with its database at the schema of this release."""

import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from zai_gateway.errors import OperatorError, StoreUnavailable
from zai_gateway.storage.database import Database, sqlite_code

SCHEMA = "0001"
"""The newest migration of this release."""


def open_database(data: Path, busy_seconds: float = 5.0, init_seconds: float = 60.0) -> Database:
    """Opens the database in the directory `data`; makes both where they are missing, and migrates.

    Any number of processes may do so at once: one at a time is let in, for which the others wait
    `init_seconds`. Raises OperatorError, which says what to do, for anything that stands in the way.
    """
    file = data / "zai.db"
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(data, init_seconds):
            _create(file)
            database = Database(file, busy_seconds)
            try:
                _bring_up_to_date(database, file)
            except BaseException:
                database.close()
                raise
            return database
    except OSError as trouble:
        raise OperatorError(_about_directory(trouble, data)) from trouble
    except StoreUnavailable as trouble:
        raise OperatorError(_about_database(trouble, file)) from trouble


@contextmanager
def _alone(data: Path, seconds: float) -> Generator[None]:
    lock = os.open(data / "init.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    give_up = time.monotonic() + seconds
    try:
        while not _locked(lock):
            if time.monotonic() >= give_up:
                raise OperatorError(
                    f"Another process has been preparing {data} for {seconds:g} s: wait for it or end it, "
                    "then start again."
                )
            time.sleep(0.02)
        yield
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _create(file: Path) -> None:
    # Only a file that is new is opened here: closing one that SQLite has open would drop SQLite's locks on it
    # (https://www.sqlite.org/howtocorrupt.html, section 2.2). Its mode is that of the WAL files too.
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return


def _bring_up_to_date(database: Database, file: Path) -> None:
    found = _schema(database, file)
    if found == SCHEMA:
        return
    # Most starts end above, and Alembic takes longer to load than they last.
    from zai_gateway.storage.migrating import known_schemas, migrate  # noqa: PLC0415

    if found is not None and found not in known_schemas():
        raise OperatorError(
            f"The data directory {file.parent} was written by a newer Z-AI (its schema is {found}): "
            "upgrade this one, or use another --data."
        )
    with database.write() as connection:
        migrate(connection)


def _schema(database: Database, file: Path) -> str | None:
    with database.read() as connection:
        tables = inspect(connection).get_table_names()
        if "alembic_version" in tables:
            return connection.scalar(text("SELECT version_num FROM alembic_version"))
    if tables:
        raise OperatorError(f"{file} is the database of another program: use another --data.")
    return None


def _about_directory(trouble: OSError, data: Path) -> str:
    match trouble.errno:
        case errno.EEXIST | errno.ENOTDIR:
            return f"{data} is not a directory: move the file in its way, or use another --data."
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return _not_writable(data)
        case errno.ENOSPC | errno.EDQUOT:
            return _full(data)
        case _:
            return f"The data directory {data} cannot be used ({trouble.strerror}): use another --data."


def _about_database(trouble: StoreUnavailable, file: Path) -> str:
    cause = trouble.__cause__
    match sqlite_code(cause) if isinstance(cause, DBAPIError) else None:
        case sqlite3.SQLITE_NOTADB:
            return f"{file} is not a SQLite database: move it away, or use another --data."
        case sqlite3.SQLITE_CORRUPT:
            return f"{file} is damaged: put a backup in its place, or use another --data."
        case sqlite3.SQLITE_FULL:
            return _full(file.parent)
        case sqlite3.SQLITE_IOERR:
            return f"{file} cannot be read or written: check that its disk is in order and has room."
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"Another program keeps {file} locked: end it, then start again."
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return _not_writable(file.parent)
        case _:
            return f"{file} cannot be opened: {trouble}"


def _not_writable(data: Path) -> str:
    return (
        f"The data directory {data} cannot be written by this user: change its owner or permissions, "
        "or use another --data."
    )


def _full(data: Path) -> str:
    return f"The disk that holds {data} is full: make room on it, or use another --data."
