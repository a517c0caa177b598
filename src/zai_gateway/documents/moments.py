"""Moments as documents say them."""

from datetime import UTC, datetime


def iso(ms: int) -> str:
    """Milliseconds since 1970 as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(ms // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_or_none(ms: int | None) -> str | None:
    """As `iso`; None where there is no such moment."""
    return None if ms is None else iso(ms)


def iso_to_ms(ms: int) -> str:
    """As `iso`, to the millisecond."""
    return f"{iso(ms)[:-1]}.{ms % 1_000:03d}Z"
