"""A model of which nothing is known but a price of the workspace's own: the worst case holds all the same."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.providers.capped import OWN_RATES, capped, prepared
from tests.unit.wire.bodies import body
from zai_gateway.accounts.records import NearCap
from zai_gateway.catalogue.bound import Bound
from zai_gateway.catalogue.model import Rates
from zai_gateway.errors import Code, Failure
from zai_gateway.spend.clamp import Room, share
from zai_gateway.wire.chat import ChatRequest, parse

NAME = "mybox/llama-next"
ROOM = Room(limit=5 * 10**9, free=5 * 10**9, unspent=5 * 10**9)
"""5 USD."""
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def asked(name: str = NAME, **fields: Any) -> ChatRequest:
    return parse(body(model=name, **fields))


def bound_of(request: ChatRequest, rates: Rates = OWN_RATES, near_cap: NearCap = NearCap.CLAMP) -> Bound:
    caller = capped(request.model.partition("/")[0], {request.model: rates})
    caller = replace(caller, key=replace(caller.key, near_cap=near_cap))
    return prepared(request, caller)[1]


def test_its_input_is_bounded_by_its_bytes_alone() -> None:
    short, long = (asked(messages=[{"role": "user", "content": "a" * size}]) for size in (10, 10_000_000))
    for request in (short, long):
        tokens = len(request.body) + 2_048 + 16
        assert bound_of(request).input_pico == tokens * OWN_RATES.input


def test_without_a_limit_of_the_clients_it_is_sent_what_a_quarter_of_the_money_buys() -> None:
    bound = bound_of(asked())
    assert (bound.asked, bound.most, bound.room) == (None, None, None)
    share_ = share(bound, ROOM)
    assert share_.output_limit == bound.affordable(ROOM.free // 4)
    assert share_.output_limit is not None
    assert share_.amount == bound.worst(share_.output_limit) <= ROOM.free // 4


def test_the_clients_limit_counts_for_every_choice_and_is_clamped_to_the_money() -> None:
    bound = bound_of(asked(max_tokens=1_000, n=3))
    assert share(bound, ROOM).output_limit is None
    assert share(bound, ROOM).amount * 1_000 == bound.input_pico + 3 * 1_000 * OWN_RATES.output
    most = bound_of(asked(max_tokens=2**31 - 1))
    greedy = share(most, ROOM)
    assert greedy.output_limit is not None
    assert greedy.amount <= ROOM.free < most.worst(greedy.output_limit + 1)


def test_output_that_is_free_needs_no_limit() -> None:
    bound = bound_of(asked(), replace(OWN_RATES, output=0))
    assert share(bound, ROOM).output_limit is None
    assert share(bound, ROOM).amount == bound.worst(2**31)


def test_a_key_that_wants_no_clamp_must_say_how_much() -> None:
    with pytest.raises(Failure) as refused:
        share(bound_of(asked(), near_cap=NearCap.REFUSE), ROOM)
    assert (refused.value.code, refused.value.param) == (Code.UNBOUNDED_FEATURE, "max_tokens")
    stated = bound_of(asked(max_tokens=10), near_cap=NearCap.REFUSE)
    assert share(stated, ROOM).amount == stated.worst(10)


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (asked(messages=[{"role": "user", "content": [IMAGE]}]), "messages"),
        (asked(messages=[{"role": "user", "content": [{"type": "file", "file": {}}]}]), "messages"),
        (
            asked(messages=[{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]),
            "messages[0].content[0].input_audio",
        ),
        # Who keeps to no limit is bounded by the model's maximum, which nobody knows.
        (asked("xai/grok-next", max_tokens=10), "model"),
        (asked("openrouter/x-ai/grok-next", max_tokens=10), "model"),
    ],
)
def test_what_only_the_models_facts_would_bound_is_refused(request_: ChatRequest, param: str) -> None:
    with pytest.raises(Failure) as refused:
        bound_of(request_)
    assert (refused.value.code, refused.value.param) == (Code.UNBOUNDED_FEATURE, param)
