"""`GET /v1/me`: the identity and the quota of the calling key, as the reference shows them."""

from msgspec import Struct
from msgspec.json import encode

from zai_gateway.accounts.caller import Caller
from zai_gateway.edge.rooms import Standings
from zai_gateway.money import micro_from_nano


class Org(Struct, frozen=True, kw_only=True):
    """The key's workspace."""

    id: str
    name: str
    slug: str


class Key(Struct, frozen=True, kw_only=True):
    """The calling key. Amounts are in micro-USD, rounded up once, from the sum."""

    id: str
    name: str
    prefix: str
    spend_micro_usd: int
    spend_cap_micro_usd: int | None
    fallback_model: str | None


class Me(Struct, frozen=True, kw_only=True):
    """The whole block."""

    auth: str
    org: Org
    api_key: Key


async def me_json(caller: Caller, standings: Standings) -> bytes:
    """The block for `caller`. Answers over the cap too. Raises StoreUnavailable."""
    key, workspace = caller.key, caller.view.workspace
    spent = sum(row.spent for row in await standings.standings(key.id) if row.budget.id == key.budget)
    block = Me(
        auth="api_key",
        org=Org(id=workspace.id, name=workspace.name, slug=workspace.slug),
        api_key=Key(
            id=key.id,
            name=key.name,
            prefix=key.prefix,
            spend_micro_usd=micro_from_nano(spent),
            spend_cap_micro_usd=None if key.cap is None else micro_from_nano(key.cap),
            fallback_model=key.fallback,
        ),
    )
    return encode(block)
