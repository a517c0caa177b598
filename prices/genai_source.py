"""genai-prices: prices with dates, service tiers and long-context steps, from the installed package."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib.metadata import version

from genai_prices import types
from genai_prices.data import providers
from offers import Fees, Offer, Rates, dearest, pico_of_usd_up

_FIELDS = {
    "input": "input_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_long": "cache_write_1h_mtok",
    "output": "output_mtok",
}
_TIERS = {
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
    ("processing", "batch"): "batch",
}
_Rate = Decimal | types.TieredPrices
_Rated = dict[str, _Rate]


class Genai:
    """The prices of a provider, or of several, of which the first that has a model is believed.

    Raises ValueError where another version is installed than the one that `sources.toml` names.
    """

    def __init__(self, expected: str, names: tuple[str, ...]) -> None:
        if (installed := version("genai-prices")) != expected:
            raise ValueError(
                f"genai-prices {installed} is installed, sources.toml says {expected}: set it there"
            )
        known = {provider.id: provider for provider in providers}
        self._providers = [known[name] for name in names]

    def ids(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each entry's own id, where requests may use it, and every other name that has its price."""
        for provider in self._providers:
            for entry in provider.models:
                names = tuple(dict.fromkeys(_names(entry.match)))
                own = entry.id if entry.is_match(entry.id) else next(iter(names), None)
                if own is not None and self._chats(entry):
                    yield own, tuple(name for name in names if name.lower() != own.lower())

    def context_window(self, id: str) -> int | None:
        """Tokens; the source gives one for all the ids of an entry."""
        entry = self._entry(id)
        return entry.context_window if entry else None

    def offers(self, id: str, on: date) -> dict[str, Offer]:
        """Each tier that has prices on the date; another tier's gaps are filled from the standard one."""
        entry = self._entry(id)
        if entry is None:
            return {}
        in_force = _in_force(entry, on)
        found = {"standard": _dearest([_offer(_rates(prices)) for prices in in_force])}
        for variant in entry.price_variants or ():
            tier = next((_TIERS[pair] for pair in variant.when.items() if pair in _TIERS), None)
            if tier and len(variant.when) == 1 and _holds(variant.constraint, on):
                overrides = _rates(variant.prices)
                found[tier] = _dearest([_offer({**_rates(prices), **overrides}) for prices in in_force])
        return {tier: offer for tier, offer in found.items() if offer.whole}

    def changes(self, id: str, after: date) -> list[date]:
        """The days after the date on which announced prices come into force."""
        entry = self._entry(id)
        if entry is None or isinstance(entry.prices, types.ModelPrice):
            return []
        starts = {
            dated.constraint.start_date
            for dated in entry.prices
            if isinstance(dated.constraint, types.StartDateConstraint)
        }
        return sorted(start for start in starts if start > after)

    def fees(self, id: str, on: date) -> Fees:
        """The dearest of each."""
        entry = self._entry(id)
        prices = _in_force(entry, on) if entry else ()
        return Fees(
            request=max((_each(price.requests_kcount) for price in prices), default=0),
            search=max((_each(price.web_searches_kcount) for price in prices), default=0),
        )

    def _entry(self, id: str) -> types.ModelInfo | None:
        found = (provider.find_model(id) for provider in self._providers)
        return next((entry for entry in found if entry), None)

    def _chats(self, entry: types.ModelInfo) -> bool:
        prices = entry.prices if isinstance(entry.prices, types.ModelPrice) else entry.prices[0].prices
        return prices.input_mtok is not None and prices.output_mtok is not None


def _in_force(entry: types.ModelInfo, on: date) -> list[types.ModelPrice]:
    """The price of that day, and those of its hours; listed from the least to the most believed."""
    if isinstance(entry.prices, types.ModelPrice):
        return [entry.prices]
    found: list[types.ModelPrice] = []
    for dated in entry.prices:
        if isinstance(dated.constraint, types.TimeOfDateConstraint):
            found.append(dated.prices)
        elif _holds(dated.constraint, on):
            found = [dated.prices]
    return found or [entry.prices[0].prices]


def _holds(constraint: object, on: date) -> bool:
    if isinstance(constraint, types.StartDateConstraint):
        return constraint.start_date <= on
    if constraint is not None:
        raise ValueError(f"a price with a condition that this compiler does not know: {constraint}")
    return True


def _names(clause: object) -> Iterator[str]:
    if isinstance(clause, types.ClauseEquals):
        yield clause.equals
    elif isinstance(clause, types.ClauseOr):
        for each in clause.or_:
            yield from _names(each)


def _rates(prices: types.ModelPrice) -> _Rated:
    named = ((bucket, getattr(prices, field)) for bucket, field in _FIELDS.items())
    return {bucket: rate for bucket, rate in named if rate is not None}


def _each(kcount: Decimal | types.TieredPrices | None) -> int:
    if isinstance(kcount, types.TieredPrices):
        raise ValueError("a fee with steps, which this compiler does not know")
    return pico_of_usd_up((kcount or Decimal(0)) / 1_000)


def _dearest(offers: list[Offer]) -> Offer:
    return offers[0] if len(offers) == 1 else dearest(offers)


def _offer(rated: _Rated) -> Offer:
    base: Rates = {}
    starts: set[int] = set()
    for bucket, rate in rated.items():
        tiers = rate.tiers if isinstance(rate, types.TieredPrices) else ()
        base[bucket] = _pico(rate.base if isinstance(rate, types.TieredPrices) else rate)
        starts |= {tier.start for tier in tiers}
    return Offer(
        base, {start: {b: _pico(_at(rate, start)) for b, rate in rated.items()} for start in sorted(starts)}
    )


def _at(rate: _Rate, start: int) -> Decimal:
    """What applies to a prompt that is over `start` tokens."""
    if not isinstance(rate, types.TieredPrices):
        return rate
    reached = [tier.price for tier in rate.tiers if tier.start <= start]
    return reached[-1] if reached else rate.base


def _pico(per_million: Decimal) -> int:
    return pico_of_usd_up(per_million / 1_000_000)
