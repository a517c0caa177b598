"""The doctor holds the rollup against the ledger, and says how far behind it is."""

import pytest

from tests.storage.places import Place
from tests.storage.samples import DAY, NOON, Flushes, attempt, entry, with_key
from tests.storage.test_spend_checks import change, of, seen
from zai_gateway.care import Grade
from zai_gateway.spend.ledger import Entry
from zai_gateway.storage.store import Store


@pytest.fixture
def rolled(store: Store) -> Store:
    """Three requests that are rolled up, and what came too late of them."""
    with_key(store)
    flushes = Flushes(store)
    flushes.flush(*(entry(attempt(f"req_{number}"), [], number) for number in range(3)))
    assert store.rollup.fence(NOON + 1_000)
    while store.rollup.step().more:
        pass
    flushes.flush(entry(attempt("req_0", 2), [], 5), entry(attempt("req_7"), [], 6))
    return store


def test_a_rollup_that_is_right(rolled: Store, place: Place) -> None:
    assert place.rows("SELECT count(*) FROM rollup_late") == [(3,)]
    for _ in range(2):
        found = seen(place)
        assert (of(found, "rollup").grade, of(found, "rollup_lag").grade) == (Grade.OK, Grade.OK)
        rolled.rollup.step()
    assert place.rows("SELECT count(*) FROM rollup_late") == [(0,)]


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE usage_rollup SET cost = cost + 1 WHERE grain = 'key'", "cost by key of ws_1"),
        (
            "UPDATE usage_rollup SET requests = 0, output = 1 WHERE grain = 'model'",
            "requests, output by model of ws_1",
        ),
        ("DELETE FROM rollup_late", "requests, attempts, cost by model of ws_1"),
        (
            "UPDATE ledger SET cost = cost + 1 WHERE request = 'req_2'",
            "cost by model of ws_1; cost by key of ws_1",
        ),
    ],
)
def test_a_rollup_that_is_wrong(rolled: Store, place: Place, statement: str, named: str) -> None:
    change(place, statement)
    found = of(seen(place), "rollup")
    assert found.grade is Grade.FAIL
    assert named in found.found


def test_a_rollup_that_is_far_behind(rolled: Store, place: Place) -> None:
    later = booked_at(NOON + 2 * DAY), booked_at(NOON + 3 * DAY)
    flushes = Flushes(rolled)
    flushes.applied = 5
    flushes.flush(*later)
    found = of(seen(place, NOON + 3 * DAY), "rollup_lag")
    assert found.grade is Grade.WARN
    assert " 24 h" in found.found
    assert of(seen(place), "rollup").grade is Grade.OK


def booked_at(at_ms: int) -> Entry:
    return entry(attempt(f"req at {at_ms}", at_ms=at_ms), [], 1)
