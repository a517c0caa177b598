"""Budget windows: UTC periods, whatever the moment."""

from datetime import UTC, datetime

import pytest

from zai_gateway.spend.budgets import Period, window_end, window_id, window_parts, window_start


def ms(year: int, month: int, day: int, *clock: int) -> int:
    return int(datetime(year, month, day, *clock, tzinfo=UTC).timestamp() * 1_000)


@pytest.mark.parametrize(
    ("period", "start"),
    [
        (Period.TOTAL, 0),
        (Period.DAILY, ms(2026, 11, 22)),
        (Period.WEEKLY, ms(2026, 11, 16)),  # a Monday
        (Period.MONTHLY, ms(2026, 11, 1)),
    ],
)
def test_a_window_begins_where_its_period_does(period: Period, start: int) -> None:
    assert window_start(period, ms(2026, 11, 22, 23, 59, 59)) == start


def test_the_last_moment_of_a_period_is_still_in_it() -> None:
    assert window_start(Period.DAILY, ms(2026, 11, 23) - 1) == ms(2026, 11, 22)
    assert window_start(Period.DAILY, ms(2026, 11, 23)) == ms(2026, 11, 23)
    assert window_start(Period.WEEKLY, ms(2026, 11, 23) - 1) == ms(2026, 11, 16)
    assert window_start(Period.MONTHLY, ms(2026, 12, 1) - 1) == ms(2026, 11, 1)


def test_windows_of_one_budget_have_ids_of_their_own() -> None:
    assert window_id("bud_1", 0) != window_id("bud_1", 1) != window_id("bud_2", 1)
    assert window_parts(window_id("bud:1", 1)) == ("bud:1", 1)


@pytest.mark.parametrize(
    "moment", [ms(2026, 11, 22), ms(2026, 11, 22, 23, 59, 59), ms(2028, 2, 29), ms(2026, 12, 31)]
)
@pytest.mark.parametrize("period", [Period.DAILY, Period.WEEKLY, Period.MONTHLY])
def test_a_window_ends_where_the_next_one_begins(period: Period, moment: int) -> None:
    end = window_end(period, moment)
    assert end is not None
    assert window_start(period, end) == end
    assert window_start(period, end - 1) == window_start(period, moment)


def test_a_total_never_ends() -> None:
    assert window_end(Period.TOTAL, ms(2026, 11, 22)) is None
