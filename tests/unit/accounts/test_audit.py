"""The audit: every act with who, when, from where and what changed, and never a secret."""

from functools import partial

import msgspec
import pytest

from tests.clocks import HeldClock
from tests.unit.accounts.calls import CALLS, READS, furnished
from tests.unit.accounts.people import OPERATOR, People
from zai_gateway.accounts.actor import ActorKind, Role, Scope
from zai_gateway.accounts.audit_record import AuditRecord, AuditSearch, Change
from zai_gateway.accounts.authorization import OF_ONESELF, Deed
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import NearCap
from zai_gateway.accounts.store import AccountStore
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.errors import OperatorError

SECRET = "sk-proj-8f3a-secret"


def newest(team: People) -> AuditRecord:
    return team.accounts.audit.list(OPERATOR, team.workspace, AuditSearch(most=1))[0]


def found(team: People, search: AuditSearch) -> list[str]:
    return [record.object_name for record in team.accounts.audit.list(OPERATOR, team.workspace, search)]


def test_a_record_says_who_when_from_where_and_what_changed(team: People, clock: HeldClock) -> None:
    ana = team.person("ana", Role.ADMIN)
    key = team.issue("ci", KeyChanges(cap=1)).key
    clock.move(5)
    changes = KeyChanges(cap=2, near_cap=NearCap.REFUSE, tags=("x",))
    team.accounts.api_keys.update(ana, team.workspace, "ci", changes)
    record = newest(team)
    assert (record.actor_kind, record.actor_id, record.actor_name) == (ActorKind.MEMBER, ana.id, "ana")
    assert (record.at_ms, record.address) == (clock.now_ms(), "203.0.113.7")
    assert (record.deed, record.workspace) == (Deed.KEY_UPDATE, team.workspace)
    assert (record.object_kind, record.object_id, record.object_name) == ("api_key", key.id, "ci")
    assert record.changes == {
        "cap": Change(1, 2),
        "near_cap": Change("clamp", "refuse"),
        "tags": Change([], ["x"]),
    }


def test_the_first_start_is_on_record(team: People) -> None:
    records = team.accounts.audit.list(OPERATOR, team.workspace)
    assert {record.deed for record in records} == {
        Deed.WORKSPACE_CREATE,
        Deed.PROVIDER_KEY_ADD,
        Deed.KEY_CREATE,
    }
    assert {(record.actor_name, record.address) for record in records} == {("operator", "cli")}


# A rotation leaves as many as it seals, a reset of the vault as many as it forgets, and one of a password as
# many as its person has workspaces: tests of their own, as has what people do to themselves.
APART = OF_ONESELF | {Deed.VAULT_ROTATE, Deed.VAULT_RESET, Deed.PERSON_RESET}


@pytest.mark.parametrize("deed", sorted(set(Deed) - READS - APART))
def test_every_write_leaves_one_record_and_a_read_none(
    team: People, sqlite: AccountStore, clock: HeldClock, deed: Deed
) -> None:
    of = furnished(team, "Ours")
    clock.move(1)
    generation = sqlite.generation()
    CALLS[deed](team.accounts, OPERATOR, of)
    records = team.accounts.audit.list(OPERATOR, None, AuditSearch(since_ms=clock.now_ms()))
    called = {
        Deed.OWNER_CHANGE: Deed.MEMBER_REMOVE,
        Deed.ADMIN_CHANGE: Deed.MEMBER_ADD,
        Deed.ALLOWANCE_CHANGE: Deed.KEY_CREATE,
    }.get(deed, deed)
    assert [record.deed for record in records] == [called]
    # No directory of callers needs to hear of an invitation.
    assert sqlite.generation() == generation + (deed is not Deed.MEMBER_INVITE)
    for read in READS:
        CALLS[read](team.accounts, OPERATOR, furnished(team, f"For {read}"))


def test_a_write_that_changes_nothing_leaves_no_record(team: People) -> None:
    key = team.issue("ci", KeyChanges(cap=1)).key
    before = team.accounts.audit.list(OPERATOR, team.workspace)
    team.accounts.api_keys.update(OPERATOR, team.workspace, key.id, KeyChanges(cap=1))
    team.accounts.workspaces.rename(OPERATOR, team.workspace, "My Workspace")
    assert team.accounts.audit.list(OPERATOR, team.workspace) == before


