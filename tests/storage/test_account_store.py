"""The account store: what is written comes back, and every write raises the generation."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from tests.storage.places import Place
from tests.storage.samples import (
    NOON,
    act,
    api_key,
    management_key,
    member,
    monthly,
    price,
    provider_key,
    with_key,
    workspace,
)
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.records import ApiKey, NearCap, Predecessor
from zai_gateway.spend.budgets import Budget
from zai_gateway.storage.account_store import SqlAccountStore
from zai_gateway.storage.database import Database
from zai_gateway.storage.store import Store


def test_a_key_comes_back_with_every_field(store: Store) -> None:
    with_key(store)
    key = replace(
        api_key("key_2", cap=2**62),
        member="mem_1",
        near_cap=NearCap.REFUSE,
        predecessors=(
            Predecessor(digest=b"b" * 32, prefix="zk_live_0001", retires_ms=NOON + 9),
            Predecessor(digest=b"a" * 32, prefix="zk_live_0002", retires_ms=NOON + 9),
        ),
        tags=("a", "b"),
        allow=("openai/*", "demo/*"),
        fallback="openai/gpt-5.4-mini",
        unbounded_allowance=2**62,
        expires_ms=NOON + 1,
        revoked_ms=NOON + 2,
        digest=bytes(range(32)),
    )
    assert not store.accounts.add_key(key, act())
    assert store.accounts.put_member([], member(), act())
    assert store.accounts.add_key(key, act())
    assert store.accounts.key_by_digest(b"a" * 32) == key
    assert store.accounts.key_by_digest(bytes(range(32))) == key
    assert store.accounts.keys("ws_1") == (api_key(), key)


def test_an_unknown_key_is_none(store: Store) -> None:
    assert store.accounts.key_by_digest(b"x" * 32) is None


def test_the_first_start_happens_once(store: Store) -> None:
    first, second = provider_key("pk_b"), provider_key("pk_a")
    assert store.accounts.first_start(workspace("ws_1"), [first, second], api_key(), [act()])
    other = replace(api_key("key_2"), workspace="ws_2")
    assert not store.accounts.first_start(workspace("ws_2"), [], other, [act()])
    assert store.accounts.workspaces() == (workspace("ws_1"),)
    assert store.accounts.keys("ws_1") == (api_key(),)
    assert store.accounts.provider_keys("ws_1") == (first, replace(second, position=1))
    assert len(store.accounts.audit(AuditSearch())) == 1
    assert store.accounts.keys("ws_2") == ()


class Overtaken:
    """A database in which somebody else writes as soon as something was read."""

    def __init__(self, database: Database, meanwhile: Callable[[], object]) -> None:
        self.shared, self.write, self.close = database.shared, database.write, database.close
        self._read = database.read
        self._meanwhile = meanwhile

    @contextmanager
    def read(self) -> Generator[Connection]:
        with self._read() as connection:
            yield connection
        self._meanwhile()


def test_a_first_start_that_is_overtaken_writes_nothing(store: Store, place: Place) -> None:
    database = Overtaken(place.database(), lambda: store.accounts.first_start(workspace(), [], api_key(), []))
    late = SqlAccountStore(database)
    other = replace(api_key("key_2"), workspace="ws_2")
    assert not late.first_start(workspace("ws_2"), [provider_key()], other, [act()])
    database.close()
    assert store.accounts.workspaces() == (workspace(),)
    assert store.accounts.keys("ws_2") == ()


def test_a_first_start_that_fails_leaves_nothing(store: Store) -> None:
    stray = replace(api_key(), workspace="another")
    with pytest.raises(IntegrityError):
        store.accounts.first_start(workspace(), [provider_key()], stray, [act()])
    assert store.accounts.workspaces() == ()
    assert store.accounts.provider_keys("ws_1") == ()
    assert store.accounts.generation() == 0


def test_changes_are_a_delta(store: Store) -> None:
    with_key(store)
    before = store.accounts.changes(0)
    assert before.keys == (api_key(),)
    assert store.accounts.changes(before.generation) == type(before)(before.generation, (), ())

    store.accounts.add_key(api_key("key_2"), act())
    revoked = replace(api_key("key_3"), revoked_ms=NOON)
    store.accounts.add_key(api_key("key_3"), act())
    assert store.accounts.replace_key(api_key("key_3"), revoked, act())
    delta = store.accounts.changes(before.generation)
    assert sorted(delta.keys, key=lambda key: key.id) == [api_key("key_2"), revoked]
    assert delta.generation == store.accounts.generation() > before.generation
    assert [view.workspace for view in delta.workspaces] == [workspace()]


def test_a_workspace_is_seen_with_its_provider_keys_and_prices(store: Store) -> None:
    with_key(store)
    added = store.accounts.add_provider_key(provider_key("pk_0"), act())
    store.accounts.put_price("ws_1", None, price("openai/b"), act())
    store.accounts.put_price("ws_1", None, price("openai/a"), act())
    (view,) = store.accounts.changes(0).workspaces
    assert added == replace(provider_key("pk_0"), position=1)
    assert view.provider_keys == (provider_key("pk_1"), added)
    assert view.prices == {"openai/a": price("openai/a"), "openai/b": price("openai/b")}


WRITES: dict[str, Callable[[Store], object]] = {
    "add_key": lambda store: store.accounts.add_key(api_key("key_2"), act()),
    "replace_key": lambda store: store.accounts.replace_key(api_key(), replace(api_key(), name="new"), act()),
    "add_provider_key": lambda store: store.accounts.add_provider_key(provider_key("pk_2"), act()),
    "replace_provider_key": lambda store: store.accounts.replace_provider_key(
        provider_key(), replace(provider_key(), name="new"), act()
    ),
    "remove_provider_key": lambda store: store.accounts.remove_provider_key(provider_key(), act()),
    "put_price": lambda store: store.accounts.put_price("ws_1", None, price("openai/new"), act()),
    "put_price of None": lambda store: store.accounts.put_price("ws_1", price(), None, act()),
    "put_workspace": lambda store: store.accounts.put_workspace([workspace()], workspace("ws_2"), act()),
    "put_member": lambda store: store.accounts.put_member([], member(), act()),
    "add_management_key": lambda store: store.accounts.add_management_key(management_key(), act()),
    "put_budget": lambda store: store.accounts.put_budget(None, monthly(), act()),
    "set_canary": lambda store: store.accounts.set_canary(b"sealed"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_every_write_raises_the_generation(store: Store, write: Callable[[Store], object]) -> None:
    with_key(store)
    store.accounts.put_price("ws_1", None, price(), act())
    before = store.accounts.changes(0)
    assert write(store)
    after = store.accounts.changes(before.generation)
    assert after.generation > before.generation
    assert after.workspaces


def budgets(store: Store, key: ApiKey) -> list[Budget]:
    return [standing.budget for standing in store.spend.standings(key.id, NOON)]


def test_a_key_brings_its_budget(store: Store) -> None:
    with_key(store, cap=5)
    assert budgets(store, api_key()) == [Budget(id="budget of key_1", owner="key_1", limit=5)]
    store.accounts.add_key(api_key("key_2"), act())
    assert budgets(store, api_key("key_2")) == [Budget(id="budget of key_2", owner="key_2", limit=None)]


@pytest.mark.parametrize("cap", [7, None])
def test_replacing_a_key_moves_its_limit(store: Store, cap: int | None) -> None:
    with_key(store, cap=5)
    changed = replace(api_key(cap=cap), allow=("demo/*",), name="other")
    assert store.accounts.replace_key(api_key(cap=5), changed, act())
    assert store.accounts.keys("ws_1") == (changed,)
    assert budgets(store, changed) == [Budget(id=changed.budget, owner=changed.id, limit=cap)]


def test_replacing_an_unknown_key_is_refused(store: Store) -> None:
    with_key(store)
    before = store.accounts.generation()
    assert not store.accounts.replace_key(api_key("key_9"), api_key("key_9"), act())
    assert store.accounts.generation() == before


def test_an_error_shows_no_parameters(store: Store) -> None:
    with_key(store)
    with pytest.raises(IntegrityError) as refused:
        store.accounts.add_key(replace(api_key("key_2"), digest=api_key().digest), act())
    assert "name of" not in str(refused.value)
    assert repr(api_key().digest)[2:8] not in str(refused.value)


def test_provider_keys_come_and_go(store: Store) -> None:
    with_key(store)
    first = store.accounts.add_provider_key(provider_key("pk_0"), act())
    assert store.accounts.remove_provider_key(provider_key("pk_1"), act())
    assert not store.accounts.remove_provider_key(provider_key("unknown"), act())
    second = store.accounts.add_provider_key(provider_key("pk_2"), act())
    assert store.accounts.provider_keys("ws_1") == (first, second)
    assert store.accounts.provider_keys("ws_2") == ()


def test_prices_are_replaced_and_removed(store: Store) -> None:
    with_key(store)
    dear = price(output=2**60)
    assert store.accounts.put_price("ws_1", None, price(output=5), act())
    assert not store.accounts.put_price("ws_1", None, dear, act())
    assert store.accounts.put_price("ws_1", price(output=5), dear, act())
    assert store.accounts.prices("ws_1") == (dear,)
    assert store.accounts.put_price("ws_1", dear, None, act())
    assert not store.accounts.put_price("ws_1", dear, None, act())
    assert store.accounts.prices("ws_1") == ()


def test_the_first_canary_stands(store: Store) -> None:
    assert store.accounts.canary() is None
    assert store.accounts.set_canary(b"first") == b"first"
    assert store.accounts.set_canary(b"second") == b"first"
    assert store.accounts.canary() == b"first"
