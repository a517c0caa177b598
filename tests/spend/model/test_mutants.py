"""The model can fail: each of six deliberate mistakes is caught by schedules that the truth survives."""

import pytest
from hypothesis import settings

from tests.spend.memory_store import MemoryStore
from tests.spend.model.bank import Violation
from tests.spend.model.books import in_memory
from tests.spend.model.forms import SHORT, run
from tests.spend.model.mutants import (
    ChecksSettlements,
    EstimatesRisk,
    FlushesUnguarded,
    GoesOnInDoubt,
    ReclaimsByTime,
    ReturnsLate,
)
from tests.spend.model.process import Making

PATIENT = settings(SHORT, max_examples=1_500)
"""It ends at the first violation, which a mistake may hide from the first hundreds of schedules."""


def assert_caught(store: type[MemoryStore] = MemoryStore, making: Making | None = None) -> None:
    with pytest.raises(Violation):
        run(in_memory(store), PATIENT, making)


def test_leases_that_are_reclaimed_by_time() -> None:
    assert_caught(ReclaimsByTime)


def test_an_estimate_instead_of_the_risk() -> None:
    assert_caught(EstimatesRisk)


def test_a_batch_that_is_booked_unguarded() -> None:
    assert_caught(FlushesUnguarded)


def test_money_that_leaves_memory_after_the_transaction() -> None:
    assert_caught(making=Making(spending=ReturnsLate))


def test_no_reread_in_doubt() -> None:
    assert_caught(making=Making(link=GoesOnInDoubt))


def test_a_check_on_settlements() -> None:
    assert_caught(ChecksSettlements)
