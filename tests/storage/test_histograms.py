"""Histograms: stored and read back whole, added like numbers, and right within their steps."""

import sqlite3
from contextlib import closing
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from zai_gateway.storage.histograms import of_signs, of_times, packed, percentiles, step_of, unpacked

TIMES = st.lists(st.integers(0, 3_600_000), max_size=60)


@given(TIMES, TIMES)
def test_they_add_up_and_come_back(some: list[int], more: list[int]) -> None:
    one, other = of_times(some), of_times(more)
    assert unpacked(packed(one)) == one
    assert one + other == of_times(some + more)


@given(st.sampled_from([1, 200, 300, 70_000, 2**31]), st.integers(0, 3_600_000), st.integers(0, 3_600_000))
def test_however_much_they_count(number: int, one: int, other: int) -> None:
    histogram = of_times([one]) * number + of_times([other])
    assert unpacked(packed(histogram)) == histogram
    assert percentiles(histogram).count == number + 1


@given(st.lists(st.integers(1, 3_600_000), min_size=1, max_size=60))
def test_a_percentile_is_within_12_percent_or_half_a_millisecond(times: list[int]) -> None:
    found, ranked = percentiles(of_times(times)), sorted(times)
    for part, said in ((0.5, found.p50_ms), (0.95, found.p95_ms)):
        right = ranked[ceil(len(ranked) * part) - 1]
        assert said is not None
        assert abs(said - right) <= max(0.5, 0.125 * right)


def test_nothing_counted() -> None:
    assert packed(0) is None
    assert unpacked(None) == of_signs(None) == of_times([]) == 0
    assert (percentiles(0).p50_ms, percentiles(0).count) == (None, 0)


def test_sql_takes_the_same_steps() -> None:
    times = [*range(40), 99, 100, 3_111_507, 3_111_508, 3_600_000, 10**12]
    with closing(sqlite3.connect(":memory:")) as books:
        books.execute("CREATE TABLE t (ms INTEGER)")
        books.executemany("INSERT INTO t VALUES (?)", [(each,) for each in times])
        query = f"SELECT group_concat({step_of('ms')}, '') FROM t"
        (signs,) = books.execute(query).fetchone()
        (none,) = books.execute(f"SELECT {step_of('NULL')}").fetchone()
    assert of_signs(signs) == of_times(times)
    assert none is None
