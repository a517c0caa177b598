"""The rollup: adds the ledger up by the hour, day and week, in steps that each take little."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    func,
    literal_column,
    null,
    select,
    update,
)

from zai_gateway.accounts.usage_books import DAY_MS, HOUR_MS
from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.reports import Rolled
from zai_gateway.storage.database import Database
from zai_gateway.storage.late_entries import lock_fence
from zai_gateway.storage.rollup_rows import added, whole_rows, write_rows
from zai_gateway.storage.tables import ledger
from zai_gateway.storage.usage_facts import (
    ended_its_request,
    of_a_key,
    signs,
    sums,
    superseded,
    totals,
)
from zai_gateway.storage.usage_tables import HISTOGRAMS, SUMS, rollup_late, rollup_progress

_LONGEST_MS = 32 * DAY_MS
_AT_ONCE = 400
"""Names in one question."""


class Progress(Struct, frozen=True):
    """How far the rollup is: the row of `rollup_progress`."""

    version: int
    rolled_ms: int
    fence_ms: int


class SqlRollup:
    """Implements `spend.reports.Rollup`, which says what the calls do."""

    def __init__(self, database: Database, most: int = 2_000) -> None:
        """`most`: about how many entries a step adds."""
        self.database = database
        self._most = most
        self._span_ms = HOUR_MS
        """How much time the last step covered: so much will do for the next one, more or less."""

    def fence(self, before_ms: int) -> bool:
        with self.database.read() as connection:
            rolled, places = progress_of(connection).rolled_ms, workspaces(connection)
            if _first(connection, places, rolled, before_ms) is None and not _late(connection, rolled):
                return False
        with self.database.write() as connection:
            connection.execute(select(rollup_progress.c.id).with_for_update())
            lock_fence(connection)
            later = rollup_progress.c.fence_ms < before_ms
            connection.execute(update(rollup_progress).where(later).values(fence_ms=before_ms))
        return True

    def step(self) -> Rolled:
        try:
            return self._step()
        except StoreUnavailable:
            # Where it took too long, the next one is shorter.
            self._span_ms = max(1, self._span_ms // 2)
            raise

    def _step(self) -> Rolled:
        with self.database.read() as connection:
            progress, places = progress_of(connection), workspaces(connection)
            end, entries = self._end(connection, places, progress)
            late = _late(connection, progress.rolled_ms)
            if end == progress.rolled_ms and not late:
                return Rolled(entries=0, rolled_ms=end, more=False)
            booked = _booked(connection, places, progress.rolled_ms, end) if entries else ()
            more = [booked]
            if late:
                more += [_added_late(connection, progress, late, less=less) for less in (False, True)]
            rows = whole_rows(connection, added(chain.from_iterable(more)))
        with self.database.write() as connection:
            seen = update(rollup_progress).where(rollup_progress.c.version == progress.version)
            now = connection.execute(seen.values(version=progress.version + 1, rolled_ms=end))
            # Another gateway may have made a step meanwhile: then this one is not needed.
            if now.rowcount:
                _write(connection, rows, late)
        unfinished = end < progress.fence_ms or len(late) == _AT_ONCE
        return Rolled(entries=entries + len(late), rolled_ms=end, more=unfinished)

    def _end(self, connection: Connection, places: Sequence[str], progress: Progress) -> tuple[int, int]:
        """Up to where the next step goes, and how many entries that is about."""
        start, fence = progress.rolled_ms, progress.fence_ms
        first = _first(connection, places, start, fence)
        if first is None:
            return max(start, fence), 0
        while True:
            end = min(first + self._span_ms, fence)
            number = _number(connection, places, (first, end), self._most)
            if number <= self._most or end == first + 1:
                break
            self._span_ms = max(1, (end - first) // 2)
        if number <= self._most // 2:
            self._span_ms = min(self._span_ms * 2, _LONGEST_MS)
        return end, number


def progress_of(connection: Connection) -> Progress:
    """How far the rollup is."""
    row = connection.execute(
        select(rollup_progress.c.version, rollup_progress.c.rolled_ms, rollup_progress.c.fence_ms)
    ).one()
    return Progress(*row)


def workspaces(connection: Connection) -> list[str]:
    """Every workspace of which the ledger has an entry: looked up one by one, for they are few."""
    found: list[str] = []
    following = select(func.min(ledger.c.workspace))
    last = connection.scalar(following)
    while last is not None:
        found.append(last)
        last = connection.scalar(following.where(ledger.c.workspace > last))
    return found


def _first(connection: Connection, places: Sequence[str], start: int, end: int) -> int | None:
    earliest = (
        connection.scalar(select(func.min(ledger.c.at_ms)).where(_within(place, start, end)))
        for place in places
    )
    return min((each for each in earliest if each is not None), default=None)


def _number(connection: Connection, places: Iterable[str], time: tuple[int, int], most: int) -> int:
    """How many entries there are; where there are more than `most`, only that there are more."""
    number = 0
    for place in places:
        some = select(ledger.c.at_ms).where(_within(place, *time)).limit(most + 1).subquery()
        number += connection.execute(select(func.count()).select_from(some)).scalar_one()
        if number > most:
            break
    return number


def _within(place: str, start: int, end: int) -> ColumnElement[bool]:
    return and_(ledger.c.workspace == place, ledger.c.at_ms >= start, ledger.c.at_ms < end)


_HOUR = (ledger.c.at_ms - ledger.c.at_ms % literal_column(str(HOUR_MS))).label("hour")
_PARTS = (
    ledger.c.workspace,
    ledger.c.answering_model.label("model"),
    ledger.c.provider,
    ledger.c.key,
)

_BOOKED = totals(sums(ended_its_request()))
_SIGNS = signs()
_SUPERSEDED = totals({name: superseded(name) for name in SUMS})
_NONE = [null().label(name) for name in HISTOGRAMS]
_LISTED = tuple(rollup_late.primary_key)
_GROUPS: list[ColumnElement[Any]] = [
    literal_column(name) for name in ("workspace", "model", "provider", "key", "hour")
]


def _booked(connection: Connection, places: Sequence[str], start: int, end: int) -> Sequence[Row[Any]]:
    """What was booked in that time, but what is listed as late, by hour and all that tells rows apart."""
    listed = select(rollup_late.c.request).where(
        rollup_late.c.request == ledger.c.request,
        rollup_late.c.attempt == ledger.c.attempt,
        rollup_late.c.seq == ledger.c.seq,
        ~rollup_late.c.superseded,
    )
    found: list[Row[Any]] = []
    for some in range(0, len(places), _AT_ONCE):
        here = ledger.c.workspace.in_(places[some : some + _AT_ONCE])
        rows = (
            select(*_PARTS, _HOUR, *_BOOKED, *_SIGNS)
            .where(here, ledger.c.at_ms >= start, ledger.c.at_ms < end, of_a_key(), ~listed.exists())
            .group_by(*_GROUPS)
        )
        found += connection.execute(rows).all()
    return found


def _late(connection: Connection, rolled_ms: int) -> Sequence[Row[Any]]:
    """The names of what is listed as late, and is from before that."""
    return connection.execute(_oldest_late(rolled_ms)).all()


def _oldest_late(rolled_ms: int) -> Select[*tuple[Any, ...]]:
    return (
        select(*_LISTED)
        .where(rollup_late.c.at_ms < rolled_ms)
        .order_by(rollup_late.c.at_ms, *_LISTED)
        .limit(_AT_ONCE)
    )


def _added_late(
    connection: Connection, progress: Progress, names: Sequence[Row[Any]], *, less: bool
) -> Sequence[Row[Any]]:
    """What those of the late add that are superseded (`less`), or those that are not."""
    late = _oldest_late(progress.rolled_ms).subquery()
    # Named too, so that no database thinks of reading the whole ledger.
    named = ledger.c.request.in_({row.request for row in names})
    counted = (*_SUPERSEDED, *_NONE) if less else (*_BOOKED, *_SIGNS)
    rows = (
        select(*_PARTS, _HOUR, *counted)
        .select_from(
            late.join(ledger, and_(*(late.c[column.name] == column for column in ledger.primary_key)))
        )
        .where(named, late.c.superseded if less else ~late.c.superseded)
        .group_by(*_GROUPS)
    )
    return connection.execute(rows).all()


def _write(
    connection: Connection, rows: Mapping[str, Sequence[tuple[Any, ...]]], late: Sequence[Row[Any]]
) -> None:
    write_rows(connection, rows)
    for row in late:
        this = and_(*(column == value for column, value in zip(_LISTED, row, strict=True)))
        connection.execute(delete(rollup_late).where(this))
