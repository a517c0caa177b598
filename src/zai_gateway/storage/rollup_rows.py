"""Rollup rows: what is added to which rows of the rollup, and how they are read and written in bulk."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Table

from zai_gateway.accounts.usage_books import DAY_MS, HOUR_MS
from zai_gateway.storage.histograms import of_signs, packed, unpacked
from zai_gateway.storage.spelling import POSTGRESQL, SQLITE
from zai_gateway.storage.usage_tables import HISTOGRAMS, SUMS, usage_of_each, usage_rollup

WEEK_MS = 7 * DAY_MS
_MONDAY_MS = 4 * DAY_MS
"""The first Monday of 1970."""
_AT_ONCE = 2_000
"""Rows in one question."""

Name = tuple[Any, ...]
"""The primary key of a row, in the order of its columns."""


EACH_SPANS = ("hour", "day")


class Grain(Struct, frozen=True):
    """What the rows of a grain tell apart, and for which spans they are kept."""

    name: str
    spans: tuple[str, ...]
    model: bool = False
    provider: bool = False
    key: bool = False


GRAINS = (
    Grain("model", ("hour", "day"), model=True, provider=True),
    # The same as in `usage_of_each`, but each model's keys stand together.
    Grain("model_key", ("day",), model=True, provider=True, key=True),
    # Of keys there may be very many: by the week there are fewer rows to add up.
    Grain("key", ("hour", "day", "week"), key=True),
    Grain("key_provider", ("hour", "day", "week"), provider=True, key=True),
)


class Added(Struct):
    """What is added to a row: its sums, in the order of `SUMS`, and its histograms."""

    sums: list[int]
    histograms: list[int]

    def add(self, sums: Iterable[int], histograms: Iterable[int]) -> None:
        """Adds more."""
        self.sums = [one + more for one, more in zip(self.sums, sums, strict=True)]
        self.histograms = [one + more for one, more in zip(self.histograms, histograms, strict=True)]


def starts_of(at_ms: int) -> dict[str, int]:
    """The hour, day and week (from Monday) in which a moment is, in UTC, by span."""
    return {
        "hour": at_ms - at_ms % HOUR_MS,
        "day": at_ms - at_ms % DAY_MS,
        "week": at_ms - (at_ms - _MONDAY_MS) % WEEK_MS,
    }


def added(booked: Iterable[Sequence[Any]]) -> dict[str, dict[Name, Added]]:
    """What each row gets of what was booked, by table.

    Of that: workspace, model, provider, key, moment, sums and signs.
    """
    found: dict[str, dict[Name, Added]] = {table.name: {} for table in _TABLES}
    for row in booked:
        values = list(row[5 : 5 + len(SUMS)])
        histograms = [of_signs(each) for each in row[5 + len(SUMS) :]]
        for table, name in _names(*row[:5]):
            rows = found[table]
            if (there := rows.get(name)) is None:
                rows[name] = Added(values, histograms)
            else:
                there.add(values, histograms)
    return found


def whole_rows(
    connection: Connection, more: Mapping[str, Mapping[Name, Added]]
) -> dict[str, list[tuple[Any, ...]]]:
    """The rows as they are with what is added to them, in the order in which they are stored, by table."""
    return {
        bulk.table.name: _whole(connection, bulk, more[bulk.table.name])
        for bulk in _BULK
        if more[bulk.table.name]
    }


def write_rows(connection: Connection, rows: Mapping[str, Sequence[tuple[Any, ...]]]) -> None:
    """Writes whole rows in the place of those that are there."""
    for bulk in _BULK:
        if its := rows.get(bulk.table.name):
            _write(connection, bulk, its)


class _Bulk:
    """The statements for many rows of a table at once. Of its columns all that is put together are names."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.key = tuple(column.name for column in table.primary_key)
        self.columns = (*self.key, *SUMS, *HISTOGRAMS)
        columns, places = ", ".join(self.columns), ", ".join("?" * len(self.columns))
        of = ", ".join(f"r.{name}" for name in self.columns)
        named = " AND ".join(f"r.{name} = json_extract(n.value, '$.{name}')" for name in self.key)
        typed = ", ".join(f"{name} {'bigint' if name == 'start_ms' else 'text'}" for name in self.key)
        same = " AND ".join(f"{table.name}.{name} = n.{name}" for name in self.key)
        new = ", ".join(f"{name} = excluded.{name}" for name in (*SUMS, *HISTOGRAMS))
        # SQLite gets rows by their places: it would look up every name in every row.
        self.writing = {
            SQLITE: f"INSERT OR REPLACE INTO {table.name} ({columns}) VALUES ({places})",  # noqa: S608
            POSTGRESQL: (
                f"INSERT INTO {table.name} ({columns}) SELECT {columns} "  # noqa: S608
                f"FROM json_populate_recordset(NULL::{table.name}, %s::json) "
                f"ON CONFLICT ({', '.join(self.key)}) DO UPDATE SET {new}"
            ),
        }
        # Each name is looked up by itself, whatever the databases guess of how many there are.
        self.reading = {
            SQLITE: f"SELECT {of} FROM json_each(?) AS n CROSS JOIN {table.name} AS r ON {named}",  # noqa: S608
            POSTGRESQL: (
                f"SELECT {of} FROM json_to_recordset(%s::json) AS n({typed}) "  # noqa: S608
                f"CROSS JOIN LATERAL (SELECT * FROM {table.name} WHERE {same} LIMIT 1) AS r"
            ),
        }


