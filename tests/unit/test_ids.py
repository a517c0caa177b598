"""Identifiers: named, sortable by time, and never the same."""

import re

from zai_gateway.ids import Ids, is_id, new_id


def test_an_id_says_what_it_names() -> None:
    assert re.fullmatch(r"key_[0-9a-hjkmnp-tv-z]{26}", new_id("key", 1_763_000_000_000))


def test_ids_sort_by_the_time_they_were_made() -> None:
    assert new_id("req", 1_763_000_000_000) < new_id("req", 1_763_000_000_001) < new_id("req", 2**48 - 1)


def test_ids_of_one_moment_differ() -> None:
    assert len({new_id("req", 0) for _ in range(1_000)}) == 1_000


def test_ids_in_great_number_are_the_same_kind_and_differ() -> None:
    made = [Ids("req").new(5), *(ids.new(5) for ids in [Ids("req")] for _ in range(1_000))]
    assert len(set(made)) == 1_001
    assert all(re.fullmatch(r"req_0000000005[0-9a-hjkmnp-tv-z]{16}", each) for each in made)


def test_an_id_is_told_from_what_is_none() -> None:
    assert is_id(new_id("pkey", 5), "pkey")
    assert not is_id(new_id("key", 5), "pkey")
    for other in ("", "pkey_", "pkey", f"pkey_{'u' * 26}", f"pkey_{'0' * 25}", f"pkey_{'0' * 25}\n"):
        assert not is_id(other, "pkey")
