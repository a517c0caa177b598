"""Current windows: they turn with their periods, and a limit that was lowered is told of."""

from msgspec.structs import replace

from zai_gateway.spend.budgets import Budget, Period, window_id, window_start
from zai_gateway.spend.current import CurrentWindows

NOON = 1_795_003_200_000
DAY = 24 * 3_600 * 1_000
TOTAL = Budget(id="bud_total", owner="key", limit=100)
DAILY = Budget(id="bud_daily", owner="ws", limit=50, period=Period.DAILY)


def unheard(window: str) -> None:
    raise AssertionError(f"{window} was not lowered")


def unleased(_window: str) -> bool:
    return False


def test_each_budget_has_the_window_that_now_is_in() -> None:
    windows = CurrentWindows(unheard, unleased)
    counted = windows.of((TOTAL, DAILY), NOON)
    assert counted.ids == ("bud_total:0", window_id("bud_daily", window_start(Period.DAILY, NOON)))
    assert counted.windows[1].end_ms == window_start(Period.DAILY, NOON) + DAY


def test_windows_turn_with_the_shortest_period_and_back_with_a_clock_that_is_set_back() -> None:
    windows, budgets = CurrentWindows(unheard, unleased), (TOTAL, DAILY)
    today = windows.of(budgets, NOON)
    assert windows.of(budgets, NOON + DAY // 3) is today
    tomorrow = windows.of(budgets, NOON + DAY)
    assert tomorrow.ids == (today.ids[0], window_id("bud_daily", window_start(Period.DAILY, NOON + DAY)))
    assert windows.of(budgets, NOON).ids == today.ids


def test_two_callers_may_share_what_comes_first() -> None:
    windows = CurrentWindows(unheard, unleased)
    assert len(windows.of((TOTAL, DAILY), NOON).ids) == 2
    assert len(windows.of((TOTAL,), NOON).ids) == 1
    assert windows.of((), NOON).ids == ()


def test_a_limit_that_is_lower_than_it_was_is_told_of_once() -> None:
    told: list[str] = []
    windows = CurrentWindows(told.append, unleased)
    windows.of((TOTAL,), NOON)
    windows.of((replace(TOTAL, limit=200),), NOON)
    windows.of((replace(TOTAL, limit=None),), NOON)
    assert told == []
    lower = (replace(TOTAL, limit=99),)
    assert windows.of(lower, NOON).windows[0].budget.limit == 99
    windows.of(lower, NOON)
    assert told == ["bud_total:0"]
    windows.of((replace(DAILY, limit=50),), NOON)
    windows.of((replace(DAILY, limit=1),), NOON + DAY)
    assert told == ["bud_total:0"], "it was lowered for a day that has not been leased yet"


def test_only_the_latest_window_of_a_budget_is_known() -> None:
    windows = CurrentWindows(unheard, unleased)
    old, new = (windows.of((DAILY,), at).windows[0] for at in (NOON, NOON + DAY))
    assert (windows.known(old.id), windows.known(new.id)) == (None, new)
    assert windows.known("bud_of_nobody:0") is None


def test_what_is_leased_is_not_forgotten_however_many_come() -> None:
    told: list[str] = []
    windows = CurrentWindows(told.append, {"bud_total:0"}.__contains__, most=2)
    windows.of((TOTAL,), NOON)
    old = windows.of((DAILY,), NOON).windows[0]
    for number in range(10):
        windows.of((replace(TOTAL, id=f"bud_{number}"),), NOON)
    assert windows.known(old.id) is None
    windows.of((replace(TOTAL, limit=99),), NOON)
    assert told == ["bud_total:0"]
