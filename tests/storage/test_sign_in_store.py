"""The store of people who sign in: what is written comes back, and of writes at once one is done."""

from collections.abc import Callable
from contextlib import closing

import pytest
from argon2 import PasswordHasher
from msgspec.structs import replace

from tests.clocks import HeldClock
from tests.storage.places import Place
from tests.storage.processes import all_at_once
from tests.storage.samples import NOON, act, api_key, management_key, member, provider_key, workspace
from zai_gateway.accounts.actor import Role, operator
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.desk import Desk
from zai_gateway.accounts.identity import LinkKind, Origin, Person
from zai_gateway.accounts.passwords import Passwords
from zai_gateway.accounts.people import People
from zai_gateway.accounts.sign_in_store import (
    Allowance,
    Arrival,
    Credentials,
    NewPassword,
    NewSession,
    OneTimeLink,
)
from zai_gateway.clock import Clock
from zai_gateway.errors import Failure
from zai_gateway.storage.store import Store

SIX = [f"process-{number}" for number in range(6)]
PATIENCE = 60.0
"""Seconds to wait for the database in a race: longer than any disk takes, so that no clock decides."""
PASSWORD = "eight rivers run"
HERE = Origin(address="203.0.113.7")
FEW = Allowance(failures=2, forgotten_after_ms=1_000)


def somebody(id: str = "per_1", email: str = "ana@example.com") -> Credentials:
    person = Person(id=id, email=email, name=f"name of {id}", created_ms=NOON, password_ms=NOON)
    return Credentials(person=person, password=f"hash of {id}")


def session(name: str = "s", of: str = "per_1", seen_ms: int = NOON) -> NewSession:
    return NewSession(
        digest=name.encode().ljust(32, b"."),
        person=of,
        created_ms=NOON,
        seen_ms=seen_ms,
        ends_ms=NOON + 1_000,
        address="203.0.113.7",
        agent="a browser",
    )


def link(name: str = "l", kind: LinkKind = LinkKind.SETUP, of: str | None = None) -> OneTimeLink:
    invites = kind is LinkKind.INVITATION
    return OneTimeLink(
        digest=name.encode().ljust(32, b"."),
        kind=kind,
        workspace="ws_1" if invites else None,
        member="mem_1" if invites else None,
        person=of,
        made_by="operator",
        created_ms=NOON,
        expires_ms=NOON + 1_000,
    )


def arrival(newcomer: Credentials, begins: NewSession | None = None) -> Arrival:
    joined = replace(member(), person=newcomer.person.id)
    return Arrival(seen=[], member=joined, newcomer=newcomer, session=begins, at_ms=NOON + 1)


@pytest.fixture
def home(store: Store) -> Store:
    """A store with a workspace in it."""
    assert store.accounts.first_start(workspace(), [provider_key()], api_key(), [])
    return store


@pytest.fixture
def lived_in(home: Store) -> Store:
    """The same with a person who is the workspace's member."""
    assert home.accounts.add_link(link("first"), (), ())
    assert home.accounts.arrive(link("first"), arrival(somebody(), session()), (act(),))
    return home


def test_whoever_arrives_is_there_with_all_that_was_written(lived_in: Store) -> None:
    accounts = lived_in.accounts
    ana = somebody()
    assert accounts.anybody()
    assert accounts.person("per_1") == ana.person
    assert accounts.credentials("ana@example.com") == accounts.credentials_of("per_1") == ana
    (membership,) = accounts.memberships("per_1")
    assert (membership.workspace, membership.member) == (workspace(), replace(member(), person="per_1"))
    begun = accounts.session(session().digest)
    assert begun is not None
    assert (begun.id, begun.person, begun.agent) == (session().digest.hex(), ana.person, "a browser")
    assert accounts.sessions("per_1") == (begun,)
    assert accounts.link(link("first").digest) == replace(link("first"), used_ms=NOON + 1)


def test_what_is_not_there_is_none(home: Store) -> None:
    accounts = home.accounts
    assert not accounts.anybody()
    assert accounts.person("per_1") is accounts.credentials("x") is accounts.credentials_of("x") is None
    assert accounts.session(b"x") is accounts.link(b"x") is None
    assert accounts.sessions("per_1") == accounts.memberships("per_1") == ()
    accounts.end_session(b"x")
    accounts.note_seen(b"x", NOON)
    assert accounts.end_sessions("per_1", ()) == 0


