"""Figures: medians, paired ratios, and what is added over the upstream alone."""

import pytest

from bench.figures import Figure, Rounds, Sample, Spread, Unit
from bench.floors import Floor, missed, read
from bench.programme import programme
from bench.translated import WAYS


def sample(count: int, cpu: float, p50: float = 100.0) -> Sample:
    return Sample(count=count, seconds=2.0, cpu=cpu, p50=p50, p99=p50 * 2)


def figure(*subject: float, control: tuple[float, ...] = ()) -> Figure:
    return Figure(row="stream", what="requests", unit=Unit.PER_SECOND, subject=subject, control=control)


def test_a_spread_is_the_median_between_the_extremes() -> None:
    assert Spread.of([3.0, 1.0, 8.0]) == Spread(3.0, 1.0, 8.0)
    assert Spread.of([1.0, 2.0]) == Spread(1.5, 1.0, 2.0)


def test_a_ratio_pairs_each_round_with_the_one_that_followed_it() -> None:
    # The machine was twice as fast in the second round: the ratio does not see it.
    assert figure(10.0, 20.0, control=(20.0, 40.0)).ratio == Spread(0.5, 0.5, 0.5)


def test_there_is_no_ratio_without_a_control_that_counts() -> None:
    assert figure(10.0).ratio is None
    assert figure(10.0, control=(0.0,)).ratio is None


def test_a_row_of_requests_tells_rate_and_cost() -> None:
    rounds = Rounds(row="stream", subject=(sample(100, 1.0),), control=(sample(400, 2.0),))
    rate, cost, busy = rounds.of_requests()
    assert (rate.name, rate.subject, rate.control) == ("stream: requests", (50.0,), (200.0,))
    assert (cost.subject, cost.control) == ((10_000.0,), (5_000.0,))
    assert cost.ratio == Spread(2.0, 2.0, 2.0)
    assert (busy.subject, busy.ratio) == ((50.0,), None)


def test_what_is_added_is_the_difference_to_the_same_round_without() -> None:
    rounds = Rounds(
        row="answer",
        direct=(sample(1, 0.0, p50=10.0), sample(1, 0.0, p50=30.0)),
        subject=(sample(1, 0.1, p50=110.0), sample(1, 0.1, p50=130.0)),
        control=(sample(1, 0.1, p50=15.0), sample(1, 0.1, p50=25.0)),
    )
    p50, p99 = rounds.of_answers()
    assert (p50.subject, p50.control, p50.ratio) == ((100.0, 100.0), (5.0, -5.0), None)
    assert p99.subject == (200.0, 200.0)


@pytest.mark.parametrize(
    ("floor", "met"),
    [
        (Floor(ratio_least=0.5), True),
        (Floor(ratio_least=0.51), False),
        (Floor(ratio_most=0.5), True),
        (Floor(ratio_most=0.49), False),
        (Floor(most=10.0), True),
        (Floor(most=9.9), False),
        (Floor(ratio_least=0.1, most=9.9), False),
    ],
)
def test_a_floor_is_met_or_missed_by_the_median(floor: Floor, met: bool) -> None:
    assert floor.met(figure(1.0, 10.0, 100.0, control=(2.0, 20.0, 200.0))) is met


def test_a_ratio_that_is_missing_keeps_no_floor() -> None:
    assert not Floor(ratio_most=100.0).met(figure(10.0))
    assert [each.name for each in missed([figure(10.0)], {"stream: requests": Floor(ratio_least=0.1)})] == [
        "stream: requests"
    ]
    assert missed([figure(10.0)], {}) == []


def test_the_floors_are_those_of_rows_that_are_measured() -> None:
    floors = read()
    rows = programme(print, idle=1, requests=1)
    assert {name.partition(": ")[0] for name in floors} <= set(rows)
    whats = {"requests", "CPU per request", "CPU per chunk", "growth"}
    measures = ("CPU per stream", "CPU per paced chunk")
    whats |= {f"{measure}, {way.name}" for measure in measures for way in WAYS}
    assert {name.partition(": ")[2] for name in floors} == whats
    assert all(floor.words for floor in floors.values())
