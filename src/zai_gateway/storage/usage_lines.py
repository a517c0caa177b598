"""Usage lines: the newest entries of the ledger, found by what the rollup knows of when there were any."""

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, RowMapping, Select, and_, or_, select

from zai_gateway.accounts.terms import LAST_MS
from zai_gateway.accounts.usage_books import HOUR_MS, LedgerLine, Span, UsageQuery
from zai_gateway.storage.database import Database
from zai_gateway.storage.entries import BUCKETS
from zai_gateway.storage.rows import record_of
from zai_gateway.storage.tables import ledger
from zai_gateway.storage.usage_facts import of_a_key
from zai_gateway.storage.usage_sums import Question, counted
from zai_gateway.wire.usage import Usage

_AT_ONCE_MS = 30 * 24 * HOUR_MS
"""The time whose hours are asked for at once."""
_COLUMNS = [
    *(ledger.c[name] for name in ("request", "attempt", "seq", "key", "requested_model", "answering_model")),
    *(ledger.c[name] for name in ("provider", "streamed", "status", "failure", "flags", "certainty")),
    *(ledger.c[name] for name in (*BUCKETS, "cost", "risk", "first_token_ms", "total_ms", "at_ms")),
]
_ORDER = (ledger.c.at_ms.desc(), ledger.c.request.desc(), ledger.c.attempt.desc(), ledger.c.seq.desc())


class _Cursor(Struct, frozen=True):
    at_ms: int
    attempt: int
    seq: int
    request: str

    @classmethod
    def read(cls, text: str) -> "_Cursor":
        at_ms, attempt, seq, request = text.split(":", 3)
        numbers = int(at_ms), int(attempt), int(seq)
        if (
            not all(0 <= each < 2**31 for each in numbers[1:])
            or not 0 <= numbers[0] <= LAST_MS
            or "\0" in request
            or len(request) > 500
        ):
            raise ValueError("no cursor")
        return cls(*numbers, request)


class SqlUsageLines:
    """Implements `recent` of `accounts.usage_books.UsageReports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recent(
        self, workspace: str, query: UsageQuery, *, most: int, before: str | None
    ) -> tuple[LedgerLine, ...]:
        """As the protocol says."""
        behind = None if before is None else _Cursor.read(before)
        if behind is not None:
            query = replace(query, until_ms=min(query.until_ms, behind.at_ms + 1))
        if query.keys == () or query.until_ms <= query.since_ms:
            return ()
        found: list[LedgerLine] = []
        with self._database.read() as connection:
            for since, until in _times(connection, workspace, query):
                rows = _lines(workspace, replace(query, since_ms=since, until_ms=until), behind)
                read = connection.execute(rows.limit(most - len(found))).mappings()
                found += [_line(row) for row in read]
                if len(found) == most:
                    break
        return tuple(found)


def _times(connection: Connection, workspace: str, query: UsageQuery) -> Iterator[tuple[int, int]]:
    """Parts of the time that are searched one after the other, the newest first.

    An index finds the newest entries of all, but of one model or key it may have to pass over many others:
    the rollup knows the hours in which there were any.
    """
    if query.keys is None and query.model is None and query.provider is None:
        yield query.since_ms, query.until_ms
        return
    until = query.until_ms
    while until > query.since_ms:
        since = max(query.since_ms, until - _AT_ONCE_MS)
        part = replace(query, since_ms=since, until_ms=until)
        question = Question(workspace=workspace, query=part, span=Span.HOUR, columns=("cost",))
        found = counted(connection, question).sums
        hours = sorted((at for at, _ in found if since - HOUR_MS < at < until), reverse=True)
        for first, end in _runs(hours):
            yield max(since, first), min(until, end)
        until = since


def _runs(hours: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Hours that follow each other as one time, the newest first."""
    first = end = None
    for hour in hours:
        if first is None or end is None or hour + HOUR_MS != first:
            if first is not None and end is not None:
                yield first, end
            end = hour + HOUR_MS
        first = hour
    if first is not None and end is not None:
        yield first, end


def _lines(workspace: str, query: UsageQuery, behind: _Cursor | None) -> Select[*tuple[object, ...]]:
    rows = (
        select(*_COLUMNS)
        .where(
            ledger.c.workspace == workspace,
            ledger.c.at_ms >= query.since_ms,
            ledger.c.at_ms < query.until_ms,
            of_a_key(),
        )
        .order_by(*_ORDER)
    )
    if query.keys is not None:
        rows = rows.where(ledger.c.key.in_(query.keys))
    if query.model is not None:
        rows = rows.where(ledger.c.answering_model == query.model)
    if query.provider is not None:
        rows = rows.where(ledger.c.provider == query.provider)
    if behind is None:
        return rows
    c = ledger.c
    same = and_(c.at_ms == behind.at_ms, c.request == behind.request)
    return rows.where(
        or_(
            c.at_ms < behind.at_ms,
            and_(c.at_ms == behind.at_ms, c.request < behind.request),
            and_(same, c.attempt < behind.attempt),
            and_(same, c.attempt == behind.attempt, c.seq < behind.seq),
        )
    )


def _line(row: RowMapping) -> LedgerLine:
    usage = None if row["input"] is None else record_of(Usage, row, searches=row["searches"] or 0)
    return record_of(LedgerLine, row, usage=usage)