def test_a_member_who_is_put_keeps_its_person(lived_in: Store) -> None:
    linked = replace(member(), person="per_1")
    renamed = replace(linked, name="another")
    assert lived_in.accounts.put_member([linked], renamed, act())
    assert lived_in.accounts.members("ws_1") == (renamed,)


REFUSED: dict[str, Callable[[Store], bool]] = {
    "a link that is used": lambda store: store.accounts.arrive(
        link("first"), arrival(somebody("per_2", "b@example.com")), (act(),)
    ),
    "a link that is not there": lambda store: store.accounts.arrive(
        link("unknown", LinkKind.INVITATION), arrival(somebody("per_2", "b@example.com")), (act(),)
    ),
    "a set-up where somebody is": lambda store: store.accounts.add_link(link("late"), (), (act(),)),
    "an invitation from an older state": lambda store: store.accounts.add_link(
        link("late", LinkKind.INVITATION), (), (act(),)
    ),
    "a session for another password": lambda store: store.accounts.begin_session(
        Credentials(person=somebody().person, password="older"), "older", session("new"), (), (act(),)
    ),
    "a password from an older state": lambda store: store.accounts.set_password(
        NewPassword(
            seen=Credentials(person=somebody().person, password="older"), after=somebody(), at_ms=NOON
        ),
        (act(),),
    ),
    "a password of a session that ended": lambda store: store.accounts.set_password(
        NewPassword(seen=somebody(), after=somebody(), keeps=b"ended", at_ms=NOON), (act(),)
    ),
    "a name from an older state": lambda store: store.accounts.rename_person(
        somebody("per_1", "older@example.com").person, somebody().person, (act(),)
    ),
    "a name of nobody": lambda store: store.accounts.rename_person(
        somebody("per_2").person, somebody("per_2").person, (act(),)
    ),
}


@pytest.mark.parametrize("write", REFUSED.values(), ids=REFUSED)
def test_nothing_is_written_from_an_older_state(
    lived_in: Store, place: Place, write: Callable[[Store], bool]
) -> None:
    tables = ("person", "member", "sign_in_session", "one_time_link", "audit")
    before = [sorted(map(repr, place.rows(f"SELECT * FROM {table}"))) for table in tables]
    assert not write(lived_in)
    assert [sorted(map(repr, place.rows(f"SELECT * FROM {table}"))) for table in tables] == before


def test_an_e_mail_is_one_person_s(lived_in: Store) -> None:
    linked = replace(member(), person="per_1")
    ben = replace(member("mem_2"), email="ana@example.com")
    assert lived_in.accounts.put_member([linked], ben, act())
    invitation = replace(link("second", LinkKind.INVITATION), member="mem_2")
    assert lived_in.accounts.add_link(invitation, lived_in.accounts.members("ws_1"), ())
    arriving = replace(
        arrival(somebody("per_2")),
        seen=lived_in.accounts.members("ws_1"),
        member=replace(ben, person="per_2"),
    )
    assert not lived_in.accounts.arrive(invitation, arriving, ())
    assert lived_in.accounts.link(invitation.digest) == invitation


def test_an_invitation_takes_the_place_of_the_one_that_was_seen(lived_in: Store) -> None:
    accounts = lived_in.accounts
    ben = replace(member("mem_2"), email="ben@example.com")
    assert accounts.put_member(accounts.members("ws_1"), ben, act())
    everybody = accounts.members("ws_1")

    def invited(name: str, **more: OneTimeLink | None) -> bool:
        made = replace(link(name, LinkKind.INVITATION), member="mem_2")
        return accounts.add_link(made, everybody, (), **more)

    assert accounts.invitations("ws_1") == ()
    assert invited("one", ends=None)
    (one,) = accounts.invitations("ws_1")
    assert (one.digest, one.member) == (link("one").digest, "mem_2")
    assert not invited("two", ends=None)
    assert not invited("two", ends=replace(one, digest=b"another"))
    assert accounts.invitations("ws_1") == (one,)
    assert invited("two", ends=one)
    assert invited("three")
    assert [each.digest for each in accounts.invitations("ws_1")] == [link("three").digest]
    assert accounts.invitations("ws_2") == ()


