"""Requests as a key with a cap would send them: the real routing and the real worst case."""

from zai_gateway.accounts.caller import Caller, WorkspaceView
from zai_gateway.accounts.records import ApiKey, PriceOverride, ProviderKey, Workspace
from zai_gateway.catalogue.bound import Bound
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.model import Rates
from zai_gateway.relay.preparing import worst_case
from zai_gateway.relay.routing import Knowledge, Route, routes
from zai_gateway.wire.chat import ChatRequest

CATALOGUE = Catalogue.load()
OWN_RATES = Rates(
    input=3_000_000, cache_read=3_000_000, cache_write=3_000_000, cache_write_long=3_000_000, output=9_000_000
)
"""3 and 9 USD per million tokens: what the workspace itself sets."""
TODAY = 1_793_500_000
"""A day of November 2026, in seconds since 1970."""


def capped(prefix: str, own_prices: dict[str, Rates]) -> Caller:
    """A key with a cap, in a workspace with one provider and prices of its own by model."""
    key = ApiKey(
        id="key_1",
        workspace="ws_1",
        name="capped",
        prefix="zk_live_0000",
        digest=b"",
        cap=10**12,
        budget="budget_1",
        created_ms=0,
    )
    provider_key = ProviderKey(
        id="pkey_1",
        workspace="ws_1",
        provider=prefix,
        name=prefix,
        base_url="https://vendor.test",
        sealed=b"",
        created_ms=0,
    )
    view = WorkspaceView(
        workspace=Workspace(id="ws_1", name="Recorded", slug="recorded", created_ms=0),
        provider_keys=(provider_key,),
        prices={
            name: PriceOverride(model=name, rates=rates, version="own", created_ms=0)
            for name, rates in own_prices.items()
        },
    )
    return Caller(key=key, view=view)


def prepared(request: ChatRequest, caller: Caller, day: int = TODAY) -> tuple[Route, Bound]:
    """Where it goes and what it can cost at most. Raises Failure for what a capped key may not ask."""
    knowledge = Knowledge(catalogue=CATALOGUE, now=day, draw=lambda: 0.0, cooling=lambda key, model: False)
    (route,) = routes(request, caller, knowledge)
    bound = worst_case(request, route, caller, route.model)
    assert bound is not None
    return route, bound
