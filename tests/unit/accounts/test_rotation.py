"""The rotation of the vault: every secret under the new key, whatever interrupts it, and nothing lost."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from msgspec.structs import replace

from tests.unit.accounts.people import NothingSpent
from zai_gateway.accounts.actor import operator
from zai_gateway.accounts.audit_record import AuditRecord, AuditSearch
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.desk import Desk
from zai_gateway.accounts.keyfile import KeyFile
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.accounts.rotation import Rotation
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.vault import Vault
from zai_gateway.app.house import House, opened
from zai_gateway.clock import SystemClock
from zai_gateway.errors import OperatorError
from zai_gateway.settings import Environment
from zai_gateway.storage.account_store import SqlAccountStore
from zai_gateway.storage.bootstrap import open_database
from zai_gateway.storage.database import Database

OPERATOR = operator()
SECRETS = {f"key-{number}": f"sk-secret-{number}" for number in range(3)}
NOTHING = Environment({})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    with opened(data, NOTHING, SystemClock()) as house:
        for name, secret in SECRETS.items():
            wanted = NewProviderKey(provider="openai", secret=secret, name=name)
            house.accounts.provider_keys.add(OPERATOR, house.accounts.the_workspace().id, wanted)
    return data


def keys(house: House) -> dict[str, ProviderKey]:
    listed = house.accounts.provider_keys.list(OPERATOR, house.accounts.the_workspace().id)
    return {key.name: key for key in listed if key.sealed}


def secrets(house: House) -> dict[str, str]:
    return {name: house.vault.open_secret(key) for name, key in keys(house).items()}


def on_record(house: House) -> list[str]:
    found = house.accounts.audit.list(OPERATOR, None, AuditSearch(deed=Deed.VAULT_ROTATE))
    return sorted(record.object_name for record in found)


def held(data: Path) -> list[str]:
    return (data / "vault.key").read_text(encoding="ascii").strip().split(",")


def test_a_new_key_takes_the_place_of_the_old_one(data: Path) -> None:
    (old,) = held(data)
    with opened(data, NOTHING, SystemClock()) as house:
        before = keys(house)
        rotated = house.accounts.vault.rotate(OPERATOR, new_key=True)
        assert {key.name for key in rotated.sealed} == set(SECRETS)
        assert (rotated.current, rotated.unreadable, rotated.new_key) == (0, (), True)
        assert on_record(house) == ["canary", *sorted(SECRETS)]
        after = keys(house)
        assert all(before[name].sealed != after[name].sealed for name in SECRETS)
    (new,) = held(data)
    assert new != old
    only_new = Vault(new)
    assert {name: only_new.open_secret(key) for name, key in after.items()} == SECRETS
    assert (data / "vault.key").stat().st_mode & 0o777 == 0o600
    with opened(data, NOTHING, SystemClock()) as house:
        assert secrets(house) == SECRETS


def test_a_second_rotation_without_a_new_key_does_nothing(data: Path) -> None:
    with opened(data, NOTHING, SystemClock()) as house:
        house.accounts.vault.rotate(OPERATOR, new_key=True)
        before, file = keys(house), held(data)
        again = house.accounts.vault.rotate(OPERATOR)
        assert (again.sealed, again.current, again.new_key) == ((), len(SECRETS), False)
        assert (keys(house), held(data)) == (before, file)
        assert len(on_record(house)) == len(SECRETS) + 1


def test_a_dry_run_says_what_would_be_done_and_does_nothing(data: Path) -> None:
    with opened(data, NOTHING, SystemClock()) as house:
        before, file = keys(house), held(data)
        foreseen = house.accounts.vault.rotate(OPERATOR, new_key=True, dry_run=True)
        assert ({key.name for key in foreseen.sealed}, foreseen.new_key) == (set(SECRETS), True)
        assert house.accounts.vault.rotate(OPERATOR, dry_run=True).current == len(SECRETS)
        assert (keys(house), held(data), on_record(house)) == (before, file, [])


def test_keys_that_were_given_are_rotated_by_their_order(tmp_path: Path) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    environment = [Environment({"PROVIDER_KEY_ENCRYPTION_KEY": each}) for each in (old, f"{new},{old}", new)]
    with opened(tmp_path, environment[0], SystemClock()) as house:
        wanted = NewProviderKey(provider="openai", secret="sk-1", name="one")
        house.accounts.provider_keys.add(OPERATOR, house.accounts.the_workspace().id, wanted)
        with pytest.raises(OperatorError, match="--new-key is for vault"):
            house.accounts.vault.rotate(OPERATOR, new_key=True)
    with opened(tmp_path, environment[1], SystemClock()) as house:
        assert [key.name for key in house.accounts.vault.rotate(OPERATOR).sealed] == ["one"]
    with opened(tmp_path, environment[2], SystemClock()) as house:
        assert secrets(house) == {"one": "sk-1"}
    with (
        pytest.raises(OperatorError, match="Wrong encryption key"),
        opened(tmp_path, environment[0], SystemClock()),
    ):
        pass


class Killed(BaseException):
    """The process ends here."""


class Fuse:
    """Ends the process at the step of that number."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed


class DyingStore(SqlAccountStore):
    def __init__(self, database: Database, fuse: Fuse) -> None:
        super().__init__(database)
        self._fuse = fuse

    def replace_provider_key(self, seen: ProviderKey, key: ProviderKey, audit: AuditRecord) -> bool:
        self._fuse.step()
        return super().replace_provider_key(seen, key, audit)

    def replace_canary(self, seen: bytes, sealed: bytes, audit: AuditRecord) -> bool:
        self._fuse.step()
        return super().replace_canary(seen, sealed, audit)


