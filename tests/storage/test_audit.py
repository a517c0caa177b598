"""The audit at the store: a write and its record are there together, or neither is."""

from collections.abc import Callable, Generator
from contextlib import closing, contextmanager

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
from zai_gateway.accounts.audit_record import AuditRecord, AuditSearch
from zai_gateway.accounts.store import AccountStore
from zai_gateway.storage.account_store import SqlAccountStore
from zai_gateway.storage.database import Database
from zai_gateway.storage.store import Store

Write = Callable[[AccountStore, AuditRecord], object]

PERSON, MADE = member(), management_key(made_by="mem_1")
OWN = replace(api_key("key_own"), member="mem_1")

WRITES: dict[str, Write] = {
    "put_workspace": lambda store, record: store.put_workspace([workspace()], workspace("ws_2"), record),
    "put_workspace of one that is there": lambda store, record: store.put_workspace(
        [workspace()], replace(workspace(), name="renamed"), record
    ),
    "put_member": lambda store, record: store.put_member([PERSON], member("mem_2"), record),
    "put_member who is removed": lambda store, record: store.put_member(
        [PERSON], replace(PERSON, removed_ms=NOON), record, ends_keys_ms=NOON
    ),
    "add_key": lambda store, record: store.add_key(api_key("key_2"), record),
    "replace_key": lambda store, record: store.replace_key(api_key(), api_key(cap=5), record),
    "add_management_key": lambda store, record: store.add_management_key(management_key("mgmt_2"), record),
    "replace_management_key": lambda store, record: store.replace_management_key(
        MADE, replace(MADE, revoked_ms=NOON), record
    ),
    "put_budget": lambda store, record: store.put_budget(None, monthly(owner="mem_1"), record),
    "put_budget of one that is there": lambda store, record: store.put_budget(monthly(), monthly(9), record),
    "put_budget of None": lambda store, record: store.put_budget(monthly(), None, record),
    "add_provider_key": lambda store, record: store.add_provider_key(provider_key("pk_2"), record),
    "replace_provider_key": lambda store, record: store.replace_provider_key(
        provider_key(), replace(provider_key(), disabled_ms=NOON), record
    ),
    "remove_provider_key": lambda store, record: store.remove_provider_key(provider_key(), record),
    "put_price": lambda store, record: store.put_price("ws_1", None, price("openai/new"), record),
    "put_price of None": lambda store, record: store.put_price("ws_1", price(), None, record),
}
STALE: dict[str, Write] = {
    "put_workspace": lambda store, record: store.put_workspace([], workspace("ws_2"), record),
    "put_member": lambda store, record: store.put_member([], member("mem_2"), record),
    "add_key": lambda store, record: store.add_key(replace(api_key("key_2"), member="mem_9"), record),
    "replace_key": lambda store, record: store.replace_key(api_key(cap=1), api_key(cap=5), record),
    "replace_management_key": lambda store, record: store.replace_management_key(
        management_key(), replace(MADE, revoked_ms=NOON), record
    ),
    "add_management_key": lambda store, record: store.add_management_key(
        management_key("mgmt_2", made_by="mem_9"), record
    ),
    "add_management_key that is there": lambda store, record: store.add_management_key(MADE, record),
    "put_budget": lambda store, record: store.put_budget(None, monthly(9), record),
    "put_budget of None": lambda store, record: store.put_budget(monthly(4), None, record),
    "replace_provider_key": lambda store, record: store.replace_provider_key(
        provider_key("pk_9"), provider_key("pk_9"), record
    ),
    "remove_provider_key": lambda store, record: store.remove_provider_key(
        replace(provider_key(), name="seen"), record
    ),
    "put_price": lambda store, record: store.put_price("ws_1", None, price(), record),
    "put_price of None": lambda store, record: store.put_price("ws_1", price(output=9), None, record),
}


class Interrupted(Exception):
    """Whatever can happen to a process in the middle."""


class Mortal:
    """A database whose writes are interrupted after their last statement and before their commit."""

    def __init__(self, database: Database) -> None:
        self.shared, self.read, self.close = database.shared, database.read, database.close
        self._write = database.write

    @contextmanager
    def write(self) -> Generator[Connection]:
        with self._write() as connection:
            yield connection
            raise Interrupted


@pytest.fixture
def furnished(store: Store) -> AccountStore:
    accounts = store.accounts
    with_key(store)
    assert accounts.put_member([], PERSON, act())
    assert accounts.add_management_key(MADE, act())
    assert accounts.add_key(OWN, act())
    assert accounts.put_budget(None, monthly(), act())
    assert accounts.put_price("ws_1", None, price(), act())
    return accounts


def everything(store: AccountStore) -> list[object]:
    """All that a write could have touched."""
    return [
        store.changes(0),
        store.members("ws_1"),
        store.management_keys("ws_1"),
        store.budgets("ws_1"),
        store.audit(AuditSearch(most=1_000)),
    ]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_brings_its_record(furnished: AccountStore, write: Write) -> None:
    before, record = furnished.audit(AuditSearch(most=1_000)), replace(act(), id="aud_z")
    assert write(furnished, record)
    after = furnished.audit(AuditSearch(most=1_000))
    assert after[0] == record
    assert set(map(_id, before)) < set(map(_id, after))


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_without_its_record_nothing_is_written(furnished: AccountStore, write: Write) -> None:
    taken = furnished.audit(AuditSearch(most=1))[0]
    before = everything(furnished)
    with pytest.raises(IntegrityError):
        write(furnished, taken)
    assert everything(furnished) == before


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_an_interrupted_write_leaves_neither(furnished: AccountStore, place: Place, write: Write) -> None:
    before = everything(furnished)
    with closing(Mortal(place.database())) as database, pytest.raises(Interrupted):
        write(SqlAccountStore(database), act())
    assert everything(furnished) == before


@pytest.mark.parametrize("write", STALE.values(), ids=STALE)
def test_what_was_not_as_seen_leaves_neither(furnished: AccountStore, write: Write) -> None:
    before = everything(furnished)
    assert not write(furnished, act())
    assert everything(furnished) == before


def test_a_removed_member_s_keys_end_with_records_of_their_own(furnished: AccountStore) -> None:
    record = replace(act(), id="aud_z")
    assert furnished.put_member([PERSON], replace(PERSON, removed_ms=NOON), record, ends_keys_ms=NOON)
    ended = {each.object_id for each in furnished.audit(AuditSearch(deed="key.revoke"))}
    assert ended == {"key_own"}
    ended = {each.object_id for each in furnished.audit(AuditSearch(deed="management_key.revoke"))}
    assert ended == {"mgmt_1"}
    assert {key.id: key.revoked_ms for key in furnished.keys("ws_1")} == {"key_1": None, "key_own": NOON}
    assert furnished.management_key_by_digest(MADE.digest) == replace(MADE, revoked_ms=NOON)


def test_records_of_one_millisecond_stand_in_the_order_in_which_they_were_written(store: Store) -> None:
    # Ids begin with the time, and go on by chance: here in the other order.
    ids = [f"aud_{letter}" for letter in "zyxwv"]
    with_key(store)
    for number, id in enumerate(ids):
        record = replace(act(), id=id)
        assert store.accounts.add_key(api_key(f"key_{number + 2}"), record)
    newest = [_id(each) for each in store.accounts.audit(AuditSearch(workspace="ws_1", most=3))]
    assert newest == ["aud_v", "aud_w", "aud_x"]
    assert [_id(each) for each in store.accounts.audit(AuditSearch(before=newest[-1]))] == ["aud_y", "aud_z"]


def _id(record: AuditRecord) -> str:
    return record.id
