"""The escrow: what a worker has leased is spent, held, free or given back, and never two of them."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from zai_gateway.spend.escrow import Escrow
from zai_gateway.spend.sizes import granted

BOTH = ("w1", "w2")


def with_leases(**free: int) -> Escrow:
    escrow = Escrow()
    escrow.granted(free, 0.0)
    return escrow


def test_a_hold_stands_in_all_windows_or_in_none() -> None:
    escrow = with_leases(w1=100, w2=50)
    assert not escrow.hold(BOTH, 51, 1.0)
    assert not escrow.hold(("w1", "w3"), 0, 1.0), "nobody asked the store for the third"
    assert (escrow.free("w1"), escrow.free("w2")) == (100, 50)
    assert escrow.hold(BOTH, 50, 1.0)
    assert (escrow.free("w1"), escrow.free("w2")) == (50, 0)


def test_what_a_settlement_leaves_is_free_again() -> None:
    escrow = with_leases(w1=100)
    assert escrow.hold(("w1",), 80, 1.0)
    escrow.settle(("w1",), 80, 30)
    lease = escrow.lease("w1")
    assert lease is not None
    assert (lease.free, lease.held, lease.unflushed) == (70, 0, 30)
    escrow.flushed({"w1": 30}, {})
    assert lease.unflushed == 0


def test_what_was_spent_beyond_the_lease_is_granted_by_a_flush() -> None:
    escrow = with_leases(w1=100, w2=100)
    assert escrow.hold(BOTH, 100, 1.0)
    escrow.settle(BOTH, 100, 130)
    assert escrow.shortfalls() == {"w1": 30, "w2": 30}
    assert not escrow.hold(("w1",), 0, 1.0), "what is overdrawn holds nothing"
    escrow.flushed({"w1": 130, "w2": 130}, {"w1": 30, "w2": 30})
    assert escrow.shortfalls() == {}
    assert escrow.hold(("w1",), 0, 1.0)


def test_what_is_given_back_has_left_before_the_flush() -> None:
    escrow = with_leases(w1=100, w2=100)
    assert escrow.hold(("w1",), 40, 1.0)
    back = escrow.take_back(("w1", "w3"))
    assert back == {"w1": 60}
    assert not escrow.hold(("w1",), 1, 1.0)
    escrow.failed(back)
    assert escrow.hold(("w1",), 60, 1.0)


def test_in_doubt_nothing_is_held_or_given_back_until_the_store_was_reread() -> None:
    escrow = with_leases(w1=100)
    assert escrow.hold(("w1",), 40, 1.0)
    escrow.doubtful = True
    assert not escrow.hold(("w1",), 1, 1.0)
    assert escrow.take_back(("w1",)) == {}
    # The GRANT whose reply was lost had come through, and so had a lease on another window.
    escrow.reread({"w1": 150, "w2": 10, "w3": 0}, {"w1": 20})
    assert (escrow.free("w1"), escrow.free("w2")) == (90, 10)
    assert escrow.lease("w3") is None
    assert escrow.hold(BOTH, 10, 1.0)


def test_leases_without_use_are_found_a_few_at_a_time_and_empty_ones_forgotten() -> None:
    escrow = with_leases(**{f"w{number}": 10 for number in range(6)}, empty=0)
    assert escrow.hold(("w0",), 5, 50.0)
    # They are looked at in turn, and the first again after the last.
    assert [escrow.idle(10.0, 4), escrow.idle(10.0, 4)] == [["w1", "w2", "w3"], ["w4", "w5"]]
    assert escrow.lease("empty") is None
    assert escrow.idle(10.0, 2) == ["w1", "w2"]
    assert len(escrow) == 6


def test_a_lease_wants_what_lasts_a_while_at_the_recent_pace() -> None:
    escrow = with_leases(w1=0)
    escrow.granted({"w1": 1_000}, 100.0)
    assert escrow.hold(("w1",), 600, 101.0)
    lease = escrow.lease("w1")
    assert lease is not None
    assert lease.want(50, 102.0) == 50 + 600
    escrow.settle(("w1",), 600, 200)
    # 200 in 2 seconds: 1,000 in ten.
    assert lease.want(50, 102.0) == 50 + 1_000


def spent_at_an_even_pace(escrow: Escrow, begin: float, seconds: int) -> None:
    """One hold of 40 in a second, of which 10 are spent."""
    for second in range(seconds):
        assert escrow.hold(("w1",), 40, begin + second)
        escrow.settle(("w1",), 40, 10)
        escrow.flushed({"w1": 10}, {})


def test_a_lease_that_was_used_is_filled_up_before_it_runs_out() -> None:
    escrow = with_leases(w1=0, w2=0)
    escrow.granted({"w1": 200}, 1_000.0)
    spent_at_an_even_pace(escrow, 1_000.0, 4)
    # 160 are free, and 40 + 12 s at 10 would be enough.
    assert escrow.running_low(1_004.0) == {}
    spent_at_an_even_pace(escrow, 1_004.0, 1)
    assert escrow.running_low(1_005.0) == {"w1": 40 + 150 - 150}
    assert escrow.running_low(1_005.0) == {}, "nothing was used since then"
    escrow.use(("w1", "w3"))
    assert escrow.running_low(1_005.0) == {"w1": 40}


def test_of_what_is_long_ago_less_counts() -> None:
    escrow = with_leases(w1=0)
    escrow.granted({"w1": 1_000}, 1_000.0)
    spent_at_an_even_pace(escrow, 1_000.0, 20)
    lease = escrow.lease("w1")
    assert lease is not None
    escrow.granted({"w1": 0}, 1_020.0)
    assert (lease.lasting(10, 1_020.0), lease.largest) == (100, 20)
    # Ten seconds at that pace and ten without anything.
    assert lease.lasting(10, 1_030.0) == 50
    escrow.granted({"w1": 0}, 2_000.0)
    assert lease.lasting(10, 2_000.0) == 0


def test_a_hold_of_nothing_may_outlive_its_lease() -> None:
    escrow = with_leases(w1=0)
    assert escrow.hold(("w1",), 0, 0.0)
    assert escrow.idle(61.0, 10) == []
    assert escrow.lease("w1") is None, "it was forgotten"
    escrow.settle(("w1",), 0, 3)
    assert escrow.shortfalls() == {"w1": 3}
    assert escrow.idle(61.0, 10) == []
    escrow.flushed({"w1": 3}, {"w1": 3})
    assert escrow.shortfalls() == {}


@pytest.mark.parametrize(
    ("need", "want", "free", "given"),
    [
        (10, 500, None, 500),
        (10, 5, None, 10),
        (10, 500, 10_000, 500),
        (10, 5_000, 10_000, 500),
        (600, 5_000, 10_000, 600),
        (10, 500, 10, 10),
        (10, 500, 9, None),
        (0, 0, 0, 0),
        (0, 0, -1, None),
    ],
)
def test_a_lease_is_at_most_a_part_of_what_remains(
    need: int, want: int, free: int | None, given: int | None
) -> None:
    assert granted(need, want, free) == given


class Conservation(RuleBasedStateMachine):
    """Whatever happens, what was granted is free, held, unflushed, booked or given back."""

    def __init__(self) -> None:
        super().__init__()
        self.escrow = Escrow()
        self.granted = 0
        self.booked = 0
        self.holds: list[int] = []
        self.unflushed: list[int] = []
        self.now = 0.0

    @rule(amount=st.integers(0, 100))
    def grant(self, amount: int) -> None:
        self.escrow.granted({"w": amount}, self.now)
        self.granted += amount

    @rule(amount=st.integers(0, 60))
    def hold(self, amount: int) -> None:
        free = self.escrow.free("w")
        known = self.escrow.lease("w") is not None
        if self.escrow.hold(("w",), amount, self.now):
            assert known
            assert amount <= free
            self.holds.append(amount)
        else:
            assert not known or amount > free or self.escrow.doubtful

    @precondition(lambda self: self.holds)
    @rule(cost=st.integers(0, 90))
    def settle(self, cost: int) -> None:
        self.escrow.settle(("w",), self.holds.pop(), cost)
        self.unflushed.append(cost)

    @rule(happens=st.booleans(), known=st.booleans(), give_back=st.booleans())
    def flush(self, happens: bool, known: bool, give_back: bool) -> None:
        if self.escrow.doubtful:
            return
        back = self.escrow.take_back(("w",) if give_back else ())
        shortfall = self.escrow.shortfalls()
        spent, entries = {"w": sum(self.unflushed)}, list(self.unflushed)
        if happens:
            self.granted += shortfall.get("w", 0) - back.get("w", 0)
            self.booked += sum(entries)
            self.unflushed.clear()
        if not known:
            self.escrow.doubtful = True
        elif happens:
            self.escrow.flushed(spent if entries else {}, shortfall)
        else:
            self.escrow.failed(back)

    @precondition(lambda self: self.escrow.doubtful)
    @rule()
    def reread(self) -> None:
        self.escrow.reread({"w": self.granted - self.booked}, {"w": sum(self.unflushed)})

    @rule(seconds=st.integers(0, 200))
    def rest(self, seconds: int) -> None:
        self.now += seconds
        self.escrow.idle(self.now - 60, 10)

    @invariant()
    def nothing_is_lost_or_made(self) -> None:
        lease = self.escrow.lease("w")
        if self.escrow.doubtful:
            return
        free, held, unflushed = (lease.free, lease.held, lease.unflushed) if lease else (0, 0, 0)
        assert held == sum(self.holds)
        assert unflushed == sum(self.unflushed)
        assert self.granted == self.booked + unflushed + held + free
        assert self.escrow.shortfalls() == ({"w": -free} if free < 0 else {})


Conservation.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, database=None
)
test_the_escrow_conserves_money = Conservation.TestCase
