"""`GET /v1/me`: the identity and the quota of the calling key, as the reference shows them."""

from datetime import UTC, datetime

from msgspec import Struct
from msgspec.json import encode

from zai_gateway.accounts.caller import Caller
from zai_gateway.accounts.records import ApiKey, Workspace
from zai_gateway.edge.rooms import Standings
from zai_gateway.money import micro_from_nano
from zai_gateway.spend.budgets import Period, window_end
from zai_gateway.spend.store import Standing


class RateLimits(Struct, frozen=True, kw_only=True):
    """None: as much as comes."""

    rpm: int | None
    """Requests a minute."""
    tpm: int | None
    """Tokens a minute, input and output together."""
    concurrency: int | None
    """Requests at once."""


class Org(Struct, frozen=True, kw_only=True):
    """The key's workspace."""

    id: str
    name: str
    slug: str
    rate_limits: RateLimits
    """Of all its keys together."""


class Key(Struct, frozen=True, kw_only=True):
    """The calling key. Amounts are in micro-USD, rounded up once, from the sum."""

    id: str
    name: str
    prefix: str
    spend_micro_usd: int
    spend_cap_micro_usd: int | None
    fallback_model: str | None
    spend_period: str
    """`total`, `daily`, `weekly` or `monthly`: over what the cap and `spend_micro_usd` count."""
    spend_resets_at: str | None
    """When they begin anew, ISO 8601 in UTC; None where they never do."""
    unconfirmed_micro_usd: int
    """What may have been spent beside that and nobody confirmed: the cap counts it too."""
    rate_limits: RateLimits


class Me(Struct, frozen=True, kw_only=True):
    """The whole block."""

    auth: str
    org: Org
    api_key: Key


async def me_json(caller: Caller, standings: Standings) -> bytes:
    """The block for `caller`. Answers over the cap too. Raises StoreUnavailable."""
    key, workspace = caller.key, caller.view.workspace
    own = [row for row in await standings.standings(key.id) if row.budget.id == key.budget]
    block = Me(
        auth="api_key",
        org=Org(
            id=workspace.id, name=workspace.name, slug=workspace.slug, rate_limits=_rate_limits(workspace)
        ),
        api_key=Key(
            id=key.id,
            name=key.name,
            prefix=key.prefix,
            spend_micro_usd=micro_from_nano(sum(row.spent for row in own)),
            spend_cap_micro_usd=None if key.cap is None else micro_from_nano(key.cap),
            fallback_model=key.fallback,
            spend_period=own[0].budget.period.value if own else Period.TOTAL.value,
            spend_resets_at=_resets_at(own[0]) if own else None,
            unconfirmed_micro_usd=micro_from_nano(sum(row.risk for row in own)),
            rate_limits=_rate_limits(key),
        ),
    )
    return encode(block)


def _rate_limits(of: ApiKey | Workspace) -> RateLimits:
    return RateLimits(rpm=of.rpm, tpm=of.tpm, concurrency=of.concurrency)


def _resets_at(standing: Standing) -> str | None:
    end = window_end(standing.budget.period, standing.window_start_ms)
    return None if end is None else datetime.fromtimestamp(end // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
