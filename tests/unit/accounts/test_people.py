"""People who sign in: the first owner, sessions and their ends, and what each is a member of."""

from collections.abc import Callable

import pytest

from tests.clocks import HeldClock
from tests.unit.accounts.people import OPERATOR
from tests.unit.accounts.signing import HERE, PASSWORD, Crowd
from zai_gateway.accounts.actor import ActorKind, Role
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.identity import LinkKind, Origin, SignedIn
from zai_gateway.accounts.members import MemberChanges
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.errors import Code, Failure, OperatorError

DAY = 86_400


def test_the_first_owner_comes_by_a_link_that_is_used_up(crowd: Crowd) -> None:
    people = crowd.people
    assert people.nobody_yet()
    link = people.setup_link()
    assert link is not None
    looked = people.look(link.token)
    assert (looked.kind, looked.email, looked.known, looked.role) == (LinkKind.SETUP, None, False, Role.OWNER)
    assert looked.workspace == crowd.accounts.the_workspace()
    signed_in = people.set_up(
        link.token,
        email=" Ana@Example.com",
        name="Ana",
        password=PASSWORD,
        workspace_name="Platform",
        origin=HERE,
    )
    person = signed_in.session.person
    assert (person.email, person.name) == ("ana@example.com", "Ana")
    (membership,) = people.memberships(person.id)
    assert (membership.workspace.name, membership.workspace.slug) == ("Platform", "my-ws")
    assert (membership.member.role, membership.member.email) == (Role.OWNER, "ana@example.com")
    assert people.session(signed_in.token) == signed_in.session
    assert not people.nobody_yet()
    assert people.setup_link() is None
    assert _refused(lambda: people.look(link.token)) == _refused(lambda: people.look("nothing"))
    records = crowd.accounts.audit.list(OPERATOR, crowd.team.workspace, AuditSearch(actor="Ana"))
    assert {record.deed for record in records} == {
        *(Deed.PERSON_SET_UP, Deed.MEMBER_ADD, Deed.WORKSPACE_RENAME),
    }
    assert {(record.actor_id, record.address) for record in records} == {
        (membership.member.id, "203.0.113.7")
    }


def test_all_set_up_links_end_with_the_first_that_is_used(crowd: Crowd) -> None:
    here, there = crowd.people.setup_link(), crowd.people.setup_link()
    assert here is not None
    assert there is not None
    assert crowd.people.look(here.token).kind is crowd.people.look(there.token).kind
    crowd.first()
    for link in (here, there):
        with pytest.raises(Failure) as refused:
            crowd.people.set_up(
                link.token,
                email="eve@example.com",
                name="Eve",
                password=PASSWORD,
                workspace_name=None,
                origin=HERE,
            )
        assert refused.value.code is Code.NOT_FOUND
    assert len(crowd.accounts.members.list(OPERATOR, crowd.team.workspace)) == 1


def test_a_set_up_link_expires_after_a_day(crowd: Crowd, clock: HeldClock) -> None:
    link = crowd.people.setup_link()
    assert link is not None
    clock.move(DAY - 1)
    assert crowd.people.look(link.token).expires_ms == link.expires_ms
    clock.move(1)
    assert _refused(lambda: crowd.people.look(link.token))[0] is Code.NOT_FOUND


def test_a_member_with_the_e_mail_of_the_first_owner_becomes_it(crowd: Crowd) -> None:
    crowd.team.person("ana", Role.VIEWER)
    crowd.first()
    (member,) = crowd.accounts.members.list(OPERATOR, crowd.team.workspace)
    assert (member.name, member.role) == ("ana", Role.OWNER)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("email", "ana", r"^email: 'ana' is not an address"),
        ("name", "", r"^name: a name has 1 to 100"),
        ("password", "short", r"^password: a password has 10 to 256"),
        ("workspace_name", "x" * 101, r"^workspace name: a name has"),
        ("workspace_name", "Tools", r"^workspace name: there is a workspace 'Tools'"),
    ],
)
def test_a_set_up_that_is_wrong_names_the_field_and_leaves_the_link(
    crowd: Crowd, clock: HeldClock, field: str, value: str, said: str
) -> None:
    # The oldest workspace is the one that is set up: this one is younger.
    clock.move(1)
    crowd.accounts.workspaces.create(OPERATOR, "Tools")
    link = crowd.people.setup_link()
    assert link is not None
    given = {"email": "ana@example.com", "name": "Ana", "password": PASSWORD, "workspace_name": "Ours"}
    with pytest.raises(OperatorError, match=said):
        crowd.people.set_up(link.token, **(given | {field: value}), origin=HERE)
    assert crowd.people.nobody_yet()
    assert crowd.people.look(link.token).kind is LinkKind.SETUP


