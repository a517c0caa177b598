"""Histograms: how long answers took, counted in steps that grow by a quarter, from 1 ms to an hour.

A percentile is the geometric middle of its step, so it is at most 12 % off; beyond an hour it is 65 minutes.
In memory a histogram is one integer of 32 bits for each step, so that two are added as numbers are; stored,
the steps from its first to its last, each of as few bytes as its largest count needs.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from math import ceil, sqrt
from string import ascii_letters, digits

from zai_gateway.accounts.usage_books import Percentiles

_EDGES = (0, *sorted({ceil(1.25**step) for step in range(69)}))
"""Where each step begins, in milliseconds."""
_BITS = 32
_BYTES = _BITS // 8
_SIGNS = (digits + ascii_letters + "+-*/=._,!")[: len(_EDGES)]
_PLACE = {sign: 1 << (_BITS * step) for step, sign in enumerate(_SIGNS)}
_PACKED = {1 << (_BITS * step): bytes((1, step, 1)) for step in range(len(_EDGES))}
"""Those with one time only: most, where much is told apart."""
_MIDDLES = tuple(
    round(sqrt(max(first, 1) * max(following - 1, 1)))
    for first, following in zip(_EDGES, (*_EDGES[1:], _EDGES[-1] + 1), strict=True)
)


def step_of(column: str, low: int = 0, high: int = len(_EDGES)) -> str:
    """SQL that gives the sign of the step in which the milliseconds in a column are; NULL where it is."""
    if high - low == 1:
        return f"'{_SIGNS[low]}'"
    middle = (low + high) // 2
    below, above = step_of(column, low, middle), step_of(column, middle, high)
    searched = f"CASE WHEN {column} < {_EDGES[middle]} THEN {below} ELSE {above} END"
    return (
        f"CASE WHEN {column} IS NOT NULL THEN {searched} END" if (low, high) == (0, len(_EDGES)) else searched
    )


def of_signs(signs: str | None) -> int:
    """The histogram of the signs that `step_of` gave, one behind the other."""
    if not signs:
        return 0
    if len(signs) == 1:
        return _PLACE[signs]
    return sum(_PLACE[sign] * count for sign, count in Counter(signs).items())


def of_times(times: Iterable[int]) -> int:
    """The histogram of these milliseconds."""
    return of_signs("".join(_SIGNS[bisect_right(_EDGES, each) - 1] for each in times))


def packed(histogram: int) -> bytes | None:
    """As it is stored: a byte for how many bytes a count has, one for the first step, and the counts."""
    if (known := _PACKED.get(histogram)) is not None:
        return known
    if not histogram:
        return None
    first = ((histogram & -histogram).bit_length() - 1) // _BITS
    steps = -(-histogram.bit_length() // _BITS) - first
    counts = (histogram >> (_BITS * first)).to_bytes(steps * _BYTES, "little")
    width = _BYTES
    while width > 1 and not any(any(counts[place::_BYTES]) for place in range(width // 2, width)):
        width //= 2
    if width == _BYTES:
        return bytes((width, first)) + counts
    kept = bytearray(steps * width)
    for place in range(width):
        kept[place::width] = counts[place::_BYTES]
    return bytes((width, first)) + kept


def unpacked(stored: bytes | None) -> int:
    """The histogram that was stored."""
    if stored is None:
        return 0
    width, first = stored[0], stored[1]
    if width == _BYTES:
        return int.from_bytes(stored[2:], "little") << (_BITS * first)
    wide = bytearray((len(stored) - 2) // width * _BYTES)
    for place in range(width):
        wide[place::_BYTES] = stored[2 + place :: width]
    return int.from_bytes(wide, "little") << (_BITS * first)


def percentiles(histogram: int) -> Percentiles:
    """The median and the 95th percentile, by the nearest rank."""
    if not histogram:
        return Percentiles()
    counts = memoryview(histogram.to_bytes(len(_EDGES) * _BYTES, "little")).cast("I")
    reached = list(accumulate(counts))
    whole = reached[-1]
    p50, p95 = (_MIDDLES[bisect_right(reached, ceil(whole * part) - 1)] for part in (0.5, 0.95))
    return Percentiles(p50_ms=p50, p95_ms=p95, count=whole)
