"""Gathering what the charts tell, with as few questions to the books as it takes."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from zai_gateway.accounts.usage_books import Dimension, Row, Slice, Sums
from zai_gateway.console.pages.usage.asking import Asked
from zai_gateway.console.pages.usage.charting import MOST, together
from zai_gateway.console.visit import Visit


def taken_apart(
    visit: Visit, asked: Asked, rows: Sequence[Row]
) -> tuple[Sequence[Slice], Mapping[int, Sums]]:
    """The dearest apart and all others as one; and the sums of each span. `rows` has the dearest first."""
    usage, actor, workspace = visit.services.accounts.usage, visit.actor, visit.workspace
    books, span = asked.books, asked.span
    if asked.by is not Dimension.KEY or len(rows) <= MOST:
        # All that the charts tell is in it.
        slices = usage.timeline(actor, workspace, books, by=asked.by, span=span, most=MOST)
        return slices, together(slices)
    # There may be very many keys: the dearest are known, and need not be found among them once more.
    dearest = replace(books, keys=tuple(row.id for row in rows[:MOST]))
    apart = usage.timeline(actor, workspace, dearest, by=Dimension.KEY, span=span, most=MOST)
    whole = usage.timeline(actor, workspace, books, by=None, span=span)
    return (*apart, *_others(apart, whole)), {each.start_ms: each.sums for each in whole}


def _others(apart: Sequence[Slice], whole: Sequence[Slice]) -> list[Slice]:
    told: dict[int, int] = {}
    for each in apart:
        told[each.start_ms] = told.get(each.start_ms, 0) + each.sums.cost
    return [
        Slice(start_ms=each.start_ms, id="", sums=Sums(cost=each.sums.cost - told.get(each.start_ms, 0)))
        for each in whole
    ]
