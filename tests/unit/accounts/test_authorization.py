"""The authorization table: every call of the services, by every role, on its own workspace and another's."""

from collections.abc import Mapping

import pytest

from tests.unit.accounts.calls import CALLS, READS, Things, furnished
from tests.unit.accounts.people import OPERATOR, People
from zai_gateway.accounts.actor import Actor, ActorKind, Role, Scope
from zai_gateway.accounts.authorization import ALLOWED, OF_ONESELF, Deed
from zai_gateway.accounts.members import MemberChanges, acting
from zai_gateway.accounts.store import AccountStore
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.errors import Code, Failure

# o owner, a admin, m member, v viewer; (m) a member on its own keys only. Written apart from the table of the
# code, so that a slip in one of them shows.
EXPECTED: Mapping[str, str] = {
    "workspace.create": "",
    "workspace.list": "o a m v",
    "workspace.rename": "o a",
    "workspace.update": "o a",
    "member.add": "o a",
    "member.list": "o a m v",
    "member.show": "o a m v",
    "member.update": "o a",
    "member.remove": "o a",
    "member.invite": "o a",
    "person.reset": "",
    "owner.change": "o",
    "admin.change": "o a",
    "allowance.change": "o a",
    "key.create": "o a (m)",
    "key.list": "o a (m) v",
    "key.show": "o a (m) v",
    "key.update": "o a (m)",
    "key.rotate": "o a (m)",
    "key.revoke": "o a (m)",
    "key.restore": "o a (m)",
    "budget.list": "o a (m) v",
    "budget.set": "o a",
    "budget.remove": "o a",
    "management_key.create": "o a",
    "management_key.list": "o a v",
    "management_key.revoke": "o a",
    "provider_key.add": "o a",
    "provider_key.list": "o a v",
    "provider_key.update": "o a",
    "provider_key.test": "o a",
    "provider_key.remove": "o a",
    "vault.rotate": "",
    "vault.reset": "",
    "price.set": "o a",
    "price.list": "o a m v",
    "price.remove": "o a",
    "catalogue.show": "",
    "catalogue.import": "",
    "virtual_model.list": "o a m v",
    "virtual_model.set": "o a",
    "virtual_model.remove": "o a",
    "usage.read": "o a (m) v",
    "spend.read": "o a v",
    "spend.resolve": "o a",
    "worker.list": "",
    "worker.lose": "",
    "audit.list": "o a v",
}
DEEDS = [deed for deed in Deed if deed not in OF_ONESELF]
"""Those that are done by an actor."""
CASES = [(deed, role) for deed in DEEDS for role in Role]
OF_NO_WORKSPACE = {
    *(Deed.WORKSPACE_CREATE, Deed.VAULT_ROTATE, Deed.VAULT_RESET, Deed.PERSON_RESET),
    *(Deed.CATALOGUE_SHOW, Deed.CATALOGUE_IMPORT),
    *(Deed.WORKER_LIST, Deed.WORKER_LOSE),
}
OWN_NOT_FOUND = {Deed.KEY_SHOW, Deed.KEY_UPDATE, Deed.KEY_ROTATE, Deed.KEY_REVOKE, Deed.KEY_RESTORE}
"""What a member asks of somebody else's key is answered as if there were no such key."""


@pytest.fixture
def of(team: People) -> Things:
    return furnished(team, "Ours")


def mark(deed: Deed, role: Role) -> str:
    """`yes`, `own` or `no`."""
    marks = EXPECTED[deed.value].split()
    return "yes" if role.value[0] in marks else "own" if f"({role.value[0]})" in marks else "no"


def outcome(team: People, deed: Deed, who: Actor, of: Things) -> Code | None:
    """How a call is refused; None where it is not."""
    try:
        CALLS[deed](team.accounts, who, of)
    except Failure as failure:
        return failure.code
    return None


def test_every_call_stands_in_every_table() -> None:
    assert set(CALLS) == set(DEEDS) == set(ALLOWED) == {Deed(name) for name in EXPECTED}


