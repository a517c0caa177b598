"""Spelling: what the two databases say differently, so that all else is said once for both."""

from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Connection, Table, cast, collate, func
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

SQLITE = "sqlite"
POSTGRESQL = "postgresql"


class Spelt(Generic[T]):
    """A statement for each database, made once: to make it takes longer than to have it answered."""

    def __init__(self, spell: Callable[[str], T]) -> None:
        self._said = {dialect: spell(dialect) for dialect in (SQLITE, POSTGRESQL)}

    def to(self, connection: Connection) -> T:
        """As the database of this connection understands it."""
        return self._said[connection.dialect.name]


def upsert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say what becomes of rows that are there already."""
    # ON CONFLICT is spelt the same in both databases, but SQLAlchemy has it only in their own dialects.
    return sqlite.insert(table) if dialect == SQLITE else postgresql.insert(table)


def in_order(dialect: str, column: ColumnElement[str]) -> ColumnElement[str]:
    """How ids are sorted where rows are locked: as Python sorts them, or two would wait for each other."""
    return column if dialect == SQLITE else collate(column, "C")


def store_now(dialect: str) -> ColumnElement[int]:
    """The time by the store's own clock, in milliseconds since 1970: the hosts' clocks may differ."""
    if dialect == SQLITE:
        return cast((func.julianday("now") - 2_440_587.5) * 86_400_000, BigInteger)
    return cast(func.extract("epoch", func.clock_timestamp()) * 1_000, BigInteger)
