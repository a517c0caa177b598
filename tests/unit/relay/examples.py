"""A route for the relay's tests."""

from zai_gateway.accounts.records import ProviderKey
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.cost import own_price
from zai_gateway.catalogue.model import Model, Rates
from zai_gateway.providers.registry import provider
from zai_gateway.relay.routing import Origin, Route

OWN_RATES = Rates(
    input=1_000_000,
    cache_read=1_000_000,
    cache_write=1_000_000,
    cache_write_long=1_000_000,
    output=10_000_000,
)
"""1 and 10 USD per million tokens."""


def chosen(model: Model | None = None, *, own: bool = False) -> Route:
    """A route to OpenAI; with a price of the workspace's own in place of the catalogue's."""
    row = provider("openai")
    assert row is not None
    to = model or Catalogue.load().model("openai", "gpt-4o")
    key = ProviderKey(
        id="pkey_1", workspace="ws_1", provider="openai", name="openai", base_url="", sealed=b"", created_ms=0
    )
    return Route(
        provider=row,
        provider_key=key,
        model=to,
        origin=Origin.NAMED,
        price=own_price(OWN_RATES, "price_1") if own else to.price,
    )