@pytest.mark.parametrize(("deed", "role"), CASES)
def test_a_role_may_do_what_the_table_says(team: People, of: Things, deed: Deed, role: Role) -> None:
    who = team.person("actor", role, of.workspace)
    expected = {"yes": None, "own": None if deed in READS else Code.FORBIDDEN, "no": Code.FORBIDDEN}
    if mark(deed, role) == "own" and deed in OWN_NOT_FOUND:
        expected["own"] = Code.NOT_FOUND
    before = len(team.accounts.audit.list(OPERATOR, None))
    assert outcome(team, deed, who, of) is expected[mark(deed, role)]
    written = len(team.accounts.audit.list(OPERATOR, None)) - before
    assert written == (0 if deed in READS or expected[mark(deed, role)] else 1)


@pytest.mark.parametrize(("deed", "role"), CASES)
def test_another_workspace_s_things_are_as_if_they_were_not_there(
    team: People, sqlite: AccountStore, of: Things, deed: Deed, role: Role
) -> None:
    who = team.person("stranger", role)
    before = sqlite.generation()
    if deed is Deed.WORKSPACE_LIST:
        assert [each.id for each in team.accounts.workspaces.list(who)] == [team.workspace]
        return
    theirs, nowhere = _refused(team, deed, who, of), _refused(team, deed, who, _unknown(of))
    assert (theirs.code, theirs.message) == (nowhere.code, nowhere.message)
    assert theirs.code is (Code.FORBIDDEN if deed in OF_NO_WORKSPACE else Code.NOT_FOUND)
    # With its own workspace named, and only the thing being another's.
    mixed = _in_place(of, team.workspace)
    other = _in_place(_unknown(of), team.workspace)
    if deed in OWN_NOT_FOUND or (mark(deed, role) == "yes" and _names_a_thing(deed)):
        a, b = _refused(team, deed, who, mixed), _refused(team, deed, who, other)
        assert (a.code, b.code) == (Code.NOT_FOUND if mark(deed, role) != "no" else Code.FORBIDDEN,) * 2
        assert _anonymous(a.message, of) == _anonymous(b.message, _unknown(of))
    assert sqlite.generation() == before


@pytest.mark.parametrize("deed", DEEDS)
def test_the_operator_may_do_everything_but_in_no_workspace_that_is_not_there(
    team: People, of: Things, deed: Deed
) -> None:
    assert outcome(team, deed, OPERATOR, of) is None
    if deed not in OF_NO_WORKSPACE | {Deed.WORKSPACE_LIST}:
        assert outcome(team, deed, OPERATOR, _unknown(of)) is Code.NOT_FOUND


@pytest.mark.parametrize("deed", DEEDS)
def test_a_management_key_may_do_what_its_scope_is_for_and_nothing_else(
    team: People, of: Things, deed: Deed
) -> None:
    scope = ALLOWED[deed].scope
    every = frozenset(Scope)
    other = every if scope is None else every - {scope}
    assert outcome(team, deed, _management_key(of.workspace, other), of) is Code.FORBIDDEN
    if scope is not None:
        assert outcome(team, deed, _management_key(of.workspace, frozenset({scope})), of) is None
        elsewhere = outcome(team, deed, _management_key(team.workspace, every), of)
        assert elsewhere is (None if deed is Deed.WORKSPACE_LIST else Code.NOT_FOUND)


def test_what_only_reads_has_a_scope_that_only_reads() -> None:
    for deed, rule in ALLOWED.items():
        if rule.scope is not None:
            assert rule.scope.value.endswith(":read") == (deed in READS), deed


def test_a_member_has_its_own_keys_and_no_others(team: People, of: Things) -> None:
    keys, workspace = team.accounts.api_keys, of.workspace
    me = team.person("me", Role.MEMBER, workspace)
    mine = keys.create(me, workspace, KeyChanges(name="mine")).key
    assert mine.member == me.id
    theirs = keys.create(OPERATOR, workspace, KeyChanges(name="theirs", member=of.member)).key
    assert [key.name for key in keys.list(me, workspace)] == ["mine"]
    assert keys.show(me, workspace, "mine") == mine
    assert keys.update(me, workspace, mine.id, KeyChanges(cap=5)).cap == 5
    keys.rotate(me, workspace, mine.id, 0)
    for ref in (theirs.id, theirs.name):
        with pytest.raises(Failure, match=r"no API key .*; there are: mine") as refused:
            keys.show(me, workspace, ref)
        assert refused.value.code is Code.NOT_FOUND
    # It can neither give its key away nor make it nobody's.
    for member in (of.member, None):
        with pytest.raises(Failure) as refused:
            keys.update(me, workspace, mine.id, KeyChanges(member=member))
        assert refused.value.code is Code.FORBIDDEN
    assert keys.revoke(me, workspace, mine.id).revoked_ms is not None