def _whole(connection: Connection, bulk: _Bulk, more: Mapping[Name, Added]) -> list[tuple[Any, ...]]:
    names, width = sorted(more), len(bulk.key)
    for some in range(0, len(names), _AT_ONCE):
        for row in _stored(connection, bulk, names[some : some + _AT_ONCE]):
            *found, first_token, whole = row
            there = more[tuple(found[:width])]
            there.add(found[width:], (unpacked(first_token), unpacked(whole)))
    return [(*name, *more[name].sums, *map(packed, more[name].histograms)) for name in names]


def _write(connection: Connection, bulk: _Bulk, rows: Sequence[tuple[Any, ...]]) -> None:
    writing = bulk.writing[connection.dialect.name]
    if connection.dialect.name == SQLITE:
        connection.exec_driver_sql(writing, list(rows))
        return
    for some in range(0, len(rows), _AT_ONCE):
        named = [
            {name: _as_json(value) for name, value in zip(bulk.columns, row, strict=True)}
            for row in rows[some : some + _AT_ONCE]
        ]
        connection.exec_driver_sql(writing, (msgspec.json.encode(named).decode(),))


def _as_json(value: object) -> object:
    """A value as PostgreSQL reads it from JSON, in which bytes are text."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else value


def _stored(connection: Connection, bulk: _Bulk, names: Sequence[Name]) -> Iterable[Sequence[Any]]:
    """Those of the rows that are there."""
    listed = msgspec.json.encode([dict(zip(bulk.key, name, strict=True)) for name in names]).decode()
    return connection.exec_driver_sql(bulk.reading[connection.dialect.name], (listed,))


def _names(place: str, model: str, provider: str, key: str, at_ms: int) -> Iterator[tuple[str, Name]]:
    """The tables and rows in which something counts."""
    starts = starts_of(at_ms)
    for span in EACH_SPANS:
        yield usage_of_each.name, (place, span, key, starts[span], model, provider)
    for grain in GRAINS:
        told = model if grain.model else "", provider if grain.provider else "", key if grain.key else ""
        for span in grain.spans:
            yield usage_rollup.name, (place, grain.name, span, starts[span], *told)


_TABLES = (usage_rollup, usage_of_each)
_BULK = tuple(map(_Bulk, _TABLES))