class DyingFile(KeyFile):
    def __init__(self, path: Path, fuse: Fuse) -> None:
        super().__init__(path)
        self._fuse = fuse

    def replace(self, material: str) -> None:
        self._fuse.step()
        super().replace(material)
        self._fuse.step()


STEPS = len(SECRETS) + 1 + 2 * 2


@pytest.mark.parametrize("step", range(STEPS))
def test_whatever_step_it_dies_at_everything_opens_and_the_next_one_ends_it(data: Path, step: int) -> None:
    fuse = Fuse(step)
    with ExitStack() as open_things:
        database = open_database(data, 5.0)
        open_things.callback(database.close)
        file = DyingFile(data / "vault.key", fuse)
        dying = Rotation(
            Desk(DyingStore(database, fuse), SystemClock()), Vault(file.read(), "vault.key", file.read), file
        )
        with pytest.raises(Killed):
            dying.rotate(OPERATOR, new_key=True)
    with opened(data, NOTHING, SystemClock()) as house:
        assert secrets(house) == SECRETS
        half = held(data)
        house.accounts.vault.rotate(OPERATOR, new_key=len(half) > 1)
        assert held(data) == half[:1]
        assert secrets(house) == SECRETS
    with opened(data, NOTHING, SystemClock()) as house:
        assert secrets(house) == SECRETS


def test_there_are_no_steps_that_were_not_tried(data: Path) -> None:
    fuse = Fuse(STEPS)
    database = open_database(data, 5.0)
    file = DyingFile(data / "vault.key", fuse)
    store = DyingStore(database, fuse)
    Rotation(Desk(store, SystemClock()), Vault(file.read(), "vault.key", file.read), file).rotate(
        OPERATOR, new_key=True
    )
    database.close()
    assert fuse.left == 0


def test_a_vault_that_was_open_before_opens_what_is_sealed_since_and_what_it_knew(data: Path) -> None:
    with opened(data, NOTHING, SystemClock()) as running, opened(data, NOTHING, SystemClock()) as other:
        stale = keys(running)
        other.accounts.vault.rotate(OPERATOR, new_key=True)
        assert secrets(running) == SECRETS
        assert {name: running.vault.open_secret(key) for name, key in stale.items()} == SECRETS
        # What it seals now is under the new key, the only one that the next start has.
        wanted = NewProviderKey(provider="openai", secret="sk-late", name="late")
        running.accounts.provider_keys.add(OPERATOR, running.accounts.the_workspace().id, wanted)
    with opened(data, NOTHING, SystemClock()) as house:
        assert secrets(house)["late"] == "sk-late"


def test_a_secret_that_a_rotation_did_not_see_is_sealed_anew_by_whoever_wrote_it(data: Path) -> None:
    class Slow(SqlAccountStore):
        """The rotation goes by between the sealing of a secret and its writing."""

        def __init__(self, database: Database, meanwhile: Callable[[], object]) -> None:
            super().__init__(database)
            self._meanwhile = meanwhile

        def add_provider_key(self, key: ProviderKey, audit: AuditRecord) -> ProviderKey | None:
            self._meanwhile()
            return super().add_provider_key(key, audit)

    with opened(data, NOTHING, SystemClock()) as other:
        database = open_database(data, 5.0)
        file = KeyFile(data / "vault.key")
        slow = Slow(database, lambda: other.accounts.vault.rotate(OPERATOR, new_key=True))
        accounts = Accounts(slow, NothingSpent(), Vault(file.read(), "vault.key", file.read), SystemClock())
        wanted = NewProviderKey(provider="openai", secret="sk-late", name="late")
        accounts.provider_keys.add(OPERATOR, accounts.the_workspace().id, wanted)
        database.close()
    with opened(data, NOTHING, SystemClock()) as house:
        assert secrets(house)["late"] == "sk-late"


def test_two_rotations_of_one_file_do_not_run_at_once(data: Path) -> None:
    with opened(data, NOTHING, SystemClock()) as house, KeyFile(data / "vault.key").alone():
        with pytest.raises(OperatorError, match="Another rotation"):
            house.accounts.vault.rotate(OPERATOR, new_key=True)
        assert len(held(data)) == 1


def test_a_bad_row_is_reported_and_a_wrong_key_is_refused(data: Path) -> None:
    with opened(data, NOTHING, SystemClock()) as house:
        seen = keys(house)["key-1"]
        record = house.accounts.audit.list(OPERATOR, None)[0]
        spoilt = replace(seen, sealed=Vault(Fernet.generate_key().decode()).seal("sk-x"))
        assert house.store.accounts.replace_provider_key(seen, spoilt, replace(record, id="aud_x"))
    with opened(data, NOTHING, SystemClock()) as house:
        listed = keys(house)
        readable = {name: house.accounts.provider_keys.readable(key) for name, key in listed.items()}
        assert readable == {"key-0": True, "key-1": False, "key-2": True}
        rotated = house.accounts.vault.rotate(OPERATOR, new_key=True)
        assert ([key.name for key in rotated.unreadable], len(rotated.sealed)) == (["key-1"], 2)
        assert keys(house)["key-1"] == listed["key-1"]
    (data / "vault.key").write_bytes(Fernet.generate_key())
    with pytest.raises(OperatorError, match="Wrong encryption key"):
        House(data, NOTHING, SystemClock())


def test_a_lost_key_file_is_refused_before_another_is_made(data: Path) -> None:
    kept = (data / "vault.key").rename(data / "kept")
    with pytest.raises(OperatorError, match=r"vault\.key is missing"):
        House(data, NOTHING, SystemClock())
    assert not (data / "vault.key").exists()
    kept.rename(data / "vault.key")
    with opened(data, NOTHING, SystemClock()) as house:
        assert secrets(house) == SECRETS
