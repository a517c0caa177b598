"""What an answer cost: usage times price, summed exactly; pure."""

from zai_gateway.catalogue.model import NO_FEES, Fees, Price, Rates, Tariff
from zai_gateway.catalogue.tiers import OFFERED, tariff
from zai_gateway.money import nano_from_pico
from zai_gateway.wire.usage import Usage

OWN_PRICE = "workspace"
"""The source of a price that a workspace set for itself."""


def cost(usage: Usage, price: Price, service_tier: str | None, images: int = 0) -> int:
    """Nano-USD that `usage` cost at the tier that served it, rounded up once, from the whole sum.

    `service_tier` is what the provider said; None is the standard tier. A tier that the price lacks costs
    what its dearest tariff makes of this usage: nothing is booked below its price. `images` went in, where
    the price has a fee for each.
    """
    known = tariff(price, service_tier)
    prompt = usage.prompt
    if known is not None:
        tokens = _tokens_pico(usage, known.rates(prompt))
    else:
        tokens = max(_tokens_pico(usage, each.rates(prompt)) for each in price.tiers.values())
    return nano_from_pico(tokens + _fees_pico(usage, price.fees, images))


def own_price(rates: Rates, version: str) -> Price:
    """The price that a workspace set for itself: the same tariff for every tier that a request may name."""
    return same_everywhere(rates, source=OWN_PRICE, version=version)


def same_everywhere(rates: Rates, source: str, version: str) -> Price:
    """A price that knows no tiers and no long prompts."""
    return Price(tiers=dict.fromkeys(OFFERED, Tariff(base=rates)), source=source, version=version)


def _tokens_pico(usage: Usage, rates: Rates) -> int:
    return (
        usage.input * rates.input
        + usage.cache_read * rates.cache_read
        + usage.cache_write * rates.cache_write
        + usage.cache_write_long * rates.cache_write_long
        + usage.output * rates.output
    )


def _fees_pico(usage: Usage, fees: Fees, images: int) -> int:
    if fees is NO_FEES:
        return 0
    return fees.request + images * fees.image + usage.searches * fees.search
