"""Invitations: who may give which, what ends them, and that no address alone opens anything."""

from collections.abc import Callable

import pytest

from tests.clocks import HeldClock
from tests.unit.accounts.people import OPERATOR
from tests.unit.accounts.signing import HERE, OTHER, PASSWORD, Crowd
from zai_gateway.accounts.actor import Actor, Role, Scope
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.identity import LinkKind, SignedIn
from zai_gateway.accounts.members import MemberChanges
from zai_gateway.accounts.records import Member
from zai_gateway.errors import Code, Failure, OperatorError

WEEK = 7 * 86_400


@pytest.fixture
def ana(crowd: Crowd) -> SignedIn:
    return crowd.first()


@pytest.fixture
def ben(crowd: Crowd, ana: SignedIn) -> Member:
    """A member who was added and has yet to sign up."""
    return crowd.accounts.members.add(OPERATOR, crowd.team.workspace, "ben", "ben@example.com", Role.MEMBER)


def invite(crowd: Crowd, actor: Actor = OPERATOR, ref: str = "ben") -> str:
    return crowd.people.invite(actor, crowd.team.workspace, ref).token


def holds(crowd: Crowd, token: str) -> bool:
    try:
        return crowd.people.look(token).kind is LinkKind.INVITATION
    except Failure as failure:
        assert failure.code is Code.NOT_FOUND
        return False


def refused(call: Callable[[], object]) -> Code:
    with pytest.raises(Failure) as refusal:
        call()
    return refusal.value.code


def test_somebody_new_signs_up_by_an_invitation_once(crowd: Crowd, ben: Member) -> None:
    token = invite(crowd)
    looked = crowd.people.look(token)
    assert (looked.email, looked.name, looked.role) == ("ben@example.com", "ben", Role.MEMBER)
    assert (looked.known, looked.workspace) == (False, crowd.accounts.the_workspace())
    signed_in = crowd.people.accept_new(token, name="Benjamin", password=PASSWORD, origin=HERE)
    person = signed_in.session.person
    assert (person.email, person.name) == ("ben@example.com", "Benjamin")
    assert crowd.people.session(signed_in.token) == signed_in.session
    (membership,) = crowd.people.memberships(person.id)
    assert (membership.member.id, membership.member.person) == (ben.id, person.id)
    assert not holds(crowd, token)
    again = refused(lambda: crowd.people.accept_new(token, name="Eve", password=OTHER, origin=HERE))
    assert again is Code.NOT_FOUND
    deeds = crowd.accounts.audit.list(OPERATOR, crowd.team.workspace, AuditSearch(object=ben.id))
    assert [record.deed for record in deeds] == [Deed.MEMBER_JOIN, Deed.MEMBER_INVITE, Deed.MEMBER_ADD]
    assert token not in repr(deeds)


def test_a_newer_invitation_and_a_week_end_one(crowd: Crowd, ben: Member, clock: HeldClock) -> None:
    first = invite(crowd)
    second = invite(crowd)
    assert (holds(crowd, first), holds(crowd, second)) == (False, True)
    clock.move(WEEK - 1)
    assert holds(crowd, second)
    clock.move(1)
    assert not holds(crowd, second)


