"""Usage spans: the rows of the rollup of which a stretch of time is made, as few as there are."""

from collections.abc import Sequence

from msgspec import Struct

from zai_gateway.accounts.usage_books import DAY_MS, HOUR_MS, Span, UsageQuery
from zai_gateway.storage.rollup_rows import WEEK_MS, starts_of

_LENGTHS = {"week": WEEK_MS, "day": DAY_MS, "hour": HOUR_MS}


class Stretch(Struct, frozen=True):
    """A time from the beginning of an hour or day to the end of another, in milliseconds since 1970."""

    since_ms: int
    until_ms: int

    @classmethod
    def of(cls, query: UsageQuery) -> "Stretch":
        """The hours that the query touches, or the days where it is long."""
        unit = Span.within(query.until_ms - query.since_ms).ms
        return cls(query.since_ms // unit * unit, -(-query.until_ms // unit) * unit)


def pieces(stretch: Stretch, rolled_ms: int, spans: Sequence[str]) -> dict[str, list[int]]:
    """The starts of the rows that hold what is rolled up of the stretch, by span; `spans` names the longest
    first, and ends with `hour`.

    A row may reach beyond the end where nothing from behind it is rolled up yet.
    """
    found: dict[str, list[int]] = {span: [] for span in spans}
    at, end = stretch.since_ms, min(stretch.until_ms, rolled_ms)
    whole = rolled_ms <= stretch.until_ms
    while at < end:
        starts = starts_of(at)
        span = next(
            each
            for each in spans
            if starts[each] == at and (whole or at + _LENGTHS[each] <= stretch.until_ms)
        )
        found[span].append(at)
        at += _LENGTHS[span]
    return {span: starts for span, starts in found.items() if starts}
