"""Inspection: what a doctor sees of the database, which it neither makes nor migrates nor changes."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct
from sqlalchemy import Connection, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from zai_gateway.accounts.records import ProviderKey
from zai_gateway.care import Finding, Grade, doubtful, fine, wrong
from zai_gateway.errors import OperatorError, StoreUnavailable
from zai_gateway.storage.book_files import beside, has_bytes
from zai_gateway.storage.bootstrap import SCHEMA
from zai_gateway.storage.database import Database, said_of
from zai_gateway.storage.import_store import imported_version
from zai_gateway.storage.people_store import all_workspaces
from zai_gateway.storage.provider_store import provider_keys_of
from zai_gateway.storage.rollup_checks import rollup_findings
from zai_gateway.storage.spend_checks import Holder, holders, spend_findings, unconfirmed_finding
from zai_gateway.storage.sqlite import SqliteDatabase
from zai_gateway.storage.tables import api_key, ledger, vault
from zai_gateway.storage.trouble import about_sqlite

_LARGE_WAL = 256 * 1024 * 1024
"""Bytes. SQLite starts it again at 4 MB, unless a reader never lets it."""
_AHEAD_MS = 60_000
_SECONDS = 600.0
"""What one question may take where the ledger is large."""


class Inspection(Struct, frozen=True, kw_only=True):
    """What was found, and what only the encryption key and the workers' files can tell more of."""

    findings: tuple[Finding, ...]
    canary: bytes | None = None
    provider_keys: tuple[ProviderKey, ...] = ()
    holders: tuple[Holder, ...] = ()
    imported: str | None = None
    """The version of the prices that were imported."""
    whole: bool = False
    """Whether the books could be read: the fields above say something only then."""


def inspect_books(data: Path, address: str | None, now_ms: int) -> Inspection:
    """Looks at the database in the directory `data`, or at the PostgreSQL database at `address`."""
    try:
        with looked_at(data, address) as database, database.read() as connection:
            return _inspection(connection, data, now_ms)
    except OperatorError as trouble:
        return Inspection(findings=(wrong("database", *_halves(str(trouble))),))
    except StoreUnavailable as trouble:
        return Inspection(findings=(wrong("database", *_halves(_about(trouble, data, address))),))
    except DBAPIError as trouble:
        found = f"The database refuses a question: {said_of(trouble)}."
        return Inspection(findings=(wrong("database", found, "restore a backup"),))


def _inspection(connection: Connection, data: Path, now_ms: int) -> Inspection:
    schema = schema_finding(connection)
    findings = [fine("database", "The database opens."), schema]
    if connection.dialect.name == "sqlite":
        findings += [_integrity(connection), _wal(data / "zai.db")]
    if schema.grade is Grade.FAIL:
        return Inspection(findings=tuple(findings))
    canary = connection.scalar(select(vault.c.canary))
    if schema.grade is Grade.WARN:
        return Inspection(findings=tuple(findings), canary=canary)
    findings += spend_findings(connection)
    findings += rollup_findings(connection)
    findings += [unconfirmed_finding(connection), _expired(connection, now_ms), _clock(connection, now_ms)]
    keys = [key for each in all_workspaces(connection) for key in provider_keys_of(connection, each.id)]
    return Inspection(
        findings=tuple(findings),
        canary=canary,
        provider_keys=tuple(keys),
        holders=holders(connection),
        imported=imported_version(connection),
        whole=True,
    )


