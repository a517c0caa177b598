"""Two hosts on one PostgreSQL: each adopts what died in its own data directory, and nothing else."""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from tests.storage.places import Place
from tests.storage.processes import killed
from tests.storage.samples import NOON, api_key, attempt, audit, budget_of, fixed, with_key
from zai_gateway.spend.worker import Worker


@pytest.fixture
def engine() -> str:
    return "postgresql"


def test_a_host_leaves_the_other_s_workers_alone(place: Place, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    far = Place(there, place.address)
    with closing(place.open()) as store:
        with_key(store, cap=100)
        killed(_hold_and_die, far)
        near = Worker("near", here, shared=True)
        assert near.open(store.spend, NOON + 1) == 0
        (standing,) = store.spend.standings("key_1", NOON)
        assert (standing.risk, standing.held) == (0, 60)

        assert Worker("next", there, shared=True).open(store.spend, NOON + 2) == 1
        (standing,) = store.spend.standings("key_1", NOON)
        assert (standing.risk, standing.held) == (60, 0)
        assert store.spend.live_workers() == ("near", "next", "worker_1")
    audit(place)


def _hold_and_die(place: Place) -> None:
    store = place.open()
    Worker("victim", place.data, shared=True).open(store.spend, NOON)
    store.spend.hold("victim", attempt(), (budget_of(api_key()),), fixed(60))
    os.kill(os.getpid(), signal.SIGKILL)
