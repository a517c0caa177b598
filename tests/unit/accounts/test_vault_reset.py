"""The reset of the vault: only where the key is lost, whatever interrupts it, and all else stays."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.unit.accounts.people import OPERATOR
from zai_gateway.accounts.audit_record import AuditRecord, AuditSearch, Change
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.desk import Desk
from zai_gateway.accounts.keyfile import KeyFile
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.accounts.vault import ENCRYPTION_KEY, SecretUnreadable, Vault
from zai_gateway.accounts.vault_reset import VaultReset
from zai_gateway.app.house import House, opened
from zai_gateway.clock import SystemClock
from zai_gateway.errors import OperatorError
from zai_gateway.settings import Environment
from zai_gateway.storage.account_store import SqlAccountStore
from zai_gateway.storage.bootstrap import open_database
from zai_gateway.storage.database import Database

NOTHING = Environment({})
NAMES = ("first", "second")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A directory with two provider keys in two workspaces, and a capped API key."""
    data = tmp_path / "data"
    with opened(data, NOTHING, SystemClock()) as house:
        keys, place = house.accounts.provider_keys, house.accounts.the_workspace().id
        other = house.accounts.workspaces.create(OPERATOR, "Other").id
        for name, workspace in zip(NAMES, (place, other), strict=True):
            keys.add(OPERATOR, workspace, NewProviderKey(provider="openai", secret=f"sk-{name}", name=name))
        keys.switch(OPERATOR, other, "second", enabled=False)
        house.accounts.api_keys.create(OPERATOR, place, KeyChanges(name="capped", cap=7))
    return data


def lose(data: Path) -> None:
    (data / "vault.key").unlink()


def spoil(data: Path) -> None:
    (data / "vault.key").write_bytes(Fernet.generate_key())


def every(house: House) -> dict[str, ProviderKey]:
    places = house.accounts.workspaces.list(OPERATOR)
    found = [key for place in places for key in house.accounts.provider_keys.list(OPERATOR, place.id)]
    return {key.name: key for key in found if key.provider != "demo"}


def reset(data: Path) -> set[str]:
    """The names of what was forgotten."""
    with opened(data, NOTHING, SystemClock(), key_lost=True) as house:
        return {key.name for key in house.accounts.vault_reset.reset(OPERATOR)}


@pytest.mark.parametrize("trouble", [lose, spoil])
def test_a_lost_key_is_left_behind_and_everything_else_stays(data: Path, trouble: object) -> None:
    with opened(data, NOTHING, SystemClock()) as house:
        before, capped = every(house), house.accounts.api_keys.list(OPERATOR, every(house)["first"].workspace)
    (lose if trouble is lose else spoil)(data)
    with pytest.raises(OperatorError, match=r"If it is lost for good, 'zai admin vault reset'"):
        House(data, NOTHING, SystemClock())
    assert reset(data) == set(NAMES)
    with opened(data, NOTHING, SystemClock()) as house:
        accounts, after = house.accounts, every(house)
        for name in NAMES:
            was, now = before[name], after[name]
            assert now.sealed == b""
            assert not accounts.provider_keys.readable(now)
            assert (now.id, now.base_url, now.position) == (was.id, was.base_url, was.position)
            assert now.disabled_ms == was.disabled_ms
        assert accounts.api_keys.list(OPERATOR, after["first"].workspace) == capped
        renewed = accounts.provider_keys.renew(OPERATOR, after["first"].workspace, "first", "sk-new")
        assert (renewed.id, house.vault.open_secret(renewed)) == (after["first"].id, "sk-new")
        with pytest.raises(SecretUnreadable, match="zai admin provider renew"):
            house.vault.open_secret(after["second"])


def test_it_is_on_record_once_for_each_secret_and_for_the_vault(data: Path) -> None:
    lose(data)
    reset(data)
    with opened(data, NOTHING, SystemClock()) as house:
        records = house.accounts.audit.list(OPERATOR, None, AuditSearch(deed=Deed.VAULT_RESET))
    assert {record.object_name: record.changes["secret"] for record in records} == {
        "canary": Change("the one before", "another one"),
        "first": Change("the one before", None),
        "second": Change("the one before", None),
    }
    assert [record.workspace is None for record in records if record.object_name == "canary"] == [True]


def test_it_is_refused_where_nothing_is_lost(data: Path, tmp_path: Path) -> None:
    with opened(data, NOTHING, SystemClock()) as house:
        before = every(house)
    with pytest.raises(OperatorError, match="nothing is lost: change it with 'zai admin vault rotate'"):
        reset(data)
    with pytest.raises(OperatorError, match="Nothing is encrypted here yet"):
        reset(tmp_path / "new")
    with opened(data, NOTHING, SystemClock()) as house:
        assert every(house) == before


def test_a_key_that_was_given_is_taken_over(tmp_path: Path) -> None:
    old, new = (Environment({ENCRYPTION_KEY: Fernet.generate_key().decode()}) for _ in range(2))
    with opened(tmp_path, old, SystemClock()):
        pass
    with opened(tmp_path, new, SystemClock(), key_lost=True) as house:
        assert house.accounts.vault_reset.reset(OPERATOR) == ()
    with opened(tmp_path, new, SystemClock()):
        pass
    assert not (tmp_path / "vault.key").exists()


def test_a_file_that_holds_no_key_has_to_be_moved_away(data: Path) -> None:
    (data / "vault.key").write_text("half of", encoding="ascii")
    with pytest.raises(OperatorError, match=r"no Fernet key .* Or move .*vault\.key away and run this again"):
        reset(data)
    lose(data)
    assert reset(data) == set(NAMES)


class Killed(BaseException):
    """The process ends here."""


class DyingStore(SqlAccountStore):
    """A store whose process ends before the write of that number."""

    def __init__(self, database: Database, writes: int) -> None:
        super().__init__(database)
        self.left = writes

    def replace_provider_key(self, seen: ProviderKey, key: ProviderKey, audit: AuditRecord) -> bool:
        self._step()
        return super().replace_provider_key(seen, key, audit)

    def replace_canary(self, seen: bytes, sealed: bytes, audit: AuditRecord) -> bool:
        self._step()
        return super().replace_canary(seen, sealed, audit)

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed


WRITES = len(NAMES) + 1


@pytest.mark.parametrize("writes", range(WRITES))
def test_whatever_write_it_dies_at_the_next_one_ends_it(data: Path, writes: int) -> None:
    spoil(data)
    database = open_database(data, 5.0)
    vault = Vault(KeyFile(data / "vault.key").read(), "vault.key")
    with pytest.raises(Killed):
        VaultReset(Desk(DyingStore(database, writes), SystemClock()), vault).reset(OPERATOR)
    database.close()
    with pytest.raises(OperatorError, match="Wrong encryption key"):
        House(data, NOTHING, SystemClock())
    # All without a secret are told, those that the first run got to among them.
    assert reset(data) == set(NAMES)
    with opened(data, NOTHING, SystemClock()) as house:
        assert {key.sealed for key in every(house).values()} == {b""}


def test_there_are_no_writes_that_were_not_tried(data: Path) -> None:
    spoil(data)
    database = open_database(data, 5.0)
    store = DyingStore(database, WRITES)
    vault = Vault(KeyFile(data / "vault.key").read(), "vault.key")
    assert len(VaultReset(Desk(store, SystemClock()), vault).reset(OPERATOR)) == len(NAMES)
    database.close()
    assert store.left == 0
