"""Workspaces and their members: who is in, under which address, and always with an owner left."""

import pytest

from tests.clocks import HeldClock
from tests.unit.accounts.people import OPERATOR, People
from zai_gateway.accounts.actor import Actor, Role, Scope
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.members import MemberChanges
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.errors import Code, Failure, OperatorError


@pytest.fixture
def ana(team: People) -> Actor:
    return team.person("ana", Role.OWNER)


def test_a_workspace_has_a_slug_of_its_own_that_stays(team: People) -> None:
    workspaces = team.accounts.workspaces
    made = [
        workspaces.create(OPERATOR, name)
        for name in ("Data & Tools!", "data tools", "\u65e5\u672c", "x" * 99)
    ]
    assert [each.slug for each in made] == ["data-tools", "data-tools-2", "workspace", "x" * 50]
    renamed = workspaces.rename(OPERATOR, made[0].id, "Platform")
    assert (renamed.id, renamed.slug, renamed.name) == (made[0].id, "data-tools", "Platform")
    for ref in (renamed.id, "data-tools", "Platform"):
        assert workspaces.find(OPERATOR, ref) == renamed
    with pytest.raises(OperatorError, match=r"^name: there is a workspace 'Platform' already"):
        workspaces.create(OPERATOR, " Platform ")
    with pytest.raises(OperatorError, match=r"^name: there is a workspace"):
        workspaces.rename(OPERATOR, made[1].id, "Platform")


def test_a_member_is_found_by_id_address_and_name(team: People) -> None:
    members = team.accounts.members
    added = members.add(OPERATOR, team.workspace, " Ana ", " Ana@Example.COM ", Role.ADMIN)
    assert (added.name, added.email, added.role) == ("Ana", "ana@example.com", Role.ADMIN)
    for ref in (added.id, "ANA@example.com", "Ana"):
        assert members.show(OPERATOR, team.workspace, ref) == added
    with pytest.raises(OperatorError, match=r"^email: ana@example\.com is a member already"):
        members.add(OPERATOR, team.workspace, "Other", "ana@EXAMPLE.com", Role.VIEWER)
    other = members.add(OPERATOR, team.workspace, "Other", "other@example.com", Role.VIEWER)
    with pytest.raises(OperatorError, match=r"^email: ana@example\.com is a member already"):
        members.update(OPERATOR, team.workspace, other.id, MemberChanges(email="ana@example.com"))


@pytest.mark.parametrize(
    "email", ["", "ana", "ana@", "@example.com", "a b@c", "a@b@c", "<a@b>", "a@b\n", "x" * 255 + "@b"]
)
def test_what_is_no_address_is_refused(team: People, email: str) -> None:
    if email == "a@b\n":  # what stands around it is cut off
        assert team.accounts.members.add(OPERATOR, team.workspace, "ana", email, Role.MEMBER).email == "a@b"
        return
    with pytest.raises(OperatorError, match=r"^email: "):
        team.accounts.members.add(OPERATOR, team.workspace, "ana", email, Role.MEMBER)


def test_the_last_owner_stays(team: People, ana: Actor) -> None:
    members = team.accounts.members
    for who in (OPERATOR, ana):
        with pytest.raises(OperatorError, match="ana is the last owner of this workspace"):
            members.remove(who, team.workspace, ana.id)
        with pytest.raises(OperatorError, match="ana is the last owner"):
            members.update(who, team.workspace, ana.id, MemberChanges(role=Role.ADMIN))
    assert members.update(ana, team.workspace, ana.id, MemberChanges(name="Ana")).role is Role.OWNER
    ben = team.person("ben", Role.OWNER)
    members.remove(ben, team.workspace, ana.id)
    with pytest.raises(OperatorError, match="ben is the last owner"):
        members.remove(ben, team.workspace, ben.id)


def test_a_removed_member_leaves_room_for_a_new_one_of_that_address(team: People) -> None:
    gone = team.person("ana", Role.MEMBER)
    removed = team.accounts.members.remove(OPERATOR, team.workspace, "ana")
    assert removed.removed_ms is not None
    assert team.accounts.members.list(OPERATOR, team.workspace) == ()
    with pytest.raises(Failure) as refused:
        team.accounts.members.show(OPERATOR, team.workspace, gone.id)
    assert refused.value.code is Code.NOT_FOUND
    assert team.person("ana", Role.MEMBER).id != gone.id


