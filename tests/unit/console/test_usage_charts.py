"""Charts of usage: what their tables say adds up, and names are no markup."""

from zai_gateway.accounts.usage_books import LatencySlice, Percentiles, Slice, Sums
from zai_gateway.console.pages.usage.charting import (
    count_charts,
    latency_chart,
    spend_chart,
    together,
)
from zai_gateway.wire.usage import Usage

CENT = 10_000_000


def sums(cost: int, requests: int = 1, errors: int = 0) -> Sums:
    """Of a part of a timeline."""
    usage = Usage(input=10, cache_read=5, cache_write=2, output=3)
    return Sums(requests=requests, errors=errors, cost=cost, usage=usage)


SLICES = (
    Slice(start_ms=0, id="small", sums=sums(CENT)),
    Slice(start_ms=0, id="", sums=sums(CENT, errors=1)),
    Slice(start_ms=3_600_000, id="small", sums=sums(2 * CENT)),
    Slice(start_ms=3_600_000, id="large", sums=sums(9 * CENT)),
)


def test_the_dearest_is_at_the_bottom_and_all_others_on_top() -> None:
    chart = spend_chart(SLICES, str.upper)
    assert [(each.title, each.look, each.whole) for each in chart.columns] == [
        ("LARGE", "s1", "$0.09"),
        ("SMALL", "s2", "$0.03"),
        ("All others", "s9", "$0.01"),
    ]
    assert chart.rows == [(0, ["-", "$0.01", "$0.01"]), (3_600_000, ["$0.09", "$0.02", "-"])]
    assert chart.totals == ["$0.02", "$0.11"]
    assert [cells for _, cells in chart.cells] == [
        "<td>-</td><td>$0.01</td><td>$0.01</td><td>$0.02</td>",
        "<td>$0.09</td><td>$0.02</td><td>-</td><td>$0.11</td>",
    ]


def test_requests_and_tokens_are_those_of_each_span_together() -> None:
    requests, tokens = count_charts(together(SLICES))
    assert requests.rows == [(0, ["1", "1"]), (3_600_000, ["2", "-"])]
    assert requests.totals == ["2", "2"]
    assert tokens.rows == [(0, ["24", "10", "6"]), (3_600_000, ["24", "10", "6"])]
    assert [each.whole for each in tokens.columns] == ["48", "20", "12"]


def test_nothing_is_no_chart() -> None:
    for chart in (*count_charts({}), spend_chart((), str), latency_chart(())):
        assert list(chart.cells) == []


def test_times_that_nobody_took_are_left_out() -> None:
    taken = Percentiles(p50_ms=1_200, p95_ms=3_400, count=2)
    chart = latency_chart([LatencySlice(start_ms=0, first_token=Percentiles(), total=taken)])
    assert chart.rows == [(0, ["-", "-", "1,200", "3,400"])]
    assert not chart.stacked
