"""Bookkeeping as an actor does it: what it refuses, in which words, and what the audit has of it."""

import pytest

from tests.bookings import Booker, outcome
from tests.clocks import HeldClock
from tests.unit.accounts.people import OPERATOR, People
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.bookkeeping import HEARD_MS
from zai_gateway.accounts.spend_books import WorkerStanding
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.money import MAX_NANO


@pytest.fixture
def booker(team: People, clock: HeldClock) -> Booker:
    booker = Booker(team.spend, team.issue("ci").key)
    booker.open(clock.now_ms())
    return booker


def refused(team: People, worker: str, *, lives_here: bool = False, force: bool = False) -> str:
    with pytest.raises(OperatorError) as trouble:
        team.accounts.spend.lose(OPERATOR, worker, lives_here=lives_here, force=force)
    return str(trouble.value)


def test_a_resolution_is_in_the_audit_with_what_was_before(team: People, booker: Booker) -> None:
    booker.book("req_1", outcome(5, 40), 1)
    before = team.accounts.spend.resolve(OPERATOR, None, "req_1", None, 12)
    assert (before.cost, before.risk) == (5, 40)
    (record,) = [each for each in team.accounts.audit.list(OPERATOR, None) if each.deed == "spend.resolve"]
    assert (record.workspace, record.object_id) == (team.workspace, "req_1/1")
    told = {name: (each.before, each.after) for name, each in record.changes.items()}
    assert told == {"cost": (5, 12), "risk": (40, 0)}


def test_of_two_attempts_one_has_to_be_named(team: People, booker: Booker) -> None:
    spend = team.accounts.spend
    booker.book("req_1", outcome(5, 40), 1)
    booker.book("req_1", outcome(0, 30), 2, number=2)
    with pytest.raises(OperatorError, match=r"the attempts 1, 2 are unconfirmed.*--attempt"):
        spend.resolve(OPERATOR, None, "req_1", None, 12)
    assert spend.resolve(OPERATOR, None, "req_1", 2, 12).risk == 30
    assert spend.resolve(OPERATOR, None, "req_1", None, 12).risk == 40
    with pytest.raises(Failure, match="Nothing is unconfirmed of 'req_1'") as trouble:
        spend.resolve(OPERATOR, None, "req_1", None, 12)
    assert trouble.value.code is Code.NOT_FOUND
    with pytest.raises(Failure, match="Nothing is unconfirmed of attempt 3 of 'req_2'"):
        spend.resolve(OPERATOR, None, "req_2", 3, 12)


@pytest.mark.parametrize("cost", [-1, MAX_NANO + 1])
def test_a_cost_that_no_column_holds_is_refused(team: People, booker: Booker, cost: int) -> None:
    booker.book("req_1", outcome(5, 40), 1)
    with pytest.raises(OperatorError, match="cost"):
        team.accounts.spend.resolve(OPERATOR, None, "req_1", None, cost)


def test_a_person_without_a_workspace_in_hand_sees_only_its_own(team: People, booker: Booker) -> None:
    booker.book("req_1", outcome(5, 40), 1)
    spend = team.accounts.spend
    other = team.accounts.workspaces.create(OPERATOR, "Other").id
    mine, theirs = team.person("ana", Role.OWNER), team.person("eve", Role.OWNER, other)
    assert len(spend.unconfirmed(mine, None)) == len(spend.unconfirmed(OPERATOR, None)) == 1
    assert spend.unconfirmed(theirs, None) == spend.flagged(theirs, None, ["written_off"]) == ()
    with pytest.raises(Failure, match="Nothing is unconfirmed"):
        spend.resolve(theirs, None, "req_1", None, 0)


def test_a_worker_that_seems_to_live_is_not_given_up(team: People, booker: Booker, clock: HeldClock) -> None:
    booker.lease(30)
    assert "was heard of 0 s ago" in refused(team, booker.worker)
    clock.move(HEARD_MS / 1_000 - 0.001)
    assert "was heard of 59 s ago" in refused(team, booker.worker)
    clock.move(0.001)
    said = refused(team, booker.worker, lives_here=True)
    assert "is locked" in said
    assert "--force" in said
    assert lost(team, booker.worker).leased == 30
    (left,) = team.accounts.spend.unconfirmed(OPERATOR, None)
    assert (left.attempt, left.risk, left.worker) == (0, 30, booker.worker)
    (record,) = [each for each in team.accounts.audit.list(OPERATOR, None) if each.deed == "worker.lose"]
    assert (record.workspace, record.object_id, record.object_name) == (None, booker.worker, "host")


def lost(team: People, worker: str, *, force: bool = False) -> WorkerStanding:
    return team.accounts.spend.lose(OPERATOR, worker, lives_here=force, force=force)


def test_with_force_it_is_given_up_all_the_same(team: People, booker: Booker) -> None:
    booker.lease(30)
    assert lost(team, booker.worker, force=True).state == "live"
    with pytest.raises(Failure, match="was given up before"):
        lost(team, booker.worker)
    with pytest.raises(Failure, match="'worker_9' is not known: it ended"):
        lost(team, "worker_9", force=True)


@pytest.mark.parametrize("most", [0, 1_001])
def test_a_list_has_an_end(team: People, most: int) -> None:
    with pytest.raises(OperatorError, match="limit: from 1 to 1,000 rows"):
        team.accounts.spend.unconfirmed(OPERATOR, None, most)
    with pytest.raises(OperatorError, match="limit"):
        team.accounts.spend.flagged(OPERATOR, None, ["overrun"], 0, most)


@pytest.mark.parametrize(("since", "until"), [(-1, 5), (5, 5), (6, 5), (0, 10**15)])
def test_a_bill_has_a_beginning_before_its_end(team: People, since: int, until: int) -> None:
    with pytest.raises(OperatorError, match="since, until"):
        team.accounts.spend.booked(OPERATOR, team.workspace, "openai", since, until)
