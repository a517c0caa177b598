"""What one source says a model costs: an offer per service tier, whole or in part."""

from decimal import Decimal

from msgspec import Struct

PARTS = ("input", "cache_read", "cache_write", "cache_write_long", "output")


class Offer(Struct, frozen=True):
    """One tier's rates in pico-USD per token, by bucket; one that the source does not price is absent."""

    base: dict[str, int]
    long: dict[str, int]
    """The rates of every token where the prompt is over `long_over` tokens."""
    long_over: int | None


def pico_of_usd(usd_per_token: Decimal) -> int:
    """USD per token as pico-USD per token. Raises ValueError for what the books cannot hold exactly."""
    pico = usd_per_token * 10**12
    if pico != int(pico) or pico < 0:
        raise ValueError(f"{usd_per_token} USD per token is no whole number of pico-USD")
    return int(pico)
