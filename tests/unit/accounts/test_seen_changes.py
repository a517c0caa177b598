"""What was seen: members, budgets, workspaces and invitations are not overwritten unseen, nor made twice."""

import pytest

from tests.clocks import HeldClock
from tests.unit.accounts.people import OPERATOR, People
from zai_gateway.accounts.actor import Role, Scope
from zai_gateway.accounts.budgets import Holder
from zai_gateway.accounts.management_keys import new_management_key_id
from zai_gateway.accounts.members import MemberChanges
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod
from zai_gateway.accounts.sights import NOTHING, sight
from zai_gateway.accounts.store import AccountStore
from zai_gateway.accounts.terms import LAST_MS, WorkspaceChanges
from zai_gateway.errors import Code, Failure, OperatorError

ALL = Holder(BudgetOwner.WORKSPACE)
MONTHLY = BudgetPeriod.MONTHLY
MEANWHILE = "was changed by somebody else meanwhile"
WEEK = 7 * 86_400


def test_a_member_is_changed_and_removed_as_seen(team: People, sqlite: AccountStore) -> None:
    members, at = team.accounts.members, team.workspace
    seen = members.add(OPERATOR, at, "ana", "ana@example.com", Role.MEMBER)
    wanted = MemberChanges(role=Role.VIEWER)
    now = members.update(OPERATOR, at, seen.id, wanted, seen=sight(seen))
    generation = sqlite.generation()
    # The same form again changes nothing, whatever it saw; another one is refused.
    assert members.update(OPERATOR, at, seen.id, wanted, seen=sight(seen)) == now
    with pytest.raises(OperatorError, match=f"^ana {MEANWHILE}"):
        members.update(OPERATOR, at, seen.id, MemberChanges(name="Ana"), seen=sight(seen))
    with pytest.raises(OperatorError, match=f"^ana {MEANWHILE}"):
        members.remove(OPERATOR, at, seen.id, seen=sight(seen))
    assert members.show(OPERATOR, at, seen.id) == now
    assert sqlite.generation() == generation
    assert members.remove(OPERATOR, at, seen.id, seen=sight(now)).removed_ms is not None


def test_a_budget_is_set_and_removed_as_seen(team: People, sqlite: AccountStore) -> None:
    budgets, at = team.accounts.budgets, team.workspace
    first = budgets.set(OPERATOR, at, ALL, MONTHLY, 1, seen=NOTHING)
    generation = sqlite.generation()
    assert budgets.set(OPERATOR, at, ALL, MONTHLY, 1, seen=NOTHING) == first
    for seen in (NOTHING, "0" * 32):
        with pytest.raises(OperatorError, match=f"^The monthly budget of .* {MEANWHILE}"):
            budgets.set(OPERATOR, at, ALL, MONTHLY, 2, seen=seen)
        with pytest.raises(OperatorError, match=MEANWHILE):
            budgets.remove(OPERATOR, at, ALL, MONTHLY, seen=seen)
    assert sqlite.generation() == generation
    second = budgets.set(OPERATOR, at, ALL, MONTHLY, 2, seen=sight(first))
    assert budgets.remove(OPERATOR, at, ALL, MONTHLY, seen=sight(second)) == second
    # What was removed meanwhile does not come back.
    with pytest.raises(OperatorError, match=MEANWHILE):
        budgets.set(OPERATOR, at, ALL, MONTHLY, 3, seen=sight(second))
    assert budgets.list(OPERATOR, at) == ()


def test_a_workspace_is_changed_as_seen(team: People) -> None:
    workspaces, at = team.accounts.workspaces, team.workspace
    seen = sight(workspaces.find(OPERATOR, at))
    now = workspaces.update(OPERATOR, at, WorkspaceChanges(rpm=60), seen=seen)
    assert workspaces.update(OPERATOR, at, WorkspaceChanges(rpm=60), seen=seen) == now
    with pytest.raises(OperatorError, match=MEANWHILE):
        workspaces.update(OPERATOR, at, WorkspaceChanges(rpm=61), seen=seen)
    with pytest.raises(OperatorError, match=MEANWHILE):
        workspaces.rename(OPERATOR, at, "Other", seen=seen)
    renamed = workspaces.rename(OPERATOR, at, "Other", seen=sight(now))
    assert workspaces.rename(OPERATOR, at, "Other", seen=seen) == renamed
    assert (renamed.name, renamed.rpm) == ("Other", 60)


