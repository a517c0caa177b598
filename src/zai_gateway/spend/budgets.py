"""Budgets: a limit on one resource of one key, member or workspace over one period."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from msgspec import Struct


class Period(StrEnum):
    """How long a budget's window lasts; all are UTC."""

    TOTAL = "total"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


_OWNERS = {"key": "this API key's", "member": "this member's", "workspace": "this workspace's"}


class Budget(Struct, frozen=True, kw_only=True):
    """A limit on spend. `limit` is in nano-USD; None counts without limiting."""

    id: str
    owner: str
    """The id of the key, member or workspace that it limits."""
    resource: str = "spend"
    owner_kind: str = "key"
    """`key`, `member` or `workspace`."""
    period: Period = Period.TOTAL
    limit: int | None = None

    @property
    def called(self) -> str:
        """What its limit is called, to whoever is refused by it."""
        owner = _OWNERS.get(self.owner_kind, f"the {self.owner_kind}'s")
        return f"{owner} spend cap" if self.period is Period.TOTAL else f"{owner} {self.period} budget"


def window_start(period: Period, now_ms: int) -> int:
    """When the period's window that `now_ms` falls in began, in milliseconds since 1970; 0 for `total`."""
    if period is Period.TOTAL:
        return 0
    midnight = datetime.fromtimestamp(now_ms / 1_000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period is Period.WEEKLY:
        midnight -= timedelta(days=midnight.weekday())
    elif period is Period.MONTHLY:
        midnight = midnight.replace(day=1)
    return int(midnight.timestamp()) * 1_000


def window_end(period: Period, now_ms: int) -> int | None:
    """When that window ends and the next begins, in milliseconds since 1970; None for `total`."""
    if period is Period.TOTAL:
        return None
    start = window_start(period, now_ms)
    days = {Period.DAILY: 1, Period.WEEKLY: 7, Period.MONTHLY: 31}[period]
    # Any moment of the next window does; a day of UTC is always as long.
    return window_start(period, start + days * 24 * 3_600 * 1_000)


def window_id(budget: str, start_ms: int) -> str:
    """The id of a budget's window: derivable, so that whoever needs it first can make it."""
    return f"{budget}:{start_ms}"


def window_parts(window: str) -> tuple[str, int]:
    """The budget's id and the start of a window, from the window's id."""
    budget, _, start = window.rpartition(":")
    return budget, int(start)
