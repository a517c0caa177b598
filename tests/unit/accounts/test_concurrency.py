"""Two people at one thing: nobody's change is lost, and no rule is broken between a look and a write."""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Connection

from tests.clocks import HeldClock
from tests.unit.accounts.people import OPERATOR, NothingSpent, People
from zai_gateway.accounts.actor import Role, Scope
from zai_gateway.accounts.budgets import Holder
from zai_gateway.accounts.members import MemberChanges
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.store import AccountStore
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.errors import Code, Failure, OperatorError, StoreUnavailable
from zai_gateway.storage.account_store import SqlAccountStore
from zai_gateway.storage.bootstrap import open_database
from zai_gateway.storage.database import Database


class Overtaken:
    """A database in which somebody else writes just before each of the first `times` writes."""

    def __init__(self, database: Database, meanwhile: Callable[[], object], times: int = 1) -> None:
        self.shared, self.read, self.close = database.shared, database.read, database.close
        self.overtaken = 0
        self._write = database.write
        self._meanwhile = meanwhile
        self._times = times

    @contextmanager
    def write(self) -> Generator[Connection]:
        if self.overtaken < self._times:
            self.overtaken += 1
            self._meanwhile()
        with self._write() as connection:
            yield connection


Slow = Callable[..., Accounts]


@pytest.fixture
def slow(team: People, tmp_path: Path, clock: HeldClock) -> Generator[Slow]:
    """Makes the service of somebody whom another overtakes between the look and the write."""
    opened: list[Database] = []

    def made(meanwhile: Callable[[], object], times: int = 1) -> Accounts:
        database = Overtaken(open_database(tmp_path / "data"), meanwhile, times)
        opened.append(database)
        return Accounts(SqlAccountStore(database), NothingSpent(), team.vault, clock)

    yield made
    for database in opened:
        database.close()


def test_two_who_edit_different_fields_both_win(team: People, slow: Slow) -> None:
    key = team.issue("ana", KeyChanges(cap=1)).key
    mine = slow(lambda: team.accounts.api_keys.update(OPERATOR, team.workspace, key.id, KeyChanges(cap=2)))
    mine.api_keys.update(OPERATOR, team.workspace, key.id, KeyChanges(name="ana-2", tags=("x",)))
    after = team.accounts.api_keys.show(OPERATOR, team.workspace, key.id)
    assert (after.name, after.cap, after.tags) == ("ana-2", 2, ("x",))


def test_a_revocation_in_between_is_not_undone(team: People, slow: Slow) -> None:
    key = team.issue("ana").key
    mine = slow(lambda: team.accounts.api_keys.revoke(OPERATOR, team.workspace, key.id))
    with pytest.raises(OperatorError, match="was revoked"):
        mine.api_keys.update(OPERATOR, team.workspace, key.id, KeyChanges(cap=2))
    after = team.accounts.api_keys.show(OPERATOR, team.workspace, key.id)
    assert (after.cap, after.revoked_ms is None) == (None, False)


def test_use_that_was_noted_in_between_is_neither_lost_nor_in_the_way(
    team: People, slow: Slow, sqlite: AccountStore
) -> None:
    key = team.issue("ana").key
    ours = team.accounts
    mine = slow(lambda: sqlite.note_use({key.id: 5}))
    mine.api_keys.update(OPERATOR, team.workspace, key.id, KeyChanges(cap=2))
    assert ours.api_keys.show(OPERATOR, team.workspace, key.id).last_used_ms == 5


def test_two_rotations_at_once_leave_all_three_secrets(team: People, slow: Slow) -> None:
    key = team.issue("ana").key
    mine = slow(lambda: team.accounts.api_keys.rotate(OPERATOR, team.workspace, key.id, 1_000))
    last = mine.api_keys.rotate(OPERATOR, team.workspace, key.id, 1_000).key
    assert last == team.accounts.api_keys.show(OPERATOR, team.workspace, key.id)
    assert len({last.digest, *(old.digest for old in last.predecessors)}) == 3


def test_two_owners_cannot_remove_each_other(team: People, slow: Slow) -> None:
    ana, ben = team.person("ana", Role.OWNER), team.person("ben", Role.OWNER)
    mine = slow(lambda: team.accounts.members.remove(ben, team.workspace, ana.id))
    with pytest.raises(OperatorError, match="ben is the last owner"):
        mine.members.remove(ana, team.workspace, ben.id)
    assert [each.id for each in team.accounts.members.list(OPERATOR, team.workspace)] == [ben.id]


