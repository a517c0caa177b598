"""Merging: one price out of what several sources offer, and what they disagree about."""

from typing import Any

from msgspec import Struct, structs
from offers import PARTS, Fees, Offer, Rates, filled


class Source(Struct, frozen=True):
    """A source's offers for one model, by tier. Earlier sources are believed before later ones."""

    name: str
    offers: dict[str, Offer]
    fees: Fees = Fees()


class Merged(Struct, frozen=True):
    """A price as the data file has it."""

    price: dict[str, Any]
    disagreements: tuple[str, ...]
    """One sentence each, about rates that two sources give differently."""


def merge(sources: list[Source]) -> Merged | None:
    """The first source that prices the model wins; what it says nothing of is filled from the next ones.

    None where no source has a standard price of input and output.
    """
    priced = [source for source in sources if "standard" in source.offers and source.offers["standard"].whole]
    if not priced:
        return None
    winner = priced[0]
    filled_in: dict[str, set[str]] = {}
    tiers: dict[str, Any] = {}
    for tier in sorted({tier for source in priced for tier in source.offers}):
        whole = _whole(tier, priced, winner, filled_in)
        if whole.whole:
            tiers[tier] = tariff(whole)
    fees = next((source for source in sources if source.fees != Fees()), None)
    if fees is not None and fees is not winner:
        filled_in.setdefault(fees.name, set()).add("fees")
    origin = "; ".join(
        [winner.name, *(f"{', '.join(sorted(parts))}: {name}" for name, parts in filled_in.items())]
    )
    price = {"source": origin, "standard": tiers.pop("standard"), "tiers": tiers}
    if fees is not None:
        price["fees"] = {part: pico for part, pico in structs.asdict(fees.fees).items() if pico}
    return Merged(price, tuple(_disagreements(priced)))


def tariff(offer: Offer) -> dict[str, Any]:
    """An offer as the data file has it: what follows from the other rates is left out.

    A longer prompt never costs less, which it might where its rates are of another source than the base.
    """
    last = filled(offer.base)
    row: dict[str, Any] = _plain(last)
    steps: list[dict[str, Any]] = []
    for over, rates in sorted(offer.steps.items()):
        at = filled({"input": offer.base["input"], "output": offer.base["output"], **rates})
        last = {part: max(rate, last[part]) for part, rate in at.items()}
        steps.append({"over": over, **_plain(last)})
    return {**row, "steps": steps} if steps else row


def _plain(rates: Rates) -> Rates:
    follows = {
        "cache_read": rates["input"],
        "cache_write": rates["input"],
        "cache_write_long": rates["cache_write"],
    }
    return {part: rate for part, rate in rates.items() if follows.get(part) != rate}


def _whole(tier: str, priced: list[Source], winner: Source, filled_in: dict[str, set[str]]) -> Offer:
    """The tier's offer with its gaps filled; notes in `filled_in` what came from whom."""
    base: Rates = {}
    steps: dict[int, Rates] = {}
    for source in priced:
        offer = source.offers.get(tier)
        if offer is None:
            continue
        has_nothing_yet = not base
        parts = {
            part for part, rate in offer.base.items() if part not in base and (rate or part in PARTS[:1])
        }
        base = {**offer.base, **base}
        if offer.steps and (not steps or steps.keys() == offer.steps.keys()):
            if not steps and not has_nothing_yet:
                parts.add("long prompts")
            steps = {over: {**rates, **steps.get(over, {})} for over, rates in offer.steps.items()}
        if source is not winner and parts:
            filled_in.setdefault(source.name, set()).update({f"tier {tier}"} if has_nothing_yet else parts)
    return Offer(base, steps)


def _disagreements(priced: list[Source]) -> list[str]:
    winner, *others = priced
    return [
        f"{tier}{f' over {over}' if over else ''} {part}: {winner.name} {mine[part]}, "
        f"{other.name} {theirs[part]} pico-USD per token"
        for other in others
        for tier in sorted(winner.offers.keys() & other.offers.keys())
        for over in sorted({0} | (winner.offers[tier].steps.keys() & other.offers[tier].steps.keys()))
        for mine, theirs in [(_at(winner.offers[tier], over), _at(other.offers[tier], over))]
        for part in PARTS
        if part in mine and theirs.get(part) and mine[part] != theirs[part]
    ]


def _at(offer: Offer, over: int) -> Rates:
    return offer.steps[over] if over else offer.base
