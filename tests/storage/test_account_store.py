"""The account store: what is written comes back, and every write raises the generation."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from tests.storage.samples import NOON, api_key, price, provider_key, with_key, workspace
from zai_gateway.accounts.records import ApiKey
from zai_gateway.spend.budgets import Budget
from zai_gateway.storage.account_store import SqlAccountStore
from zai_gateway.storage.database import Database
from zai_gateway.storage.store import Store


def test_a_key_comes_back_with_every_field(store: Store) -> None:
    with_key(store)
    key = replace(
        api_key("key_2", cap=2**62),
        member="member_1",
        tags=("a", "b"),
        allow=("openai/*", "demo/*"),
        fallback="openai/gpt-5.4-mini",
        expires_ms=NOON + 1,
        revoked_ms=NOON + 2,
        digest=bytes(range(32)),
    )
    store.accounts.add_key(key)
    assert store.accounts.key_by_digest(bytes(range(32))) == key
    assert store.accounts.keys("ws_1") == (api_key(), key)


def test_an_unknown_key_is_none(store: Store) -> None:
    assert store.accounts.key_by_digest(b"x" * 32) is None


def test_the_first_start_happens_once(store: Store) -> None:
    first, second = provider_key("pk_b"), provider_key("pk_a")
    assert store.accounts.first_start(workspace("ws_1"), [first, second], api_key())
    assert not store.accounts.first_start(workspace("ws_2"), [], replace(api_key("key_2"), workspace="ws_2"))
    assert store.accounts.workspaces() == (workspace("ws_1"),)
    assert store.accounts.keys("ws_1") == (api_key(),)
    assert store.accounts.provider_keys("ws_1") == (first, second)
    assert store.accounts.keys("ws_2") == ()


class Overtaken(Database):
    """A database in which somebody else writes as soon as something was read."""

    def __init__(self, file: Path, meanwhile: Callable[[], object]) -> None:
        super().__init__(file)
        self.meanwhile = meanwhile

    @contextmanager
    def read(self) -> Generator[Connection]:
        with super().read() as connection:
            yield connection
        self.meanwhile()


def test_a_first_start_that_is_overtaken_writes_nothing(store: Store, data: Path) -> None:
    database = Overtaken(data / "zai.db", lambda: store.accounts.first_start(workspace(), [], api_key()))
    late = SqlAccountStore(database)
    other = replace(api_key("key_2"), workspace="ws_2")
    assert not late.first_start(workspace("ws_2"), [provider_key()], other)
    database.close()
    assert store.accounts.workspaces() == (workspace(),)
    assert store.accounts.keys("ws_2") == ()


def test_a_first_start_that_fails_leaves_nothing(store: Store) -> None:
    stray = replace(api_key(), workspace="another")
    with pytest.raises(IntegrityError):
        store.accounts.first_start(workspace(), [provider_key()], stray)
    assert store.accounts.workspaces() == ()
    assert store.accounts.provider_keys("ws_1") == ()
    assert store.accounts.generation() == 0


def test_changes_are_a_delta(store: Store) -> None:
    with_key(store)
    before = store.accounts.changes(0)
    assert before.keys == (api_key(),)
    assert store.accounts.changes(before.generation) == type(before)(before.generation, (), ())

    store.accounts.add_key(api_key("key_2"))
    revoked = replace(api_key("key_3"), revoked_ms=NOON)
    store.accounts.add_key(api_key("key_3"))
    store.accounts.replace_key(revoked)
    delta = store.accounts.changes(before.generation)
    assert sorted(delta.keys, key=lambda key: key.id) == [api_key("key_2"), revoked]
    assert delta.generation == store.accounts.generation() > before.generation
    assert [view.workspace for view in delta.workspaces] == [workspace()]


def test_a_workspace_is_seen_with_its_provider_keys_and_prices(store: Store) -> None:
    with_key(store)
    store.accounts.add_provider_key(provider_key("pk_0"))
    store.accounts.set_price("ws_1", price("openai/b"))
    store.accounts.set_price("ws_1", price("openai/a"))
    (view,) = store.accounts.changes(0).workspaces
    assert view.provider_keys == (provider_key("pk_1"), provider_key("pk_0"))
    assert view.prices == {"openai/a": price("openai/a"), "openai/b": price("openai/b")}


WRITES: dict[str, Callable[[Store], object]] = {
    "add_key": lambda store: store.accounts.add_key(api_key("key_2")),
    "replace_key": lambda store: store.accounts.replace_key(replace(api_key(), name="new")),
    "add_provider_key": lambda store: store.accounts.add_provider_key(provider_key("pk_2")),
    "remove_provider_key": lambda store: store.accounts.remove_provider_key("pk_1"),
    "set_price": lambda store: store.accounts.set_price("ws_1", price("openai/new")),
    "remove_price": lambda store: store.accounts.remove_price("ws_1", "openai/gpt-5.4"),
    "set_canary": lambda store: store.accounts.set_canary(b"sealed"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_every_write_raises_the_generation(store: Store, write: Callable[[Store], object]) -> None:
    with_key(store)
    store.accounts.set_price("ws_1", price())
    before = store.accounts.changes(0)
    write(store)
    after = store.accounts.changes(before.generation)
    assert after.generation > before.generation
    assert after.workspaces


def budgets(store: Store, key: ApiKey) -> list[Budget]:
    return [standing.budget for standing in store.spend.standings(key.id, NOON)]


def test_a_key_brings_its_budget(store: Store) -> None:
    with_key(store, cap=5)
    assert budgets(store, api_key()) == [Budget(id="budget of key_1", owner="key_1", limit=5)]
    store.accounts.add_key(api_key("key_2"))
    assert budgets(store, api_key("key_2")) == [Budget(id="budget of key_2", owner="key_2", limit=None)]


@pytest.mark.parametrize("cap", [7, None])
def test_replacing_a_key_moves_its_limit(store: Store, cap: int | None) -> None:
    with_key(store, cap=5)
    changed = replace(api_key(cap=cap), allow=("demo/*",), name="other")
    store.accounts.replace_key(changed)
    assert store.accounts.keys("ws_1") == (changed,)
    assert budgets(store, changed) == [Budget(id=changed.budget, owner=changed.id, limit=cap)]


def test_replacing_an_unknown_key_is_refused(store: Store) -> None:
    with_key(store)
    before = store.accounts.generation()
    with pytest.raises(LookupError, match="key_9"):
        store.accounts.replace_key(api_key("key_9"))
    assert store.accounts.generation() == before


def test_an_error_shows_no_parameters(store: Store) -> None:
    with_key(store)
    with pytest.raises(IntegrityError) as refused:
        store.accounts.add_key(replace(api_key("key_2"), digest=api_key().digest))
    assert "name of" not in str(refused.value)
    assert repr(api_key().digest)[2:8] not in str(refused.value)


def test_provider_keys_come_and_go(store: Store) -> None:
    with_key(store)
    store.accounts.add_provider_key(provider_key("pk_0"))
    store.accounts.remove_provider_key("pk_1")
    store.accounts.remove_provider_key("unknown")
    store.accounts.add_provider_key(provider_key("pk_2"))
    assert store.accounts.provider_keys("ws_1") == (provider_key("pk_0"), provider_key("pk_2"))
    assert store.accounts.provider_keys("ws_2") == ()


def test_prices_are_replaced_and_removed(store: Store) -> None:
    with_key(store)
    store.accounts.set_price("ws_1", price(output=5))
    store.accounts.set_price("ws_1", price(output=2**60))
    assert store.accounts.prices("ws_1") == (price(output=2**60),)
    assert store.accounts.remove_price("ws_1", "openai/gpt-5.4")
    assert not store.accounts.remove_price("ws_1", "openai/gpt-5.4")
    assert store.accounts.prices("ws_1") == ()


def test_the_first_canary_stands(store: Store) -> None:
    assert store.accounts.canary() is None
    assert store.accounts.set_canary(b"first") == b"first"
    assert store.accounts.set_canary(b"second") == b"first"
    assert store.accounts.canary() == b"first"