def test_two_cannot_add_one_person(team: People, slow: Slow) -> None:
    mine = slow(lambda: team.person("ana", Role.MEMBER))
    with pytest.raises(OperatorError, match="is a member already"):
        mine.members.add(OPERATOR, team.workspace, "Ana", "ana@example.com", Role.MEMBER)


def test_no_key_is_made_for_a_member_who_is_removed_meanwhile(team: People, slow: Slow) -> None:
    ana = team.person("ana", Role.MEMBER)
    key = team.issue("free").key
    mine = slow(lambda: team.accounts.members.remove(OPERATOR, team.workspace, ana.id))
    with pytest.raises(Failure, match="no member"):
        mine.api_keys.create(OPERATOR, team.workspace, KeyChanges(name="new", member=ana.id))
    ben = team.person("ben", Role.MEMBER)
    mine = slow(lambda: team.accounts.members.remove(OPERATOR, team.workspace, ben.id))
    with pytest.raises(Failure, match="no member"):
        mine.api_keys.update(OPERATOR, team.workspace, key.id, KeyChanges(member=ben.id))
    assert [key.member for key in team.accounts.api_keys.list(OPERATOR, team.workspace)] == [None, None]


def test_two_names_of_a_workspace_meet(team: People, slow: Slow) -> None:
    mine = slow(lambda: team.accounts.workspaces.create(OPERATOR, "Tools"))
    with pytest.raises(OperatorError, match="a workspace 'Tools' already"):
        mine.workspaces.create(OPERATOR, "Tools")


def test_whoever_is_always_overtaken_gives_up(team: People, slow: Slow) -> None:
    caps = iter(range(1, 1_000))
    key = team.issue("ana").key
    mine = slow(lambda: team.cap("ana", next(caps)), times=1_000)
    with pytest.raises(StoreUnavailable, match="Others keep changing the same thing"):
        mine.api_keys.update(OPERATOR, team.workspace, key.id, KeyChanges(name="mine"))


def test_eight_threads_lose_no_change(team: People) -> None:
    key = team.issue("ana").key
    together = Barrier(8)

    def rename(number: int) -> None:
        together.wait(60)
        for _ in range(5):
            changes = KeyChanges(name=f"ana {number}")
            team.accounts.api_keys.update(OPERATOR, team.workspace, key.id, changes)

    def cap(number: int) -> None:
        together.wait(60)
        for nano in (number + 10, 5):
            team.accounts.api_keys.update(OPERATOR, team.workspace, key.id, KeyChanges(cap=nano))

    with ThreadPoolExecutor(8) as threads:
        done = [threads.submit(rename if n % 2 else cap, n) for n in range(8)]
    for each in done:
        each.result()
    after = team.accounts.api_keys.show(OPERATOR, team.workspace, key.id)
    assert (after.cap, after.name[:4]) == (5, "ana ")


def test_a_limit_and_the_end_of_a_budget_meet(team: People, slow: Slow) -> None:
    everyone, monthly = Holder(BudgetOwner.WORKSPACE), BudgetPeriod.MONTHLY
    first = team.accounts.budgets.set(OPERATOR, team.workspace, everyone, monthly, 1)
    mine = slow(lambda: team.accounts.budgets.remove(OPERATOR, team.workspace, everyone, monthly))
    second = mine.budgets.set(OPERATOR, team.workspace, everyone, monthly, 2)
    assert (second.limit, second.id == first.id) == (2, False)
    assert team.accounts.budgets.list(OPERATOR, team.workspace) == (second,)


def test_whoever_loses_its_right_meanwhile_is_left_with_no_management_key(
    team: People, slow: Slow, clock: HeldClock
) -> None:
    place, ends, theirs = team.workspace, clock.now_ms() + 1_000, team.accounts
    ana = team.person("ana", Role.ADMIN)
    parent = theirs.management_keys.create(ana, place, "parent", list(Scope), ends)
    by_key = theirs.management_keys.actor(parent.secret, None)
    revoked = slow(lambda: theirs.management_keys.revoke(OPERATOR, place, parent.key.id))
    lowered = slow(lambda: theirs.members.update(OPERATOR, place, ana.id, MemberChanges(role=Role.VIEWER)))
    for mine, who in ((revoked, by_key), (lowered, ana)):
        with pytest.raises(Failure) as refused:
            mine.management_keys.create(who, place, "late", [Scope.KEYS_WRITE], ends)
        assert refused.value.code is Code.FORBIDDEN
    made = theirs.management_keys.list(OPERATOR, place)
    assert [key.revoked_ms is None for key in made] == [False, False, False]
