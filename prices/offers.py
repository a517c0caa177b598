"""What one source says a model costs: an offer per service tier, whole or in part."""

from decimal import Decimal

from msgspec import Struct

PARTS = ("input", "cache_read", "cache_write", "cache_write_long", "output")

Rates = dict[str, int]
"""Pico-USD per token by bucket; one that the source does not price is absent."""


class Offer(Struct, frozen=True):
    """One tier's rates."""

    base: Rates
    steps: dict[int, Rates] = {}
    """What differs for every token where the prompt is over so many tokens."""

    @property
    def whole(self) -> bool:
        """Whether it prices input and output."""
        return "input" in self.base and "output" in self.base

    @property
    def nothing(self) -> bool:
        """Whether it gives input and output away."""
        return self.base.get("input") == self.base.get("output") == 0


class Fees(Struct, frozen=True):
    """What is charged beside tokens, in pico-USD."""

    request: int = 0
    image: int = 0
    search: int = 0


def pico_of_usd(usd_per_token: Decimal) -> int:
    """USD per token as pico-USD per token. Raises ValueError for what the books cannot hold exactly."""
    pico = usd_per_token * 10**12
    if pico != int(pico) or pico < 0:
        raise ValueError(f"{usd_per_token} USD per token is no whole number of pico-USD")
    return int(pico)


def pico_of_usd_up(usd: Decimal) -> int:
    """USD as pico-USD, rounded up: some prices per token are fractions that a source has rounded itself."""
    if usd < 0:
        raise ValueError(f"{usd} USD is less than nothing")
    return int(-(-(usd * 10**12) // 1))


def dearest(offers: list[Offer]) -> Offer:
    """What is never below any of the offers: each bucket at its dearest, at every length of prompt."""
    lengths = sorted({over for offer in offers for over in offer.steps})
    return Offer(
        _most([filled(offer.base) for offer in offers]), {over: _at(offers, over) for over in lengths}
    )


def filled(rates: Rates) -> Rates:
    """Every bucket's rate: a cache without a price, or with one of zero, costs what plain input costs."""
    write = rates.get("cache_write") or rates["input"]
    if write < rates["input"]:
        write += rates["input"]  # what keeping it costs, on top of reading it
    return {
        "input": rates["input"],
        "cache_read": min(rates.get("cache_read") or rates["input"], rates["input"]),
        "cache_write": write,
        "cache_write_long": rates.get("cache_write_long") or write,
        "output": rates["output"],
    }


def _at(offers: list[Offer], over: int) -> Rates:
    found: list[Rates] = []
    for offer in offers:
        reached = [length for length in offer.steps if length <= over]
        found.append(filled({**offer.base, **(offer.steps[max(reached)] if reached else {})}))
    return _most(found)


def _most(rates: list[Rates]) -> Rates:
    return {part: max(each[part] for each in rates) for part in PARTS}
