"""Budgets: set, listed and ended, and all that apply to a caller known to it."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.unit.accounts.people import OPERATOR, People
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.budgets import Holder
from zai_gateway.accounts.caller import Caller
from zai_gateway.accounts.records import ApiKey, BudgetOwner, BudgetPeriod, SpendBudget
from zai_gateway.accounts.store import AccountStore
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.spend.budgets import Period

ALL = Holder(BudgetOwner.WORKSPACE)
MONTHLY, DAILY, TOTAL = BudgetPeriod.MONTHLY, BudgetPeriod.DAILY, BudgetPeriod.TOTAL


def put(team: People, holder: Holder, period: BudgetPeriod, limit: int) -> SpendBudget:
    return team.accounts.budgets.set(OPERATOR, team.workspace, holder, period, limit)


def listed(team: People) -> list[tuple[str, str, int | None]]:
    every = team.accounts.budgets.list(OPERATOR, team.workspace)
    return [(budget.owner_kind.value, budget.period.value, budget.limit) for budget in every]


def caller(sqlite: AccountStore, key: ApiKey) -> Caller:
    """The snapshot of a key, as a directory would have it."""
    changes = sqlite.changes(0)
    (view,) = (view for view in changes.workspaces if view.workspace.id == key.workspace)
    return Caller(key=next(each for each in changes.keys if each.id == key.id), view=view)


def test_periods_have_the_same_words_in_both_rooms() -> None:
    assert [period.value for period in BudgetPeriod] == [period.value for period in Period]


def test_a_caller_knows_every_budget_that_applies(team: People, sqlite: AccountStore) -> None:
    ana = team.person("ana", Role.MEMBER)
    hers = team.issue("hers", KeyChanges(member=ana.id, cap=9)).key
    other = team.issue("other").key
    put(team, ALL, MONTHLY, 1)
    put(team, Holder(BudgetOwner.MEMBER, "ana"), DAILY, 2)
    put(team, Holder(BudgetOwner.KEY, "hers"), DAILY, 3)
    put(team, Holder(BudgetOwner.KEY, "hers"), MONTHLY, 4)
    elsewhere = team.accounts.workspaces.create(OPERATOR, "Other").id
    team.accounts.budgets.set(OPERATOR, elsewhere, ALL, TOTAL, 0)
    found = caller(sqlite, hers)
    assert found.capped
    assert [(each.owner_kind.value, each.period.value, each.limit) for each in found.budgets] == [
        ("key", "total", 9),
        ("key", "daily", 3),
        ("key", "monthly", 4),
        ("member", "daily", 2),
        ("workspace", "monthly", 1),
    ]
    assert [budget.limit for budget in caller(sqlite, other).budgets] == [None, 1]
    assert caller(sqlite, other).capped
    team.accounts.budgets.remove(OPERATOR, team.workspace, ALL, MONTHLY)
    assert not caller(sqlite, other).capped


def test_another_limit_goes_on_counting_and_a_removed_budget_begins_anew(team: People) -> None:
    first = put(team, ALL, MONTHLY, 5)
    assert put(team, ALL, MONTHLY, 7).id == first.id
    assert put(team, ALL, MONTHLY, 7) == put(team, ALL, MONTHLY, 7)
    assert team.accounts.budgets.remove(OPERATOR, team.workspace, ALL, MONTHLY).limit == 7
    assert listed(team) == []
    with pytest.raises(Failure, match="My Workspace has no monthly budget") as refused:
        team.accounts.budgets.remove(OPERATOR, team.workspace, ALL, MONTHLY)
    assert refused.value.code is Code.NOT_FOUND
    assert put(team, ALL, MONTHLY, 5).id != first.id


def test_caps_of_keys_are_listed_while_the_key_lives(team: People) -> None:
    team.issue("capped", KeyChanges(cap=0))
    assert listed(team) == [("key", "total", 0)]
    team.accounts.api_keys.revoke(OPERATOR, team.workspace, "capped")
    assert listed(team) == []


def test_a_budget_goes_with_its_member(team: People) -> None:
    ana = team.person("ana", Role.MEMBER)
    put(team, Holder(BudgetOwner.MEMBER, ana.id), DAILY, 1)
    team.accounts.members.remove(OPERATOR, team.workspace, "ana")
    assert listed(team) == []


def test_a_member_sees_its_own_and_those_of_its_keys(team: People) -> None:
    ana, ben = team.person("ana", Role.MEMBER), team.person("ben", Role.MEMBER)
    team.issue("hers", KeyChanges(member=ana.id, cap=1))
    put(team, Holder(BudgetOwner.MEMBER, "ana"), DAILY, 2)
    put(team, Holder(BudgetOwner.MEMBER, "ben"), DAILY, 3)
    put(team, ALL, DAILY, 4)
    seen = [budget.limit for budget in team.accounts.budgets.list(ana, team.workspace)]
    assert sorted(limit or 0 for limit in seen) == [1, 2]
    assert [budget.limit for budget in team.accounts.budgets.list(ben, team.workspace)] == [3]


def test_what_may_not_be_is_refused(team: People, sqlite: AccountStore) -> None:
    key = team.issue("ana").key
    before = sqlite.generation()
    with pytest.raises(OperatorError, match=r"^period: the total of a key is its spend cap"):
        put(team, Holder(BudgetOwner.KEY, key.id), TOTAL, 1)
    with pytest.raises(OperatorError, match=r"^limit: "):
        put(team, ALL, MONTHLY, -1)
    for holder in (Holder(BudgetOwner.KEY, "zoe"), Holder(BudgetOwner.MEMBER, "zoe")):
        with pytest.raises(Failure, match="'zoe'") as refused:
            put(team, holder, MONTHLY, 1)
        assert refused.value.code is Code.NOT_FOUND
    assert sqlite.generation() == before


def test_eight_at_once_set_one_budget(team: People) -> None:
    with ThreadPoolExecutor(8) as threads:
        ids = {budget.id for budget in threads.map(partial(put, team, ALL, DAILY), range(1, 9))}
    assert len(ids) == 1
    assert len(team.accounts.budgets.list(OPERATOR, team.workspace)) == 1
