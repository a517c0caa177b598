"""The JSON documents of usage by key and model."""

from msgspec import Struct

from zai_gateway.accounts.usage_books import UsageRow
from zai_gateway.money import micro_from_nano, usd


class UsageDocument(Struct, frozen=True, kw_only=True):
    """What one key did with one model; no token is counted in two fields but `reasoning_tokens`."""

    key_id: str
    key_name: str
    model: str
    requests: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    """Those among `output_tokens`."""
    cost_micro_usd: int
    unconfirmed_micro_usd: int


class UsageTotal(Struct, frozen=True, kw_only=True):
    """The sum of a report, rounded once: it may be less than its rounded rows together."""

    requests: int
    cost_micro_usd: int
    cost_usd: str
    unconfirmed_micro_usd: int


class UsageReportDocument(Struct, frozen=True, kw_only=True):
    """A usage report."""

    since: str | None
    until: str
    rows: tuple[UsageDocument, ...]
    total: UsageTotal


def usage_document(row: UsageRow, key_name: str) -> UsageDocument:
    return UsageDocument(
        key_id=row.key,
        key_name=key_name,
        model=row.model,
        requests=row.requests,
        input_tokens=row.usage.input,
        cache_read_tokens=row.usage.cache_read,
        cache_write_tokens=row.usage.cache_write + row.usage.cache_write_long,
        output_tokens=row.usage.output,
        reasoning_tokens=row.usage.reasoning,
        cost_micro_usd=micro_from_nano(row.cost),
        unconfirmed_micro_usd=micro_from_nano(row.risk),
    )


def usage_total(rows: tuple[UsageRow, ...]) -> UsageTotal:
    cost = sum(row.cost for row in rows)
    return UsageTotal(
        requests=sum(row.requests for row in rows),
        cost_micro_usd=micro_from_nano(cost),
        cost_usd=usd(cost),
        unconfirmed_micro_usd=micro_from_nano(sum(row.risk for row in rows)),
    )
