"""The worst case of a request: golden bounds, refusals, and that no usage within it costs more."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.catalogue.examples import LONG_OVER, MODEL, PRICE, RATES, chat_request
from zai_gateway.catalogue.bound import Bound
from zai_gateway.catalogue.cost import cost, own_price
from zai_gateway.catalogue.model import Fees, Overhead, Price, Step, Tariff
from zai_gateway.catalogue.quote import quote, unpriced_media
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.usage import Usage

TEXT_TOKENS = 1_000 + 2 * 16 + 2_048
"""Of the plain request: its bytes, two messages, and what a provider may add."""
DEAREST_INPUT = 4_000_000
"""Of the standard tier: a write to the longer cache."""


def _quote(limit_honoured: bool = True, **changes: Any) -> Bound:
    return quote(MODEL, PRICE, chat_request(**changes), limit_honoured)


def _refusal(price: Price = PRICE, **changes: Any) -> Failure:
    model = replace(MODEL, context_window=None, image_tokens=None)
    with pytest.raises(Failure) as refused:
        quote(model, price, chat_request(**changes), limit_honoured=True)
    return refused.value


def test_a_plain_request() -> None:
    assert _quote() == Bound(
        input_pico=TEXT_TOKENS * DEAREST_INPUT,
        output_pico=10_000_000,
        asked=None,
        most=100_000,
        room=1_000_000 - TEXT_TOKENS,
        floor=1_024,
    )


@pytest.mark.parametrize(
    ("changes", "tokens"),
    [
        ({"schema_bytes": 700}, TEXT_TOKENS + 700),
        ({"message_count": 5}, TEXT_TOKENS + 3 * 16),
        ({"inline_images": 3, "inline_image_bytes": 600}, TEXT_TOKENS - 600 + 3 * 1_500),
    ],
)
def test_what_the_input_bound_counts(changes: dict[str, Any], tokens: int) -> None:
    bound = _quote(**changes)
    assert bound.input_pico == tokens * DEAREST_INPUT
    assert bound.room == 1_000_000 - tokens


def test_a_model_that_adds_to_tools_and_parts() -> None:
    model = replace(MODEL, overhead=Overhead(prompt=10, message=1, tool=100, part=1_000))
    bound = quote(model, PRICE, chat_request(tool_count=3, part_count=2), limit_honoured=True)
    assert bound.input_pico == (1_000 + 10 + 2 + 300 + 2_000) * DEAREST_INPUT


def test_fees_and_the_allowance_come_on_top() -> None:
    price = replace(PRICE, fees=Fees(request=5_000, image=70, search=900_000))
    media = {"inline_images": 2, "inline_image_bytes": 0}
    plain = quote(MODEL, PRICE, chat_request(**media), limit_honoured=True)
    with_fees = quote(MODEL, price, chat_request(**media), limit_honoured=True, allowance=3)
    assert with_fees.input_pico - plain.input_pico == 5_000 + 2 * 70 + 3 * 1_000


def test_a_fee_that_depends_on_the_request_counts_at_its_dearest() -> None:
    plain = _quote()
    for fees, more in ((Fees(request=5, request_most=9), 9), (Fees(request=7), 7)):
        price = replace(PRICE, fees=fees)
        bound = quote(MODEL, price, chat_request(), limit_honoured=True)
        assert bound.input_pico - plain.input_pico == more


@pytest.mark.parametrize(
    ("inputs", "files_have_fees", "found"),
    [
        (("text", "audio"), False, ("a",)),
        ((), False, ("a",)),
        (("text", "image"), False, ()),
        (("text", "image"), True, ("f",)),
        (("text", "pdf"), True, ()),
        ((), True, ("a", "f")),
    ],
)
def test_media_without_a_price(
    inputs: tuple[str, ...], files_have_fees: bool, found: tuple[str, ...]
) -> None:
    request = chat_request(sounds=("a",), files=("f",), foreign_media=2)
    model = replace(MODEL, inputs=inputs)
    assert unpriced_media(model, request, files_have_fees=files_have_fees) == found
    assert unpriced_media(model, chat_request(), files_have_fees=files_have_fees) == ()


def test_the_context_window_bounds_the_input() -> None:
    bound = quote(replace(MODEL, context_window=2_000), PRICE, chat_request(), limit_honoured=True)
    assert bound.input_pico == 2_000 * DEAREST_INPUT
    assert bound.room is None


@pytest.mark.parametrize("changes", [{"foreign_media": 1}, {"foreign_media": 2, "inline_images": 1}])
def test_media_that_nothing_measures_take_the_context_window(changes: dict[str, Any]) -> None:
    assert _quote(**changes).input_pico == 1_000_000 * 8_000_000


def test_images_of_an_unknown_size_take_the_context_window() -> None:
    model = replace(MODEL, image_tokens=None)
    bound = quote(model, PRICE, chat_request(inline_images=1), limit_honoured=True)
    assert bound.input_pico == 1_000_000 * 8_000_000


@pytest.mark.parametrize("changes", [{"foreign_media": 1}, {"inline_images": 1}])
def test_media_without_any_bound_are_refused(changes: dict[str, Any]) -> None:
    refused = _refusal(**changes)
    assert refused.code is Code.UNBOUNDED_FEATURE
    assert refused.param == "messages"
    assert "openai/example" in refused.message


def test_without_a_context_window_text_is_bounded_by_its_bytes() -> None:
    model = replace(MODEL, context_window=None, max_output=None)
    bound = quote(model, PRICE, chat_request(), limit_honoured=True)
    assert (bound.input_pico, bound.most, bound.room) == (TEXT_TOKENS * DEAREST_INPUT, None, None)


def test_long_rates_apply_once_the_bound_passes_the_threshold() -> None:
    room_for = LONG_OVER - (TEXT_TOKENS - 1_000)
    below = _quote(body=b"x" * room_for)
    above = _quote(body=b"x" * (room_for + 1))
    assert (below.input_pico, below.output_pico) == (LONG_OVER * 4_000_000, 10_000_000)
    assert (above.input_pico, above.output_pico) == ((LONG_OVER + 1) * 8_000_000, 15_000_000)


def test_a_prompt_below_its_bound_may_still_cost_the_base_rates() -> None:
    """Where long prompts are cheaper, a prompt that stays short of its bound is the worst case."""
    cheap = replace(RATES, input=1, cache_read=1, cache_write=1, cache_write_long=1, output=1)
    price = replace(PRICE, tiers={"standard": Tariff(base=RATES, steps=(Step(over=10, rates=cheap),))})
    bound = quote(MODEL, price, chat_request(), limit_honoured=True)
    assert (bound.input_pico, bound.output_pico) == (TEXT_TOKENS * DEAREST_INPUT, 10_000_000)


def test_every_choice_is_paid_for() -> None:
    assert _quote(choices=3).output_pico == 30_000_000


def test_the_clients_limit() -> None:
    assert _quote(output_limit=77).asked == 77


@pytest.mark.parametrize(
    ("reasoning", "default", "effort", "floor"),
    [
        (False, None, None, 1_024),
        (False, None, "high", 1_024),
        (True, None, None, 4_096),
        (True, "none", None, 1_024),
        (True, "none", "low", 4_096),
        (True, "medium", "none", 1_024),
        (True, "medium", None, 4_096),
    ],
)
def test_the_floor_is_higher_while_the_model_reasons(
    reasoning: bool, default: str | None, effort: str | None, floor: int
) -> None:
    model = replace(MODEL, reasoning=reasoning, default_effort=default)
    bound = quote(model, PRICE, chat_request(reasoning_effort=effort), limit_honoured=True)
    assert bound.floor == floor


@pytest.mark.parametrize("tier", [None, "auto", "default", "flex"])
def test_a_tier_that_costs_no_more_is_held_at_the_standard_rates(tier: str | None) -> None:
    assert _quote(service_tier=tier) == _quote()


@pytest.mark.parametrize("tier", ["priority", "fast"])
def test_a_dearer_tier_is_held_at_its_own_rates(tier: str) -> None:
    bound = _quote(service_tier=tier)
    assert (bound.input_pico, bound.output_pico) == (TEXT_TOKENS * 9_000_000, 30_000_000)


def test_a_dearer_tier_may_still_be_served_as_a_long_standard_prompt() -> None:
    """`priority` has no long rates here; a standard tier that is dearer for long prompts has to be held."""
    cheap = replace(RATES, input=1, cache_read=1, cache_write=1, cache_write_long=1, output=1)
    price = replace(PRICE, tiers={**PRICE.tiers, "priority": Tariff(base=cheap)})
    bound = quote(MODEL, price, chat_request(service_tier="priority", foreign_media=1), limit_honoured=True)
    assert (bound.input_pico, bound.output_pico) == (1_000_000 * 8_000_000, 15_000_000)


@pytest.mark.parametrize("tier", ["scale", "priority", "fast", "nonsense"])
def test_a_tier_without_a_price_is_refused(tier: str) -> None:
    refused = _refusal(replace(PRICE, tiers={"standard": Tariff(base=RATES)}), service_tier=tier)
    assert refused.code is Code.UNSUPPORTED_PARAMETER
    assert refused.param == "service_tier"
    assert tier in refused.message


def test_the_refusal_names_the_tiers_that_have_prices() -> None:
    assert "one of default, flex, priority." in _refusal(service_tier="scale").message


def test_flex_needs_no_price_of_its_own() -> None:
    price = Price(tiers={"standard": Tariff(base=RATES)}, source="", version="")
    assert quote(MODEL, price, chat_request(service_tier="flex"), limit_honoured=True) == quote(
        MODEL, price, chat_request(), limit_honoured=True
    )


@pytest.mark.parametrize("tier", [None, "flex", "priority", "fast"])
def test_a_workspaces_own_price_is_held_at_every_tier(tier: str | None) -> None:
    bound = quote(MODEL, own_price(RATES, "1"), chat_request(service_tier=tier), limit_honoured=True)
    assert (bound.input_pico, bound.output_pico) == (TEXT_TOKENS * 4_000_000, 10_000_000)


def test_where_no_limit_is_honoured_the_models_maximum_is_a_fixed_part() -> None:
    bound = _quote(limit_honoured=False, output_limit=5, choices=2)
    whole = (TEXT_TOKENS * DEAREST_INPUT + 2 * 100_000 * 10_000_000) // 1_000
    assert bound.worst(5) == bound.worst(100_000) == whole
    assert bound.asked == 100_000
    assert bound.affordable(whole - 1) == -1
    assert bound.affordable(whole) is None


def test_where_no_limit_is_honoured_and_no_maximum_is_known_the_window_is_one() -> None:
    model = replace(MODEL, max_output=None)
    bound = quote(model, PRICE, chat_request(), limit_honoured=False)
    assert bound.worst(0) == (TEXT_TOKENS * DEAREST_INPUT + 1_000_000 * 10_000_000) // 1_000


def test_where_nothing_bounds_the_output_the_request_is_refused() -> None:
    model = replace(MODEL, max_output=None, context_window=None)
    with pytest.raises(Failure) as refused:
        quote(model, PRICE, chat_request(), limit_honoured=False)
    assert (refused.value.code, refused.value.param) == (Code.UNBOUNDED_FEATURE, "model")


_requests = st.builds(
    chat_request,
    body=st.integers(min_value=0, max_value=600_000).map(bytes),
    schema_bytes=st.integers(min_value=0, max_value=5_000),
    message_count=st.integers(min_value=1, max_value=50),
    inline_images=st.integers(min_value=0, max_value=10),
    foreign_media=st.sampled_from([0, 0, 0, 1]),
    choices=st.integers(min_value=1, max_value=8),
    output_limit=st.none() | st.integers(min_value=1, max_value=200_000),
    service_tier=st.sampled_from([None, "auto", "default", "flex", "priority", "fast"]),
)


@given(_requests, st.booleans(), st.data())
def test_no_usage_within_the_bounds_costs_more_than_the_worst_case(
    request: ChatRequest, limit_honoured: bool, data: st.DataObject
) -> None:
    """Whatever the split over the buckets, and whichever tier serves that the request admits."""
    bound = quote(MODEL, PRICE, request, limit_honoured)
    window = MODEL.context_window or 0
    tokens = window - (bound.room or 0)
    limit = min(bound.asked or window, MODEL.max_output or 0)
    left, split = data.draw(st.integers(min_value=0, max_value=tokens)), dict[str, int]()
    for bucket in ("input", "cache_read", "cache_write"):
        split[bucket] = data.draw(st.integers(min_value=0, max_value=left))
        left -= split[bucket]
    usage = Usage(
        **split,
        cache_write_long=left,
        output=data.draw(st.integers(min_value=0, max_value=limit * request.choices)),
    )
    served = {None, "default", request.service_tier}
    assert all(cost(usage, PRICE, tier) <= bound.worst(limit) for tier in served)


@given(_requests, st.integers(min_value=0, max_value=10**13))
def test_what_is_affordable_costs_no_more_than_the_money(request: ChatRequest, nano: int) -> None:
    bound = quote(MODEL, PRICE, request, limit_honoured=True)
    limit = bound.affordable(nano)
    assert limit is not None
    if limit < 0:
        assert bound.worst(0) > nano
    else:
        assert bound.worst(limit) <= nano < bound.worst(limit + 1)
