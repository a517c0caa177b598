"""Merging: one price out of what several sources offer, and what they disagree about."""

from typing import Any

from msgspec import Struct
from offers import PARTS, Offer


class Source(Struct, frozen=True):
    """A source's offers for one model, by tier. Earlier sources are believed before later ones."""

    name: str
    offers: dict[str, Offer]


class Merged(Struct, frozen=True):
    """A price as the data file has it."""

    price: dict[str, Any]
    disagreements: tuple[str, ...]
    """One sentence each, about rates that two sources give differently."""


def merge(sources: list[Source]) -> Merged | None:
    """The first source that prices the model wins; what it says nothing of is filled from the next ones.

    None where no source has a standard price of input and output.
    """
    priced = [source for source in sources if "standard" in source.offers]
    if not priced:
        return None
    winner = priced[0]
    filled: dict[str, set[str]] = {}
    tiers: dict[str, Any] = {}
    for tier in sorted({tier for source in priced for tier in source.offers}):
        tiers[tier] = _tariff(_whole(tier, priced, winner, filled))
    origin = "; ".join(
        [winner.name, *(f"{', '.join(sorted(parts))}: {name}" for name, parts in filled.items())]
    )
    return Merged({"source": origin, "tiers": tiers}, tuple(_disagreements(priced)))


def _whole(tier: str, priced: list[Source], winner: Source, filled: dict[str, set[str]]) -> Offer:
    """The tier's offer with its gaps filled; notes in `filled` what came from whom."""
    base: dict[str, int] = {}
    long: dict[str, int] = {}
    over: int | None = None
    for source in priced:
        offer = source.offers.get(tier)
        if offer is None:
            continue
        has_nothing_yet = not base
        parts = {part for part in offer.base if part not in base}
        base = {**offer.base, **base}
        if offer.long_over is not None and over in (None, offer.long_over):
            if over is None and not has_nothing_yet:
                parts.add("long prompts")
            over = offer.long_over
            long = {**offer.long, **long}
        if source is not winner and parts:
            filled.setdefault(source.name, set()).update({f"tier {tier}"} if has_nothing_yet else parts)
    return Offer(base, long, over)


def _tariff(offer: Offer) -> dict[str, Any]:
    base = _rates(offer.base, 0)
    if offer.long_over is None:
        return {"base": base}
    return {
        "base": base,
        "long": _rates(offer.long, base["cache_write_long"]),
        "long_over": offer.long_over,
    }


def _rates(known: dict[str, int], least_lasting_write: int) -> dict[str, int]:
    """Every bucket's rate: a cache without a price of its own costs what plain input costs."""
    input = known["input"]
    write = known.get("cache_write", input)
    return {
        "input": input,
        "cache_read": known.get("cache_read", input),
        "cache_write": write,
        "cache_write_long": known.get("cache_write_long", max(write, least_lasting_write)),
        "output": known["output"],
    }


def _disagreements(priced: list[Source]) -> list[str]:
    winner, *others = priced
    return [
        f"{tier} {kind} {part}: {winner.name} {mine[part]}, {other.name} {theirs[part]} pico-USD per token"
        for other in others
        for tier in sorted(winner.offers.keys() & other.offers.keys())
        for kind in ("base", "long")
        for mine, theirs in [(getattr(winner.offers[tier], kind), getattr(other.offers[tier], kind))]
        for part in PARTS
        if part in mine and part in theirs and mine[part] != theirs[part]
    ]
