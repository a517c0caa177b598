"""genai-prices: prices with dates, service tiers and long-context steps, from the installed package."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib.metadata import version

from genai_prices import types
from genai_prices.data import providers
from offers import Offer, pico_of_usd

_FIELDS = {
    "input": "input_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "output": "output_mtok",
}
_TIERS = ("flex", "priority")
_Rate = Decimal | types.TieredPrices


class Genai:
    """OpenAI's prices as they stand on a date.

    Raises ValueError where another version is installed than the one that `sources.toml` names.
    """

    def __init__(self, expected: str, on: date) -> None:
        if (installed := version("genai-prices")) != expected:
            raise ValueError(
                f"genai-prices {installed} is installed, sources.toml says {expected}: set it there"
            )
        self._openai = next(provider for provider in providers if provider.id == "openai")
        self._on = on

    def context_window(self, id: str) -> int | None:
        """Tokens; the source gives one for all the ids of an entry."""
        entry = self._entry(id)
        return entry.context_window if entry else None

    def spellings(self, id: str) -> tuple[str, ...]:
        """Other spellings of the same name that the source knows: `gpt-5-4` for `gpt-5.4`."""
        entry = self._entry(id)
        bare = id.translate(_NO_MARKS)
        names = _names(entry.match) if entry else ()
        return tuple(sorted(name for name in names if name != id and name.translate(_NO_MARKS) == bare))

    def offers(self, id: str) -> dict[str, Offer]:
        """Each tier that has prices on the date; another tier's gaps are filled from the standard one."""
        entry = self._entry(id)
        if entry is None:
            return {}
        standard = self._standard(entry)
        found = {"standard": _offer(standard)}
        for variant in entry.price_variants or ():
            tier = variant.when.get("service_tier")
            if tier in _TIERS and self._holds(variant.constraint):
                found[str(tier)] = _offer({**standard, **_rates(variant.prices)})
        return {tier: offer for tier, offer in found.items() if {"input", "output"} <= offer.base.keys()}

    def _entry(self, id: str) -> types.ModelInfo | None:
        return self._openai.find_model(id)

    def _standard(self, entry: types.ModelInfo) -> dict[str, _Rate]:
        if isinstance(entry.prices, types.ModelPrice):
            return _rates(entry.prices)
        # Listed from the oldest to the newest.
        return _rates([dated for dated in entry.prices if self._holds(dated.constraint)][-1].prices)

    def _holds(self, constraint: object) -> bool:
        if isinstance(constraint, types.StartDateConstraint):
            return constraint.start_date <= self._on
        if constraint is not None:
            raise ValueError(f"a price with a condition that this compiler does not know: {constraint}")
        return True


_NO_MARKS = str.maketrans("", "", ".-")


def _names(clause: object) -> Iterator[str]:
    if isinstance(clause, types.ClauseEquals):
        yield clause.equals
    elif isinstance(clause, types.ClauseOr):
        for each in clause.or_:
            yield from _names(each)


def _rates(prices: types.ModelPrice) -> dict[str, _Rate]:
    named = ((bucket, getattr(prices, field)) for bucket, field in _FIELDS.items())
    return {bucket: rate for bucket, rate in named if rate is not None}


def _offer(rates: dict[str, _Rate]) -> Offer:
    base: dict[str, int] = {}
    long: dict[str, int] = {}
    steps: set[int] = set()
    for bucket, rate in rates.items():
        if isinstance(rate, types.TieredPrices):
            (step,) = rate.tiers
            base[bucket] = pico_of_usd(rate.base / 1_000_000)
            long[bucket] = pico_of_usd(step.price / 1_000_000)
            steps.add(step.start)
        else:
            base[bucket] = pico_of_usd(rate / 1_000_000)
    if not steps:
        return Offer(base, {}, None)
    (over,) = steps
    return Offer(base, {**base, **long}, over)
