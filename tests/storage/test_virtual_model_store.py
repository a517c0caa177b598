"""Virtual models in the store: every field comes back, and each is written only from what was seen."""

import pytest
from msgspec.structs import replace

from tests.storage.samples import NOON, act, with_key
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.records import Strategy, Target, VirtualModel
from zai_gateway.storage.store import Store

FAST = VirtualModel(
    workspace="ws_1",
    name="fast",
    strategy=Strategy.WEIGHTED,
    targets=(Target(model="openai/m", weight=1_000, timeout_ms=600_000), Target(model="groq/n")),
    created_ms=NOON,
)


@pytest.fixture(autouse=True)
def workspace(store: Store) -> None:
    with_key(store)


def test_what_is_written_comes_back_by_name_and_in_the_view(store: Store) -> None:
    generation = store.accounts.generation()
    others = [replace(FAST, name=name) for name in ("a-z", "a.z", "az", "b", "a_z")]
    for model in (FAST, *others):
        assert store.accounts.put_virtual_model(None, model, act())
    assert [each.name for each in store.accounts.virtual_models("ws_1")] == [
        *("a-z", "a.z", "a_z", "az", "b", "fast"),
    ]
    assert store.accounts.virtual_models("ws_1")[-1] == FAST
    assert store.accounts.virtual_models("ws_2") == ()
    assert store.accounts.generation() == generation + 6
    (view,) = store.accounts.changes(generation).workspaces
    assert view.virtual_models == {model.name: model for model in (FAST, *others)}


def test_one_is_replaced_and_removed_only_from_what_was_seen(store: Store) -> None:
    other = replace(FAST, strategy=Strategy.ORDERED, targets=(Target(model="groq/n"),))
    assert not store.accounts.put_virtual_model(FAST, other, act())
    assert not store.accounts.put_virtual_model(FAST, None, act())
    assert store.accounts.put_virtual_model(None, FAST, act())
    before = store.accounts.generation(), len(store.accounts.audit(AuditSearch()))
    assert not store.accounts.put_virtual_model(None, other, act())
    assert not store.accounts.put_virtual_model(other, None, act())
    assert (store.accounts.generation(), len(store.accounts.audit(AuditSearch()))) == before
    assert store.accounts.put_virtual_model(FAST, other, act())
    assert store.accounts.virtual_models("ws_1") == (other,)
    assert store.accounts.put_virtual_model(other, None, act())
    assert store.accounts.virtual_models("ws_1") == ()
    assert len(store.accounts.audit(AuditSearch())) == before[1] + 2


def test_neither_before_nor_after_is_a_mistake_of_the_caller(store: Store) -> None:
    with pytest.raises(ValueError, match="neither"):
        store.accounts.put_virtual_model(None, None, act())
