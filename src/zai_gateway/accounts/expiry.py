"""When a key expires, as people write it: a time from now, or a date."""

import re
from datetime import UTC, datetime

from zai_gateway.errors import OperatorError

_MS_PER = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000}
_SPAN = re.compile(r"([0-9]{1,5})([wdhm])")


def expiry_ms(text: str, now_ms: int, field: str) -> int:
    """`4w`, `30d`, `12h`, `90m` from now, or an ISO 8601 date or time, as milliseconds since 1970.

    A date means its first moment, and a time without an offset is UTC. Raises OperatorError, naming `field`,
    for anything else and for what is not in the future.
    """
    text = text.strip()
    span = span_ms(text)
    moment = moment_ms(text, field) if span is None else now_ms + span
    if moment <= now_ms:
        raise OperatorError(f"{field}: {text!r} is not in the future.")
    return moment


def span_ms(text: str) -> int | None:
    """A length of time (`4w`, `30d`, `12h`, `90m`) in milliseconds; None for what is none."""
    span = _SPAN.fullmatch(text)
    return int(span[1]) * _MS_PER[span[2]] if span else None


def moment_ms(text: str, field: str) -> int:
    """An ISO 8601 date or time in milliseconds since 1970, read as `expiry_ms` does. Raises OperatorError."""
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)
    except (ValueError, OverflowError):
        raise OperatorError(
            f"{field}: {text[:40]!r} is neither a time from now (90m, 12h, 30d, 4w) nor a date (2030-12-31)."
        ) from None
