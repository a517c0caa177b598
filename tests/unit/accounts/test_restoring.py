"""A revocation that is taken back: within a minute, by whoever may revoke, and never past another's word."""

import pytest

from tests.clocks import HeldClock
from tests.unit.accounts.people import OPERATOR, People
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.keys import digest
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.storage.store import Store


def test_a_key_comes_back_within_a_minute_as_it_was(team: People, books: Store, clock: HeldClock) -> None:
    keys, place = team.accounts.api_keys, team.workspace
    issued = team.issue("ci", KeyChanges(cap=5))
    keys.revoke(OPERATOR, place, "ci")
    seen = books.accounts.changes(0).generation
    clock.move(60)
    restored = keys.restore(OPERATOR, place, issued.key.id)
    assert restored == issued.key
    (heard,) = books.accounts.changes(seen).keys
    assert heard.opens(digest(issued.secret), clock.now_ms())
    (record,) = team.accounts.audit.list(OPERATOR, place, AuditSearch(deed=Deed.KEY_RESTORE))
    assert record.changes["revoked_ms"].after is None
    assert keys.restore(OPERATOR, place, "ci") == restored
    assert len(team.accounts.audit.list(OPERATOR, place, AuditSearch(deed=Deed.KEY_RESTORE))) == 1


def test_after_a_minute_a_revocation_is_for_good(team: People, clock: HeldClock) -> None:
    keys, place = team.accounts.api_keys, team.workspace
    key = team.issue("ci").key
    keys.revoke(OPERATOR, place, "ci")
    clock.move(60.001)
    with pytest.raises(OperatorError, match="was revoked more than 60 s ago, which is for good"):
        keys.restore(OPERATOR, place, key.id)
    assert keys.show(OPERATOR, place, key.id).revoked_ms is not None


def test_a_member_takes_back_its_own_revocation_and_nobody_else_s(team: People) -> None:
    keys, place = team.accounts.api_keys, team.workspace
    ana = team.person("ana", Role.MEMBER)
    key = keys.create(ana, place, KeyChanges(name="hers")).key
    keys.revoke(ana, place, key.id)
    assert keys.restore(ana, place, key.id).revoked_ms is None
    keys.revoke(team.person("admin", Role.ADMIN), place, key.id)
    with pytest.raises(Failure) as refused:
        keys.restore(ana, place, key.id)
    assert refused.value.code is Code.FORBIDDEN
    assert keys.restore(OPERATOR, place, key.id).revoked_ms is None


def test_a_key_that_went_with_its_member_stays_away(team: People) -> None:
    keys, place = team.accounts.api_keys, team.workspace
    ana = team.person("ana", Role.MEMBER)
    key = team.issue("hers", KeyChanges(member=ana.id)).key
    team.accounts.members.remove(OPERATOR, place, ana.id)
    with pytest.raises(Failure, match="no member") as refused:
        keys.restore(OPERATOR, place, key.id)
    assert refused.value.code is Code.NOT_FOUND
