"""Rows: records on their way into the database and out of it, in the SQL that both databases share."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct, convert, to_builtins
from sqlalchemy import BigInteger, ColumnElement, Connection, RowMapping, Table, cast, func

from zai_gateway.storage.spelling import upsert

T = TypeVar("T")


def row_of(record: Struct) -> dict[str, Any]:
    """The record's fields as the values of a row's columns."""
    return to_builtins(record, builtin_types=(bytes,))


def record_of(kind: type[T], row: RowMapping, **parts: object) -> T:
    """A record made of the columns that it has fields for, and of `parts`, which have no column of theirs."""
    return convert({str(name): value for name, value in row.items()} | parts, kind)


def total(column: ColumnElement[int]) -> ColumnElement[int]:
    """The sum of a 64-bit column, 0 where there are no rows; PostgreSQL alone would make it a decimal."""
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


def add(connection: Connection, table: Table, *rows: Mapping[str, object]) -> None:
    """Inserts the rows that are not there yet, by primary key."""
    if rows:
        connection.execute(upsert(connection.dialect.name, table).on_conflict_do_nothing(), rows)


def put(
    connection: Connection, table: Table, row: Mapping[str, object], columns: Sequence[str] | None = None
) -> None:
    """Inserts the row; where it is there already, by primary key, writes `columns`, or all of them."""
    insert = upsert(connection.dialect.name, table)
    names = [c.name for c in table.c if not c.primary_key] if columns is None else columns
    new = {name: insert.excluded[name] for name in names}
    key = list(table.primary_key)
    connection.execute(insert.on_conflict_do_update(index_elements=key, set_=new), row)