def test_an_allowance_is_for_those_to_give_who_set_budgets(team: People, of: Things) -> None:
    keys, workspace = team.accounts.api_keys, of.workspace
    me = team.person("me", Role.MEMBER, workspace)
    every = _management_key(workspace, frozenset(Scope))
    mine = keys.create(me, workspace, KeyChanges(name="mine")).key
    for who in (me, every):
        with pytest.raises(Failure) as refused:
            keys.update(who, workspace, mine.id, KeyChanges(unbounded_allowance=0))
        assert refused.value.code is Code.FORBIDDEN
        given = keys.update(OPERATOR, workspace, mine.id, KeyChanges(unbounded_allowance=5))
        assert given.unbounded_allowance == 5
        assert keys.update(who, workspace, mine.id, KeyChanges(cap=5)).unbounded_allowance == 5
        taken = keys.update(who, workspace, mine.id, KeyChanges(unbounded_allowance=None))
        assert taken.unbounded_allowance is None
        keys.update(OPERATOR, workspace, mine.id, KeyChanges(cap=4))


def test_an_admin_cannot_make_or_unmake_an_owner(team: People, of: Things) -> None:
    admin = team.person("admin", Role.ADMIN, of.workspace)
    members, workspace = team.accounts.members, of.workspace
    attempts = (
        lambda: members.add(admin, workspace, "x", "x@example.com", Role.OWNER),
        lambda: members.update(admin, workspace, admin.id, MemberChanges(role=Role.OWNER)),
        lambda: members.update(admin, workspace, of.owner, MemberChanges(role=Role.VIEWER)),
        lambda: members.update(admin, workspace, of.owner, MemberChanges(name="somebody else")),
        lambda: members.remove(admin, workspace, of.owner),
    )
    for attempt in attempts:
        with pytest.raises(Failure) as refused:
            attempt()
        assert refused.value.code is Code.FORBIDDEN


def test_a_role_that_was_lowered_counts_at_once(team: People, of: Things) -> None:
    member = team.accounts.members.update(OPERATOR, of.workspace, of.owner, MemberChanges(role=Role.VIEWER))
    assert outcome(team, Deed.KEY_REVOKE, acting(member, None), of) is Code.FORBIDDEN


def _management_key(workspace: str, scopes: frozenset[Scope]) -> Actor:
    return Actor(kind=ActorKind.MANAGEMENT_KEY, id="mgmt_1", name="made", workspace=workspace, scopes=scopes)


def _refused(team: People, deed: Deed, who: Actor, of: Things) -> Failure:
    with pytest.raises(Failure) as refused:
        CALLS[deed](team.accounts, who, of)
    return refused.value


def _unknown(of: Things) -> Things:
    return Things(**{name: f"{name}_of_nobody" for name in of.__struct_fields__})


def _in_place(of: Things, workspace: str) -> Things:
    return Things(**{name: getattr(of, name) for name in of.__struct_fields__} | {"workspace": workspace})


def _names_a_thing(deed: Deed) -> bool:
    """Whether the call names something by an id that the operator has of another workspace."""
    return deed in OWN_NOT_FOUND | {
        Deed.MEMBER_SHOW,
        Deed.MEMBER_UPDATE,
        Deed.MEMBER_REMOVE,
        Deed.MEMBER_INVITE,
        Deed.OWNER_CHANGE,
        Deed.KEY_CREATE,
        Deed.MANAGEMENT_KEY_REVOKE,
        Deed.PROVIDER_KEY_REMOVE,
        Deed.SPEND_RESOLVE,
    }


def _anonymous(message: str, of: Things) -> str:
    for name in of.__struct_fields__:
        message = message.replace(getattr(of, name), name)
    return message