def test_no_record_holds_a_secret_or_what_it_hashes_to(team: People, clock: HeldClock) -> None:
    accounts, place = team.accounts, team.workspace
    issued = team.issue("ci")
    rotated = accounts.api_keys.rotate(OPERATOR, place, "ci", 1_000)
    admin = accounts.management_keys.create(OPERATOR, place, "m", [Scope.KEYS_READ], clock.now_ms() + 1)
    provider = accounts.provider_keys.add(OPERATOR, place, NewProviderKey(provider="openai", secret=SECRET))
    accounts.provider_keys.remove(OPERATOR, place, provider.id)
    written = msgspec.json.encode(accounts.audit.list(OPERATOR, place)).decode()
    assert rotated.key.prefix in written
    hidden = [issued.secret, rotated.secret, admin.secret, SECRET, provider.sealed.decode()]
    hidden += [key.digest.hex() for key in (issued.key, rotated.key, admin.key)]
    assert not [secret for secret in hidden if secret in written]
    assert "digest" not in written
    assert "sealed" not in written


def test_a_rotation_shows_which_key_took_the_place_of_which(team: People, clock: HeldClock) -> None:
    issued = team.issue("ci")
    clock.move(1)
    rotated = team.accounts.api_keys.rotate(OPERATOR, team.workspace, "ci", 1_000)
    changes = newest(team).changes
    assert changes["prefix"] == Change(issued.key.prefix, rotated.key.prefix)
    assert changes["secret"] == Change("the one before", "another one")
    assert changes["predecessors"].after == [
        {"prefix": issued.key.prefix, "retires_ms": rotated.key.predecessors[0].retires_ms}
    ]


def test_the_audit_is_searched_and_turned_page_by_page(team: People, clock: HeldClock) -> None:
    ana = team.person("ana", Role.ADMIN)
    clock.move(1)
    since = clock.now_ms()
    for name in ("a_1", "ab1", "B%2", "c"):
        clock.move(1)
        team.accounts.api_keys.create(ana if name == "c" else OPERATOR, team.workspace, KeyChanges(name=name))
    everything = AuditSearch(since_ms=since)
    assert found(team, everything) == ["c", "B%2", "ab1", "a_1"]
    with_ = partial(msgspec.structs.replace, everything)
    assert found(team, with_(actor="ana")) == found(team, with_(actor=ana.id)) == ["c"]
    assert found(team, with_(object="ab1")) == ["ab1"]
    assert found(team, with_(deed="key.create", text="b")) == ["B%2", "ab1"]
    assert found(team, with_(text="a_")) == ["a_1"]
    assert found(team, with_(text="B%")) == ["B%2"]
    assert found(team, with_(deed="key.revoke")) == []
    first = team.accounts.audit.list(OPERATOR, team.workspace, with_(most=3))
    assert found(team, with_(before=first[-1].id)) == ["a_1"]
    for most in (0, 1_001):
        with pytest.raises(OperatorError, match="limit: from 1 to 1,000"):
            team.accounts.audit.list(OPERATOR, team.workspace, with_(most=most))


def test_a_workspace_reads_its_own_audit_only(team: People) -> None:
    ana = team.person("ana", Role.OWNER)
    other = team.accounts.workspaces.create(OPERATOR, "Other").id
    everywhere = team.accounts.audit.list(OPERATOR, None)
    assert {record.workspace for record in everywhere} == {team.workspace, other}
    for place in (None, team.workspace):
        searched = team.accounts.audit.list(ana, place, AuditSearch(workspace=other))
        assert {record.workspace for record in searched} == {team.workspace}


@pytest.mark.parametrize(
    "search", [AuditSearch(text="x" * 201), AuditSearch(since_ms=-1), AuditSearch(since_ms=2**70)]
)
def test_a_search_beyond_all_measure_is_refused(team: People, search: AuditSearch) -> None:
    with pytest.raises(OperatorError, match=r"^(search|since): "):
        team.accounts.audit.list(OPERATOR, team.workspace, search)
