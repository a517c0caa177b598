"""Current windows: which window each budget has now, worked out once a period."""

from collections.abc import Callable

from msgspec import Struct

from zai_gateway.spend.budgets import Budget, window_end, window_id, window_parts, window_start

_MOST_REMEMBERED = 100_000
"""Budgets, before those that are not in use are forgotten."""


class Window(Struct, frozen=True):
    """A budget's window, as a request that comes now counts in it."""

    id: str
    budget: Budget
    start_ms: int
    end_ms: int | None
    """When the period turns, in milliseconds since 1970; None: never."""


class Counted(Struct, frozen=True):
    """What the requests of one caller count in."""

    budgets: tuple[Budget, ...]
    windows: tuple[Window, ...]
    ids: tuple[str, ...]
    """Of the windows."""
    start_ms: int
    end_ms: float
    """Until when they are the current ones, in milliseconds since 1970."""


class CurrentWindows:
    """Remembers the window of each budget until its period turns, or its limit changes."""

    def __init__(
        self, lowered: Callable[[str], None], leased: Callable[[str], bool], most: int = _MOST_REMEMBERED
    ) -> None:
        """`lowered` is told of the window of a budget whose limit is lower than it was.

        Where more than `most` budgets are remembered, those are forgotten whose windows are not `leased`.
        """
        self._lowered = lowered
        self._leased = leased
        self._most = most
        self._known: dict[str, Window] = {}
        self._counted: dict[str, Counted] = {}
        """By the id of the first budget: a caller that did not change comes with the very same tuple."""

    def of(self, budgets: tuple[Budget, ...], now_ms: int) -> Counted:
        """The windows that the budgets have at this moment."""
        counted = self._counted.get(budgets[0].id) if budgets else None
        if (
            counted is None
            or counted.budgets is not budgets
            or not counted.start_ms <= now_ms < counted.end_ms
        ):
            counted = self._counted_anew(budgets, now_ms)
        return counted

    def known(self, window: str) -> Window | None:
        """The window of this id, if it is the latest that a request of its budget counted in."""
        found = self._known.get(window_parts(window)[0])
        return found if found is not None and found.id == window else None

    def _counted_anew(self, budgets: tuple[Budget, ...], now_ms: int) -> Counted:
        if len(self._known) >= self._most:
            self._counted.clear()
            self._known = {id: window for id, window in self._known.items() if self._leased(window.id)}
            # Where most are in use, they are not all looked at for each one that comes.
            self._most = max(self._most, 2 * len(self._known))
        windows = tuple(self._window(budget, now_ms) for budget in budgets)
        counted = Counted(
            budgets,
            windows,
            tuple(window.id for window in windows),
            max((window.start_ms for window in windows), default=0),
            min((window.end_ms for window in windows if window.end_ms is not None), default=float("inf")),
        )
        if budgets:
            self._counted[budgets[0].id] = counted
        return counted

    def _window(self, budget: Budget, now_ms: int) -> Window:
        before = self._known.get(budget.id)
        is_current = before is not None and (
            before.start_ms <= now_ms and (before.end_ms is None or now_ms < before.end_ms)
        )
        if before is not None and is_current and before.budget.limit == budget.limit:
            return before
        start = window_start(budget.period, now_ms)
        window = Window(window_id(budget.id, start), budget, start, window_end(budget.period, now_ms))
        self._known[budget.id] = window
        if before is not None and is_current and _is_lower(budget.limit, before.budget.limit):
            self._lowered(window.id)
        return window


def _is_lower(limit: int | None, before: int | None) -> bool:
    return limit is not None and (before is None or limit < before)
