"""A key and its budgets by day, week and month are written together or not at all, on both stores."""

from msgspec.structs import replace

from tests.storage.samples import act, api_key, member, with_key
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod, SpendBudget
from zai_gateway.accounts.store import BudgetChange
from zai_gateway.storage.store import Store


def daily(limit: int, key: str = "key_1") -> SpendBudget:
    """A limit on what the key spends in a day."""
    return SpendBudget(
        id=f"daily of {key}",
        workspace="ws_1",
        owner_kind=BudgetOwner.KEY,
        owner=key,
        period=BudgetPeriod.DAILY,
        limit=limit,
    )


def change(seen: SpendBudget | None, wanted: SpendBudget | None) -> BudgetChange:
    return BudgetChange(seen=seen, wanted=wanted, audit=act(Deed.BUDGET_SET))


def test_a_key_comes_with_its_budgets_and_a_record_of_each(store: Store) -> None:
    with_key(store)
    new = daily(5, "key_2")
    assert store.accounts.add_key(api_key("key_2"), act(Deed.KEY_CREATE), [change(None, new)])
    assert store.accounts.budgets("ws_1") == (new,)
    found = store.accounts.audit(AuditSearch(workspace="ws_1"))
    assert [record.deed for record in found] == [Deed.BUDGET_SET, Deed.KEY_CREATE]


def test_the_names_of_keys_are_told_of_all_and_of_a_members_own(store: Store) -> None:
    with_key(store)
    assert store.accounts.put_member((), member(), act())
    assert store.accounts.add_key(replace(api_key("key_2"), member="mem_1"), act(Deed.KEY_CREATE))
    every = {"key_1": "name of key_1", "key_2": "name of key_2"}
    assert store.accounts.key_names("ws_1", None) == every
    assert store.accounts.key_names("ws_1", "mem_1") == {"key_2": "name of key_2"}
    assert store.accounts.key_names("ws_1", "mem_2") == {}
    assert store.accounts.key_names("ws_2", None) == {}


def test_an_id_that_is_taken_is_written_over_by_nothing(store: Store) -> None:
    with_key(store)
    before = store.accounts.generation()
    twin = replace(api_key("key_1"), name="twin", digest=b"2" * 32, budget="budget of a twin")
    assert not store.accounts.add_key(twin, act(), [change(None, daily(5))])
    assert store.accounts.keys("ws_1") == (api_key(),)
    assert store.accounts.budgets("ws_1") == ()
    assert store.accounts.generation() == before


def test_a_budget_that_is_another_by_now_leaves_the_key_as_it_was(store: Store) -> None:
    with_key(store)
    assert store.accounts.put_budget(None, daily(5), act())
    renamed = replace(api_key(), name="new")
    assert not store.accounts.replace_key(api_key(), renamed, act(), [change(daily(4), daily(9))])
    assert not store.accounts.replace_key(api_key(), renamed, act(), [change(None, daily(9))])
    assert store.accounts.keys("ws_1") == (api_key(),)
    assert store.accounts.budgets("ws_1") == (daily(5),)


def test_a_key_that_is_another_by_now_leaves_its_budgets_as_they_were(store: Store) -> None:
    with_key(store)
    stale = api_key(cap=1)
    assert not store.accounts.replace_key(stale, replace(stale, cap=2), act(), [change(None, daily(9))])
    assert store.accounts.budgets("ws_1") == ()


def test_budgets_change_without_a_record_of_a_key_that_does_not(store: Store) -> None:
    with_key(store)
    assert store.accounts.replace_key(api_key(), api_key(), None, [change(None, daily(5))])
    assert store.accounts.replace_key(api_key(), api_key(), None, [change(daily(5), None)])
    assert store.accounts.budgets("ws_1") == ()
    assert [record.deed for record in store.accounts.audit(AuditSearch())] == [Deed.BUDGET_SET] * 2
