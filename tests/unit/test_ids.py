"""Identifiers: named, sortable by time, and never the same."""

import re

from zai_gateway.ids import new_id


def test_an_id_says_what_it_names() -> None:
    assert re.fullmatch(r"key_[0-9a-hjkmnp-tv-z]{26}", new_id("key", 1_763_000_000_000))


def test_ids_sort_by_the_time_they_were_made() -> None:
    assert new_id("req", 1_763_000_000_000) < new_id("req", 1_763_000_000_001) < new_id("req", 2**48 - 1)


def test_ids_of_one_moment_differ() -> None:
    assert len({new_id("req", 0) for _ in range(1_000)}) == 1_000