def test_a_session_begins_with_e_mail_and_password(crowd: Crowd) -> None:
    first = crowd.first()
    origin = Origin(address="2001:db8::1", agent="Safari\n" + "x" * 300)
    second = crowd.people.sign_in(" ANA@example.com ", PASSWORD, origin)
    assert second.token != first.token
    assert second.session.person == first.session.person
    assert (second.session.address, len(second.session.agent)) == ("2001:db8::1", 199)
    assert set(crowd.people.sessions(first.session.person.id)) == {first.session, second.session}
    (record,) = crowd.accounts.audit.list(
        OPERATOR, crowd.team.workspace, AuditSearch(deed=Deed.PERSON_SIGN_IN)
    )
    assert (record.actor_kind, record.actor_name, record.address) == (
        *(ActorKind.MEMBER, "Ana", "2001:db8::1"),
    )


def test_no_token_and_no_hash_is_shown_or_told(crowd: Crowd) -> None:
    link = crowd.people.setup_link()
    assert link is not None
    signed_in = crowd.first()
    assert link.token not in f"{link!r} {link.__rich_repr__()}"
    assert signed_in.token not in f"{signed_in!r} {signed_in.__rich_repr__()}"
    told = repr(crowd.accounts.audit.list(OPERATOR, None))
    assert signed_in.token not in told
    assert signed_in.session.id not in told
    assert "argon2" not in told


@pytest.mark.parametrize("token", ["", "nothing", "\u00e9" * 43, "x" * 10_000, "\ud800"])
def test_what_is_no_token_opens_nothing(crowd: Crowd, token: str) -> None:
    crowd.first()
    assert crowd.people.session(token) is None
    crowd.people.sign_out(token)
    assert _refused(lambda: crowd.people.look(token))[0] is Code.NOT_FOUND


def test_a_session_ends_after_a_week_without_use_and_after_thirty_days(
    crowd: Crowd, clock: HeldClock
) -> None:
    idle = crowd.first()
    used = crowd.people.sign_in("ana@example.com", PASSWORD, HERE)
    for _ in range(5):
        clock.move(6 * DAY - 1)
        assert crowd.people.session(used.token) is not None
    assert crowd.people.session(idle.token) is None
    assert [each.id for each in crowd.people.sessions(idle.session.person.id)] == [used.session.id]
    clock.move(4)
    assert crowd.people.session(used.token) is not None
    clock.move(1)
    assert crowd.people.session(used.token) is None


def test_when_a_session_was_seen_is_written_every_five_minutes(crowd: Crowd, clock: HeldClock) -> None:
    signed_in = crowd.first()
    began = signed_in.session.seen_ms
    clock.move(299)
    crowd.people.session(signed_in.token)
    assert crowd.people.sessions(signed_in.session.person.id)[0].seen_ms == began
    clock.move(1)
    crowd.people.session(signed_in.token)
    assert crowd.people.sessions(signed_in.session.person.id)[0].seen_ms == began + 300_000


def test_a_person_keeps_the_fifty_sessions_that_it_used_last(crowd: Crowd, clock: HeldClock) -> None:
    first = crowd.first()
    clock.move(1)
    oldest = crowd.people.sign_in("ana@example.com", PASSWORD, HERE)
    for _ in range(49):
        clock.move(1)
        crowd.people.sign_in("ana@example.com", PASSWORD, HERE)
    assert len(crowd.people.sessions(first.session.person.id)) == 50
    assert crowd.people.session(first.token) is None
    assert crowd.people.session(oldest.token) is not None


