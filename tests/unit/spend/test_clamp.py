"""Near the cap: the words of product.md, one test each, and the promise as a property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from zai_gateway.catalogue.bound import Bound
from zai_gateway.errors import Code, Failure
from zai_gateway.money import MAX_NANO
from zai_gateway.spend.clamp import (
    LEASE_TOKENS,
    Room,
    Share,
    enough,
    is_clamped,
    least,
    of_lease,
    share,
    wanted,
)

USD = 1_000_000_000


def bound(
    *, asked: int | None = None, most: int | None = 128_000, floor: int = 1_024, room: int | None = None
) -> Bound:
    """Input for 0.003 USD; output at 15 USD per million tokens, 15,000 nano-USD each."""
    return Bound(
        input_pico=3_000_000_000, output_pico=15_000_000, asked=asked, most=most, floor=floor, room=room
    )


def untouched(limit: int, spent: int = 0) -> Room:
    """The room of a cap that nothing in flight holds."""
    return Room(limit=limit, free=limit - spent, unspent=limit - spent)


def test_without_a_cap_the_worst_case_is_held_and_nothing_is_said() -> None:
    assert share(bound(asked=100), None) == share(bound(asked=100), untouched(5 * USD))
    assert share(bound(), None).output_limit is None
    assert share(bound(), None).amount == bound().worst(128_000)
    assert share(bound(most=None), None).amount == bound().worst(0)


def test_a_worst_case_that_fits_is_held_as_it_is() -> None:
    held = share(bound(asked=100), untouched(5 * USD))
    assert held.amount == 3_000_000 + 100 * 15_000
    assert held.output_limit is None


def test_an_open_ended_request_gets_what_a_quarter_of_the_free_money_buys() -> None:
    held = share(bound(most=None), untouched(5 * USD))
    assert held.output_limit == (5 * USD // 4 - 3_000_000) // 15_000
    assert held.amount <= 5 * USD // 4


def test_an_open_ended_request_that_may_have_all_is_left_alone() -> None:
    held = share(bound(most=4_096), untouched(5 * USD))
    assert held.output_limit is None
    assert held.amount == bound().worst(4_096)


def test_ten_open_ended_requests_at_once_all_fit_five_dollars() -> None:
    free = 5 * USD
    for _ in range(10):
        free -= share(bound(), Room(limit=5 * USD, free=free, unspent=5 * USD)).amount
    assert free >= 0


def test_a_limit_that_does_not_fit_is_clamped_to_what_does() -> None:
    held = share(bound(asked=100_000), untouched(USD))
    assert held.output_limit == (USD - 3_000_000) // 15_000
    assert held.amount <= USD


def test_a_quarter_below_the_floor_becomes_the_floor() -> None:
    enough = bound().worst(1_024)
    held = share(bound(), untouched(enough))
    assert (held.amount, held.output_limit) == (enough, 1_024)


def test_below_the_floor_what_is_spent_is_the_cap_and_what_is_held_is_busy() -> None:
    short = bound().worst(1_024) - 1
    with pytest.raises(Failure) as reached:
        share(bound(), untouched(5 * USD, spent=5 * USD - short))
    assert reached.value.code is Code.SPEND_CAP_REACHED
    assert reached.value.detail == "Spend cap reached: 5.00 USD"
    with pytest.raises(Failure) as busy:
        share(bound(), Room(limit=5 * USD, free=short, unspent=short + 1))
    assert busy.value.code is Code.BUDGET_BUSY
    assert busy.value.retry_after is not None


def test_no_limit_is_above_the_model_s_maximum() -> None:
    small = bound(most=500)
    held = share(small, untouched(small.worst(500)))
    assert held.amount == small.worst(500)
    assert held.output_limit == 500


def test_who_asks_for_less_than_the_floor_gets_it() -> None:
    small = bound(asked=10)
    assert share(small, untouched(small.worst(10))).output_limit is None
    with pytest.raises(Failure) as reached:
        share(small, untouched(small.worst(10) - 1))
    assert reached.value.code is Code.SPEND_CAP_REACHED


def test_a_clamp_stays_inside_the_context_window() -> None:
    assert share(bound(most=200_000, room=3_000), untouched(USD)).output_limit == 3_000
    assert share(bound(most=200_000, room=100), untouched(USD)).output_limit != 100


def test_free_output_needs_no_limit() -> None:
    free = Bound(input_pico=0, output_pico=0, asked=None, most=None, floor=1_024, room=None)
    assert share(free, untouched(0)).amount == 0
    assert share(free, untouched(0)).output_limit is None


def test_free_output_needs_only_its_input_to_fit() -> None:
    free_output = Bound(
        input_pico=3_000_000_000, output_pico=0, asked=None, most=None, floor=1_024, room=None
    )
    assert share(free_output, untouched(3_000_000)) == share(free_output, None)
    with pytest.raises(Failure):
        share(free_output, untouched(2_999_999))


@given(
    st.builds(
        Bound,
        input_pico=st.integers(0, 10**13),
        output_pico=st.integers(0, 10**9),
        asked=st.none() | st.integers(1, 10**6),
        most=st.none() | st.integers(1, 10**6),
        floor=st.integers(1, 8_192),
        room=st.none() | st.integers(1, 10**6),
    ),
    st.integers(0, 10**10),
    st.integers(0, 10**10),
)
def test_what_is_held_is_free_and_bounds_what_is_sent(wanted: Bound, free: int, in_flight: int) -> None:
    room = Room(limit=free + in_flight, free=free, unspent=free + in_flight)
    try:
        held = share(wanted, room)
    except Failure as failure:
        least = min(n for n in (wanted.floor, wanted.asked, wanted.most) if n is not None)
        assert wanted.worst(least) > free
        assert (failure.code is Code.SPEND_CAP_REACHED) == (wanted.worst(least) > room.unspent)
    else:
        assert held.amount <= free
        limits = [n for n in (held.output_limit, wanted.asked, wanted.most) if n is not None]
        assert held.amount >= wanted.worst(min(limits) if limits else 0)
        assert held.output_limit is None or held.output_limit <= min(limits)


def rigid(*, asked: int | None = None, most: int | None = 128_000, room: int | None = None) -> Bound:
    return replace(bound(asked=asked, most=most, room=room), rigid=True)


def test_a_rigid_bound_is_held_as_it_was_asked_for_or_refused() -> None:
    fits = rigid(asked=10_000).worst(10_000)
    assert share(rigid(asked=10_000), untouched(fits)) == Share(fits, None)
    with pytest.raises(Failure, match=r"can cost 0\.153 USD as it is") as refused:
        share(rigid(asked=10_000), untouched(fits - 1))
    assert refused.value.code is Code.SPEND_CAP_REACHED
    with pytest.raises(Failure) as refused:
        share(rigid(asked=10_000), Room(limit=fits, free=fits - 1, unspent=fits))
    assert refused.value.code is Code.BUDGET_BUSY


def test_a_rigid_bound_without_a_limit_holds_the_model_s_longest_answer() -> None:
    assert share(rigid(), untouched(5 * USD)) == Share(rigid().worst(128_000), None)
    assert share(rigid(asked=200_000), untouched(5 * USD)) == Share(rigid().worst(128_000), None)
    assert share(rigid(most=None, room=1_000), untouched(5 * USD)) == Share(rigid().worst(1_000), 1_000)
    with pytest.raises(Failure, match=r"^max_tokens: nothing is known to bound") as refused:
        share(rigid(most=None), untouched(5 * USD))
    assert (refused.value.code, refused.value.param) == (Code.UNBOUNDED_FEATURE, "max_tokens")


def test_a_rigid_bound_without_a_cap_is_like_any_other() -> None:
    assert share(rigid(asked=100), None) == share(bound(asked=100), None)


def test_a_refusal_names_the_limit_that_it_met() -> None:
    spent = Room(limit=5 * USD, free=0, unspent=0, called="this workspace's monthly budget")
    with pytest.raises(Failure, match=r"^This workspace's monthly budget of 5\.00 USD leaves") as refused:
        share(bound(asked=100), spent)
    assert refused.value.detail == "Spend cap reached: 5.00 USD"
    held = Room(limit=5 * USD, free=0, unspent=USD, called="this workspace's monthly budget")
    with pytest.raises(Failure, match=r"what is left of this workspace's monthly budget of 5\.00 USD"):
        share(bound(asked=100), held)


def test_a_lease_that_holds_the_worst_case_holds_it() -> None:
    assert of_lease(bound(asked=100), bound().worst(100)) == Share(bound().worst(100), None)
    assert of_lease(bound(asked=100), bound().worst(100) - 1) is None, "a lease clamps no limit of a client"
    assert of_lease(rigid(), rigid().worst(128_000)) == Share(rigid().worst(128_000), None)
    assert of_lease(rigid(), rigid().worst(128_000) - 1) is None


def test_what_has_no_limit_takes_a_quarter_of_a_lease_that_buys_enough() -> None:
    buys = 4 * bound().worst(LEASE_TOKENS)
    assert of_lease(bound(), buys) == Share(buys // 4, LEASE_TOKENS)
    assert of_lease(bound(), buys - 4) is None
    small = bound(most=500)
    assert of_lease(small, 4 * small.worst(500)) == Share(small.worst(500), None)
    demanding = bound(floor=10_000)
    assert of_lease(demanding, 4 * bound().worst(9_999)) is None
    assert of_lease(bound(most=200_000, room=5_000), 40 * buys) == Share(bound().worst(5_000), 5_000)


def test_free_output_needs_a_lease_for_its_input_only() -> None:
    free_output = Bound(
        input_pico=3_000_000_000, output_pico=0, asked=None, most=None, floor=1_024, room=None
    )
    assert of_lease(free_output, 12_000_000) == Share(3_000_000, None)
    assert of_lease(free_output, 0) is None


def test_only_what_is_small_for_the_room_s_sake_has_to_know_the_room_exactly() -> None:
    assert is_clamped(bound(asked=100_000), share(bound(asked=100_000), untouched(USD)))
    assert is_clamped(bound(), share(bound(), untouched(USD)))
    assert not is_clamped(bound(asked=100), share(bound(asked=100), untouched(USD)))
    no_most = rigid(most=None, room=1_000)
    assert not is_clamped(no_most, share(no_most, untouched(USD)))


def test_with_enough_nothing_is_clamped() -> None:
    for each in (bound(asked=100_000), bound(), rigid()):
        assert share(each, untouched(enough(each))).output_limit is None
    assert enough(bound(most=None)) == MAX_NANO


def test_the_least_is_the_floor_case_and_all_of_what_is_rigid() -> None:
    assert least(bound()) == least(bound(asked=5_000)) == bound().worst(1_024)
    assert least(bound(asked=10)) == bound().worst(10)
    assert least(rigid(asked=5_000)) == bound().worst(5_000)
    assert wanted(bound()) is None
