"""Bootstrap: a data directory made ready, and its database at the schema of this release."""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from msgspec import Struct
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from zai_gateway.errors import OperatorError, StoreUnavailable
from zai_gateway.storage.database import Database
from zai_gateway.storage.sqlite import SqliteDatabase
from zai_gateway.storage.trouble import about_directory, about_sqlite

SCHEMA = "0008"
"""The newest migration of this release."""

_INIT_LOCK = int.from_bytes(b"zai init", "big")
"""The advisory lock of a PostgreSQL database under which one start at a time prepares it."""
_LOCK_NOT_AVAILABLE = "55P03"
"""What PostgreSQL says when it has waited long enough (its documentation, appendix A)."""
_MIGRATION_SECONDS = 600.0
"""What one statement of a migration may take where PostgreSQL holds a large ledger."""


class _Named(Struct, frozen=True):
    """A database in the words of a sentence."""

    whole: str
    itself: str
    option: str


def open_database(
    data: Path, busy_seconds: float = 5.0, init_seconds: float = 60.0, address: str | None = None
) -> Database:
    """Opens the database of the directory `data`: a file in it, or the PostgreSQL database at `address`.

    Makes what is missing, and migrates. Any number of processes may do so at once: one at a time is let in,
    for which the others wait `init_seconds`. Raises OperatorError, which says what to do, for anything that
    stands in the way.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if address is not None:
            _require_writable(data)
            return _open_postgresql(address, busy_seconds, init_seconds)
        with alone(data, init_seconds):
            return _open_sqlite(data / "zai.db", busy_seconds)
    except OSError as trouble:
        raise OperatorError(about_directory(trouble, data)) from trouble


def _open_sqlite(file: Path, busy_seconds: float) -> Database:
    _create(file)
    database = SqliteDatabase(file, busy_seconds)
    try:
        with database.read() as connection:
            behind = _is_behind(connection, _Named(f"The data directory {file.parent}", str(file), "--data"))
        if behind:
            with database.write() as connection:
                _migrate(connection)
    except StoreUnavailable as trouble:
        database.close()
        raise OperatorError(about_sqlite(trouble, file)) from trouble
    except BaseException:
        database.close()
        raise
    return database


def _open_postgresql(url: str, busy_seconds: float, init_seconds: float) -> Database:
    # Only who uses PostgreSQL waits for its driver to load.
    from zai_gateway.storage.address import read_address  # noqa: PLC0415
    from zai_gateway.storage.postgresql import Patience, PostgresDatabase  # noqa: PLC0415
    from zai_gateway.storage.trouble import about_postgresql, about_rights  # noqa: PLC0415

    address = read_address(url)
    name = f"The PostgreSQL database {address.place}"
    named = _Named(name, name, "--database")
    database = PostgresDatabase(
        address, Patience(connect=busy_seconds, lock=busy_seconds, statement=busy_seconds)
    )
    try:
        with database.read() as connection:
            behind = _is_behind(connection, named)
        if behind:
            patience = Patience(connect=busy_seconds, lock=init_seconds, statement=_MIGRATION_SECONDS)
            _migrate_alone(PostgresDatabase(address, patience), named)
    except StoreUnavailable as trouble:
        database.close()
        raise OperatorError(about_postgresql(trouble, address.place)) from trouble
    except ProgrammingError as trouble:
        database.close()
        raise OperatorError(about_rights(trouble, address.place)) from trouble
    except BaseException:
        database.close()
        raise
    return database


def _migrate_alone(database: Database, named: _Named) -> None:
    """Migrates a database in which others may be starting at this moment, on other hosts too."""
    try:
        with database.write() as connection:
            _wait_for_its_turn(connection, named)
            # Asked again: another start may have done it while this one waited.
            if _is_behind(connection, named):
                _require_utf8(connection, named)
                _migrate(connection)
    finally:
        database.close()


def _wait_for_its_turn(connection: Connection, named: _Named) -> None:
    try:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _INIT_LOCK})
    except OperationalError as trouble:
        if getattr(trouble.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise OperatorError(
            f"{named.whole} cannot be used yet, because another start is preparing it and has not ended: "
            "wait for it or end it, then start again."
        ) from trouble


def _require_utf8(connection: Connection, named: _Named) -> None:
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise OperatorError(f"{named.whole} keeps texts as {encoding}: make one with ENCODING 'UTF8'.")


@contextmanager
def alone(data: Path, seconds: float) -> Generator[None]:
    """Lets one process at a time prepare `data`; raises OperatorError after `seconds` in line."""
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


def _require_writable(data: Path) -> None:
    """Raises OSError where nothing can be put in `data`, before anything is written elsewhere.

    What a first start makes in the database is of no use where its key cannot be left here.
    """
    with TemporaryFile(dir=data):
        return


def _create(file: Path) -> None:
    # Only a file that is new is opened here: closing one that SQLite has open would drop SQLite's locks on it
    # (https://www.sqlite.org/howtocorrupt.html, section 2.2). Its mode is that of the WAL files too.
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return


def _is_behind(connection: Connection, named: _Named) -> bool:
    """Whether the database has yet to be migrated. Raises OperatorError where that is not ours to do."""
    found = _schema(connection, named)
    if found == SCHEMA:
        return False
    # Most starts end above, and Alembic takes longer to load than they last.
    from zai_gateway.storage.migrating import known_schemas  # noqa: PLC0415

    if found is not None and found not in known_schemas():
        raise OperatorError(
            f"{named.whole} was written by a newer Z-AI (its schema is {found}): "
            f"upgrade this one, or use another {named.option}."
        )
    return True


def _schema(connection: Connection, named: _Named) -> str | None:
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        return connection.scalar(text("SELECT version_num FROM alembic_version"))
    if tables:
        raise OperatorError(f"{named.itself} is the database of another program: use another {named.option}.")
    return None


def _migrate(connection: Connection) -> None:
    from zai_gateway.storage.migrating import migrate  # noqa: PLC0415

    migrate(connection)
