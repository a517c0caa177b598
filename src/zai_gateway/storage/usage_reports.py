"""Usage reports: totals, breakdowns, timelines and latencies of a workspace, however long its ledger is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from zai_gateway.accounts.usage_books import (
    MOST_TIMED,
    Dimension,
    LatencySlice,
    Row,
    Slice,
    Span,
    Sums,
    UsageQuery,
)
from zai_gateway.storage.database import Database
from zai_gateway.storage.entries import BUCKETS
from zai_gateway.storage.histograms import percentiles
from zai_gateway.storage.usage_sums import Counted, Place, Question, counted
from zai_gateway.storage.usage_tables import SUMS
from zai_gateway.wire.usage import Usage


class SqlUsageReports:
    """Implements those calls of `accounts.usage_books.UsageReports` that add up."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def totals(self, workspace: str, query: UsageQuery) -> Row:
        found = self._counted(Question(workspace=workspace, query=query, histograms=True))
        return _row(found, (0, ""))

    def breakdown(self, workspace: str, query: UsageQuery, by: Dimension) -> tuple[Row, ...]:
        question = Question(workspace=workspace, query=query, by=by)
        with self._database.read() as connection:
            found = counted(connection, question)
            rows = [_row(found, place) for place, values in found.sums.items() if any(values)]
            rows.sort(key=lambda row: (-row.sums.cost, -row.sums.requests, row.id))
            dearest = tuple(row.id for row in rows[:MOST_TIMED])
            timed = replace(question, only=dearest, columns=(), histograms=True)
            found.histograms |= counted(connection, timed).histograms
        rows[:MOST_TIMED] = [_row(found, (0, id)) for id in dearest]
        return tuple(rows)

    def timeline(
        self, workspace: str, query: UsageQuery, *, by: Dimension | None, span: Span, most: int
    ) -> tuple[Slice, ...]:
        whole = Question(workspace=workspace, query=query, span=span)
        if by is None:
            return _slices(self._counted(whole).sums, {"": None})
        each = replace(whole, by=by)
        with self._database.read() as connection:
            # Only those that are shown are told apart: there may be very many.
            ranking = counted(connection, replace(each, span=None, columns=("cost",))).sums
            dearest = _dearest({id: cost for (_, id), (cost,) in ranking.items()}, most)
            found = counted(connection, replace(each, only=tuple(dearest))).sums
            if len(ranking) > len(dearest):
                found |= _left(counted(connection, whole).sums, found)
        return _slices(found, dearest)

    def latency(self, workspace: str, query: UsageQuery, *, span: Span) -> tuple[LatencySlice, ...]:
        question = Question(workspace=workspace, query=query, span=span, columns=(), histograms=True)
        found = self._counted(question).histograms
        return tuple(
            LatencySlice(start_ms=start, first_token=percentiles(first), total=percentiles(whole))
            for (start, _), (first, whole) in sorted(found.items())
            if first or whole
        )

    def _counted(self, question: Question) -> Counted:
        with self._database.read() as connection:
            return counted(connection, question)


def sums_of(values: Sequence[int]) -> Sums:
    """The sums of these columns, which are in the order of `SUMS`."""
    named: dict[str, Any] = dict(zip(SUMS, values, strict=True))
    tokens = Usage(**{name: named.pop(name) for name in BUCKETS})
    return Sums(usage=tokens, **named)


def _row(found: Counted, place: Place) -> Row:
    first_token, whole = map(percentiles, found.histograms.get(place, (0, 0)))
    return Row(
        id=place[1],
        sums=sums_of(found.sums[place]) if place in found.sums else Sums(),
        first_token=first_token,
        total=whole,
    )


def _left(whole: Mapping[Place, list[int]], told: Mapping[Place, list[int]]) -> dict[Place, list[int]]:
    """What is left of each part of the timeline without what is told apart."""
    left = dict(whole)
    for (start, _), values in told.items():
        left[start, ""] = [one - less for one, less in zip(left[start, ""], values, strict=True)]
    return left


def _dearest(spent: Mapping[str, int], most: int) -> dict[str, str | None]:
    """The ids of which most was spent, the dearest first."""
    ranked = sorted(spent, key=lambda each: (-spent[each], each))
    return {id: id for id in ranked[:most]}


def _slices(found: Mapping[Place, list[int]], shown: Mapping[str, str | None]) -> tuple[Slice, ...]:
    """In order; what has no name of its own comes last in each span."""
    order = {id: place for place, id in enumerate(shown)}

    def key(place: Place) -> tuple[int, int]:
        return place[0], order.get(place[1], len(order))

    starts: Iterable[Place] = sorted((place for place, values in found.items() if any(values)), key=key)
    return tuple(
        Slice(start_ms=start, id=shown.get(id, ""), sums=sums_of(found[start, id])) for start, id in starts
    )