def test_with_a_member_go_its_keys_and_the_management_keys_it_made(team: People, clock: HeldClock) -> None:
    ana = team.person("ana", Role.ADMIN)
    accounts, place = team.accounts, team.workspace
    own = team.issue("own", KeyChanges(member=ana.id)).key
    team.issue("the team's")
    ended = team.issue("ended before", KeyChanges(member=ana.id)).key
    ended = accounts.api_keys.revoke(OPERATOR, place, ended.id)
    clock.move(1)
    made = accounts.management_keys.create(ana, place, "hers", [Scope.KEYS_READ], clock.now_ms() + 1_000)
    accounts.management_keys.create(OPERATOR, place, "the host's", [Scope.KEYS_READ], clock.now_ms() + 1_000)
    accounts.members.remove(OPERATOR, place, "ana")
    revoked = {key.name: key.revoked_ms for key in accounts.api_keys.list(OPERATOR, place)}
    assert revoked == {
        "first-key": None,
        "own": clock.now_ms(),
        "the team's": None,
        "ended before": ended.revoked_ms,
    }
    alive = {key.name: key.revoked_ms for key in accounts.management_keys.list(OPERATOR, place)}
    assert alive == {"hers": clock.now_ms(), "the host's": None}
    with pytest.raises(Failure):
        accounts.management_keys.actor(made.secret, None)
    records = accounts.audit.list(OPERATOR, place, AuditSearch(since_ms=clock.now_ms()))
    ends = {(record.deed, record.object_id) for record in records}
    assert ends >= {
        (Deed.MEMBER_REMOVE, ana.id),
        (Deed.KEY_REVOKE, own.id),
        (Deed.MANAGEMENT_KEY_REVOKE, made.key.id),
    }
    assert len([record for record in records if record.deed is Deed.KEY_REVOKE]) == 1


def test_who_may_no_longer_make_management_keys_loses_those_made(team: People, clock: HeldClock) -> None:
    accounts, place = team.accounts, team.workspace
    ana = team.person("ana", Role.OWNER)
    team.person("ben", Role.OWNER)
    key = team.issue("own", KeyChanges(member=ana.id)).key
    issued = accounts.management_keys.create(ana, place, "hers", [Scope.KEYS_READ], clock.now_ms() + 1_000)
    accounts.members.update(OPERATOR, place, ana.id, MemberChanges(role=Role.ADMIN))
    assert accounts.management_keys.actor(issued.secret, None).member == ana.id
    accounts.members.update(OPERATOR, place, ana.id, MemberChanges(role=Role.MEMBER))
    with pytest.raises(Failure):
        accounts.management_keys.actor(issued.secret, None)
    assert accounts.api_keys.show(OPERATOR, place, key.id).revoked_ms is None


def test_no_key_is_issued_to_a_member_who_is_not_there(team: People) -> None:
    ana = team.person("ana", Role.MEMBER)
    team.accounts.members.remove(OPERATOR, team.workspace, ana.id)
    for member in (ana.id, "mem_unknown"):
        with pytest.raises(Failure, match=f"no member '{member}'") as refused:
            team.issue("new", KeyChanges(member=member))
        assert refused.value.code is Code.NOT_FOUND
        with pytest.raises(Failure, match="no member"):
            team.accounts.api_keys.update(OPERATOR, team.workspace, "first-key", KeyChanges(member=member))


def test_no_management_key_makes_an_admin_or_changes_one(team: People, clock: HeldClock) -> None:
    members, place = team.accounts.members, team.workspace
    admin, ben = team.person("admin", Role.ADMIN), team.person("ben", Role.MEMBER)
    issued = team.accounts.management_keys.create(OPERATOR, place, "hr", list(Scope), clock.now_ms() + 1_000)
    hr = team.accounts.management_keys.actor(issued.secret, None)
    attempts = (
        lambda: members.add(hr, place, "x", "x@example.com", Role.ADMIN),
        lambda: members.update(hr, place, ben.id, MemberChanges(role=Role.ADMIN)),
        # Whoever has the address will have the account.
        lambda: members.update(hr, place, admin.id, MemberChanges(email="x@example.com")),
    )
    for attempt in attempts:
        with pytest.raises(Failure) as refused:
            attempt()
        assert refused.value.code is Code.FORBIDDEN
    assert members.update(hr, place, ben.id, MemberChanges(email="y@example.com")).email == "y@example.com"
    assert members.update(hr, place, admin.id, MemberChanges(role=Role.VIEWER)).role is Role.VIEWER