def test_a_wish_makes_one_management_key(team: People, clock: HeldClock) -> None:
    keys, at = team.accounts.management_keys, team.workspace
    id = new_management_key_id(clock.now_ms())
    made = keys.create(OPERATOR, at, "ci", [Scope.KEYS_READ], LAST_MS, id=id).key
    assert made.id == id
    elsewhere = team.accounts.workspaces.create(OPERATOR, "Elsewhere").id
    for place in (at, elsewhere):
        with pytest.raises(OperatorError, match=r"^This management key was made already"):
            keys.create(OPERATOR, place, "other", [Scope.KEYS_READ], LAST_MS, id=id)
    for id in ("", "mgmt_1", f"key_{'0' * 26}"):
        with pytest.raises(OperatorError, match=r"^id: "):
            keys.create(OPERATOR, at, "other", [Scope.KEYS_READ], LAST_MS, id=id)
    assert keys.list(OPERATOR, at) == (made,)
    assert keys.list(OPERATOR, elsewhere) == ()


def test_who_was_removed_makes_no_management_key(team: People, clock: HeldClock) -> None:
    gone = team.person("gone", Role.ADMIN)
    team.accounts.members.remove(OPERATOR, team.workspace, gone.id)
    with pytest.raises(Failure) as refusal:
        team.accounts.management_keys.create(
            gone, team.workspace, "late", [Scope.KEYS_READ], LAST_MS, id=new_management_key_id(clock.now_ms())
        )
    assert refusal.value.code is Code.FORBIDDEN
    assert team.accounts.management_keys.list(OPERATOR, team.workspace) == ()


def test_open_invitations_are_known_without_what_opens_them(team: People, clock: HeldClock) -> None:
    people, at = team.accounts.people, team.workspace
    ana, ben = (team.person(name, Role.MEMBER) for name in ("ana", "ben"))
    assert people.invitations(ana, at) == {}
    issued = people.invite(OPERATOR, at, ben.id)
    found = people.invitations(ana, at)
    assert set(found) == {ben.id}
    assert (found[ben.id].created_ms, found[ben.id].expires_ms) == (clock.now_ms(), issued.expires_ms)
    assert issued.token not in repr(found)
    elsewhere = team.accounts.workspaces.create(OPERATOR, "Elsewhere").id
    assert people.invitations(OPERATOR, elsewhere) == {}
    with pytest.raises(Failure) as refusal:
        people.invitations(ana, elsewhere)
    assert refusal.value.code is Code.NOT_FOUND
    clock.move(WEEK)
    assert people.invitations(ana, at)[ben.id].sight == NOTHING
    team.accounts.members.remove(OPERATOR, at, ben.id)
    assert people.invitations(ana, at) == {}


def test_an_invitation_is_made_once_for_each_page(team: People, clock: HeldClock) -> None:
    people, at = team.accounts.people, team.workspace
    ben = team.person("ben", Role.MEMBER)
    first = people.invite(OPERATOR, at, ben.id, seen=NOTHING)
    with pytest.raises(OperatorError, match=f"^The invitation of ben {MEANWHILE}"):
        people.invite(OPERATOR, at, ben.id, seen=NOTHING)
    assert people.look(first.token).email == "ben@example.com"
    standing = people.invitations(OPERATOR, at)[ben.id]
    second = people.invite(OPERATOR, at, ben.id, seen=standing.sight)
    with pytest.raises(OperatorError, match=MEANWHILE):
        people.invite(OPERATOR, at, ben.id, seen=standing.sight)
    assert people.look(second.token).email == "ben@example.com"
    clock.move(WEEK)
    # What has expired was seen by nobody as holding.
    third = people.invite(OPERATOR, at, ben.id, seen=NOTHING)
    assert people.look(third.token).email == "ben@example.com"
