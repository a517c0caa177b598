"""Times that usage is told of: those to choose from, and days that the reader names; all are UTC."""

from datetime import UTC, date, datetime, timedelta

from msgspec import Struct

from zai_gateway.accounts.usage import LONGEST_MS
from zai_gateway.accounts.usage_books import BY_THE_HOUR_MS, DAY_MS, HOUR_MS, Span
from zai_gateway.console.forms import Problems

USUAL = "30d"
OWN = "custom"
TIMES = (
    ("24h", "24 hours"),
    ("7d", "7 days"),
    (USUAL, "30 days"),
    ("month", "This month"),
    ("last-month", "Last month"),
    (OWN, "Other days"),
)
_A_FEW_DAYS_MS = 2 * DAY_MS
_WHICH = {"from": "first", "to": "last"}
_MOST_DAYS = LONGEST_MS // DAY_MS


class Time(Struct, frozen=True, kw_only=True):
    """From `since_ms` on and before `until_ms`, in milliseconds since 1970."""

    since_ms: int
    until_ms: int

    @property
    def spans(self) -> tuple[Span, ...]:
        """By what its charts can be told, the usual first."""
        ms = self.until_ms - self.since_ms
        if ms > BY_THE_HOUR_MS:
            return (Span.DAY,)
        return (Span.HOUR, Span.DAY) if ms <= _A_FEW_DAYS_MS else (Span.DAY, Span.HOUR)

    @property
    def first_day(self) -> str:
        """The day on which it begins, as a field of a form has it."""
        return _day(self.since_ms).isoformat()

    @property
    def last_day(self) -> str:
        """The last day that is in it."""
        return _day(self.until_ms - 1).isoformat()


def time_of(name: str, now_ms: int) -> Time:
    """One of `TIMES` as it is now; the usual one for whatever is none."""
    hour, today = now_ms - now_ms % HOUR_MS, now_ms - now_ms % DAY_MS
    month = _day(now_ms).replace(day=1)
    begins = {
        "24h": hour - 23 * HOUR_MS,
        "7d": today - 6 * DAY_MS,
        "month": _ms(month),
        "last-month": _ms((month - timedelta(days=1)).replace(day=1)),
    }
    ends = _ms(month) if name == "last-month" else now_ms + 1
    return Time(since_ms=begins.get(name, today - 29 * DAY_MS), until_ms=ends)


def time_between(first: str, last: str, now_ms: int, problems: Problems) -> Time:
    """From one day to another, both in it; where they are none, `problems` says so, and it is the usual."""
    since, until = _read(first, "from", problems), _read(last, "to", problems)
    if since is None or until is None:
        return time_of(USUAL, now_ms)
    days = (until - since).days + 1
    if days < 1:
        problems["to"] = "The last day comes before the first."
    elif days > _MOST_DAYS:
        problems["to"] = f"That is {days:,} days; at most {_MOST_DAYS} can be told at once."
    else:
        return Time(since_ms=_ms(since), until_ms=_ms(until) + DAY_MS)
    return time_of(USUAL, now_ms)


def _read(text: str, field: str, problems: Problems) -> date | None:
    try:
        day = date.fromisoformat(text) if len(text) == len("2026-01-01") else None
    except ValueError:
        day = None
    if day is None or not 1970 <= day.year <= 9998:
        problems[field] = f"The {_WHICH[field]} day is none that can be read; write it as 2026-01-31."
        return None
    return day


def _day(ms: int) -> date:
    return datetime.fromtimestamp(ms / 1_000, UTC).date()


def _ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000
