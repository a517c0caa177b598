"""What becomes of each failure of a provider, as the playbooks show it and docs/fallback.md prints it."""

from collections.abc import Iterator

from msgspec import Struct

from tests.upstreams.failing import Fault


class Told(Struct, frozen=True, kw_only=True):
    """What a failure is to the client, where nothing is left to try, and to the ledger."""

    fault: Fault
    status: int = 502
    code: str = "upstream_failed"
    retry_after: str | None = None
    seen: int
    """The provider's status in the ledger; 0 where none came."""
    free: bool = True
    """Whether the attempt certainly cost nothing."""


TABLE = (
    Told(fault=Fault.REFUSED, seen=0),
    Told(fault=Fault.TLS, seen=0),
    Told(fault=Fault.NO_HEAD, status=504, code="upstream_timeout", seen=0, free=False),
    Told(fault=Fault.NO_CONTENT, status=504, code="upstream_timeout", seen=200, free=False),
    Told(fault=Fault.S408, seen=408, free=False),
    Told(fault=Fault.S429_WAIT, status=429, code="upstream_rate_limited", retry_after="7", seen=429),
    Told(fault=Fault.S429, status=429, code="upstream_rate_limited", seen=429),
    Told(fault=Fault.S500, seen=500),
    Told(fault=Fault.S529, seen=529),
    Told(fault=Fault.HTML_200, seen=200, free=False),
    Told(fault=Fault.HTML_502, seen=502),
    Told(fault=Fault.TRUNCATED, seen=200, free=False),
    Told(fault=Fault.EMPTY, seen=200, free=False),
)


def printed() -> Iterator[str]:
    """The table's lines in Markdown."""
    yield "| the provider | the client, where nothing is left to try | the ledger: status | cost | risk |"
    yield "|---|---|---|---|---|"
    for row in TABLE:
        wait = f", `Retry-After: {row.retry_after}`" if row.retry_after else ""
        cost = "0 | 0" if row.free else "an estimate | the rest of the worst case"
        yield f"| {row.fault} | {row.status} `{row.code}`{wait} | {row.seen} | {cost} |"
