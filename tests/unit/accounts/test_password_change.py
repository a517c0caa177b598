"""Another password: by the old one, by a link of the operator's, and what ends with it."""

from collections.abc import Callable

import pytest
from argon2 import PasswordHasher, extract_parameters

from tests.clocks import HeldClock
from tests.unit.accounts.people import OPERATOR
from tests.unit.accounts.signing import CHEAP, HERE, OTHER, PASSWORD, Crowd, signing
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.identity import LinkKind, SignedIn
from zai_gateway.accounts.store import AccountStore
from zai_gateway.errors import Code, Failure, OperatorError

EMAIL = "ana@example.com"


@pytest.fixture
def ana(crowd: Crowd) -> SignedIn:
    return crowd.first()


def refused(call: Callable[[], object]) -> Code:
    with pytest.raises(Failure) as refusal:
        call()
    return refusal.value.code


def test_a_change_ends_every_other_session_and_open_reset(
    crowd: Crowd, ana: SignedIn, clock: HeldClock
) -> None:
    elsewhere = crowd.people.sign_in(EMAIL, PASSWORD, HERE)
    reset = crowd.people.reset_link(OPERATOR, EMAIL).token
    clock.move(1)
    crowd.people.change_password(ana.session, PASSWORD, OTHER)
    assert crowd.people.session(elsewhere.token) is None
    stayed = crowd.people.session(ana.token)
    assert stayed is not None
    assert stayed.person.password_ms == clock.now_ms()
    assert refused(lambda: crowd.people.look(reset)) is Code.NOT_FOUND
    assert refused(lambda: crowd.people.sign_in(EMAIL, PASSWORD, HERE)) is Code.INVALID_CREDENTIALS
    assert crowd.people.sign_in(EMAIL, OTHER, HERE).session.person == stayed.person
    search = AuditSearch(deed=Deed.PERSON_PASSWORD)
    (record,) = crowd.accounts.audit.list(OPERATOR, crowd.team.workspace, search)
    assert set(record.changes) == {"password_ms"}


def test_a_change_wants_the_old_password_and_counts_the_tries(crowd: Crowd, ana: SignedIn) -> None:
    for _ in range(5):
        with pytest.raises(OperatorError, match=r"^old password: "):
            crowd.people.change_password(ana.session, OTHER, "another one altogether")
    waits = refused(lambda: crowd.people.change_password(ana.session, PASSWORD, OTHER))
    assert waits is Code.RATE_LIMITED
    assert refused(lambda: crowd.people.sign_in(EMAIL, PASSWORD, HERE)) is Code.RATE_LIMITED


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (PASSWORD, r"^password: this is the one that you have"),
        ("short", r"^password: a password has"),
        (EMAIL, r"^password: your own name or e-mail"),
    ],
)
def test_a_new_password_that_will_not_do_changes_nothing(
    crowd: Crowd, ana: SignedIn, new: str, said: str
) -> None:
    with pytest.raises(OperatorError, match=said):
        crowd.people.change_password(ana.session, PASSWORD, new)
    assert crowd.people.sign_in(EMAIL, PASSWORD, HERE)


def test_a_session_that_ended_meanwhile_changes_nothing(crowd: Crowd, ana: SignedIn) -> None:
    crowd.people.sign_out_everywhere(ana.session.person.id)
    changed = refused(lambda: crowd.people.change_password(ana.session, PASSWORD, OTHER))
    assert changed is Code.SIGN_IN_REQUIRED
    assert crowd.people.sign_in(EMAIL, PASSWORD, HERE)


