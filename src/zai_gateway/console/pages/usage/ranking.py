"""The breakdown of usage as a table: in the order that its URL asks for, and in pages."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from zai_gateway.accounts.usage_books import Percentiles, Row
from zai_gateway.console.visit import Visit

_ON_A_PAGE = 25
USUAL = "cost"
_ORDERED: Mapping[str, Callable[[Row], Any]] = {
    USUAL: lambda row: row.sums.cost,
    "requests": lambda row: row.sums.requests,
    "errors": lambda row: row.sums.errors,
    "input": lambda row: row.sums.usage.prompt,
    "output": lambda row: row.sums.usage.output,
    "first": lambda row: _slowest(row.first_token),
    "total": lambda row: _slowest(row.total),
}


class Ranking(Struct, frozen=True, kw_only=True):
    """One page of the table."""

    rows: Sequence[Row]
    sort: str
    """By what, the most first; `name` by name."""
    page: int
    pages: int
    start: int
    """How many rows are before this page."""
    count: int
    most: int
    """What the dearest of all rows cost, in nano-USD."""


def ranking(visit: Visit, rows: Sequence[Row], names: Callable[[str], str]) -> Ranking:
    """The page of `rows` that the URL asks for; `names` says how each id is called."""
    asked, page = visit.query("sort"), visit.query("page")
    sort = asked if asked in _ORDERED or asked == "name" else USUAL
    if sort == "name":
        ordered = sorted(rows, key=lambda row: names(row.id).lower())
    else:
        ordered = sorted(rows, key=_ORDERED[sort], reverse=True)
    pages = max(1, -(-len(ordered) // _ON_A_PAGE))
    number = min(max(1, int(page)), pages) if page.isascii() and page.isdigit() and len(page) < 6 else 1
    start = (number - 1) * _ON_A_PAGE
    return Ranking(
        rows=ordered[start : start + _ON_A_PAGE],
        sort=sort,
        page=number,
        pages=pages,
        start=start,
        count=len(rows),
        most=max((row.sums.cost for row in rows), default=0),
    )


def _slowest(of: Percentiles) -> int:
    return -1 if of.p95_ms is None else of.p95_ms
