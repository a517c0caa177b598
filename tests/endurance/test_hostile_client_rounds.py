"""Ten thousand hostile clients: no connection, task, file or memory is left of them."""

import random
import resource
import sys

from tests.unit.edge.behind import Behind
from tests.unit.edge.hostile_rounds import Rounds
from tests.unit.edge.served import served

ROUNDS = 10_000
_WARMING = 1_000
_MOST_GROWTH_KIB = 8 * 1_024
"""The clients are in this process too, and its allocator keeps some of what was freed."""


def test_nothing_is_left_of_ten_thousand_hostile_clients() -> None:
    with served(Behind()) as door:
        rounds = Rounds(door, random.Random(7))
        before = rounds.held()
        rounds.run(_WARMING)
        door.until(lambda: rounds.held() <= before)
        used = _memory()
        for done in range(_WARMING, ROUNDS, _WARMING):
            rounds.run(_WARMING)
            sys.stdout.write(
                f"{done + _WARMING:6} clients, {_memory() - used:6} KiB more than after the first\n"
            )
        door.until(lambda: rounds.held() <= before)
        assert _memory() - used <= _MOST_GROWTH_KIB
        assert door.get("/v1/me").status == 200


def _memory() -> int:
    """The most that was ever used, in KiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // 1_024 if sys.platform == "darwin" else most