def schema_finding(connection: Connection) -> Finding:
    """Whether the books are at this release's schema: a warning where it can be migrated."""
    # Alembic takes longer to load than most other commands last.
    from zai_gateway.storage.migrating import known_schemas  # noqa: PLC0415

    if "alembic_version" not in inspect(connection).get_table_names():
        do = "give the right --data or --database, or start the gateway once with 'zai serve'"
        return wrong("schema", "The database holds no books of Z-AI.", do)
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if found == SCHEMA:
        return fine("schema", f"The schema is that of this release ({SCHEMA}).")
    if found in known_schemas():
        said = f"The schema is an older one ({found}; this release has {SCHEMA}): no more was checked."
        do = "make a backup, then start the gateway, which migrates it, and run this again"
        return doubtful("schema", said, do)
    said = f"The schema is a newer one ({found}; this release has {SCHEMA})."
    return wrong("schema", said, "upgrade Z-AI to the release that wrote it")


def _integrity(connection: Connection) -> Finding:
    faults = [str(row[0]) for row in connection.execute(text("PRAGMA quick_check(3)"))]
    if faults == ["ok"]:
        return fine("integrity", "The database file is sound.")
    named = " ".join("; ".join(faults).split())
    do = "stop the gateway, keep a copy of the file, and restore a backup ('zai admin restore')"
    return wrong("integrity", f"The database file is damaged: {named}.", do)


def _wal(file: Path) -> Finding:
    wal = beside(file, "-wal")
    size = wal.stat().st_size if wal.exists() else 0
    if size < _LARGE_WAL:
        return fine("wal", f"The write-ahead log has {size >> 20} MiB.")
    do = "end programs other than Z-AI that keep the database open, or restart the gateway"
    return doubtful("wal", f"The write-ahead log has grown to {size >> 20} MiB.", do)


def _expired(connection: Connection, now_ms: int) -> Finding:
    standing = select(func.count()).where(api_key.c.revoked_ms.is_(None))
    number = connection.execute(standing).scalar_one()
    expired = connection.execute(standing.where(api_key.c.expires_ms <= now_ms)).scalar_one()
    return fine("expired_keys", f"Of the API keys that were not revoked, {expired} of {number} have expired.")


def _clock(connection: Connection, now_ms: int) -> Finding:
    newest = connection.execute(select(func.max(ledger.c.at_ms))).scalar_one()
    ahead = 0 if newest is None else newest - now_ms
    if ahead <= _AHEAD_MS:
        return fine("clock", "No entry of the ledger is from the future.")
    return doubtful(
        "clock",
        f"The newest entry of the ledger is {ahead // 1_000} s in the future of this clock.",
        "set the clocks of all hosts right: days and months of budgets, and the ends of keys, go by them",
    )


def _about(trouble: StoreUnavailable, data: Path, address: str | None) -> str:
    if address is None:
        return about_sqlite(trouble, data / "zai.db")
    from zai_gateway.storage.address import read_address  # noqa: PLC0415  # its driver is slow to load
    from zai_gateway.storage.trouble import about_postgresql  # noqa: PLC0415

    return about_postgresql(trouble, read_address(address).place)


@contextmanager
def looked_at(data: Path, address: str | None) -> Generator[Database]:
    """The database, for questions that may take long: neither made nor migrated.

    Raises OperatorError and StoreUnavailable, which say what to do.
    """
    if address is None and not has_bytes(data / "zai.db"):
        do = "give the right --data, restore a backup, or make a new one with 'zai serve'"
        raise OperatorError(f"There is no database in {data}: {do}.")
    database = _database(data, address)
    try:
        yield database
    finally:
        database.close()


def _database(data: Path, address: str | None) -> Database:
    if address is None:
        return SqliteDatabase(data / "zai.db")
    # Only who uses PostgreSQL waits for its driver to load.
    from zai_gateway.storage.address import read_address  # noqa: PLC0415
    from zai_gateway.storage.postgresql import Patience, PostgresDatabase  # noqa: PLC0415

    return PostgresDatabase(read_address(address), Patience(statement=_SECONDS))


def _halves(sentence: str) -> tuple[str, str]:
    """What is so, and what to do, of a sentence that says both with a colon between."""
    found, colon, do = sentence.rstrip(".").rpartition(": ")
    return (f"{found}.", do) if colon else (f"{do}.", "put that right, and run this again")
