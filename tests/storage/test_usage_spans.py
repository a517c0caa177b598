"""Usage spans: the rows that a stretch is made of cover what is rolled up of it, each moment once."""

from hypothesis import given
from hypothesis import strategies as st

from zai_gateway.accounts.usage_books import DAY_MS, HOUR_MS, UsageQuery
from zai_gateway.storage.rollup_rows import WEEK_MS
from zai_gateway.storage.usage_spans import Stretch, pieces

LENGTHS = {"hour": HOUR_MS, "day": DAY_MS, "week": WEEK_MS}
MONDAY = 1_767_571_200_000
"""2026-01-05 00:00 UTC."""
MOMENTS = st.integers(MONDAY - 30 * DAY_MS, MONDAY + 30 * DAY_MS)


@given(
    MOMENTS,
    st.integers(1, 60 * DAY_MS),
    MOMENTS,
    st.sampled_from([("week", "day", "hour"), ("day", "hour"), ("hour",)]),
)
def test_each_moment_is_covered_once(since: int, length: int, rolled: int, spans: tuple[str, ...]) -> None:
    stretch = Stretch.of(UsageQuery(since_ms=since, until_ms=since + length))
    assert stretch.since_ms <= since < since + length <= stretch.until_ms
    unit = HOUR_MS if length <= 7 * DAY_MS else DAY_MS
    assert stretch.since_ms % unit == stretch.until_ms % unit == 0
    assert stretch.until_ms - stretch.since_ms < length + 2 * unit
    found = pieces(stretch, rolled, spans)
    covered = sorted((start, start + LENGTHS[span]) for span, starts in found.items() for start in starts)
    at = stretch.since_ms
    for start, end in covered:
        assert start == at
        at = end
    # What is behind the end is nothing that is rolled up.
    assert at >= min(stretch.until_ms, rolled)
    assert at <= stretch.until_ms or rolled <= stretch.until_ms


def test_thirty_days_are_few_rows() -> None:
    now = MONDAY + 3 * DAY_MS + 5 * HOUR_MS
    stretch = Stretch.of(UsageQuery(since_ms=MONDAY - 27 * DAY_MS, until_ms=now))
    found = pieces(stretch, now - 15_000, ("week", "day", "hour"))
    assert {span: len(starts) for span, starts in found.items()} == {"day": 6, "week": 4}