def test_a_reset_ends_every_session_and_begins_one(crowd: Crowd, ana: SignedIn) -> None:
    first = crowd.people.reset_link(OPERATOR, " ANA@example.com")
    link = crowd.people.reset_link(OPERATOR, EMAIL)
    assert refused(lambda: crowd.people.look(first.token)) is Code.NOT_FOUND
    looked = crowd.people.look(link.token)
    assert (looked.kind, looked.email, looked.name, looked.known) == (LinkKind.RESET, EMAIL, "Ana", True)
    with pytest.raises(OperatorError, match=r"^password: "):
        crowd.people.reset(link.token, "short", HERE)
    signed_in = crowd.people.reset(link.token, OTHER, HERE)
    assert crowd.people.session(ana.token) is None
    assert crowd.people.session(signed_in.token) == signed_in.session
    assert refused(lambda: crowd.people.reset(link.token, PASSWORD, HERE)) is Code.NOT_FOUND
    assert crowd.people.sign_in(EMAIL, OTHER, HERE)
    records = crowd.accounts.audit.list(OPERATOR, crowd.team.workspace, AuditSearch(object="Ana"))
    deeds = [record.deed for record in records]
    assert deeds.count(Deed.PERSON_RESET) == 2
    assert deeds.count(Deed.PERSON_PASSWORD) == 1


def test_a_reset_helps_whoever_has_to_wait(crowd: Crowd, ana: SignedIn) -> None:
    for _ in range(5):
        refused(lambda: crowd.people.sign_in(EMAIL, OTHER, HERE))
    assert refused(lambda: crowd.people.sign_in(EMAIL, PASSWORD, HERE)) is Code.RATE_LIMITED
    crowd.people.reset(crowd.people.reset_link(OPERATOR, EMAIL).token, OTHER, HERE)
    assert crowd.people.sign_in(EMAIL, OTHER, HERE)


def test_a_reset_link_lasts_an_hour_and_is_the_operator_s_to_give(
    crowd: Crowd, ana: SignedIn, clock: HeldClock
) -> None:
    link = crowd.people.reset_link(OPERATOR, EMAIL)
    clock.move(3_599)
    crowd.people.look(link.token)
    clock.move(1)
    assert refused(lambda: crowd.people.look(link.token)) is Code.NOT_FOUND
    owner = crowd.people.actor(ana.session.person.id, crowd.team.workspace, None)
    assert refused(lambda: crowd.people.reset_link(owner, EMAIL)) is Code.FORBIDDEN
    assert refused(lambda: crowd.people.reset_link(OPERATOR, "nobody@example.com")) is Code.NOT_FOUND


def test_the_owners_of_every_workspace_of_a_person_see_that_it_was_reset(crowd: Crowd, ana: SignedIn) -> None:
    theirs = crowd.accounts.workspaces.create(OPERATOR, "Theirs").id
    crowd.accounts.members.add(OPERATOR, theirs, "ana", EMAIL, Role.VIEWER)
    crowd.people.accept(crowd.people.invite(OPERATOR, theirs, "ana").token, ana.session.person.id)
    crowd.people.reset(crowd.people.reset_link(OPERATOR, EMAIL).token, OTHER, HERE)
    for place in (crowd.team.workspace, theirs):
        records = crowd.accounts.audit.list(OPERATOR, place, AuditSearch(object="Ana"))
        assert {Deed.PERSON_RESET, Deed.PERSON_PASSWORD} <= {record.deed for record in records}


def test_a_hash_of_other_parameters_is_made_anew_when_its_person_signs_in(
    crowd: Crowd, ana: SignedIn, sqlite: AccountStore, clock: HeldClock
) -> None:
    dearer = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    people = signing(sqlite, clock, dearer)
    before = sqlite.credentials(EMAIL)
    people.sign_in(EMAIL, PASSWORD, HERE)
    after = sqlite.credentials(EMAIL)
    assert before is not None
    assert after is not None
    assert (before.person, before.password != after.password) == (after.person, True)
    assert extract_parameters(before.password).memory_cost == CHEAP.memory_cost
    assert extract_parameters(after.password).memory_cost == dearer.memory_cost
    assert crowd.people.session(ana.token) == ana.session
    people.sign_in(EMAIL, PASSWORD, HERE)
    again = sqlite.credentials(EMAIL)
    assert again == after
    assert "argon2" not in f"{after!r} {after.__rich_repr__()}"