def test_signing_in_leaves_the_generation_and_joining_raises_it(lived_in: Store) -> None:
    accounts, before = lived_in.accounts, lived_in.accounts.generation()
    assert accounts.begin_session(
        somebody(), "hash of per_1", session("two"), (), (act(Deed.PERSON_SIGN_IN),)
    )
    accounts.note_seen(session("two").digest, NOON + 5)
    assert accounts.end_sessions("per_1", (act(Deed.PERSON_SIGN_OUT),)) == 2
    assert accounts.add_link(link("reset", LinkKind.RESET, "per_1"), (), (act(Deed.PERSON_RESET),))
    assert accounts.generation() == before > 0
    deeds = [record.deed for record in accounts.audit(AuditSearch())]
    assert deeds == [Deed.PERSON_RESET, Deed.PERSON_SIGN_OUT, Deed.PERSON_SIGN_IN, Deed.KEY_UPDATE]


def test_a_session_is_seen_later_and_never_earlier(lived_in: Store) -> None:
    for at, seen in ((NOON + 5, NOON + 5), (NOON + 3, NOON + 5)):
        lived_in.accounts.note_seen(session().digest, at)
        begun = lived_in.accounts.session(session().digest)
        assert begun is not None
        assert begun.seen_ms == seen


def test_sessions_that_are_over_are_forgotten_when_another_begins(lived_in: Store, place: Place) -> None:
    later = replace(session("later"), created_ms=NOON + 1_000, seen_ms=NOON + 1_000, ends_ms=NOON + 9_000)
    assert lived_in.accounts.begin_session(somebody(), "hash of per_1", later, (), ())
    assert [each.id for each in lived_in.accounts.sessions("per_1")] == [later.digest.hex()]


def test_links_that_are_over_are_forgotten_when_another_is_made(lived_in: Store) -> None:
    later = replace(link("reset", LinkKind.RESET, "per_1"), created_ms=NOON + 1_001, expires_ms=NOON + 2_000)
    assert lived_in.accounts.add_link(later, (), ())
    assert lived_in.accounts.link(link("first").digest) is None
    assert lived_in.accounts.link(later.digest) == later


def test_a_new_password_ends_what_it_should(lived_in: Store) -> None:
    accounts = lived_in.accounts
    assert accounts.begin_session(somebody(), "hash of per_1", session("two"), (), ())
    assert accounts.add_link(link("reset", LinkKind.RESET, "per_1"), (), ())
    after = Credentials(person=replace(somebody().person, password_ms=NOON + 1), password="another")
    kept = NewPassword(seen=somebody(), after=after, keeps=session("two").digest, at_ms=NOON + 1)
    assert accounts.set_password(kept, ())
    assert [each.id for each in accounts.sessions("per_1")] == [session("two").digest.hex()]
    assert accounts.credentials_of("per_1") == after
    assert accounts.link(link("reset").digest) is None


def test_tries_are_counted_together_and_wait_together(home: Store) -> None:
    accounts = home.accounts
    both = {"email:a": FEW, "address:a": FEW}
    assert [accounts.charge_tries(both, NOON) for _ in range(3)] == [0, 0, 30_000]
    assert accounts.charge_tries({"address:a": FEW, "email:b": FEW}, NOON + 10_000) == 20_000
    # What had to wait was not counted.
    assert accounts.charge_tries({"email:b": FEW}, NOON + 30_000) == 0
    assert accounts.charge_tries({}, NOON) == 0
    # Long after, nothing counts any more.
    assert [accounts.charge_tries(both, NOON + 99_999) for _ in range(3)] == [0, 0, 30_000]


def test_a_right_password_gives_back_its_tries(lived_in: Store, place: Place) -> None:
    accounts = lived_in.accounts
    both = {"email:a": FEW, "address:a": FEW}
    for _ in range(2):
        assert accounts.charge_tries(both, NOON) == 0
    assert accounts.begin_session(somebody(), "hash of per_1", session("two"), both, ())
    assert place.rows("SELECT id, failures, until_ms FROM sign_in_try") == [("address:a", 1, 0)]


