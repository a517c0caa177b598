"""Hints: names of models that look like one that nobody serves, found in a bounded time; pure."""

from collections.abc import Sequence
from difflib import get_close_matches
from heapq import nlargest

_GRAM = 3
"""Letters that are looked for together."""
_MOST_GRAMS = 16
_MOST_COMPARED = 24
_MOST_GIVEN = 3
_LONGEST = 80
"""Characters: a longer name is no slip of the pen."""


def close_names(name: str, names: Sequence[str]) -> list[str]:
    """Up to three of `names` that look like `name`, the likest first.

    Only those are compared letter by letter that have the most pieces of `name` in them: comparing with every
    name there is would keep the event loop for tens of milliseconds.
    """
    if len(name) > _LONGEST:
        return []
    starts = range(0, max(1, len(name) - _GRAM + 1), 1 + len(name) // _MOST_GRAMS)
    grams = [name[start : start + _GRAM] for start in starts]
    likely = nlargest(_MOST_COMPARED, names, key=lambda each: sum([gram in each for gram in grams]))
    return get_close_matches(name, likely, n=_MOST_GIVEN)
