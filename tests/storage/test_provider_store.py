"""Provider keys in the store: their order and the vault's canary, written only from what was seen."""

import pytest
from msgspec.structs import replace

from tests.storage.samples import act, api_key, provider_key, workspace
from zai_gateway.accounts.records import Health, ProviderKey
from zai_gateway.storage.store import Store


@pytest.fixture
def three(store: Store) -> tuple[ProviderKey, ...]:
    every = [provider_key(f"pk_{number}") for number in (1, 2, 3)]
    assert store.accounts.first_start(workspace(), every, api_key(), [act()])
    return store.accounts.provider_keys("ws_1")


def test_another_order_is_written_from_what_was_seen(store: Store, three: tuple[ProviderKey, ...]) -> None:
    one, two, last = three
    generation = store.accounts.generation()
    assert store.accounts.order_provider_keys(three, (last, one, two), act())
    assert [key.id for key in store.accounts.provider_keys("ws_1")] == ["pk_3", "pk_1", "pk_2"]
    assert [key.position for key in store.accounts.provider_keys("ws_1")] == [0, 1, 2]
    assert store.accounts.generation() == generation + 1
    assert not store.accounts.order_provider_keys(three, three, act())
    assert [key.id for key in store.accounts.provider_keys("ws_1")] == ["pk_3", "pk_1", "pk_2"]
    assert store.accounts.generation() == generation + 1


def test_health_and_a_disabled_key_are_kept(store: Store, three: tuple[ProviderKey, ...]) -> None:
    health = Health(at_ms=2**41, ok=False, said="openai: no", status=401, latency_ms=12)
    after = replace(three[1], health=health, disabled_ms=2**41)
    assert store.accounts.replace_provider_key(three[1], after, act())
    assert store.accounts.provider_keys("ws_1")[1] == after
    assert [key.id for key in store.accounts.changes(0).workspaces[0].provider_keys] == ["pk_1", "pk_3"]


def test_another_canary_takes_the_place_of_the_one_that_was_seen(store: Store) -> None:
    assert store.accounts.set_canary(b"one") == b"one"
    generation = store.accounts.generation()
    assert not store.accounts.replace_canary(b"other", b"two", act())
    assert store.accounts.generation() == generation
    assert store.accounts.replace_canary(b"one", b"two", act())
    assert store.accounts.canary() == b"two"
    assert store.accounts.set_canary(b"three") == b"two"
