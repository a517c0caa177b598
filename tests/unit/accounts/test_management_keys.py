"""Management keys: made for some scopes and a time, kept as a digest, and never more than their maker."""

import msgspec
import pytest

from tests.clocks import HeldClock
from tests.unit.accounts.people import OPERATOR, People
from zai_gateway.accounts import keys
from zai_gateway.accounts.actor import ActorKind, Role, Scope
from zai_gateway.accounts.store import AccountStore
from zai_gateway.accounts.terms import LAST_MS, IssuedManagementKey
from zai_gateway.errors import Code, Failure, OperatorError

HOUR = 3_600_000


def made(team: People, clock: HeldClock, *scopes: Scope) -> IssuedManagementKey:
    chosen = scopes or (Scope.KEYS_READ,)
    return team.accounts.management_keys.create(OPERATOR, team.workspace, "ci", chosen, clock.now_ms() + HOUR)


def test_a_management_key_is_kept_as_its_digest(team: People, clock: HeldClock) -> None:
    issued = made(team, clock, Scope.KEYS_WRITE, Scope.KEYS_READ, Scope.KEYS_READ)
    assert issued.secret.startswith("zk_admin_")
    assert keys.well_formed(issued.secret, keys.ADMIN)
    assert not keys.well_formed(issued.secret)
    assert not keys.well_formed(keys.new_secret(), keys.ADMIN)
    (kept,) = team.accounts.management_keys.list(OPERATOR, team.workspace)
    assert kept == issued.key
    assert kept.digest == keys.digest(issued.secret)
    assert (kept.scopes, kept.made_by) == ((Scope.KEYS_READ, Scope.KEYS_WRITE), None)
    assert issued.secret.encode() not in msgspec.json.encode(kept)
    assert issued.secret not in f"{issued} {issued!r} {[issued]} {issued.__rich_repr__()}"


def test_it_acts_with_its_scopes_until_it_ends(team: People, clock: HeldClock) -> None:
    issued = made(team, clock)
    who = team.accounts.management_keys.actor(issued.secret, "192.0.2.1")
    assert (who.kind, who.id, who.workspace) == (ActorKind.MANAGEMENT_KEY, issued.key.id, team.workspace)
    assert (who.scopes, who.address, who.role) == ({Scope.KEYS_READ}, "192.0.2.1", None)
    assert len(team.accounts.api_keys.list(who, team.workspace)) == 1
    clock.move(HOUR / 1_000 - 0.001)
    team.accounts.management_keys.actor(issued.secret, None)
    clock.move(0.001)
    _refused(team, issued.secret)


def test_every_refusal_reads_the_same(team: People, clock: HeldClock) -> None:
    revoked = made(team, clock)
    team.accounts.management_keys.revoke(OPERATOR, team.workspace, "ci")
    good = made(team, clock)
    bad = ["", "zk_admin_", good.secret[:-1], team.key("ana"), keys.new_secret(keys.ADMIN), revoked.secret]
    assert len({_refused(team, token) for token in bad}) == 1


def test_it_is_revoked_once_and_for_good(team: People, sqlite: AccountStore, clock: HeldClock) -> None:
    made(team, clock)
    revoked = team.accounts.management_keys.revoke(OPERATOR, team.workspace, "ci")
    generation = sqlite.generation()
    clock.move(1)
    assert team.accounts.management_keys.revoke(OPERATOR, team.workspace, "ci") == revoked
    assert sqlite.generation() == generation


def test_nobody_gives_away_more_than_they_have(team: People, clock: HeldClock) -> None:
    admin, expires = team.person("admin", Role.ADMIN), clock.now_ms() + HOUR
    create, place = team.accounts.management_keys.create, team.workspace
    issued = create(admin, place, "all", list(Scope), expires)
    assert issued.key.made_by == admin.id
    narrow = create(admin, place, "narrow", [Scope.MANAGEMENT_KEYS_WRITE, Scope.KEYS_READ], expires)
    who = team.accounts.management_keys.actor(narrow.secret, None)
    below = create(who, place, "below", [Scope.KEYS_READ], expires)
    assert below.key.made_by == admin.id
    with pytest.raises(Failure) as refused:
        create(who, place, "above", [Scope.KEYS_READ, Scope.KEYS_WRITE], expires)
    assert refused.value.code is Code.FORBIDDEN


def test_what_may_not_be_is_refused(team: People, sqlite: AccountStore, clock: HeldClock) -> None:
    create, place, expires = team.accounts.management_keys.create, team.workspace, clock.now_ms() + HOUR
    before = sqlite.generation()
    with pytest.raises(OperatorError, match=r"^scopes: name at least one of workspaces:read"):
        create(OPERATOR, place, "ci", [], expires)
    with pytest.raises(OperatorError, match=r"^name: "):
        create(OPERATOR, place, " ", [Scope.KEYS_READ], expires)
    with pytest.raises(OperatorError, match=r"^expires: "):
        create(OPERATOR, place, "ci", [Scope.KEYS_READ], clock.now_ms())
    assert sqlite.generation() == before


def _refused(team: People, token: str) -> tuple[Code, str, str]:
    with pytest.raises(Failure) as refused:
        team.accounts.management_keys.actor(token, None)
    failure = refused.value
    assert failure.code is Code.INVALID_API_KEY
    return failure.code, failure.message, failure.detail


def test_no_management_key_makes_one_that_outlives_it(team: People, clock: HeldClock) -> None:
    create, place, ends = team.accounts.management_keys.create, team.workspace, clock.now_ms() + HOUR
    issued = create(OPERATOR, place, "an hour", list(Scope), ends)
    who = team.accounts.management_keys.actor(issued.secret, None)
    with pytest.raises(
        OperatorError, match=r"^expires: no later than the management key by which it is made"
    ):
        create(who, place, "for ever", [Scope.KEYS_READ], ends + 1)
    assert create(who, place, "the same hour", [Scope.KEYS_READ], ends).key.expires_ms == ends
    with pytest.raises(OperatorError, match=r"^expires: after the year 9999"):
        create(OPERATOR, place, "for ever", [Scope.KEYS_READ], LAST_MS + 1)
