"""Times of usage: those to choose from lie on UTC's days, and what is no time is told."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zai_gateway.accounts.usage import LONGEST_MS
from zai_gateway.accounts.usage_books import BY_THE_HOUR_MS, DAY_MS, HOUR_MS, Span
from zai_gateway.console.forms import Problems
from zai_gateway.console.pages.usage.times import TIMES, time_between, time_of

DAYS = st.dates(date(1970, 3, 1), date(9990, 1, 1))


def ms(text: str) -> int:
    """A moment of UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


NOW = ms("2026-03-05T13:37:42")


@pytest.mark.parametrize(
    ("name", "since", "until"),
    [
        ("24h", "2026-03-04T14:00", None),
        ("7d", "2026-02-27", None),
        ("30d", "2026-02-04", None),
        ("month", "2026-03-01", None),
        ("last-month", "2026-02-01", "2026-03-01"),
        ("anything", "2026-02-04", None),
    ],
)
def test_a_time_to_choose(name: str, since: str, until: str | None) -> None:
    time = time_of(name, NOW)
    assert time.since_ms == ms(since)
    assert time.until_ms == (NOW + 1 if until is None else ms(until))


@given(st.sampled_from([name for name, _ in TIMES]), st.integers(ms("1970-03-01"), ms("9990-01-01")))
def test_every_time_is_one_that_the_books_can_tell(name: str, now_ms: int) -> None:
    time = time_of(name, now_ms)
    assert 0 <= time.since_ms < time.until_ms <= now_ms + 1
    assert time.until_ms - time.since_ms <= LONGEST_MS
    assert time.since_ms % (HOUR_MS if name == "24h" else DAY_MS) == 0
    hours = Span.HOUR in time.spans
    assert hours == (time.until_ms - time.since_ms <= BY_THE_HOUR_MS)


@given(DAYS, st.integers(0, 399))
def test_days_are_told_from_the_first_to_the_last(first: date, more: int) -> None:
    problems, last = Problems(), first + timedelta(days=more)
    time = time_between(first.isoformat(), last.isoformat(), NOW, problems)
    assert not problems
    assert (time.first_day, time.last_day) == (first.isoformat(), last.isoformat())
    assert time.until_ms - time.since_ms == (more + 1) * DAY_MS


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("", "2026-01-01", "from"),
        ("2026-01-01", "2026-02-30", "to"),
        ("2026-01-01", "20260201", "to"),
        ("1969-12-31", "2026-01-01", "from"),
        ("2026-01-01", "9999-12-31", "to"),
        ("2026-01-02", "2026-01-01", "to"),
        ("2025-01-01", "2026-02-05", "to"),
    ],
)
def test_days_that_make_no_time_are_told_beside_their_field(first: str, last: str, field: str) -> None:
    problems = Problems()
    assert time_between(first, last, NOW, problems) == time_of("30d", NOW)
    assert list(problems) == [field]
