"""What an answer cost: golden sums, and the mistakes that other meters make (wire.md 22-24, 28, 29)."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.catalogue.examples import FLEX, LONG_OVER, PRICE, PRIORITY, RATES
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.cost import cost, own_price
from zai_gateway.catalogue.model import Fees, Price, Rates, Step, Tariff
from zai_gateway.wire.usage import Usage

_counts = st.integers(min_value=0, max_value=2_000_000)
_usages = st.builds(
    Usage,
    input=_counts,
    cache_read=_counts,
    cache_write=_counts,
    cache_write_long=_counts,
    output=_counts,
    reasoning=_counts,
)


def test_the_reference_answer_costs_what_openai_asks() -> None:
    """12 prompt tokens at 0.75 and 4 completion tokens at 4.50 USD per million are 27 micro-USD."""
    price = Catalogue.load().model("openai", "gpt-5.4-mini").price
    assert price is not None
    assert cost(Usage(input=12, output=4), price, None) == 27_000


def test_every_bucket_has_its_own_rate() -> None:
    usage = Usage(input=1_000, cache_read=10_000, cache_write=100, cache_write_long=10, output=500)
    assert cost(usage, PRICE, None) == 2_000_000 + 2_000_000 + 250_000 + 40_000 + 5_000_000


def test_cached_input_is_counted_once() -> None:
    """wire.md 22: of 1,000 prompt tokens 900 were cached, so 100 are plain."""
    assert cost(Usage(input=100, cache_read=900, output=0), PRICE, None) == 200_000 + 180_000


def test_reasoning_is_part_of_output() -> None:
    """wire.md 23."""
    assert cost(Usage(input=0, output=100, reasoning=80), PRICE, None) == cost(
        Usage(input=0, output=100), PRICE, None
    )


def test_cache_writes_are_not_plain_input() -> None:
    """wire.md 24: two lifetimes, two prices."""
    assert cost(Usage(input=0, cache_write=1_000, output=0), PRICE, None) == 2_500_000
    assert cost(Usage(input=0, cache_write_long=1_000, output=0), PRICE, None) == 4_000_000


def test_the_threshold_itself_is_not_long() -> None:
    assert cost(Usage(input=LONG_OVER, output=1_000), PRICE, None) == 272_000 * 2_000 + 10_000_000


@pytest.mark.parametrize("bucket", ["input", "cache_read", "cache_write", "cache_write_long"])
def test_one_token_more_makes_every_token_long(bucket: str) -> None:
    """wire.md 29: cached tokens count towards the threshold, and output costs more too."""
    usage = Usage(**{"input": LONG_OVER, "output": 1_000, bucket: LONG_OVER + 1 if bucket == "input" else 1})
    extra = {"cache_read": 400, "cache_write": 5_000, "cache_write_long": 8_000, "input": 4_000}[bucket]
    assert cost(usage, PRICE, None) == 272_000 * 4_000 + extra + 15_000_000


@pytest.mark.parametrize(
    ("tier", "nano"),
    [
        (None, 2_000),
        ("default", 2_000),
        ("auto", 2_000),
        ("standard", 2_000),
        ("on_demand", 2_000),
        ("flex", 1_000),
        ("priority", 6_000),
        ("fast", 6_000),
        ("scale", 6_000),
    ],
)
def test_the_tier_that_served_decides(tier: str | None, nano: int) -> None:
    """A tier that the price lacks, such as `scale`, costs the dearest that is known."""
    assert cost(Usage(input=1, output=0), PRICE, tier) == nano


def test_an_unknown_tier_costs_the_dearest_for_this_very_usage() -> None:
    """One tariff is dearest for input, another for output."""
    dear_in = Rates(input=9, cache_read=9, cache_write=9, cache_write_long=9, output=1)
    dear_out = Rates(input=1, cache_read=1, cache_write=1, cache_write_long=1, output=9)
    price = Price(
        tiers={"standard": Tariff(base=dear_in), "odd": Tariff(base=dear_out)}, source="", version=""
    )
    assert cost(Usage(input=1_000, output=10), price, "new") == cost(
        Usage(input=1_000, output=10), price, None
    )
    assert cost(Usage(input=10, output=1_000), price, "new") == cost(
        Usage(input=10, output=1_000), price, "odd"
    )


def test_the_sum_is_rounded_up_once() -> None:
    """Five buckets of 300 pico-USD are 1,500, which is 2 nano-USD; rounded one by one they would be 5."""
    rates = Rates(input=300, cache_read=300, cache_write=300, cache_write_long=300, output=300)
    price = Price(tiers={"standard": Tariff(base=rates)}, source="", version="")
    usage = Usage(input=1, cache_read=1, cache_write=1, cache_write_long=1, output=1)
    assert cost(usage, price, None) == 2


def test_fees_are_charged_once_beside_the_tokens() -> None:
    fees = Fees(request=5_000_000_000, search=25_000_000_000, image=1_000_000_000)
    price = replace(PRICE, fees=fees)
    usage = Usage(input=8, output=5, searches=3)
    tokens = cost(usage, PRICE, None)
    assert cost(usage, price, None) == tokens + 5_000_000 + 3 * 25_000_000
    assert cost(usage, price, None, images=2) == cost(usage, price, None) + 2 * 1_000_000
    assert cost(usage, price, "a tier that it lacks") == cost(usage, PRICE, "other") + 80_000_000


def test_searches_and_images_cost_nothing_where_there_is_no_fee() -> None:
    usage = Usage(input=8, output=5)
    assert cost(replace(usage, searches=9), PRICE, None, images=9) == cost(usage, PRICE, None)


@pytest.mark.parametrize(("prompt", "nano"), [(32_000, 1), (32_001, 2), (128_000, 2), (128_001, 3)])
def test_the_longest_step_that_the_prompt_is_over_counts(prompt: int, nano: int) -> None:
    def flat(pico: int) -> Rates:
        return Rates(input=pico, cache_read=pico, cache_write=pico, cache_write_long=pico, output=pico)

    steps = (Step(over=32_000, rates=flat(2_000)), Step(over=128_000, rates=flat(3_000)))
    tariff = Tariff(base=flat(1_000), steps=steps)
    price = Price(tiers={"standard": tariff}, source="", version="")
    assert cost(Usage(input=prompt, output=0), price, None) == prompt * nano
    assert tariff.applicable(prompt) == (flat(1_000), flat(2_000), flat(3_000))[:nano]


def test_nothing_costs_nothing() -> None:
    assert cost(Usage(input=0, output=0), PRICE, "priority") == 0


@pytest.mark.parametrize("tier", [None, "default", "flex", "priority", "fast", "scale", "anything"])
def test_a_workspaces_own_price_holds_at_every_tier(tier: str | None) -> None:
    price = own_price(RATES, "ws-7")
    assert (price.version, price.source) == ("ws-7", "workspace")
    assert cost(Usage(input=500_000, output=1_000), price, tier) == 500_000 * 2_000 + 10_000_000


@given(_usages)
def test_the_cost_is_the_exact_sum_and_less_than_a_nano_more(usage: Usage) -> None:
    rates = PRICE.tiers["standard"].rates(usage.prompt)
    exact = (
        usage.input * rates.input
        + usage.cache_read * rates.cache_read
        + usage.cache_write * rates.cache_write
        + usage.cache_write_long * rates.cache_write_long
        + usage.output * rates.output
    )
    assert 0 <= cost(usage, PRICE, None) * 1_000 - exact < 1_000


@given(_usages, _usages)
def test_more_of_anything_never_costs_less(some: Usage, more: Usage) -> None:
    total = Usage(
        input=some.input + more.input,
        cache_read=some.cache_read + more.cache_read,
        cache_write=some.cache_write + more.cache_write,
        cache_write_long=some.cache_write_long + more.cache_write_long,
        output=some.output + more.output,
    )
    for tier in (None, "flex", "priority", "unknown"):
        assert cost(total, PRICE, tier) >= cost(some, PRICE, tier)


@given(_usages)
def test_the_tiers_stand_in_order(usage: Usage) -> None:
    """Without long prompts, which only one of them prices apart."""
    price = Price(
        tiers={"standard": Tariff(base=RATES), "flex": Tariff(base=FLEX), "priority": Tariff(base=PRIORITY)},
        source="",
        version="",
    )
    assert cost(usage, price, "flex") <= cost(usage, price, None) <= cost(usage, price, "priority")
    for order in permutations(price.tiers):
        again = Price(tiers={tier: price.tiers[tier] for tier in order}, source="", version="")
        assert cost(usage, again, "other") == cost(usage, price, "priority")
