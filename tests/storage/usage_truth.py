"""What reports have to say, added up entry by entry from the ledger, past the code under test."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from tests.storage.places import Place
from zai_gateway.accounts.usage_books import HOUR_MS, Dimension, Span, Sums, UsageQuery
from zai_gateway.wire.usage import Usage

_COLUMNS = (
    *("request", "attempt", "seq", "workspace", "key", "provider", "answering_model", "cost", "risk"),
    *("certainty", "status", "failure", "flags", "input", "cache_read", "cache_write", "cache_write_long"),
    *("output", "reasoning", "searches", "first_token_ms", "total_ms", "at_ms"),
)
_TOKENS = tuple(Usage.__struct_fields__)


class Booked(Struct, frozen=True):
    """A row of the ledger, and whether its request ended with it."""

    row: dict[str, Any]
    ends: bool

    @property
    def sums(self) -> Sums:
        """What it adds."""
        row = self.row
        first = row["attempt"] > 0 and row["seq"] == 0
        failed = row["status"] >= 400 or row["failure"] is not None
        return Sums(
            requests=int(self.ends),
            attempts=int(first),
            errors=int(self.ends and failed),
            usage=Usage(**{name: row[name] or 0 for name in _TOKENS}),
            cost=row["cost"],
            risk=row["risk"],
            estimated=int(first and row["certainty"] != "exact"),
            overruns=int("overrun" in row["flags"]),
            written_off=int("written_off" in row["flags"]),
        )

    @property
    def answered(self) -> bool:
        """Whether its times count."""
        row = self.row
        first = row["attempt"] > 0 and row["seq"] == 0
        return first and 200 <= row["status"] < 300 and row["failure"] is None

    def of(self, by: Dimension | None) -> str:
        """Its key, model or provider."""
        return "" if by is None else self.row["answering_model" if by is Dimension.MODEL else by.value]


class Truth:
    """The ledger of one place, read whole."""

    def __init__(self, place: Place) -> None:
        found = place.rows(f"SELECT {', '.join(_COLUMNS)} FROM ledger")
        rows = [dict(zip(_COLUMNS, row, strict=True)) for row in found]
        last: dict[str, int] = {}
        for row in rows:
            last[row["request"]] = max(row["attempt"], last.get(row["request"], 0))
            if isinstance(row["flags"], str):
                row["flags"] = json.loads(row["flags"])
        self.every = [
            Booked(row, row["attempt"] > 0 and row["seq"] == 0 and row["attempt"] == last[row["request"]])
            for row in rows
            if row["key"]
        ]

    def within(self, workspace: str, query: UsageQuery) -> list[Booked]:
        """Those that a query is about."""
        unit = HOUR_MS if query.until_ms - query.since_ms <= 7 * 24 * HOUR_MS else 24 * HOUR_MS
        since = query.since_ms // unit * unit
        until = -(-query.until_ms // unit) * unit
        return [
            each
            for each in self.every
            if each.row["workspace"] == workspace
            and since <= each.row["at_ms"] < until
            and (query.keys is None or each.row["key"] in query.keys)
            and query.model in {None, each.row["answering_model"]}
            and query.provider in {None, each.row["provider"]}
        ]

    def breakdown(self, workspace: str, query: UsageQuery, by: Dimension | None) -> dict[str, Sums]:
        """The sums by id."""
        return _summed(self.within(workspace, query), lambda each: each.of(by))

    def timeline(
        self, workspace: str, query: UsageQuery, by: Dimension | None, span: Span
    ) -> dict[tuple[int, str], Sums]:
        """The sums by start and id."""
        return _summed(
            self.within(workspace, query),
            lambda each: (each.row["at_ms"] // span.ms * span.ms, each.of(by)),
        )

    def times(self, workspace: str, query: UsageQuery) -> list[int]:
        """How long answers took in all."""
        found = self.within(workspace, query)
        return sorted(each.row["total_ms"] for each in found if each.answered)


def plus(one: Sums, more: Sums) -> Sums:
    """Both together."""
    tokens = {name: getattr(one.usage, name) + getattr(more.usage, name) for name in _TOKENS}
    names = [name for name in Sums.__struct_fields__ if name != "usage"]
    numbers = {name: getattr(one, name) + getattr(more, name) for name in names}
    return Sums(usage=Usage(**tokens), **numbers)


def _summed(entries: Iterable[Booked], place: Callable[[Booked], Any]) -> dict[Any, Sums]:
    found: defaultdict[Any, Sums] = defaultdict(Sums)
    for each in entries:
        found[place(each)] = plus(found[place(each)], each.sums)
    return {place: sums for place, sums in found.items() if sums != Sums()}
