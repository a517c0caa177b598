"""What every write of accounts does: take its turn, raise the generation, and write its audit record."""

from collections.abc import Generator
from contextlib import contextmanager
from itertools import count

from sqlalchemy import Connection, func, insert, select, update

from zai_gateway.accounts.audit_record import AuditRecord
from zai_gateway.storage import tables
from zai_gateway.storage.database import Database
from zai_gateway.storage.rows import row_of

ONLY = 1
"""The id of the row in a table of one row."""


class NotAsSeen(Exception):
    """Somebody else wrote since: what was to be written came from an older state."""


@contextmanager
def account_write(database: Database, *records: AuditRecord) -> Generator[Connection]:
    """A transaction that writes the records, and has its turn among all writes of accounts."""
    with database.write() as connection:
        raise_generation(connection)
        yield connection
        write_audit(connection, *records)


@contextmanager
def turn(database: Database, *records: AuditRecord) -> Generator[Connection]:
    """The same for what no directory of callers needs to hear of: the generation stays."""
    with database.write() as connection:
        table = tables.generation
        connection.execute(select(table.c.value).where(table.c.id == ONLY).with_for_update())
        yield connection
        write_audit(connection, *records)


def as_seen(*pairs: tuple[object, object]) -> None:
    """Undoes the transaction, by raising NotAsSeen, unless both of each pair are the same."""
    if any(now != seen for now, seen in pairs):
        raise NotAsSeen


def raise_generation(connection: Connection) -> int:
    """Raises the generation. Said before all else: in PostgreSQL it makes account writes take turns."""
    table = tables.generation
    connection.execute(update(table).where(table.c.id == ONLY).values(value=table.c.value + 1))
    return generation(connection)


def generation(connection: Connection) -> int:
    """The number that every write raises."""
    table = tables.generation
    return connection.execute(select(table.c.value).where(table.c.id == ONLY)).scalar_one()


def write_audit(connection: Connection, *records: AuditRecord) -> None:
    """Writes the records, after all that were written before: whoever writes them has its turn."""
    if records:
        last = select(func.coalesce(func.max(tables.audit.c.seq), 0))
        numbers = count(connection.execute(last).scalar_one() + 1)
        rows = [row_of(record) | {"seq": number} for record, number in zip(records, numbers, strict=False)]
        connection.execute(insert(tables.audit), rows)