def test_signing_out_ends_one_session_and_everywhere_all(crowd: Crowd) -> None:
    one = crowd.first()
    others = [crowd.people.sign_in("ana@example.com", PASSWORD, HERE) for _ in range(2)]
    crowd.people.sign_out(one.token)
    assert crowd.people.session(one.token) is None
    assert all(crowd.people.session(each.token) for each in others)
    assert crowd.people.sign_out_everywhere(one.session.person.id, address="203.0.113.9") == 2
    assert not any(crowd.people.session(each.token) for each in others)
    (record,) = crowd.accounts.audit.list(
        OPERATOR, crowd.team.workspace, AuditSearch(deed=Deed.PERSON_SIGN_OUT)
    )
    assert (record.address, record.changes["sessions"].before) == ("203.0.113.9", 2)
    assert crowd.people.sign_out_everywhere("per_nobody") == 0


def test_a_role_that_is_taken_away_and_a_removal_hold_at_once(crowd: Crowd) -> None:
    crowd.first()
    ben, place = crowd.joined("ben", Role.ADMIN), crowd.team.workspace
    id = ben.session.person.id
    actor = crowd.people.actor(id, place, "203.0.113.7")
    assert (actor.role, actor.workspace, actor.address) == (Role.ADMIN, place, "203.0.113.7")
    key = crowd.accounts.api_keys.create(actor, place, KeyChanges(name="his")).key
    crowd.accounts.members.update(OPERATOR, place, actor.id, MemberChanges(role=Role.VIEWER))
    with pytest.raises(Failure) as refused:
        crowd.accounts.api_keys.revoke(crowd.people.actor(id, place, None), place, key.id)
    assert refused.value.code is Code.FORBIDDEN
    crowd.accounts.members.remove(OPERATOR, place, actor.id)
    assert crowd.people.session(ben.token) is not None
    assert crowd.people.memberships(id) == ()
    nowhere = _refused(lambda: crowd.people.actor(id, "ws_of_nobody", None))
    assert _refused(lambda: crowd.people.actor(id, place, None)) == nowhere
    assert nowhere[0] is Code.NOT_FOUND


def test_a_person_in_no_workspace_is_audited_for_the_operator_alone(crowd: Crowd) -> None:
    owner = crowd.first()
    ben = crowd.joined("ben").session.person
    crowd.accounts.members.remove(OPERATOR, crowd.team.workspace, "ben")
    crowd.people.sign_in(ben.email, PASSWORD, HERE)
    search = AuditSearch(deed=Deed.PERSON_SIGN_IN)
    (record,) = crowd.accounts.audit.list(OPERATOR, None, search)
    assert (record.workspace, record.actor_kind, record.actor_id) == (None, ActorKind.PERSON, ben.id)
    actor = crowd.people.actor(owner.session.person.id, crowd.team.workspace, None)
    assert crowd.accounts.audit.list(actor, crowd.team.workspace, search) == ()


def test_a_person_renames_itself_and_workspaces_keep_their_name_for_it(crowd: Crowd) -> None:
    person = crowd.first().session.person
    assert crowd.people.rename(person.id, " Anna ").name == "Anna"
    assert crowd.people.rename(person.id, "Anna").name == "Anna"
    assert crowd.people.sign_in(person.email, PASSWORD, HERE).session.person.name == "Anna"
    assert crowd.people.memberships(person.id)[0].member.name == "Ana"
    search = AuditSearch(deed=Deed.PERSON_RENAME)
    (record,) = crowd.accounts.audit.list(OPERATOR, crowd.team.workspace, search)
    assert (record.changes["name"].before, record.changes["name"].after) == ("Ana", "Anna")
    with pytest.raises(OperatorError, match=r"^name: "):
        crowd.people.rename(person.id, "")
    assert _refused(lambda: crowd.people.rename("per_nobody", "X"))[0] is Code.NOT_FOUND


def test_memberships_are_listed_by_the_names_of_workspaces(crowd: Crowd) -> None:
    ana: SignedIn = crowd.first()
    for name in ("Zoo", "Atlas"):
        place = crowd.accounts.workspaces.create(OPERATOR, name).id
        crowd.accounts.members.add(OPERATOR, place, "Ana", "ana@example.com", Role.VIEWER)
        token = crowd.people.invite(OPERATOR, place, "Ana").token
        crowd.people.accept(token, ana.session.person.id)
    names = [each.workspace.name for each in crowd.people.memberships(ana.session.person.id)]
    assert names == ["Atlas", "My Workspace", "Zoo"]


def _refused(call: Callable[[], object]) -> tuple[Code, str]:
    with pytest.raises(Failure) as refused:
        call()
    return refused.value.code, refused.value.message
