"""The JSON documents of admin commands: stable names, money in integer micro-USD, moments in ISO 8601."""

from msgspec import Struct

from zai_gateway.accounts.api_keys import status
from zai_gateway.accounts.records import ApiKey, PriceOverride, VirtualModel
from zai_gateway.accounts.usage import UsageRow
from zai_gateway.cli.words import iso, iso_or_none
from zai_gateway.money import micro_from_nano, usd
from zai_gateway.spend.store import Standing


class RetiringDocument(Struct, frozen=True, kw_only=True):
    """An earlier secret of an API key, which opens it until it retires."""

    prefix: str
    retires_at: str


class KeyDocument(Struct, frozen=True, kw_only=True):
    """An API key, without the key itself."""

    id: str
    prefix: str
    name: str
    status: str
    """`active`, `expired` or `revoked`."""
    spend_micro_usd: int
    spend_usd: str
    unconfirmed_micro_usd: int
    """What may have been spent beside that, and nobody confirmed; the cap counts both."""
    spend_cap_micro_usd: int | None
    spend_cap_usd: str | None
    near_cap: str
    """`clamp` or `refuse`."""
    allow: tuple[str, ...]
    fallback_model: str | None
    unbounded_allowance_micro_usd: int | None
    """Held for each request that uses what nothing bounds; None: under a cap, none may."""
    unbounded_allowance_usd: str | None
    member_id: str | None
    tags: tuple[str, ...]
    last_used_at: str | None
    retiring: tuple[RetiringDocument, ...]
    expires_at: str | None
    revoked_at: str | None
    created_at: str


class PriceDocument(Struct, frozen=True, kw_only=True):
    """A workspace's own price. 1 micro-USD per million tokens is 1 pico-USD per token."""

    model: str
    input_micro_usd_per_million: int
    output_micro_usd_per_million: int
    cache_read_micro_usd_per_million: int
    cache_write_micro_usd_per_million: int
    version: str
    created_at: str


class TargetDocument(Struct, frozen=True, kw_only=True):
    """A model that a virtual model stands for."""

    model: str
    weight: int
    timeout_ms: int | None


class VirtualModelDocument(Struct, frozen=True, kw_only=True):
    """A model's name that a workspace defined for itself."""

    name: str
    strategy: str
    """`ordered` or `weighted`."""
    targets: tuple[TargetDocument, ...]
    created_at: str


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


def key_document(key: ApiKey, standing: Standing | None, now_ms: int) -> KeyDocument:
    """`standing` is that of the key's own budget; None where nothing was ever held in it."""
    spent, risk = (0, 0) if standing is None else (standing.spent, standing.risk)
    allowance = key.unbounded_allowance
    return KeyDocument(
        id=key.id,
        prefix=key.prefix,
        name=key.name,
        status=status(key, now_ms),
        spend_micro_usd=micro_from_nano(spent),
        spend_usd=usd(spent),
        unconfirmed_micro_usd=micro_from_nano(risk),
        spend_cap_micro_usd=None if key.cap is None else micro_from_nano(key.cap),
        spend_cap_usd=None if key.cap is None else usd(key.cap),
        near_cap=key.near_cap.value,
        allow=key.allow,
        fallback_model=key.fallback,
        unbounded_allowance_micro_usd=None if allowance is None else micro_from_nano(allowance),
        unbounded_allowance_usd=None if allowance is None else usd(allowance),
        member_id=key.member,
        tags=key.tags,
        last_used_at=iso_or_none(key.last_used_ms),
        retiring=tuple(
            RetiringDocument(prefix=old.prefix, retires_at=iso(old.retires_ms))
            for old in key.predecessors
            if now_ms < old.retires_ms
        ),
        expires_at=iso_or_none(key.expires_ms),
        revoked_at=iso_or_none(key.revoked_ms),
        created_at=iso(key.created_ms),
    )


def price_document(price: PriceOverride) -> PriceDocument:
    return PriceDocument(
        model=price.model,
        input_micro_usd_per_million=price.rates.input,
        output_micro_usd_per_million=price.rates.output,
        cache_read_micro_usd_per_million=price.rates.cache_read,
        cache_write_micro_usd_per_million=price.rates.cache_write,
        version=price.version,
        created_at=iso(price.created_ms),
    )


def virtual_model_document(model: VirtualModel) -> VirtualModelDocument:
    return VirtualModelDocument(
        name=model.name,
        strategy=model.strategy.value,
        targets=tuple(
            TargetDocument(model=each.model, weight=each.weight, timeout_ms=each.timeout_ms)
            for each in model.targets
        ),
        created_at=iso(model.created_ms),
    )


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