CHANGES: dict[str, MemberChanges] = {
    "e-mail": MemberChanges(email="b@example.com"),
    "role": MemberChanges(role=Role.VIEWER),
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_what_it_leads_to_being_another_ends_an_invitation(
    crowd: Crowd, ben: Member, changes: MemberChanges
) -> None:
    token = invite(crowd)
    crowd.accounts.members.update(OPERATOR, crowd.team.workspace, ben.id, MemberChanges(name="Another name"))
    assert holds(crowd, token)
    crowd.accounts.members.update(OPERATOR, crowd.team.workspace, ben.id, changes)
    assert not holds(crowd, token)


def test_removal_ends_an_invitation(crowd: Crowd, ben: Member) -> None:
    token = invite(crowd)
    crowd.accounts.members.remove(OPERATOR, crowd.team.workspace, ben.id)
    assert not holds(crowd, token)
    call = refused(lambda: crowd.people.accept_new(token, name="B", password=PASSWORD, origin=HERE))
    assert call is Code.NOT_FOUND


@pytest.mark.parametrize("lowered", [True, False], ids=["lowered", "removed"])
def test_who_loses_the_right_to_invite_loses_the_invitations_it_made(
    crowd: Crowd, ben: Member, lowered: bool
) -> None:
    admin = crowd.joined("admin", Role.ADMIN).session.person
    actor = crowd.people.actor(admin.id, crowd.team.workspace, None)
    token = invite(crowd, actor)
    if lowered:
        changes = MemberChanges(role=Role.MEMBER)
        crowd.accounts.members.update(OPERATOR, crowd.team.workspace, actor.id, changes)
    else:
        crowd.accounts.members.remove(OPERATOR, crowd.team.workspace, actor.id)
    assert not holds(crowd, token)
    # Nor does what it believed itself to be when it asked.
    assert refused(lambda: invite(crowd, actor)) is Code.FORBIDDEN


def test_nobody_invites_to_a_rank_that_it_could_not_give(crowd: Crowd, ben: Member, clock: HeldClock) -> None:
    accounts, place = crowd.accounts, crowd.team.workspace
    accounts.members.add(OPERATOR, place, "owner", "owner@example.com", Role.OWNER)
    accounts.members.add(OPERATOR, place, "other", "other@example.com", Role.ADMIN)
    admin = crowd.team.person("admin", Role.ADMIN)
    issued = accounts.management_keys.create(OPERATOR, place, "hr", list(Scope), clock.now_ms() + 1_000)
    hr = accounts.management_keys.actor(issued.secret, None)
    assert refused(lambda: invite(crowd, admin, "owner")) is Code.FORBIDDEN
    for ref in ("owner", "other"):
        assert refused(lambda ref=ref: invite(crowd, hr, ref)) is Code.FORBIDDEN
    assert holds(crowd, invite(crowd, admin, "other"))
    assert holds(crowd, invite(crowd, hr))


def test_an_account_that_has_the_address_first_gets_nothing_by_it(crowd: Crowd, ana: SignedIn) -> None:
    """Somebody signs up with a foreign address in one workspace; another workspace adds that address."""
    mallory = crowd.joined("victim").session.person
    theirs = crowd.accounts.workspaces.create(OPERATOR, "Theirs").id
    crowd.accounts.members.add(OPERATOR, theirs, "victim", "victim@example.com", Role.OWNER)
    assert refused(lambda: crowd.people.actor(mallory.id, theirs, None)) is Code.NOT_FOUND
    assert [each.workspace.id for each in crowd.people.memberships(mallory.id)] == [crowd.team.workspace]
    # The invitation, which the owner of the address has, makes no account of that address anew.
    token = crowd.people.invite(OPERATOR, theirs, "victim").token
    assert crowd.people.look(token).known
    with pytest.raises(OperatorError, match=r"^email: victim@example\.com has an account here already"):
        crowd.people.accept_new(token, name="Victim", password=OTHER, origin=HERE)
    assert holds(crowd, token)
    assert refused(lambda: crowd.people.sign_in("victim@example.com", OTHER, HERE)) is (
        Code.INVALID_CREDENTIALS
    )


def test_an_admin_cannot_take_over_an_account_of_another_workspace(crowd: Crowd, ana: SignedIn) -> None:
    """An admin adds the address of somebody who signs in elsewhere, and keeps the link."""
    theirs = crowd.accounts.workspaces.create(OPERATOR, "Theirs").id
    victim = crowd.joined("victim", Role.OWNER, theirs).session.person
    admin = crowd.joined("admin", Role.ADMIN).session.person
    actor = crowd.people.actor(admin.id, crowd.team.workspace, None)
    crowd.accounts.members.add(actor, crowd.team.workspace, "victim", "victim@example.com", Role.MEMBER)
    token = invite(crowd, actor, "victim")
    with pytest.raises(OperatorError, match="has an account"):
        crowd.people.accept_new(token, name="Victim", password=OTHER, origin=HERE)
    with pytest.raises(Failure, match=r"is for victim@example\.com, and you are signed in as admin@") as no:
        crowd.people.accept(token, admin.id)
    assert no.value.code is Code.FORBIDDEN
    assert crowd.people.sign_in("victim@example.com", PASSWORD, HERE).session.person == victim
    assert [each.workspace.id for each in crowd.people.memberships(victim.id)] == [theirs]
    assert crowd.people.accept(token, victim.id).workspace.id == crowd.team.workspace
    assert not holds(crowd, token)
    assert len(crowd.people.memberships(victim.id)) == 2


def test_another_e_mail_takes_the_way_in_away_until_a_new_invitation(crowd: Crowd, ana: SignedIn) -> None:
    ben, place = crowd.joined("ben").session.person, crowd.team.workspace
    id = crowd.people.actor(ben.id, place, None).id
    changes = MemberChanges(email="eve@example.com")
    changed = crowd.accounts.members.update(OPERATOR, place, id, changes)
    assert changed.person is None
    assert refused(lambda: crowd.people.actor(ben.id, place, None)) is Code.NOT_FOUND
    token = invite(crowd, ref=id)
    assert refused(lambda: crowd.people.accept(token, ben.id)) is Code.FORBIDDEN
    eve = crowd.people.accept_new(token, name="Eve", password=OTHER, origin=HERE)
    assert crowd.people.actor(eve.session.person.id, place, None).id == id
    # The one who had it keeps the account, and nothing of the workspace.
    assert crowd.people.sign_in("ben@example.com", PASSWORD, HERE).session.person == ben
    assert crowd.people.memberships(ben.id) == ()


def test_nobody_locks_itself_out_by_another_e_mail(crowd: Crowd, ana: SignedIn) -> None:
    actor = crowd.people.actor(ana.session.person.id, crowd.team.workspace, None)
    with pytest.raises(OperatorError, match=r"^email: with another e-mail you could not sign in here"):
        crowd.accounts.members.update(
            actor, crowd.team.workspace, actor.id, MemberChanges(email="x@example.com")
        )


def test_a_member_who_signs_in_is_not_invited_again(crowd: Crowd, ana: SignedIn) -> None:
    with pytest.raises(OperatorError, match=r"^member: Ana signs in already"):
        invite(crowd, ref="Ana")


def test_a_person_who_left_comes_back_as_a_new_member(crowd: Crowd, ana: SignedIn) -> None:
    ben, place = crowd.joined("ben").session.person, crowd.team.workspace
    crowd.accounts.members.remove(OPERATOR, place, "ben")
    crowd.accounts.members.add(OPERATOR, place, "ben", "ben@example.com", Role.VIEWER)
    assert refused(lambda: crowd.people.actor(ben.id, place, None)) is Code.NOT_FOUND
    crowd.people.accept(invite(crowd), ben.id)
    assert crowd.people.actor(ben.id, place, None).role is Role.VIEWER


def test_a_link_of_another_kind_is_as_if_it_were_unknown(crowd: Crowd, ben: Member) -> None:
    invitation = invite(crowd)
    reset = crowd.people.reset_link(OPERATOR, "ana@example.com").token
    assert refused(lambda: crowd.people.reset(invitation, OTHER, HERE)) is Code.NOT_FOUND
    taken = refused(lambda: crowd.people.accept_new(reset, name="B", password=OTHER, origin=HERE))
    assert taken is Code.NOT_FOUND
    assert holds(crowd, invitation)
