"""Bills that the catalogue's prices do not come to, each with what it is due to: reviewed by hand."""

from collections.abc import Mapping

from msgspec import Struct

_PICO = 1_000_000
"""USD per million tokens as pico-USD per token."""


class Bill(Struct, frozen=True, kw_only=True):
    """How a bill comes about."""

    why: str
    rates: tuple[float, float, float, float] | None = None
    """USD per million tokens of input, cache read, cache write and output; None: the catalogue's."""
    beside: int = 0
    """Nano-USD beside tokens."""

    def nano(self, tokens: tuple[int, int, int, int]) -> float:
        """What the tokens come to at these rates."""
        rates = self.rates or (0, 0, 0, 0)
        return sum(count * round(rate * _PICO) for count, rate in zip(tokens, rates, strict=True)) / 1_000


CHOSEN = "the price of the vendor that OpenRouter chose for this request, or of a model that it has no more"
SEARCHED = "OpenRouter's web search, 0.01 USD each: refused on capped keys"
CALLED = "other models that a tool of OpenRouter's called: refused on capped keys"
READ_PDF = "OpenRouter's reading of a PDF, 0.002 USD"
HEARD = "150 of its input tokens are sound, at 1 USD per million"
STORED = "what Gemini writes to its cache is billed for its storage alone, beside being read"


def _chosen(*rates: float) -> Bill:
    into, read, out = rates if len(rates) == 3 else (rates[0], rates[0], rates[1])
    return Bill(why=CHOSEN, rates=(into, read, into, out))


BY_EXCHANGE: Mapping[str, Bill] = {
    "11b585700ce8": _chosen(0.1, 0.3),
    "334391c7d501": _chosen(0.44, 2),
    "47b8ee24bf90": _chosen(0.14, 0.86),
    "4dd9bfd4dda4": _chosen(0.4, 2),
    "4f2b522750d6": _chosen(1.5, 7.5),
    "5d1e60e26ce8": Bill(why=SEARCHED, beside=30_000_000),
    "67d7353c2e32": Bill(why=HEARD, beside=150 * 700),
    "6b190fc22249": Bill(why=READ_PDF, beside=2_000_000),
    "7241983c8d14": _chosen(0.27, 1),
    "78d9ec2cf994": _chosen(0.07, 0.28),
    "815b92db0f8f": Bill(why=STORED, rates=(0.3, 0.03, 0.083333, 2.5)),
    "883e4f404379": _chosen(0.03, 0.15),
    "91a7ad923711": _chosen(0.27, 1),
    "96582a043c8e": _chosen(1.25, 10),
    "9e31b7cb5ae3": _chosen(0.7, 2),
    "a837f8ba81c2": _chosen(5, 1.25, 25),
    "aa2548113cd2": _chosen(0.6, 2.2),
    "af03a4da680a": Bill(why=CALLED, beside=15_885_000),
    "bd616b93828b": _chosen(6, 30),
    "c05b4fd43b22": _chosen(0.1, 0.3),
    "c2b9d547a94b": _chosen(0.26, 0.13, 0.38),
    "ecaf6a65657b": _chosen(0.1, 0.3),
    "fb25021661a3": Bill(why=CALLED, beside=14_370_000),
}
"""By the id of the exchange."""
