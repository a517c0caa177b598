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


def of_input_alone(offers: dict[str, "Offer"]) -> dict[str, "Offer"]:
    """What embeddings cost by them: nothing comes out of such a model that has a price.

    Some sources price its output all the same, as if it wrote.
    """
    return {
        tier: Offer({"input": offer.base["input"], "output": 0})
        for tier, offer in offers.items()
        if "input" in offer.base
    }


def with_long_writes(offers: dict[str, "Offer"]) -> dict[str, "Offer"]:
    """What Claude costs by them: a write that lasts an hour costs twice the input, where a source has it not.

    https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing
    """
    return {
        tier: Offer(
            _long_writes(offer.base), {over: _long_writes(rates) for over, rates in offer.steps.items()}
        )
        for tier, offer in offers.items()
    }


def _long_writes(rates: Rates) -> Rates:
    if "cache_write" not in rates or "input" not in rates:
        return rates
    return {"cache_write_long": 2 * rates["input"], **rates}


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