def test_a_key_does_not_come_back_after_its_member_went(home: Store) -> None:
    gone = replace(member(), removed_ms=NOON)
    assert home.accounts.put_member([], gone, act())
    ended = replace(api_key("key_2"), revoked_ms=NOON)
    assert home.accounts.add_key(ended, act())
    assert home.accounts.replace_key(ended, replace(ended, member=None, revoked_ms=None), act())
    assert home.accounts.put_member([gone], member("mem_2"), act())
    assert home.accounts.add_management_key(management_key(made_by="mem_2"), act())
    own = replace(api_key("key_3"), member="mem_2")
    assert home.accounts.add_key(own, act())
    left = replace(member("mem_2"), removed_ms=NOON)
    seen = home.accounts.members("ws_1")
    assert home.accounts.put_member(seen, left, act(), ends_keys_ms=NOON)
    revoked = replace(own, revoked_ms=NOON)
    assert home.accounts.keys("ws_1")[-1] == revoked
    assert not home.accounts.replace_key(revoked, own, act())


def people_of(store: Store, clock: Clock) -> People:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return People(Desk(store.accounts, clock), Passwords(cheap))


class Race(Place, frozen=True):
    """A place with the link that is raced for."""

    token: str = ""


def raced(place: Place, token: str) -> Race:
    return Race(place.data, place.address, token)


def people_and_sessions(place: Place) -> tuple[int, int]:
    """How many there are of each."""
    (people,) = place.rows("SELECT count(*) FROM person")
    (sessions,) = place.rows("SELECT count(*) FROM sign_in_session")
    return people[0], sessions[0]


def test_set_up_links_of_several_hosts_at_once_make_one_owner(home: Store, place: Place) -> None:
    came = all_at_once(_set_up, raced(place, ""), SIX)
    assert sorted(came.values()) == ["here", *["not_found"] * 5]
    (owner,) = home.accounts.members("ws_1")
    (name,) = (name for name, how in came.items() if how == "here")
    assert (owner.role, owner.email) == (Role.OWNER, f"{name}@example.com")
    assert (
        len(place.rows("SELECT id FROM person")) == len(place.rows("SELECT digest FROM sign_in_session")) == 1
    )


def _set_up(race: Race, name: str) -> str:
    with closing(race.open(PATIENCE)) as store:
        people = people_of(store, HeldClock(NOON))
        link = people.setup_link()
        return (
            "not_found"
            if link is None
            else _come(
                lambda: people.set_up(
                    link.token,
                    email=f"{name}@example.com",
                    name=name,
                    password=PASSWORD,
                    workspace_name=None,
                    origin=HERE,
                )
            )
        )


def test_one_link_that_is_used_several_times_at_once_is_used_once(home: Store, place: Place) -> None:
    assert home.accounts.put_member([], member(), act())
    token = people_of(home, HeldClock(NOON)).invite(operator(), "ws_1", "mem_1").token
    came = all_at_once(_accept, raced(place, token), SIX)
    assert sorted(came.values()) == ["here", *["not_found"] * 5]
    assert (
        len(place.rows("SELECT id FROM person")) == len(place.rows("SELECT digest FROM sign_in_session")) == 1
    )


def _accept(race: Race, name: str) -> str:
    with closing(race.open(PATIENCE)) as store:
        people = people_of(store, HeldClock(NOON))
        return _come(lambda: people.accept_new(race.token, name=name, password=PASSWORD, origin=HERE))


def test_tries_that_are_made_at_once_are_each_counted(lived_in: Store, place: Place) -> None:
    came = all_at_once(_guess, raced(place, ""), [f"{name}-{number}" for name in SIX for number in range(2)])
    # A wait begins with the fifth failure, and nobody slipped in beside it.
    assert sorted(came.values()) == [*["invalid_credentials"] * 5, *["rate_limited"] * 7]


def _guess(race: Race, name: str) -> str:
    with closing(race.open(PATIENCE)) as store:
        people = people_of(store, HeldClock(NOON))
        return _come(lambda: people.sign_in("ana@example.com", f"guess of {name}", HERE))


def _come(call: Callable[[], object]) -> str:
    try:
        call()
    except Failure as failure:
        return failure.code.value
    except Exception as other:
        return repr(other)
    return "here"
